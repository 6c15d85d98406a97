"""What a reader's mail says and how it is put together, whatever an editor has put into it."""

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from digest.database.transactions import Database
from digest.delivery.rendering import headers
from digest.delivery.rendering.issue import (
    MOST_HTML_BYTES,
    Confirmation,
    IssueView,
    ReaderSlots,
    Rendered,
    Start,
    render_issue,
    render_notice,
    view_issue,
)
from digest.delivery.rendering.markup import find_places
from digest.delivery.rendering.slots import split_at_slots
from digest.models import Article, Issue, NoticeKind, Story, StoryRole
from digest.newsroom.intake.articles import NewArticle, add_article
from tests.emails.samples import (
    NOTICE_KINDS,
    READER,
    SITE,
    halyard_issue,
    issue_of_unknown_length,
    longest_issue,
    masthead,
    notice,
    shortest_issue,
)
from tests.factories import NOW, make_article, make_issue, make_newsletter

WARN_HTML_BYTES = 80_000
# Gmail drops a style block that is larger (LOOK, section 7).
LARGEST_STYLE = 16_384


class Mail(HTMLParser):
    """What the tests ask of a mail's HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.styles: list[str] = []
        self._inside: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in {"meta", "img", "br"}:
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "style" in self._inside:
            self.styles.append(data)
        elif "head" not in self._inside and data.strip():
            self.words.append(" ".join(data.split()))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        return " ".join(self.words)


def rendered(view: IssueView) -> Rendered:
    return render_issue(view, READER)


Make = Callable[[], Rendered]

EVERY_MAIL = [
    pytest.param(lambda: rendered(halyard_issue()), id="issue"),
    pytest.param(lambda: rendered(longest_issue()), id="longest"),
    pytest.param(lambda: rendered(shortest_issue()), id="shortest"),
    *[pytest.param(lambda kind=kind: notice(kind), id=str(kind)) for kind in NOTICE_KINDS],
]
every_mail = pytest.mark.parametrize("make", EVERY_MAIL)


@every_mail
def test_every_address_in_the_html_is_absolute(make: Make) -> None:
    mail = Mail(make().html)
    addresses = [a["href"] for a in mail.all("a")] + [i["src"] for i in mail.all("img")]
    assert addresses
    for address in addresses:
        parts = urlsplit(address or "")
        if address == "mailto:imara@halyard.example":
            # Whom to write to where the address was changed by somebody else.
            continue
        assert (parts.scheme, bool(parts.hostname)) in {("https", True), ("http", True)}, address


@every_mail
def test_language_direction_title_and_headings_are_set(make: Make) -> None:
    mail = Mail(make().html)
    [page] = mail.all("html")
    assert (page["lang"], page["dir"]) == ("en", "ltr")
    [letter] = [a for _, a in mail.elements if a.get("role") == "article"]
    assert (letter["lang"], letter["dir"]) == ("en", "ltr")
    assert letter["aria-label"]
    levels = [int(tag[1]) for tag, _ in mail.elements if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    steps = [below - above for above, below in pairwise(levels)]
    assert all(step <= 1 for step in steps)


@every_mail
def test_pictures_have_a_size_and_an_alt_and_tables_a_role(make: Make) -> None:
    mail = Mail(make().html)
    for picture in mail.all("img"):
        assert int(picture["width"] or 0) > 0
        assert int(picture["height"] or 0) > 0
        assert picture["alt"] is not None
        assert "display:block" in (picture["style"] or "")
    assert all(table.get("role") == "presentation" for table in mail.all("table"))


@every_mail
def test_styles_are_inline_and_the_rest_stands_in_blocks_that_gmail_keeps(make: Make) -> None:
    mail = Mail(make().html)
    assert len(mail.styles) == 5
    assert max(len(block) for block in mail.styles) < LARGEST_STYLE
    joined = "".join(mail.styles)
    for needed in ("max-width:480px", "prefers-color-scheme:dark", "[data-ogsc]", "[data-ogsb]"):
        assert needed in joined
    assert all("style" in a for a in [*mail.all("p"), *mail.all("a"), *mail.all("h1")])
    assert "data-css-inline" not in make().html
    assert "var(" not in make().html


@every_mail
def test_outlook_gets_its_settings_and_a_table_of_600(make: Make) -> None:
    html = make().html
    assert "<o:PixelsPerInch>96</o:PixelsPerInch>" in html
    assert html.count('<!--[if mso]><table role="presentation" width="600"') == 2
    assert html.count("<!--[if mso]></td></tr></table><![endif]-->") == 2


@every_mail
def test_the_preheader_stands_first_and_is_the_description_too(make: Make) -> None:
    mail = Mail(make().html)
    [description] = [m["content"] for m in mail.all("meta") if m.get("name") == "description"]
    assert description
    assert mail.words[0].startswith(description)
    assert len(description) <= 140


def test_an_issues_preview_is_filled_with_headlines_and_nothing_else() -> None:
    mail = Mail(rendered(halyard_issue()).html)
    [description] = [m["content"] or "" for m in mail.all("meta") if m.get("name") == "description"]
    assert 110 <= len(description) <= 140
    for filler in ("\u034f", "\u200c", "\u00ad"):
        assert filler not in rendered(halyard_issue()).html
    assert halyard_issue().subject not in description


@every_mail
def test_what_is_hidden_could_be_read(make: Make) -> None:
    """SpamAssassin takes small or white print for a trick, and some clients ignore `display`."""
    style = re.search(r'<div class="preheader[^"]*" style="([^"]+)"', make().html)
    assert style is not None
    assert "display:none" in style[1].replace(" ", "")
    assert re.search(r"font-size:\s*14px", style[1])
    assert "#566570" in style[1]
    assert "opacity" not in style[1]


@every_mail
def test_the_body_has_no_class_and_lines_take_the_colour_of_text(make: Make) -> None:
    """Roundcube puts its own class there; Thunderbird recolours text in the dark, not borders."""
    html = make().html
    [body] = re.findall(r"<body[^>]*>", html)
    assert "class" not in body
    assert "margin:0" in body.replace(" ", "")
    for line in re.findall(r'<td class="[^"]*inkline[^"]*" style="([^"]+)"', html):
        assert "currentcolor" in line.lower()
        assert "color:#14212b" in line.lower()


@every_mail
def test_lines_of_text_are_60_wide_and_urls_whole(make: Make) -> None:
    for line in make().text.splitlines():
        if "http" in line:
            assert re.fullmatch(r"https?://\S+", line), "alone, at the left edge"
        elif not line.startswith("  digest issue"):
            assert len(line) <= 60, line


@pytest.mark.parametrize("view", [halyard_issue(), longest_issue(), shortest_issue()])
def test_both_parts_tell_every_story_whole(view: IssueView) -> None:
    mail = rendered(view)
    html = Mail(mail.html)
    text = " ".join(mail.text.split())
    hrefs = [a["href"] for a in html.all("a")]
    for story in view.stories:
        for words in (story.title, story.standfirst, story.byline or "", story.section or ""):
            assert words in html.text
            assert words.lower() in text.lower()
        assert story.url in hrefs
        assert story.url in mail.text
        assert f"{story.minutes} min read" in html.text.replace("\N{NO-BREAK SPACE}", " ")


def test_what_nobody_knows_the_length_of_says_nothing_of_it() -> None:
    view = issue_of_unknown_length()
    mail = rendered(view)
    html = Mail(mail.html).text
    assert "Eight stories. Chosen by Imara Vance-Oduya." in html
    assert "Saturday 14 November 2026. Eight stories." in mail.text
    for words in (html, mail.text):
        assert not re.search(r"\bmin\b|minute|None|·\s*(?:Read|$)", words)
    # A line of its own only for what is said in it.
    assert "   World, Joss Penhallow\n" in mail.text
    assert "2. WHO OWNS THE COLD?\n   Business\n" in mail.text
    assert mail.html.count("Joss Penhallow</p>") == 1


def test_a_sum_of_which_a_part_is_missing_is_not_said() -> None:
    view = issue_of_unknown_length(all_of_it=False)
    mail = rendered(view)
    html = Mail(mail.html).text.replace("\N{NO-BREAK SPACE}", " ")
    assert view.summary == "Eight stories"
    assert "9 min read" in html
    assert "World, Joss Penhallow, 9 min\n" in mail.text
    assert html.count("min read") == mail.text.count(" min\n") == 4


def test_a_story_of_which_nothing_is_known_has_no_empty_line() -> None:
    bare = [replace(s, minutes=None, byline=None, section=None) for s in halyard_issue().stories]
    mail = rendered(halyard_issue(stories=tuple(bare)))
    assert "2. WHO OWNS THE COLD?\n   Vaccines, salmon and strawberries sit" in mail.text
    assert 'class="meta' not in mail.html
    assert "meta" not in {a.get("class") for a in Mail(mail.html).all("p")}


@pytest.mark.parametrize("part", ["text", "html"])
def test_both_parts_say_why_how_to_leave_and_who_sends_it(part: str) -> None:
    words = getattr(rendered(halyard_issue()), part)
    whole = Mail(words).text if part == "html" else " ".join(words.split())
    assert "You get this because you signed up at halyard.example on 3 March 2026 with" in whole
    assert "It comes once a week, on Saturday." in whole
    assert "Replies reach my desk." in whole
    assert "The Halyard, 4 Ropewalk Yard, Varrholm VH1 2AB" in whole
    for url in (READER.unsubscribe_url, READER.preferences_url, halyard_issue().online_url):
        assert str(url) in words


def test_unsubscribe_is_the_first_link_of_the_footer_and_bold() -> None:
    html = rendered(halyard_issue()).html
    footer = html[html.index("You get this because") :]
    first = re.search(r"<a [^>]*>[^<]*</a>", footer)
    assert first is not None
    assert first[0].endswith(">Unsubscribe</a>")
    assert "font-weight:bold" in first[0]


def test_the_plain_text_has_its_form() -> None:
    lines = rendered(halyard_issue()).text.splitlines()
    assert lines[:3] == [
        "EDITOR’S DIGEST                          The Halyard, No. 42",
        "Saturday 14 November 2026. Eight stories, 41 minutes.",
        "-" * 60,
    ]
    start = lines.index("1. THE PORT THAT DECIDED TO STOP GROWING")
    assert lines[start + 1 : start + 7] == [
        "   World, Joss Penhallow, 9 min",
        "   For forty years Varrholm counted success in containers.",
        "   Then its dockers, its mayor and its last herring",
        "   fishermen agreed on a number, and drew a line.",
        "https://halyard.example/a/port",
        "",
    ]
    assert lines[-8:-2:2] == ["Unsubscribe:", "Change what we send:", "Read online:"]
    assert all(line.startswith("https://") for line in lines[-7:-1:2])


@pytest.mark.parametrize(
    "make", [lambda: rendered(longest_issue()), lambda: rendered(halyard_issue())]
)
def test_gmail_shows_it_whole(make: Make) -> None:
    size = len(make().html.encode())
    assert size < WARN_HTML_BYTES < MOST_HTML_BYTES


def test_the_button_names_whose_story_it_leads_to() -> None:
    assert "Read Joss’s story" in rendered(halyard_issue()).html
    assert "Read the lead story" in rendered(shortest_issue()).html


def test_a_single_brief_is_set_as_a_story() -> None:
    view = shortest_issue()
    assert [story.title for story in view.middle] == ["The woman who indexes the sea"]
    assert view.briefs == ()
    assert "Also on my desk" not in rendered(view).html
    assert "Also on my desk" in rendered(halyard_issue()).html


def test_an_issue_in_which_nothing_leads_is_led_by_its_first_story() -> None:
    view = halyard_issue()
    stories = tuple(replace(story, role=StoryRole.STORY) for story in view.stories)
    view = replace(view, stories=stories)
    assert view.lead.title == stories[0].title
    assert view.lead.image is None, "its picture is a thumbnail"
    assert view.in_order == (view.lead, *stories[1:])


def test_stories_come_in_the_same_order_in_both_parts() -> None:
    view = halyard_issue()
    view = replace(view, stories=view.stories[::-1])
    mail = rendered(view)
    html = Mail(mail.html).text
    titles = [story.title for story in view.in_order]
    assert titles[0] == "The port that decided to stop growing"
    assert sorted(titles, key=html.rindex) == titles
    assert sorted(titles, key=lambda title: mail.text.index(title[:30].upper())) == titles


def test_without_a_note_the_portrait_goes_too() -> None:
    with_note, without = halyard_issue(), halyard_issue(note=())
    portrait = with_note.head.portrait or ""
    assert portrait in rendered(with_note).html
    assert portrait not in rendered(without).html
    assert "Imara\n---" not in rendered(without).text


def test_a_newsletter_without_mark_and_portrait_shows_neither() -> None:
    html = rendered(halyard_issue(head=masthead(mark=None, portrait=None))).html
    assert len(Mail(html).all("img")) == 4, "the lead's picture and three thumbnails"
    assert "None" not in html


def test_an_issue_without_a_number_is_known_by_its_date() -> None:
    mail = rendered(shortest_issue())
    assert "No." not in mail.text
    assert "No. " not in Mail(mail.html).text
    assert "14 November 2026" in mail.html


def test_a_picture_that_nobody_described_is_called_by_its_headline() -> None:
    view = halyard_issue()
    lead = replace(view.lead, image_alt="")
    html = rendered(replace(view, stories=(lead, *view.stories[1:]))).html
    assert f'alt="{lead.title}"' in html


def test_alt_texts_are_cut_after_a_word() -> None:
    lead = replace(halyard_issue().lead, image_alt="word " * 60)
    assert len(lead.alt) <= 125
    assert lead.alt.endswith("word…")


def test_quotation_marks_are_set_as_a_newspaper_sets_them() -> None:
    view = halyard_issue(last_thing="""She said "enough", and it's the '90s' fault.""")
    mail = rendered(view)
    wanted = "She said “enough”, and it’s the ’90s’ fault."
    assert wanted in Mail(mail.html).text
    assert wanted in " ".join(mail.text.split())


