"""RSS in all its versions: which element says what."""

import pytest

from digest.newsroom.intake.articles import NewArticle
from digest.newsroom.intake.feeds import Feed, read_feed
from tests.factories import NOW

URL = "https://halyard.example/feeds/main.xml"
PAGE = "https://halyard.example/a/port"
NAMESPACES = (
    "xmlns:atom='http://www.w3.org/2005/Atom' xmlns:media='http://search.yahoo.com/mrss/' "
    "xmlns:itunes='http://www.itunes.com/dtds/podcast-1.0.dtd' "
    "xmlns:dc='http://purl.org/dc/elements/1.1/' xmlns:dcterms='http://purl.org/dc/terms/' "
    "xmlns:content='http://purl.org/rss/1.0/modules/content/'"
)


def read(content: str) -> Feed:
    return read_feed(content.encode(), URL, NOW)


def rss(inside: str, root: str = f"rss version='2.0' {NAMESPACES}") -> str:
    return f"<{root}><channel><title>H</title><item>{inside}</item></channel></{root.split()[0]}>"


def one(inside: str) -> NewArticle:
    [article] = read(rss(inside)).articles
    return article


def said(inside: str) -> NewArticle:
    return one(f"<title>The port</title><link>{PAGE}</link>{inside}")


@pytest.mark.parametrize(
    ("inside", "title"),
    [
        ("<title>Bridge <i>reopens</i> today</title>", "Bridge reopens today"),
        ("<title>Bridge <b><i>re</i>opens</b></title>", "Bridge reopens"),
        ("<title>Bridge<br/>reopens</title>", "Bridge reopens"),
        ("<title>Bridge <!-- c --> reopens</title>", "Bridge reopens"),
        ("<title>Bridge &lt;b&gt;reopens&lt;/b&gt;</title>", "Bridge reopens"),
        (
            "<title><![CDATA[Bridge <em>reopens</em> &#8211; today]]></title>",
            "Bridge reopens – today",
        ),
        ("<title>The &lt;dialog&gt; element</title>", "The <dialog> element"),
        ("<title>Vector&lt;int&gt; &amp; co</title>", "Vector<int> & co"),
        ("<title>Vector&lt;int&gt; <i>again</i></title>", "Vector<int> again"),
        ("<title>R&amp;D at AT&amp;T</title>", "R&D at AT&T"),
        ("<media:title>A full quay</media:title><title>The port</title>", "The port"),
        ("<dc:title>Of Dublin</dc:title><title>The port</title>", "The port"),
        ("<title> </title><dc:title>The port</dc:title>", "The port"),
        ("<image><title>Logo</title></image><title>The port</title>", "The port"),
        ("<TITLE>The port</TITLE>", "The port"),
        ("<title>It&#146;s &#147;open&#148;</title>", "It’s “open”"),
        ("<title>It\x92s open</title>", "It’s open"),
    ],
)
def test_the_title_is_the_items_own(inside: str, title: str) -> None:
    assert one(f"{inside}<link>{PAGE}</link>").title == title


@pytest.mark.parametrize(
    "inside",
    [
        f"<atom:link rel='self' href='/self'/><link>{PAGE}</link>",
        f"<atom:link href='/other'/><link>{PAGE}</link>",
        f"<atom:link rel='self' href='/self'/><atom:link href='{PAGE}'/>",
        f"<link href='{PAGE}'/>",
        f"<link> </link><link>{PAGE}</link>",
        f"<link></link><guid>{PAGE}</guid>",
        f"<guid isPermaLink='true'>{PAGE}</guid>",
        f"<link>{PAGE}</link><guid>https://halyard.example/?p=7</guid>",
        f"<guid isPermaLink='false'>https://no.example/</guid><atom:link href='{PAGE}'/>",
        f"<enclosure url='/x.mp3' type='audio/mpeg'/><comments>/c</comments><link>{PAGE}</link>",
        "<link xml:base='https://halyard.example/a/'>port</link>",
    ],
)
def test_the_link_is_the_page(inside: str) -> None:
    assert one(f"<title>The port</title>{inside}").url == PAGE


def test_a_guid_that_is_no_page_is_no_link() -> None:
    item = "<title>x</title><guid isPermaLink='false'>https://halyard.example/?p=7</guid>"

    assert read(rss(item)).articles == ()
    assert read(rss("<title>x</title><guid>halyard-7</guid>")).unusable == 1


def test_a_guid_is_kept_where_it_is_the_link() -> None:
    assert said(f"<guid>{PAGE}</guid>").guid == PAGE


