"""Feeds as sites send them, good and bad: bytes in, articles out."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.newsroom.intake.articles import GivenPicture, NewArticle
from digest.newsroom.intake.feeds import ENTRIES_KEPT, Feed, FeedError, read_feed
from tests.factories import NOW

URL = "https://halyard.example/feeds/main.xml"

RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"
     xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:media="http://search.yahoo.com/mrss/">
<channel><title>The Halyard</title><link>https://halyard.example/</link>
<item>
  <title>The port that decided to stop growing</title>
  <link>https://halyard.example/a/port?utm_source=rss</link>
  <guid isPermaLink="false">halyard-7</guid>
  <pubDate>Fri, 13 Nov 2026 07:30:00 +0100</pubDate>
  <dc:creator>Joss Penhallow</dc:creator>
  <category>World</category><category>Ports</category>
  <description>For forty years Varrholm counted success in containers.</description>
  <content:encoded><![CDATA[<p>A long piece.</p><img src="/i/quay.jpg" alt="The quay">]]>
  </content:encoded>
  <media:content url="https://halyard.example/i/port.jpg" type="image/jpeg" width="1200">
    <media:title>A full quay</media:title></media:content>
</item>
</channel></rss>"""

ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>The Halyard</title>
<link rel="self" href="https://halyard.example/feeds/main.xml"/>
<entry><title type="html">Who owns the &lt;em&gt;cold&lt;/em&gt;?</title>
  <link rel="enclosure" type="image/png" href="/i/cold.png"/>
  <link rel="alternate" href="https://halyard.example/a/cold"/>
  <id>tag:halyard.example,2026:cold</id>
  <published>2026-11-13T06:30:00Z</published><updated>2026-11-13T09:00:00Z</updated>
  <author><name>Renske Adair</name></author><category term="Business" label="Business &amp; trade"/>
  <summary>Vaccines, salmon and strawberries.</summary>
  <content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>In sheds.</p></div></content>
</entry></feed>"""

RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
  xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel rdf:about="https://halyard.example/"><title>The Halyard</title></channel>
<item rdf:about="https://halyard.example/a/rain"><title>Roofs and rain</title>
<link>https://halyard.example/a/rain</link><dc:date>2026-11-13T06:30:00Z</dc:date></item>
</rdf:RDF>"""

JSON = {
    "version": "https://jsonfeed.org/version/1.1",
    "title": "The Halyard",
    "items": [
        {
            "id": "7",
            "url": "https://halyard.example/a/bat",
            "title": "A bat, a barn",
            "content_html": "<p>Quiet.</p>",
            "image": "https://halyard.example/i/bat.png",
            "date_published": "2026-11-13T06:30:00Z",
            "authors": [{"name": "Tobiah Lund"}],
            "tags": ["Science"],
        }
    ],
}


def read(content: str | bytes, charset: str | None = None, url: str = URL) -> Feed:
    data = content if isinstance(content, bytes) else content.encode()
    return read_feed(data, url, NOW, charset)


def one(content: str | bytes, charset: str | None = None) -> NewArticle:
    [article] = read(content, charset).articles
    return article


def item(
    inside: str = "", title: str = "The port", link: str = "https://halyard.example/a/port"
) -> str:
    return f"<item><title>{title}</title><link>{link}</link>{inside}</item>"


def rss(*items: str) -> str:
    return f"<rss version='2.0'><channel><title>H</title>{''.join(items)}</channel></rss>"


def refusal(content: str | bytes) -> str:
    with pytest.raises(FeedError) as refused:
        read(content)
    return str(refused.value)


def test_rss_is_read() -> None:
    feed = read(RSS)

    assert feed.title == "The Halyard"
    assert feed.articles == (
        NewArticle(
            url="https://halyard.example/a/port",
            title="The port that decided to stop growing",
            standfirst="For forty years Varrholm counted success in containers.",
            body='<p>A long piece.</p><img src="/i/quay.jpg" alt="The quay">\n  ',
            byline="Joss Penhallow",
            section="World",
            topics=("Ports",),
            image_url="https://halyard.example/i/port.jpg",
            image_alt="A full quay",
            other_pictures=(GivenPicture("https://halyard.example/i/quay.jpg", "The quay"),),
            published_at=datetime(2026, 11, 13, 6, 30, tzinfo=UTC),
            guid="halyard-7",
        ),
    )


