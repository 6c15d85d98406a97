"""Entries with content and no summary, and the reading time of those whose text is not there."""

from tests.newsroom.intake.corpus.samples import (
    Sample,
    Wanted,
    atom,
    entry,
    item,
    json_feed,
    json_item,
    rss,
)

INVENTED, MINUTES = "Invented summaries", "Reading minutes"
SENTENCE = "The harbour master counted every boat that came in before the storm. "
FIRST = (SENTENCE * 8).strip()  # 551 characters
LONG = f"<p>{FIRST}</p><p>{SENTENCE * 6}</p><p>{SENTENCE * 6}</p>"


def encoded(html: str) -> str:
    return f"<content:encoded><![CDATA[{html}]]></content:encoded>"


def described(html: str) -> str:
    return f"<description><![CDATA[{html}]]></description>"


SAMPLES = (
    Sample(
        "a word in two tags stays one word",
        INVENTED,
        rss(item(encoded("<p>Un<b>believ</b>able.</p>"))),
        (Wanted(standfirst="Unbelievable.", minutes=True),),
    ),
    Sample(
        "a style sheet is no text",
        INVENTED,
        rss(item(encoded("<style>p { color: red }</style><p>The port is open.</p>"))),
        (Wanted(standfirst="The port is open."),),
    ),
    Sample(
        "a script is no text",
        INVENTED,
        rss(item(encoded("<script>var a = '<p>No</p>';</script><p>The port is open.</p>"))),
        (Wanted(standfirst="The port is open."),),
    ),
    Sample(
        "the first paragraph, to its end",
        INVENTED,
        rss(item(encoded(LONG))),
        (Wanted(standfirst=FIRST, minutes=True),),
    ),
    Sample(
        "the first paragraph of Atom's content",
        INVENTED,
        atom(entry(f'<content type="html"><![CDATA[{LONG}]]></content>')),
        (Wanted(standfirst=FIRST, minutes=True),),
    ),
    Sample(
        "the first paragraph of Atom's XHTML",
        INVENTED,
        atom(
            entry(
                '<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">'
                f"<style>p {{ color: red }}</style>{LONG}</div></content>"
            )
        ),
        (Wanted(standfirst=FIRST, minutes=True),),
    ),
    Sample(
        "the first paragraph of JSON Feed's content",
        INVENTED,
        json_feed(json_item(content_html=LONG)),
        (Wanted(standfirst=FIRST, minutes=True),),
    ),
    Sample(
        "words on both sides of a tag that is none of text",
        INVENTED,
        json_feed(json_item(content_html="What <dialog> does, &amp; why.")),
        (
            Wanted(
                standfirst=frozenset({"What does, & why.", "What <dialog> does, & why."}),
                minutes=True,
            ),
        ),
    ),
    Sample(
        "a summary that is there is the summary",
        INVENTED,
        rss(item(described("The port, in short.") + encoded(LONG))),
        (Wanted(standfirst="The port, in short.", minutes=True),),
    ),
    Sample(
        "RSS with a summary only",
        MINUTES,
        rss(item(described("<p>The port, in short.</p>"))),
        (Wanted(standfirst="The port, in short.", minutes=False),),
    ),
    Sample(
        "Atom with a summary only",
        MINUTES,
        atom(entry("<summary>The port, in short.</summary>")),
        (Wanted(standfirst="The port, in short.", minutes=False),),
    ),
    Sample(
        "JSON Feed with a summary only",
        MINUTES,
        json_feed(json_item(summary="The port, in short.")),
        (Wanted(standfirst="The port, in short.", minutes=False),),
    ),
    Sample(
        "WordPress in excerpt mode",
        MINUTES,
        rss(item(described("The harbour master counted every boat [&#8230;]"))),
        (Wanted(standfirst="The harbour master counted every boat…", minutes=False),),
    ),
    Sample("no text at all", MINUTES, rss(item()), (Wanted(minutes=False),)),
    Sample(
        "content that says no more than the summary",
        MINUTES,
        rss(item(described("The port, in short.") + encoded(""))),
        (Wanted(standfirst="The port, in short.", minutes=False),),
    ),
)