@pytest.mark.parametrize(
    ("inside", "standfirst"),
    [
        ("<media:description>caption</media:description><description>Own.</description>", "Own."),
        ("<itunes:summary>Long.</itunes:summary><description>Own.</description>", "Own."),
        ("<description> </description><itunes:summary>Long.</itunes:summary>", "Long."),
        ("<dc:description>Of Dublin.</dc:description>", "Of Dublin."),
        (
            "<media:group><media:description>Of a film.</media:description></media:group>",
            "Of a film.",
        ),
        ("<description>Use the &lt;dialog&gt; element.</description>", "Use the <dialog> element."),
        ("<description>A <b>bold</b> plan.</description>", "A bold plan."),
        ("<description>&lt;p&gt;A plan.&lt;/p&gt;<br/></description>", "A plan."),
        ("<description>AT&amp;amp;T &amp;#8211; again.</description>", "AT&T – again."),
        (
            "<content:encoded>&lt;p&gt;Un&lt;b&gt;believ&lt;/b&gt;able.&lt;/p&gt;</content:encoded>",
            "Unbelievable.",
        ),
        (
            "<content:encoded>&lt;style&gt;p{}&lt;/style&gt;&lt;p&gt;One.&lt;/p&gt;</content:encoded>",
            "One.",
        ),
    ],
)
def test_the_standfirst_is_what_the_item_says(inside: str, standfirst: str) -> None:
    assert said(inside).standfirst == standfirst


def test_a_summary_is_no_body() -> None:
    assert said("<description>&lt;p&gt;Only this.&lt;/p&gt;</description>").body == ""
    words = "<p>" + "A long piece of writing. " * 40 + "</p>"
    long = f"<description><![CDATA[{words * 3}]]></description>"
    cut = f"<description><![CDATA[{words * 3} […]]]></description>"

    assert said(long).body.startswith("<p>A long piece")
    assert said(cut).body == ""
    assert said(f"<description>x</description><content:encoded>{'Y'}</content:encoded>").body == "Y"


@pytest.mark.parametrize(
    ("inside", "byline"),
    [
        ("<itunes:author>Show</itunes:author><author>Ada</author>", "Ada"),
        ("<itunes:author>Show</itunes:author><dc:creator>Ada</dc:creator>", "Ada"),
        ("<author>ada@halyard.example</author><dc:creator>Ada</dc:creator>", "Ada"),
        ("<author>ada@halyard.example (Ada)</author>", "Ada"),
        ("<author><name>Ada</name><email>ada@halyard.example</email></author>", "Ada"),
        ("<dc:creator>Ada</dc:creator><dc:creator>Bo</dc:creator>", "Ada and Bo"),
        ("<atom:author><atom:name>Ada</atom:name></atom:author>", "Ada"),
        ("<itunes:author>Show</itunes:author>", "Show"),
        ("<author>ada@halyard.example</author>", None),
        ("<author>Ada &lt;ada@halyard.example&gt;</author>", "Ada"),
        ("<author>&lt;b&gt;Ada&lt;/b&gt; &amp;amp; Bo</author>", "Ada & Bo"),
        ("<author>&lt;script&gt;x()&lt;/script&gt;Ada</author>", "Ada"),
    ],
)
def test_the_byline_is_who_wrote_it(inside: str, byline: str | None) -> None:
    assert said(inside).byline == byline


@pytest.mark.parametrize(
    ("inside", "hour"),
    [
        ("<pubDate>13.11.26?</pubDate><dc:date>2026-11-13T06:00:00Z</dc:date>", 6),
        ("<dc:date>2026-11-13T05:00:00Z</dc:date><pubDate>x</pubDate>", 5),
        ("<atom:updated>2026-11-13T04:00:00Z</atom:updated>", 4),
        ("<dcterms:modified>2026-11-13T03:00:00Z</dcterms:modified>", 3),
        (
            "<atom:updated>2026-11-13T04:00:00Z</atom:updated>"
            "<pubDate>Fri, 13 Nov 2026 02:00:00 GMT</pubDate>",
            2,
        ),
    ],
)
def test_the_first_date_that_is_certain_counts(inside: str, hour: int) -> None:
    published = said(inside).published_at

    assert published is not None
    assert published.hour == hour


def test_a_date_that_is_none_is_told() -> None:
    item = f"<title>x</title><link>{PAGE}</link><pubDate>the day before</pubDate>"

    assert read(rss(item)).oddities == (
        "One entry has a date that we cannot read for certain, or that cannot be true: "
        "“the day before”.",
    )