def test_atom_is_read() -> None:
    article = one(ATOM)

    assert article.url == "https://halyard.example/a/cold"
    assert article.title == "Who owns the cold?"
    assert article.standfirst == "Vaccines, salmon and strawberries."
    assert "In sheds." in article.body
    assert (article.byline, article.section) == ("Renske Adair", "Business & trade")
    assert article.image_url == "https://halyard.example/i/cold.png"
    assert article.published_at == datetime(2026, 11, 13, 6, 30, tzinfo=UTC)
    assert article.guid == "tag:halyard.example,2026:cold"


def test_rdf_is_read() -> None:
    article = one(RDF)

    assert (article.url, article.title) == ("https://halyard.example/a/rain", "Roofs and rain")
    assert article.published_at == datetime(2026, 11, 13, 6, 30, tzinfo=UTC)


def test_a_json_feed_is_read() -> None:
    article = one(json.dumps(JSON))

    assert (article.url, article.title) == ("https://halyard.example/a/bat", "A bat, a barn")
    assert (article.byline, article.section, article.guid) == ("Tobiah Lund", "Science", "7")
    assert article.image_url == "https://halyard.example/i/bat.png"


def test_a_feed_without_entries_is_a_feed() -> None:
    assert read(rss()).articles == ()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "empty"),
        ("  \n", "empty"),
        ("<!DOCTYPE html><html><head><title>Home</title>", "web page"),
        ("<html><body><rss>", "web page"),
        ("<?xml version='1.0'?><opml version='2.0'><head/><body/></opml>", "a list of feeds"),
        ("hello", "not a feed"),
        ("<urlset><url/></urlset>", "not a feed"),
        ("\x89PNG\r\n\x1a\n", "not a feed"),
        ("{}", "not a feed"),
        ('{"items": 7}', "not a feed"),
        ("https://halyard.example/feed.xml", "not a feed"),
        ("[" * 100_000, "not a feed"),
        ('{"items":' + "[" * 100_000, "not a feed"),
    ],
)
def test_what_is_no_feed_is_refused_in_words(content: str, words: str) -> None:
    assert words in refusal(content)


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "ha">'
    + "".join(
        f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    + "]>"
)


def test_an_entity_bomb_is_refused() -> None:
    assert "entities of its own" in refusal(BOMB + rss(item(title="&i;")))
    assert "entities of its own" in refusal((BOMB + rss(item(title="&i;"))).encode("utf-16"))


def test_an_entity_bomb_behind_a_false_start_does_not_go_off() -> None:
    for start in ("<!-- <rss> -->", "x <rss x='", "<rss>"):
        with suppress(FeedError):
            feed = read(start + BOMB + rss(item("<author>&i;</author>")))
            assert all(len(article.byline or "") < 100 for article in feed.articles)


def test_a_file_of_ours_is_not_read_into_a_feed() -> None:
    outside = '<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]>'

    assert "entities of its own" in refusal(outside + rss(item(title="&x;")))


def test_an_old_doctype_without_entities_is_no_hindrance() -> None:
    doctype = '<!DOCTYPE rss PUBLIC "-//Netscape//DTD RSS 0.91//EN" "http://my.netscape.com/x.dtd">'

    assert one(doctype + rss(item())).title == "The port"


# What took the parsers from half a minute to seven, at 5 MB.
ATTRIBUTES = "<rss><channel><item " + " ".join(f'a{n}="1"' for n in range(300_000)) + ">"
NAMESPACES = "<rss><channel>" + "".join(f'<a xmlns:n{n}="u">' for n in range(150_000))


@pytest.mark.parametrize("content", [ATTRIBUTES, NAMESPACES], ids=["attributes", "namespaces"])
def test_a_feed_that_is_built_to_take_for_ever_is_refused(content: str) -> None:
    assert "not like any" in refusal(content)


def test_an_archive_is_cut_off_before_it_takes_for_ever() -> None:
    dates = rss(*[item(f"<guid>1 1 1 1 1 1 {n}</guid>", link=f"/{n}") for n in range(20_000)])
    items = [{"date_published": f"1 1 1 {n}", "url": f"/{n}", "title": "x"} for n in range(50_000)]

    assert len(read(dates).articles) == ENTRIES_KEPT
    assert len(read(json.dumps({**JSON, "items": items})).articles) == ENTRIES_KEPT


