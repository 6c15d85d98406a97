"""An issue as text and HTML: once per variant, with slots where a reader's own values go."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from urllib.parse import urlsplit

import css_inline
from sqlalchemy import literal, select
from sqlalchemy.orm import Session

from digest import prose
from digest.addresses import wire_address
from digest.database.looking import Shape
from digest.database.prepared import Prepared
from digest.delivery.rendering import headers
from digest.delivery.rendering.editor_view import EditorView
from digest.delivery.rendering.headers import Letterhead, issue_headers
from digest.delivery.rendering.slots import Slot
from digest.delivery.rendering.stencil import Stencil
from digest.errors import RefusedError
from digest.marked import paragraphs
from digest.models import Issue, Newsletter, Publication, Story, StoryRole
from digest.templating import email_environment

MOST_HTML_BYTES = 102_400
LONGEST_ALT = 125
LONGEST_SUBJECT = 300
LONGEST_PREHEADER = 90
# So much of a mail a client shows in its list; what we do not fill, it takes from the text.
PREVIEW = 140
SHORTEST_MORE = 20
# The languages that are written from right to left, by their first subtag (RFC 5646).
RIGHT_TO_LEFT = frozenset("ar arc ckb dv fa he ks ps sd ug ur yi".split())

_PUBLICATION = Shape(Publication)
_PUBLICATIONS = Prepared(select(*_PUBLICATION.selected).where(Publication.id == literal(1)))


@dataclass(frozen=True)
class StoryView:
    """A story as it is shown.

    `image` is an absolute URL; `minutes` is the reading time, None where nobody knows it.
    `withdrawn`: it went out, and was taken back since.
    """

    role: StoryRole
    title: str
    standfirst: str
    byline: str | None
    section: str | None
    url: str
    minutes: int | None
    image: str | None
    image_alt: str
    withdrawn: bool = False

    @property
    def alt(self) -> str:
        """What stands for the picture; the headline where nobody has described it."""
        return prose.cut(self.image_alt or self.title, LONGEST_ALT)

    @property
    def first_name(self) -> str | None:
        """The first word of the byline, for "Read Joss's story"."""
        return self.byline.split()[0] if self.byline and self.byline.split() else None


@dataclass(frozen=True)
class Masthead:
    """What every mail of a newsletter shows of the paper and its editor. URLs are absolute."""

    language: str
    paper: str
    site: str
    mark: str | None
    newsletter: str
    slug: str
    editor: str
    portrait: str | None
    postal_address: str
    weekday: str
    slot: str
    arrives: str
    palette: Mapping[str, Any]
    home_url: str
    archive_url: str

    @property
    def editor_first_name(self) -> str:
        return self.editor.split()[0] if self.editor.split() else self.editor

    @property
    def the_newsletter(self) -> str:
        """ "the Editor's Digest", and "The Brief" as it is."""
        return prose.the(self.newsletter)

    @property
    def direction(self) -> str:
        """ "ltr" or "rtl", for HTML's attribute."""
        return "rtl" if self.language.partition("-")[0].lower() in RIGHT_TO_LEFT else "ltr"

    @property
    def start(self) -> str:
        """The side at which a line begins. Mail clients know "left", and not "start"."""
        return "right" if self.direction == "rtl" else "left"

    @property
    def end(self) -> str:
        """The side at which a line ends."""
        return "left" if self.direction == "rtl" else "right"


@dataclass(frozen=True)
class IssueView:
    """Everything that an issue shows and that is the same for all readers."""

    head: Masthead
    number: int | None
    dateline: date
    subject: str
    preheader: str
    note: tuple[str, ...]
    last_thing: str | None
    briefs_heading: str
    stories: tuple[StoryView, ...]
    online_url: str

    @property
    def lead(self) -> StoryView:
        """The lead; where nothing is marked so, the first story, without its small picture."""
        marked = next((s for s in self.stories if s.role is StoryRole.LEAD), None)
        return marked or replace(self.stories[0], image=None)

    @property
    def middle(self) -> tuple[StoryView, ...]:
        """The stories between lead and briefs. A single brief makes no block, and is one."""
        briefs = self._marked_briefs
        rest = self._after_the_lead
        return tuple(s for s in rest if s.role is not StoryRole.BRIEF or len(briefs) == 1)

    @property
    def briefs(self) -> tuple[StoryView, ...]:
        return self._marked_briefs if len(self._marked_briefs) > 1 else ()

    @property
    def in_order(self) -> tuple[StoryView, ...]:
        """All stories as a reader meets them."""
        return (self.lead, *self.middle, *self.briefs)

    @property
    def preview(self) -> str:
        """The preheader, and further headlines until a client's preview is full."""
        preview = self.preheader
        for story in self.in_order[1:]:
            if story.title not in preview and len(preview) + SHORTEST_MORE < PREVIEW:
                preview = prose.cut(f"{preview} · {story.title}", PREVIEW)
        return preview

    @property
    def last_paragraphs(self) -> tuple[str, ...]:
        """What stands at the end, in paragraphs."""
        return paragraphs(self.last_thing)

    @property
    def _after_the_lead(self) -> tuple[StoryView, ...]:
        leads = (i for i, s in enumerate(self.stories) if s.role is StoryRole.LEAD)
        place = next(leads, 0)
        return self.stories[:place] + self.stories[place + 1 :]

    @property
    def _marked_briefs(self) -> tuple[StoryView, ...]:
        return tuple(s for s in self._after_the_lead if s.role is StoryRole.BRIEF)

    @property
    def weekday(self) -> str:
        return prose.WEEKDAYS[self.dateline.weekday()]

    @property
    def day(self) -> str:
        """The date as the issue's first line has it: "Saturday 14 November 2026"."""
        return prose.long_day(self.dateline)

    @property
    def date(self) -> str:
        """The same for narrow screens: "14 November 2026"."""
        return prose.long_date(self.dateline)

    @property
    def summary(self) -> str:
        """ "Eight stories, 41 minutes", and "Eight stories" where one's minutes are not known."""
        count = prose.count_in_words(len(self.stories), "story", "stories")
        count = f"{count[:1].upper()}{count[1:]}"
        known = [story.minutes for story in self.stories if story.minutes is not None]
        if len(known) < len(self.stories):
            return count
        minutes = sum(known)
        return f"{count}, {minutes} minute{'' if minutes == 1 else 's'}"