ITEM = f"<item><title>The port</title><link>{PAGE}</link>"
OLD = "xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (f"<rss version='0.91'><channel>{ITEM}</item></channel></rss>", "RSS 0.91"),
        (f"<rss version='0.92'><channel>{ITEM}</item></channel></rss>", "RSS 0.92"),
        (f"<RSS VERSION='2.0'><CHANNEL>{ITEM}</item></CHANNEL></RSS>", "RSS 2.0"),
        (f"<rss><channel>{ITEM}</item></channel></rss>", "RSS"),
        (
            f"<rdf:RDF {OLD} xmlns='http://my.netscape.com/rdf/simple/0.9/'>"
            f"<channel><title>H</title></channel>{ITEM}</item></rdf:RDF>",
            "RSS 0.90",
        ),
        (
            f"<rdf:RDF {OLD} xmlns='http://purl.org/rss/1.0/'><channel/>{ITEM}</item></rdf:RDF>",
            "RSS 1.0",
        ),
        (f"<rss version='2.0' xmlns='urn:x'><channel>{ITEM}</item></channel></rss>", "RSS 2.0"),
        (
            f"<rss version='2.0' xmlns='http://www.w3.org/2005/Atom'><channel>{ITEM}</item>"
            "</channel></rss>",
            "RSS 2.0",
        ),
        (f"<!-- <rss> --><rss version='2.0'><channel>{ITEM}</item></channel></rss>", "RSS 2.0"),
        (f"<rss version='2.0'><channel xmlns='urn:y'>{ITEM}</item></channel></rss>", "RSS 2.0"),
    ],
)
def test_each_version_is_read(content: str, kind: str) -> None:
    feed = read(content)

    assert feed.kind == kind
    assert [(a.title, a.url) for a in feed.articles] == [("The port", PAGE)]


def test_rss_1_0_has_its_text_and_its_pages_name() -> None:
    feed = read(
        f"<rdf:RDF {OLD} xmlns='http://purl.org/rss/1.0/' {NAMESPACES}><channel/>"
        f"<item rdf:about='{PAGE}'><title>The port</title><content:encoded>&lt;p&gt;All.&lt;/p&gt;"
        "</content:encoded><dc:subject>Work</dc:subject></item></rdf:RDF>"
    )
    [article] = feed.articles

    assert (article.url, article.guid, article.section) == (PAGE, PAGE, "Work")
    assert article.body == "<p>All.</p>"


def test_an_item_within_an_item_is_one() -> None:
    feed = read(
        rss(f"<title>A</title><link>{PAGE}</link><item><title>B</title><link>/b</link></item>")
    )

    assert [article.title for article in feed.articles] == ["A", "B"]


def test_a_default_namespace_hides_no_picture() -> None:
    feed = read(
        f"<rss version='2.0' xmlns='http://backend.userland.com/rss2'><channel>{ITEM}"
        "<enclosure url='/e.jpg' type='image/jpeg'/></item></channel></rss>"
    )

    assert feed.articles[0].image_url == "https://halyard.example/e.jpg"


@pytest.mark.parametrize(
    ("inside", "image", "alt"),
    [
        ("<itunes:image href='/i.jpg'/>", "i.jpg", ""),
        ("<image><url>/i.jpg</url><title>A quay</title></image>", "i.jpg", "A quay"),
        ("<image>/i.jpg</image>", "i.jpg", ""),
        (
            "<media:group><media:content url='/v.mp4' type='video/mp4'/>"
            "<media:thumbnail url='/i.jpg'/></media:group>",
            "i.jpg",
            "",
        ),
        (
            "<media:content url='/i.jpg' medium='image'><media:description>A quay"
            "</media:description></media:content>",
            "i.jpg",
            "A quay",
        ),
        (
            "<media:group><media:title>A quay</media:title><media:content url='/i.jpg' "
            "medium='image'/></media:group>",
            "i.jpg",
            "A quay",
        ),
        (
            "<media:content url='/i.jpg' medium='image'><media:title>The port</media:title>"
            "<media:description>A quay</media:description></media:content>",
            "i.jpg",
            "A quay",
        ),
        ("<media:thumbnail xml:base='https://halyard.example/p/' url='i.jpg'/>", "p/i.jpg", ""),
    ],
)
def test_a_declared_picture_is_found(inside: str, image: str, alt: str) -> None:
    article = said(inside)

    assert article.image_url == f"https://halyard.example/{image}"
    assert article.image_alt == alt


def test_the_feeds_own_picture_is_no_items() -> None:
    feed = read(
        f"<rss version='2.0' {NAMESPACES}><channel><image><url>/logo.png</url></image>"
        f"<itunes:image href='/logo.png'/>{ITEM}</item></channel></rss>"
    )

    assert feed.articles[0].image_url is None