def test_depth_is_no_matter() -> None:
    deep = rss(item() + "<item><title>x</title>" + "<a>" * 1_000_000)

    assert one(deep).title == "The port"


def test_an_unclosed_feed_gives_what_it_has() -> None:
    assert [a.title for a in read(rss(item())[:-30] + "<item><title>Half").articles] == ["The port"]


@pytest.mark.parametrize(
    "date",
    [
        *("Thu, 01 Jan 1970 00:00:00 GMT", "Sun, 01 Jan 2090 00:00:00 GMT", "", "yesterday"),
        *("Fri, 31 Feb 2026 00:00:00 GMT", "0000-00-00T00:00:00Z", "Sat, 14 Nov 2026 09:00:00 GMT"),
        "9" * 10_000,
    ],
)
def test_a_date_that_cannot_be_true_is_left_out(date: str) -> None:
    assert one(rss(item(f"<pubDate>{date}</pubDate>"))).published_at is None


def test_no_date_is_no_date() -> None:
    assert one(rss(item())).published_at is None


@pytest.mark.parametrize("guid", ["7", "20261101", "<![CDATA[ 2026-11-01 ]]>", "1 May 2026"])
def test_a_guid_is_no_date(guid: str) -> None:
    article = one(rss(item(f"<guid isPermaLink='false'>{guid}</guid>")))

    assert article.published_at is None
    assert article.guid == guid.removeprefix("<![CDATA[ ").removesuffix(" ]]>")


def test_a_guid_that_is_the_page_stands_for_a_link() -> None:
    entry = "<item><title>The port</title><guid>https://halyard.example/a/port</guid></item>"

    assert one(rss(entry)).url == "https://halyard.example/a/port"


def test_no_guid_leaves_the_page_to_tell_articles_apart() -> None:
    assert one(rss(item(link="https://halyard.example/a/port?utm_source=rss"))).guid is None


def test_a_guid_that_several_pages_share_is_left_out() -> None:
    shared = [item("<guid>1</guid>", link=f"https://halyard.example/a/{n}") for n in range(3)]
    feed = read(rss(*shared, item("<guid>2</guid>", link="https://halyard.example/a/3")))

    assert [article.guid for article in feed.articles] == [None, None, None, "2"]


def test_an_article_that_comes_twice_is_one() -> None:
    again = (item("<guid>1</guid>"), item("<guid>1</guid>", title="Again"), item("<guid>2</guid>"))
    feed = read(rss(item("<guid>1</guid>"), *again))

    assert [article.guid for article in feed.articles] == ["1"]
    assert not feed.articles[0].shares_page
    assert "3 entries come again; the first are kept." in feed.oddities


def test_on_a_page_that_entries_share_their_guids_decide() -> None:
    episodes = [
        item(f"<guid isPermaLink='false'>e{n}</guid>", title=f"Episode {n}", link="/")
        for n in (1, 2)
    ]
    feed = read(rss(*episodes, item("<guid isPermaLink='false'>x</guid>")))

    assert [(a.guid, a.url, a.shares_page) for a in feed.articles] == [
        ("e1", "https://halyard.example/", True),
        ("e2", "https://halyard.example/", True),
        ("x", "https://halyard.example/a/port", False),
    ]
    [odd] = [each for each in feed.oddities if "share a page" in each]
    assert odd.startswith("2 entries share a page with others, such as “https://halyard.example/”.")


def test_episodes_of_one_name_are_told_apart_by_guid_and_day() -> None:
    def episode(day: int) -> str:
        date = f"<pubDate>{day} Nov 2026 06:00:00 GMT</pubDate>"
        return item(f"<guid isPermaLink='false'>e{day}</guid>{date}", title="Bonus", link="/")

    assert [article.guid for article in read(rss(episode(9), episode(2))).articles] == ["e9", "e2"]


def test_on_a_page_that_entries_share_fragments_count() -> None:
    feed = read(rss(*[item(title=f"Day {n}", link=f"/diary#d{n}") for n in (1, 2)]))

    assert [(article.url, article.shares_page) for article in feed.articles] == [
        ("https://halyard.example/diary#d1", True),
        ("https://halyard.example/diary#d2", True),
    ]