@dataclass(frozen=True)
class ReaderSlots:
    """What differs from reader to reader: slots when an issue is frozen, values in a preview."""

    address: Slot | str = headers.ADDRESS
    signup_site: Slot | str = headers.SIGNUP_SITE
    signup_date: Slot | str = headers.SIGNUP_DATE
    unsubscribe_url: Slot | str = headers.UNSUBSCRIBE_URL
    preferences_url: Slot | str = headers.PREFERENCES_URL


@dataclass(frozen=True)
class Rendered:
    """A finished mail; an issue's has slots in it where `ReaderSlots` were slots."""

    subject: str
    text: str
    html: str


def masthead(publication: Publication, newsletter: Newsletter, public_url: str) -> Masthead:
    """Gather what every mail of `newsletter` shows."""

    def media(name: str | None) -> str | None:
        return f"{public_url}/media/{name}" if name else None

    return Masthead(
        language=newsletter.language,
        paper=publication.name,
        site=urlsplit(publication.site_url).hostname or publication.site_url,
        mark=media(publication.mark),
        newsletter=newsletter.name,
        slug=newsletter.slug,
        editor=newsletter.editor_name,
        portrait=media(newsletter.editor_portrait),
        postal_address=newsletter.postal_address,
        weekday=prose.WEEKDAYS[newsletter.weekday],
        slot=prose.slot_in_words(newsletter.weekday, newsletter.local_time),
        arrives=prose.arrival_in_words(newsletter.weekday, newsletter.local_time),
        palette=newsletter.palette,
        home_url=f"{public_url}/",
        archive_url=f"{public_url}/issues/{newsletter.slug}/",
    )


def view_issue(
    session: Session, issue: Issue, public_url: str, *, for_mail: bool = False
) -> IssueView:
    """Gather an issue as it would be sent now; a frozen one as it was frozen.

    `for_mail`: where clicks are counted, its stories' links lead through us (decision 37).

    Raises:
        RefusedError: the issue has no stories, or the publication was never set up.
    """
    papers = _PUBLICATION.all(session, _PUBLICATIONS.rows(session))
    if not papers:
        raise RefusedError("The paper has no name yet. Run: digest newsletter create")
    stories = tuple(view_story(story, public_url) for story in issue.stories)
    if not stories:
        raise RefusedError("This issue has no stories yet. Run: digest issue compose")
    newsletter = issue.newsletter
    if for_mail and newsletter.count_clicks:
        linked = zip(stories, issue.stories, strict=True)
        stories = tuple(replace(view, url=f"{public_url}/s/{story.id}") for view, story in linked)
    head = masthead(papers[0], newsletter, public_url)
    lead = next((s for s in stories if s.role is StoryRole.LEAD), stories[0])
    number = issue.number if issue.number is not None else issue.dateline.isoformat()
    return IssueView(
        head=head,
        number=issue.number,
        dateline=issue.dateline,
        subject=prose.cut(issue.subject or lead.title, LONGEST_SUBJECT),
        preheader=issue.preheader or _preheader(stories, lead),
        note=paragraphs(issue.note),
        last_thing=issue.last_thing or None,
        briefs_heading=newsletter.briefs_heading,
        stories=stories,
        online_url=f"{head.archive_url}{number}",
    )


def view_story(story: Story, public_url: str) -> StoryView:
    """Show a story from its frozen copy; before, from its article and what an editor wrote."""
    copy: Any = story if story.is_frozen else story.article
    image = story.image if story.is_frozen else picture_for(story)
    return StoryView(
        role=story.role,
        title=story.headline,
        standfirst=story.standfirst or story.blurb or copy.standfirst or "",
        byline=copy.byline,
        section=story.section or copy.section,
        url=copy.url,
        minutes=copy.minutes,
        image=f"{public_url}/media/{image}" if image else None,
        image_alt=(story.image_alt or "") if story.is_frozen else alt_for(story),
        withdrawn=story.article.withdrawn_at is not None,
    )