@pytest.mark.parametrize("accent", ["#FFD400", "#FFF1E5", "#0057FF", "#990F3D"])
def test_the_newsletters_own_colours_are_used_and_no_others(accent: str) -> None:
    view = halyard_issue(accent)
    html = rendered(view).html
    light, dark = view.head.palette, view.head.palette["dark"]
    for colour in (light["text"], light["tint"], light["fill"], light["on_fill"], light["hover"]):
        assert colour in html
    assert f"border:1px solid {light['edge'] or light['fill']}" in html
    for colour in (dark["text"], dark["tint"], dark["fill"], dark["on_fill"], dark["rule"]):
        assert f"{colour}!important" in html
    assert "#006B5E" not in html


def test_from_right_to_left_the_sides_change_places() -> None:
    html = rendered(halyard_issue(head=masthead(language="ar-EG"))).html
    assert '<html lang="ar-EG" dir="rtl"' in html
    assert "padding-left:24px" in html
    assert "padding-right:24px" not in html


HOSTILE = """</title><script>alert(1)</script>"'><img src=x onerror=alert(1)>&amp;{{ 7*7 }}"""


def test_whatever_is_in_a_story_stays_words() -> None:
    view = halyard_issue()
    stories = tuple(
        replace(
            s, title=HOSTILE, standfirst=HOSTILE, byline=HOSTILE, section=HOSTILE, image_alt=HOSTILE
        )
        for s in view.stories
    )
    view = replace(
        view,
        head=masthead(newsletter=HOSTILE, editor=HOSTILE, postal_address=HOSTILE, paper=HOSTILE),
        stories=stories,
        note=(HOSTILE,),
        last_thing=HOSTILE,
        preheader=HOSTILE,
        subject=HOSTILE,
    )
    mail = Mail(rendered(view).html)
    assert mail.all("script") == []
    assert all("onerror" not in picture for picture in mail.all("img"))
    assert len(mail.all("img")) == len(Mail(rendered(halyard_issue()).html).all("img"))
    assert mail.text.count("<script>alert(1)</script>") >= len(stories)
    assert "{{ 7*7 }}" in mail.text


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=500), st.text(max_size=300))
def test_any_words_leave_the_slots_where_they_are(title: str, note: str) -> None:
    view = halyard_issue(note=(note,))
    view = replace(view, stories=(replace(view.lead, title=title or "x"), *view.stories[1:]))
    mail = render_issue(view, ReaderSlots())
    for part, words in (("text", mail.text), ("HTML", mail.html)):
        statics, slots = split_at_slots(words, part)
        assert {slot.name for slot in slots} == {
            headers.ADDRESS.name,
            headers.SIGNUP_SITE.name,
            headers.SIGNUP_DATE.name,
            headers.UNSUBSCRIBE_URL.name,
            headers.PREFERENCES_URL.name,
        }
        if part == "HTML":
            find_places(statics, slots)


