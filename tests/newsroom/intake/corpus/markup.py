"""Markup in titles and summaries, text that only looks like it, and posts that are none."""

from tests.newsroom.intake.corpus.samples import (
    PAGE,
    Sample,
    Wanted,
    atom,
    entry,
    item,
    json_feed,
    json_item,
    rss,
)

POINT = "Markup in text"
XHTML = 'type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">'


def titled(name: str, title: str, wanted: str) -> Sample:
    """Return an Atom feed with this title element."""
    return Sample(name, POINT, atom(entry(title=title)), (Wanted(wanted),))


def rss_titled(name: str, title: str, wanted: str) -> Sample:
    return Sample(name, POINT, rss(item(title=title)), (Wanted(wanted),))


SAMPLES = (
    rss_titled("tags as child elements", "Bridge <i>reopens</i> today", "Bridge reopens today"),
    rss_titled("tags within tags", "<b>Bridge <i>re</i>opens</b> today", "Bridge reopens today"),
    rss_titled("a comment in the title", "Bridge <!-- draft --> reopens", "Bridge reopens"),
    rss_titled("CDATA in the midst of a title", "The <![CDATA[R&D]]> bridge", "The R&D bridge"),
    rss_titled("escaped inline tags", "Bridge &lt;em&gt;reopens&lt;/em&gt;", "Bridge reopens"),
    rss_titled("what is no inline tag", "Vector&lt;int&gt; explained", "Vector<int> explained"),
    rss_titled("a name of HTML in words", "The &lt;dialog&gt; element", "The <dialog> element"),
    rss_titled("a comparison", "If a &lt; b and c &gt; d", "If a < b and c > d"),
    rss_titled(
        "an address in brackets", "Mail &lt;desk@example.com&gt;", "Mail <desk@example.com>"
    ),
    titled(
        "Atom text that looks like markup",
        '<title type="text">The &lt;dialog&gt; element</title>',
        "The <dialog> element",
    ),
    titled("Atom text is the default", "<title>Use &lt;b&gt; for bold</title>", "Use <b> for bold"),
    titled("Atom text in CDATA", "<title><![CDATA[Use <b> for bold]]></title>", "Use <b> for bold"),
    titled(
        "Atom text is decoded once", "<title>Write &amp;amp; for &amp;</title>", "Write &amp; for &"
    ),
    titled(
        "Atom HTML is decoded once",
        '<title type="html">Write &amp;amp;amp; for &lt;b&gt;&amp;amp;&lt;/b&gt;</title>',
        "Write &amp; for &",
    ),
    titled(
        "Atom HTML that shows a tag",
        '<title type="html">The &lt;code&gt;&amp;lt;dialog&amp;gt;&lt;/code&gt; tag</title>',
        "The <dialog> tag",
    ),
    titled(
        "Atom XHTML",
        f"<title {XHTML}Bridge <i>reopens</i> today</div></title>",
        "Bridge reopens today",
    ),
    titled(
        "Atom XHTML that shows a tag",
        f"<title {XHTML}The <code>&lt;dialog&gt;</code> tag</div></title>",
        "The <dialog> tag",
    ),
    Sample(
        "an Atom summary in XHTML",
        POINT,
        atom(entry(f"<summary {XHTML}<p>The port <b>is</b> open.</p></div></summary>")),
        (Wanted(standfirst="The port is open."),),
    ),
    Sample(
        "an Atom summary in text",
        POINT,
        atom(entry('<summary type="text">Use &lt;dialog&gt;, not &lt;div&gt;.</summary>')),
        (Wanted(standfirst="Use <dialog>, not <div>."),),
    ),
    Sample(
        "a paragraph's end is a blank",
        POINT,
        rss(item("<description>&lt;p&gt;One.&lt;/p&gt;&lt;p&gt;Two.&lt;/p&gt;</description>")),
        (Wanted(standfirst="One. Two."),),
    ),
    Sample(
        "JSON Feed titles are text",
        POINT,
        json_feed(json_item(title="Vector<int> & the <dialog> element")),
        (Wanted("Vector<int> & the <dialog> element"),),
    ),
    Sample(
        "JSON Feed titles are not decoded",
        POINT,
        json_feed(json_item(title="Write &amp; for &")),
        (Wanted("Write &amp; for &"),),
    ),
    Sample(
        "JSON Feed's content_text is text",
        POINT,
        json_feed(json_item(content_text="Use <dialog>, not <div>.")),
        (Wanted(standfirst="Use <dialog>, not <div>.", minutes=True),),
    ),
    Sample(
        "JSON Feed's summary is text",
        POINT,
        json_feed(json_item(summary="Use <dialog>, not <div>.")),
        (Wanted(standfirst="Use <dialog>, not <div>."),),
    ),
    Sample(
        "bylines and sections in Atom are text",
        POINT,
        atom(
            entry(
                "<author><name>Ada &lt;Lark&gt; Wren</name></author>"
                '<category term="ux" label="&lt;dialog&gt; &amp; friends"/>'
            )
        ),
        (Wanted(byline="Ada <Lark> Wren", section="<dialog> & friends"),),
    ),
    Sample(
        "WordPress's protected posts",
        "Posts that are none",
        rss(
            item(
                "<description>There is no excerpt because this is a protected post.</description>",
                title="Protected: The plans",
            ),
            item(number=2),
        ),
        (Wanted(link=f"{PAGE}2"),),
        others=1,
    ),
    Sample(
        "WordPress's protected posts in German",
        "Posts that are none",
        rss(
            item(
                "<description>Es gibt keinen Textauszug, da dies ein geschützter Beitrag ist."
                "</description>",
                title="Geschützt: Die Pläne",
            ),
            item(number=2),
        ),
        (Wanted(link=f"{PAGE}2"),),
        others=1,
    ),
    Sample(
        "a story whose title says Protected",
        "Posts that are none",
        rss(item("<description>The old quay is safe.</description>", title="Protected: the quay")),
        (Wanted("Protected: the quay", standfirst="The old quay is safe."),),
    ),
)