def picture_for(story: Story) -> str | None:
    """Return the media that suits the story's role; briefs go without."""
    article, own = story.article, story.own_picture
    if story.role is StoryRole.LEAD:
        return story.own_lead if own else article.lead_image
    if story.role is StoryRole.STORY:
        return story.own_thumbnail if own else article.thumbnail
    return None


def alt_for(story: Story) -> str:
    """Return what describes a story's picture before the freeze; the article's says its own."""
    return story.image_alt or ("" if story.own_picture else story.article.image_alt)


def render_issue(view: IssueView, reader: ReaderSlots) -> Rendered:
    """Render the three templates of `templates/email/issue`, the CSS inlined."""
    return _render("issue", {"issue": view, "head": view.head, "reader": reader})


@dataclass(frozen=True)
class Start:
    """A newsletter that a confirmation starts: `topics` by their names, `arrives` as it is said."""

    name: str
    arrives: str
    topics: tuple[str, ...] = ()

    @property
    def the_name(self) -> str:
        """ "the Editor's Digest", and "The Brief" as it is."""
        return prose.the(self.name)


@dataclass(frozen=True)
class Confirmation:
    """What a confirmation asks for: the absolute URL to open, and all that it then starts."""

    url: Slot | str
    starts: tuple[Start, ...]


About = Slot | str | EditorView | Confirmation


def render_notice(template: str, head: Masthead, address: Slot | str, about: About) -> Rendered:
    """Render a notice to `address`; `template` is its folder.

    `about` is the absolute URL that a reader is asked to open, what a confirmation starts, or the
    issue that an editor is told of. Slots stand for what differs from one person to the next.
    """
    subject: dict[str, object] = {"action_url": about}
    if isinstance(about, EditorView):
        subject = {"issue": about}
    elif isinstance(about, Confirmation):
        subject = {"action_url": about.url, "starts": about.starts}
    return _render(template, {"head": head, "address": address, **subject})


def _render(folder: str, context: Mapping[str, object]) -> Rendered:
    environment = email_environment()
    subject = environment.get_template(f"{folder}/subject.txt").render(context)
    return Rendered(
        subject=" ".join(subject.split()),
        text=environment.get_template(f"{folder}/body.txt").render(context),
        html=inline_css(environment.get_template(f"{folder}/body.html").render(context)),
    )


def inline_css(html: str) -> str:
    """Move the rules into style attributes; the blocks marked "keep" stay in the head as well."""
    inliner = css_inline.CSSInliner(minify_css=True, load_remote_stylesheets=False)
    return _without_indents(inliner.inline(html).replace(' data-css-inline="keep"', ""))


def _without_indents(html: str) -> str:
    # Gmail cuts a mail at 102,400 bytes: indentation would be a tenth of it.
    return re.sub(r"\n\s*", "\n", html)


def build_stencil(
    view: IssueView, issue: Issue, rendered: Rendered, *, mail_domain: str | None
) -> Stencil:
    """Make the bytes that every reader's message is cut from.

    Raises:
        RefusedError: the HTML is larger than Gmail shows whole.
        StencilError: a template prints a slot where no value could be safe.
    """
    size = len(rendered.html.encode())
    if size > MOST_HTML_BYTES:
        raise RefusedError(
            f"The issue's HTML has {size:,} bytes, and Gmail cuts mails at {MOST_HTML_BYTES:,}. "
            "Shorten its note or standfirsts, or take a story out."
        )
    newsletter = issue.newsletter
    domain = wire_address(newsletter.from_address).rpartition("@")[2]
    head = Letterhead(
        subject=rendered.subject,
        newsletter_name=newsletter.name,
        newsletter_slug=newsletter.slug,
        publication_slug=_slug(view.head.paper),
        issue_id=str(issue.id),
        from_name=newsletter.from_name,
        from_address=wire_address(newsletter.from_address),
        reply_to=wire_address(newsletter.reply_to) if newsletter.reply_to else None,
        archive_url=view.head.archive_url,
        list_id_domain=domain,
        language=newsletter.language,
        mail_domain=mail_domain,
    )
    return Stencil.build(
        headers=issue_headers(head),
        text=rendered.text,
        html=rendered.html,
        required=(headers.UNSUBSCRIBE_URL, headers.PREFERENCES_URL, headers.ADDRESS),
    )


def _preheader(stories: tuple[StoryView, ...], lead: StoryView) -> str:
    """Fall back on the next headlines: they never repeat the subject, which is the lead's."""
    others = [story.title for story in stories if story is not lead]
    preheader = ""
    for title in others:
        longer = f"{preheader} · {title}" if preheader else title
        if len(longer) > LONGEST_PREHEADER:
            break
        preheader = longer
    return preheader or prose.cut(others[0] if others else lead.standfirst, LONGEST_PREHEADER)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or "paper"