@pytest.mark.parametrize("kind", NOTICE_KINDS)
def test_a_notice_says_the_same_in_both_parts(kind: str) -> None:
    mail = notice(kind)
    html, text = Mail(mail.html), " ".join(mail.text.split())
    [heading] = re.findall(r"<h1[^>]*>([^<]+)</h1>", mail.html)
    assert heading.upper() in text
    assert "robin@example.org" in html.text
    assert "robin@example.org" in text
    assert "4 Ropewalk Yard" in html.text
    assert "4 Ropewalk Yard" in text
    assert "unsubscribe" not in text.lower(), "there is nothing yet to leave"


def test_a_confirmation_has_the_button_and_the_bare_link() -> None:
    mail = notice(NoticeKind.CONFIRMATION)
    [url] = re.findall(r"^http\S+$", mail.text, re.MULTILINE)
    links = re.findall(rf'<a [^>]*href="{re.escape(url)}"[^>]*>([^<]+)</a>', mail.html)
    assert links == ["Open the page", url]
    assert "the next one then arrives on Saturday at seven" in " ".join(mail.text.split())
    assert "The link works for 48 hours." in mail.text


def test_a_confirmation_names_all_that_it_starts_each_with_its_own_day() -> None:
    starts = (
        Start("Editor's Digest", "Saturday at seven", ("World", "Climate")),
        Start("Climate Letter", "Wednesday at noon"),
    )
    about = Confirmation(f"{SITE}/c/AZ3", starts)
    mail = render_notice("confirmation", masthead("#006B5E"), "robin@example.org", about)
    assert mail.subject == (
        "Confirm your subscription to the Editor’s Digest and the Climate Letter"
    )
    for part in (mail.text, Mail(mail.html).text):
        words = " ".join(part.split())
        assert "Editor’s Digest: the next one arrives on Saturday at seven." in words
        assert "About World and Climate." in words
        assert "Climate Letter: the next one arrives on Wednesday at noon." in words


