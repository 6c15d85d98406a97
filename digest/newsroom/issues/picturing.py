"""A story's picture for one issue only: which, cropped about which point, and what it shows.

Of two who choose a picture the last one's stands, as with order: nothing typed is in it. The focal
point, and the words that describe it, are texts, with all that holds for texts (`editing`); but
with another picture they go, as they are about the one before, and the history has them.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from posixpath import basename
from urllib.parse import unquote, urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from digest import prose
from digest.database.transactions import Database
from digest.errors import FieldError, RefusedError
from digest.models import Article, ChangedField, Issue, Story, StoryRole
from digest.newsroom.intake.fetching import PICTURE, Fetcher, FetchError
from digest.newsroom.intake.media import ArticlePictures, article_pictures, store_media
from digest.newsroom.intake.pictures import (
    LEAD,
    THUMBNAIL,
    Encoded,
    PictureError,
    scale_and_encode,
)
from digest.newsroom.issues.cropping import MIDDLE, parts_of
from digest.newsroom.issues.editing import change_text, cleaned, keep_of_dropped
from digest.newsroom.issues.history import Editor, Outcome, Turn, begin, quoted
from digest.newsroom.issues.ordering import in_issue

NAME_AT_MOST = 60


class Picture(Enum):
    """A choice that needs no file."""

    AS_IT_IS = "keep"
    ARTICLES = "article"
    NONE = "none"


def other_candidates(article: Article) -> list[tuple[str, str]]:
    """Return the pictures of an article beside the one it has: their marks, and what they show.

    Where nothing is said of one, the file's name tells.
    """
    return [
        (candidate_mark(url), alt or prose.cut(_file_name(url) or url, NAME_AT_MOST))
        for url, alt in article.picture_candidates
        if url != article.image_url
    ]


def candidate_mark(url: str) -> str:
    """Return what a page names a candidate by: a feed may put others before it at any time."""
    return hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _file_name(url: str) -> str:
    return prose.on_one_line(unquote(basename(urlsplit(url).path)))


@dataclass(frozen=True)
class Drawn:
    """A picture in both shapes, cropped about `focus`, and as a whole; `alt`: as its page says.

    `of`: for the one that the article has, whether the story shows it (`AS_IT_IS`), so that only
    the crop is new, or shows it again (`ARTICLES`); None: it is another.
    """

    pictures: ArticlePictures
    whole: Encoded
    focus: str | None
    alt: str = ""
    of: Picture | None = None


def drawn(
    field: str,
    data: bytes,
    focus: str | None = None,
    *,
    alt: str = "",
    of: Picture | None = None,
) -> Drawn:
    """Prepare a picture that somebody sent. It takes its time: call it outside of a transaction.

    Raises:
        FieldError: `field`: it cannot be used; says why.
    """
    focus = None if focus == MIDDLE else focus
    try:
        found, whole = article_pictures(data, parts_of(focus)), scale_and_encode(data)
    except PictureError as error:
        raise FieldError(field, str(error)) from None
    if found.thumbnail is None:
        raise FieldError(field, f"It needs at least {THUMBNAIL.at_least} pixels across.")
    return Drawn(found, whole, focus, alt, of)


def fetched_candidate(
    database: Database,
    fetcher: Fetcher,
    article_id: int,
    which: int | str,
    focus: str | None = None,
) -> Drawn:
    """Fetch one of an article's candidates: by its number, from one, or by its mark.

    Call it outside of a transaction.

    Raises:
        FieldError: `picture`: there is no such one, or it is not to be had; says why.
    """
    with database.reading() as session:
        article = session.get(Article, article_id)
        candidates = article.picture_candidates if article else []
        found = [
            (url, alt)
            for number, (url, alt) in enumerate(candidates, start=1)
            if which in (number, candidate_mark(url))
        ]
        if not found:
            raise FieldError("picture", "The article has no such picture any more. Choose another.")
        url, alt = found[0]
    return drawn("picture", _fetched("picture", fetcher, url), focus, alt=alt)


def to_crop(
    database: Database,
    fetcher: Fetcher,
    issue_id: int,
    article_id: int,
    focus: str,
    choice: Picture = Picture.AS_IT_IS,
) -> Drawn | Picture:
    """Return what `set_picture` needs to crop the picture that a story has, or gets, elsewhere.

    `choice`: the one that it has, or the article's. That is fetched: only its crop is kept. Call it
    outside of a transaction.

    Raises:
        FieldError: `focus`: it is not to be had; says why.
    """
    with database.reading() as session:
        mine = (Story.issue_id == issue_id, Story.article_id == article_id)
        story = session.scalar(select(Story).where(*mine))
        if story is None or focus == MIDDLE:
            return choice
        if story.own_picture and choice is Picture.AS_IT_IS:
            return choice
        url, alt = story.article.image_url, story.article.image_alt
    if url is None:
        raise FieldError("focus", "Only the crop of its picture is kept. Send the picture again.")
    return drawn("focus", _fetched("focus", fetcher, url), focus, alt=alt, of=choice)


def _fetched(field: str, fetcher: Fetcher, url: str) -> bytes:
    try:
        return fetcher.fetch(url, PICTURE).content or b""
    except FetchError as error:
        raise FieldError(field, str(error)) from None


def set_picture(
    session: Session,
    issue: Issue,
    article_id: int,
    picture: Picture | Drawn,
    alt: str | None,
    by: Editor,
    now: datetime,
    *,
    focus: str | None = None,
    version: int | None = None,
) -> Outcome:
    """Change a story's picture for this issue, and what describes it.

    `alt` None: what stands there, or with another picture what its page says of it. An empty one is
    the article's own, where the picture is. `focus`: what the picture that it has is cropped about
    from now on, with what `to_crop` returned as `picture`. `version`: the one that the editor
    looked at, for `alt` and `focus`.

    Raises:
        FieldError: `alt` is too long, or the picture too small for a lead.
        RefusedError: the issue is frozen, the story not in it, or without a picture to crop.
    """
    text = None if alt is None else cleaned(ChangedField.ALT, alt)
    turn = begin(session, issue, by, now)
    story = turn.story(article_id)
    if story is None and text is not None:
        keep_of_dropped(turn, article_id, ChangedField.ALT, text)
        return turn.end()
    story = story or in_issue(turn, article_id)
    another = _change(turn, story, picture, focus, version)
    said = (picture.alt if isinstance(picture, Drawn) else "") or None
    if alt is not None:
        is_articles = isinstance(picture, Drawn) and picture.of is not None
        text = text or (said if is_articles else None)
        change_text(turn, story, ChangedField.ALT, text, version)
    elif another:
        change_text(turn, story, ChangedField.ALT, said, None)
    return turn.end()


def _change(
    turn: Turn, story: Story, picture: Picture | Drawn, focus: str | None, version: int | None
) -> bool:
    """Change the picture; tell whether it is another now."""
    drawn_one = picture if isinstance(picture, Drawn) else None
    if drawn_one is not None and drawn_one.of is None:
        return _show(turn, story, drawn_one)
    choice, another = drawn_one.of if drawn_one is not None else picture, False
    if choice in {Picture.NONE, Picture.ARTICLES}:
        another = _take_away(turn, story, own=choice is Picture.NONE)
        # Where the one before was cropped is gone with it.
        version = None
    if focus is not None and choice is not Picture.NONE:
        _crop(turn, story, focus, drawn_one, version)
    return another


def _crop(
    turn: Turn, story: Story, focus: str, articles: Drawn | None, version: int | None
) -> None:
    if articles is None:
        change_text(turn, story, ChangedField.FOCUS, focus, version)
        return
    if story.own_picture:
        words = "Somebody chose another picture first. The focal point was kept, and not taken."
        turn.lose(ChangedField.FOCUS, story.own_focus, focus, words, story.article_id)
        return
    story.own_whole = store_media(turn.session, articles.whole, turn.now)
    change_text(turn, story, ChangedField.FOCUS, focus, version)
    if story.own_focus is None:
        # Somebody else was first, and it was not taken.
        story.own_whole = None
    else:
        # It is the article's picture still, and so are the words for it.
        story.image_alt = story.image_alt or articles.alt or None


def _show(turn: Turn, story: Story, picture: Drawn) -> bool:
    if story.role is StoryRole.LEAD and picture.pictures.lead is None:
        raise FieldError("picture", f"A lead’s needs at least {LEAD.at_least} pixels across.")
    lead, small = [
        store_media(turn.session, each, turn.now) if each else None
        for each in (picture.pictures.lead, picture.pictures.thumbnail)
    ]
    before = story.own_whole
    story.own_whole = store_media(turn.session, picture.whole, turn.now)
    if story.own_picture and (story.own_lead, story.own_thumbnail) == (lead, small):
        return False
    another = not story.own_picture or before != story.own_whole
    if another:
        _note(turn, story, "another", "{} has another picture in this issue.")
    story.own_picture, story.own_lead, story.own_thumbnail = True, lead, small
    _set_focus(turn, story, picture.focus)
    return another


def _take_away(turn: Turn, story: Story, *, own: bool) -> bool:
    shows_one = story.own_thumbnail is not None
    if story.own_picture is own and not shows_one:
        return False
    if own:
        _note(turn, story, "none", "{} goes without a picture.")
    else:
        _note(turn, story, "the article's", "{} has the article’s picture again.")
    story.own_picture, story.own_lead, story.own_thumbnail = own, None, None
    story.own_whole = None
    _set_focus(turn, story, None)
    return True


def _set_focus(turn: Turn, story: Story, focus: str | None) -> None:
    """Note the focal point of another picture, which is cropped about it already."""
    before, story.own_focus = story.own_focus, focus
    if before != focus:
        words = f"It is cropped about {focus}." if focus else "Its focal point is forgotten."
        turn.take(ChangedField.FOCUS, before, focus, words, story.article_id)


def _note(turn: Turn, story: Story, after: str, words: str) -> None:
    before = "the article's"
    if story.own_picture:
        before = "another" if story.own_thumbnail else "none"
    said = words.format(quoted(story.headline))
    turn.take(ChangedField.PICTURE, before, after, said, story.article_id)


def mark_in(choice: str) -> str:
    """Return the mark in "candidate-4f2a…".

    Raises:
        RefusedError: it names none.
    """
    mark = choice.removeprefix("candidate-")
    if mark == choice or not mark:
        raise RefusedError("Choose one of the pictures.")
    return mark