@pytest.mark.parametrize(
    ("link", "absolute"),
    [
        ("/a/port", "https://halyard.example/a/port"),
        ("port", "https://halyard.example/feeds/port"),
        ("../a/port", "https://halyard.example/a/port"),
        ("?id=7", "https://halyard.example/feeds/main.xml?id=7"),
        ("//other.example/a", "https://other.example/a"),
        (" \n https://halyard.example/a/port \n", "https://halyard.example/a/port"),
    ],
)
def test_a_relative_link_is_resolved_against_the_feed(link: str, absolute: str) -> None:
    assert one(rss(item(link=link))).url == absolute


def test_relative_links_are_resolved_against_xml_base() -> None:
    feed = read(
        """<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://base.example/x/">
        <title>H</title>
        <entry><title>One</title><link href="one"/><content type="html">
          &lt;img src="one.jpg"&gt;</content></entry>
        <entry xml:base="deep/"><title>Two</title><link href="two"/></entry>
        </feed>"""
    )

    assert [article.url for article in feed.articles] == [
        "https://base.example/x/one",
        "https://base.example/x/deep/two",
    ]
    assert feed.articles[0].image_url == "https://base.example/x/one.jpg"


@pytest.mark.parametrize(
    "link",
    [
        *("javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "file:///etc/passwd"),
        *("ftp://halyard.example/a", "http://[", "https://user:secret@halyard.example/", ""),
    ],
)
def test_an_entry_without_a_page_on_the_web_is_left_out(link: str) -> None:
    feed = read(rss(item(link=link), item(link="https://halyard.example/a/cold")))

    assert [article.url for article in feed.articles] == ["https://halyard.example/a/cold"]
    assert feed.unusable == 1


@pytest.mark.parametrize("title", ["", " ", "&lt;script&gt;alert(1)&lt;/script&gt;", "&amp;nbsp;"])
def test_an_entry_without_a_title_is_left_out(title: str) -> None:
    feed = read(rss(item(title=title)))

    assert (feed.articles, feed.unusable) == ((), 1)


@pytest.mark.parametrize(
    ("declared", "encoding", "header"),
    [
        ("UTF-8", "utf-8", None),
        ("ISO-8859-1", "utf-8", "iso-8859-1"),
        ("UTF-8", "cp1252", None),
        ("ISO-8859-1", "cp1252", None),
        ("windows-1252", "cp1252", "utf-8"),
        ("no-such-charset", "cp1252", None),
        ("utf-8", "utf-8-sig", None),
        ("iso-8859-1", "utf-8-sig", "iso-8859-1"),
        ("UTF-16", "utf-16", None),
        ("UTF-16", "utf-16-be", None),
        ("utf-16", "utf-8", None),
        ("idna", "cp1252", "punycode"),
    ],
)
def test_a_wrong_charset_is_seen_through(declared: str, encoding: str, header: str | None) -> None:
    text = f'<?xml version="1.0" encoding="{declared}"?>' + rss(item(title="Café “Varrholm” – 7 €"))

    assert one(text.encode(encoding), header).title == "Café “Varrholm” – 7 €"


@pytest.mark.parametrize("encoding", ["shift_jis", "euc_jp", "iso2022_jp", "gb18030"])
def test_other_alphabets_are_read(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?>' + rss(item(title="港の話"))

    assert one(text.encode(encoding)).title == "港の話"
    assert one(rss(item(title="港の話")).encode(encoding), encoding).title == "港の話"


def test_what_xml_forbids_is_left_out() -> None:
    assert one(rss(item(title="The\x00 po\x0brt\ufffe"))).title == "The port"


def test_entities_of_html_are_known() -> None:
    article = one(rss(item("<description>Caf&eacute;&nbsp;&amp;&hellip;&nosuch;</description>")))

    assert article.standfirst.startswith("Café &…")


@pytest.mark.parametrize(
    ("author", "byline"),
    [
        ("Joss Penhallow", "Joss Penhallow"),
        ("joss@halyard.example (Joss Penhallow)", "Joss Penhallow"),
        ("Joss Penhallow &lt;joss@halyard.example&gt;", "Joss Penhallow"),
        ("joss@halyard.example", None),
        ("", None),
    ],
)
def test_a_byline_is_a_name_without_an_address(author: str, byline: str | None) -> None:
    assert one(rss(item(f"<author>{author}</author>"))).byline == byline


def test_a_category_of_nothing_is_no_section() -> None:
    categories = "<category>Uncategorized</category><category> </category><category>Work</category>"

    assert one(rss(item(categories))).section == "Work"
    assert one(rss(item())).section is None


@pytest.mark.parametrize(
    ("description", "standfirst"),
    [
        ("Short &lt;b&gt;and&lt;/b&gt; plain.", "Short and plain."),
        (f"&lt;p&gt;First.&lt;/p&gt;&lt;p&gt;{'More. ' * 200}&lt;/p&gt;", "First."),
        ("A beginning [&amp;#8230;]", "A beginning…"),
        ("A beginning… &lt;a href='/a'&gt;Continue reading&lt;/a&gt;", "A beginning…"),
        ("A piece. &lt;p&gt;The post A appeared first on The Halyard.&lt;/p&gt;", "A piece."),
    ],
)
def test_a_standfirst_is_what_an_editor_would_leave_of_it(
    description: str, standfirst: str
) -> None:
    entry = item(f"<description>{description}</description>", title="A")

    assert one(rss(entry)).standfirst == standfirst


MEDIA = "xmlns:media='http://search.yahoo.com/mrss/'"


@pytest.mark.parametrize(
    ("inside", "image"),
    [
        (f"<media:thumbnail {MEDIA} url='/t.jpg'/>", "https://halyard.example/t.jpg"),
        (f"<media:content {MEDIA} url='/v.mp4' type='video/mp4'/>", None),
        (f"<media:content {MEDIA} url='/n.jpg?w=9'/>", "https://halyard.example/n.jpg?w=9"),
        (
            f"<media:content {MEDIA} url='/s.jpg' medium='image' width='300'/>"
            f"<media:content {MEDIA} url='/l.jpg' medium='image' width='1200'/>",
            "https://halyard.example/l.jpg",
        ),
        ("<enclosure url='/e.jpg' type='image/jpeg'/>", "https://halyard.example/e.jpg"),
        ("<enclosure url='/e.mp3' type='audio/mpeg'/>", None),
        (
            "<description>&lt;img src='/count.gif' width='1'&gt;&lt;img alt='A' src='/i.jpg'&gt;"
            "</description>",
            "https://halyard.example/i.jpg",
        ),
        ("<description>&lt;img src='javascript:x()'&gt;</description>", None),
        ("<description>&lt;img src='data:image/png;base64,x'&gt;</description>", None),
        ("", None),
    ],
)
def test_the_picture_is_found(inside: str, image: str | None) -> None:
    assert one(rss(item(inside))).image_url == image


def test_the_newest_200_are_kept_in_the_feeds_order() -> None:
    def dated(number: int) -> str:
        date = f"{NOW - timedelta(hours=number * 7 % 300):%a, %d %b %Y %H:%M:%S} GMT"
        return item(f"<pubDate>{date}</pubDate>", link=f"https://halyard.example/a/{number}")

    kept = read(rss(*map(dated, range(300)))).articles

    hours = [number * 7 % 300 for number in range(300)]
    wanted = [number for number in range(300) if hours[number] < ENTRIES_KEPT]
    assert [article.url.rpartition("/")[2] for article in kept] == [str(n) for n in wanted]


def test_of_a_feed_without_dates_the_first_200_are_kept() -> None:
    items = [item(link=f"https://halyard.example/a/{number}") for number in range(300)]
    kept = read(rss(*items)).articles

    assert len(kept) == ENTRIES_KEPT
    assert kept[-1].url == "https://halyard.example/a/199"


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    for data in (content, rss(item()).encode().replace(b"The port", content)):
        with suppress(FeedError):
            read(data)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from([*JSON["items"][0], "attachments", "x"]), inner)
        ),
    )
)
def test_any_json_is_read_or_refused(value: object) -> None:
    for items in (value, [value]):
        with suppress(FeedError):
            read(json.dumps({**JSON, "items": items}))