def test_an_editor_is_told_what_to_type() -> None:
    held = notice(NoticeKind.HELD)
    assert held.subject == "Held: the Editor’s Digest of Saturday 14 November"
    for command in (
        "digest issue send editors-digest/2026-11-14",
        "digest issue schedule editors-digest/2026-11-14 --at 2026-11-15T07:00",
    ):
        assert command in held.text
        assert command in Mail(held.html).text
    assert "digest issue approve editors-digest/2026-11-14" in notice(NoticeKind.DRAFT_READY).text


def test_a_view_shows_articles_before_the_freeze_and_its_own_copy_after(database: Database) -> None:
    with database.transaction() as session:
        newsletter = make_newsletter(session)
        articles = [make_article(session, slug) for slug in ("port", "cold", "roofs")]
        issue_id = make_issue(session, newsletter, articles, note="One.\n\n \nTwo.\n").id
        session.execute(update(Story).where(Story.position == 2).values(blurb="Her own words."))
        session.execute(
            update(Story).where(Story.position == 3).values(title="As frozen", minutes=4, url="u")
        )
        session.execute(update(Article).values(title="As it is now"))
    with database.reading() as session:
        view = view_issue(session, session.get_one(Issue, issue_id), "https://mail.example")
    assert [story.title for story in view.stories] == ["As it is now", "As it is now", "As frozen"]
    assert view.stories[1].standfirst == "Her own words."
    assert view.note == ("One.", "Two.")
    assert view.head.the_newsletter == "the Editor’s Digest"
    assert view.head.arrives == "Saturday at seven"
    assert view.online_url == "https://mail.example/issues/editors-digest/2026-11-14"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_subject_and_preheader_are_never_too_long(database: Database) -> None:
    with database.transaction() as session:
        newsletter = make_newsletter(session)
        articles = [
            make_article(session, slug, title=f"{slug} " + "word " * 90) for slug in ("a", "b", "c")
        ]
        issue = make_issue(session, newsletter, articles)
        view = view_issue(session, issue, "https://mail.example")
    assert len(view.subject) <= 300
    assert len(view.preheader) <= 90
    assert view.preheader.startswith("b word")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_title_that_looks_like_markup_arrives_as_it_was_given(database: Database) -> None:
    title = "The <dialog> element & Vector<int>"
    with database.transaction() as session:
        given = NewArticle("https://halyard.example/a/dialog", title, standfirst=title)
        article = add_article(session, given, NOW)
        issue = make_issue(session, make_newsletter(session), [article])
        mail = rendered(view_issue(session, issue, "https://mail.example"))

    assert title in mail.subject
    assert mail.text.lower().count(title.lower()) >= 2
    page = Mail(mail.html)
    assert page.all("dialog") == page.all("int") == []
    assert title in page.text


def test_a_note_and_the_last_thing_may_be_marked() -> None:
    link = "[the *whole* story](https://halyard.example/a/port)"
    mail = rendered(
        replace(halyard_issue(note=(f"Read {link} first.",)), last_thing=f"{link}\n\nBye.")
    )
    found = re.findall(r'<a ([^>]*href="https://halyard.example/a/port"[^>]*)>the <em>', mail.html)
    assert len(found) == 2
    assert all("text-decoration:underline" in each for each in found), "dressed as links are"
    assert "Read the whole story first.\nhttps://halyard.example/a/port\n\nImara" in mail.text
    assert (
        "One last thing. the whole story\nhttps://halyard.example/a/port\n\nBye.\n\nForward"
        in mail.text
    )
    assert "*" not in mail.text
