"""A story's picture for one issue only: its article's, another, or none; and what it shows.

Of two who choose a picture the last one's stands, as with order: nothing typed is in it. The words
that describe it are a text, with all that holds for texts (`editing`); but with another picture
they go, as they are about the one before, and the history has them.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from posixpath import basename
from urllib.parse import unquote, urlsplit

from sqlalchemy.orm import Session

from digest import prose
from digest.database.transactions import Database
from digest.errors import FieldError, RefusedError
from digest.models import Article, ChangedField, Issue, Story, StoryRole
from digest.newsroom.intake.fetching import PICTURE, Fetcher, FetchError
from digest.newsroom.intake.media import ArticlePictures, article_pictures, store_media
from digest.newsroom.intake.pictures import LEAD, THUMBNAIL, PictureError
from digest.newsroom.issues.editing import change_text, cleaned, keep_of_dropped
from digest.newsroom.issues.history import Editor, Outcome, Turn, begin, quoted
from digest.newsroom.issues.ordering import in_issue

NAME_AT_MOST = 60


class Picture(Enum):
    """A choice that needs no file."""

    AS_IT_IS = "keep"
    ARTICLES = "article"
    NONE = "none"


@dataclass(frozen=True)
class Drawn:
    """A picture that was prepared, and what its page says that it shows; "": nothing."""

    pictures: ArticlePictures
    alt: str = ""


def other_candidates(article: Article) -> list[tuple[int, str]]:
    """Return the pictures of an article beside the one it has: their numbers, and what they show.

    Numbers count all of its candidates, from one; where nothing is said, the file's name tells.
    """
    return [
        (number, alt or prose.cut(_file_name(url) or url, NAME_AT_MOST))
        for number, (url, alt) in enumerate(article.picture_candidates, start=1)
        if url != article.image_url
    ]


def _file_name(url: str) -> str:
    return prose.on_one_line(unquote(basename(urlsplit(url).path)))


def drawn(field: str, data: bytes, alt: str = "") -> Drawn:
    """Prepare a picture that somebody sent. It takes its time: call it outside of a transaction.

    Raises:
        FieldError: `field`: it cannot be used; says why.
    """
    try:
        found = article_pictures(data)
    except PictureError as error:
        raise FieldError(field, str(error)) from None
    if found.thumbnail is None:
        raise FieldError(field, f"It needs at least {THUMBNAIL.at_least} pixels across.")
    return Drawn(found, alt)


def fetched_candidate(database: Database, fetcher: Fetcher, article_id: int, number: int) -> Drawn:
    """Fetch one of an article's candidates. Call it outside of a transaction.

    Raises:
        FieldError: `picture`: there is none of that number, or it is not to be had; says why.
    """
    with database.reading() as session:
        article = session.get(Article, article_id)
        candidates = article.picture_candidates if article else []
        if not 1 <= number <= len(candidates):
            raise FieldError("picture", "The article has no such picture.")
        url, alt = candidates[number - 1]
    try:
        content = fetcher.fetch(url, PICTURE).content or b""
    except FetchError as error:
        raise FieldError("picture", str(error)) from None
    return drawn("picture", content, alt)


def set_picture(
    session: Session,
    issue: Issue,
    article_id: int,
    picture: Picture | Drawn,
    alt: str | None,
    by: Editor,
    now: datetime,
    *,
    version: int | None = None,
) -> Outcome:
    """Change a story's picture for this issue, and what describes it.

    `alt` None: what stands there, or with another picture what its page says of it. An empty one is
    the article's own, where the picture is. `version`: the one that the editor looked at, for
    `alt`.

    Raises:
        FieldError: `alt` is too long, or the picture too small for a lead.
        RefusedError: the issue is frozen, or the story not in it.
    """
    text = None if alt is None else cleaned(ChangedField.ALT, alt)
    turn = begin(session, issue, by, now)
    story = turn.story(article_id)
    if story is None and text is not None:
        keep_of_dropped(turn, article_id, ChangedField.ALT, text)
        return turn.end()
    story = story or in_issue(turn, article_id)
    another = _change(turn, story, picture)
    if alt is not None:
        change_text(turn, story, ChangedField.ALT, text, version)
    elif another:
        said = picture.alt if isinstance(picture, Drawn) else ""
        change_text(turn, story, ChangedField.ALT, said or None, None)
    return turn.end()


def _change(turn: Turn, story: Story, picture: Picture | Drawn) -> bool:
    """Change the picture; tell whether it is another now."""
    if isinstance(picture, Drawn):
        return _show(turn, story, picture.pictures)
    return picture is not Picture.AS_IT_IS and _take_away(turn, story, own=picture is Picture.NONE)


def _show(turn: Turn, story: Story, picture: ArticlePictures) -> bool:
    if story.role is StoryRole.LEAD and picture.lead is None:
        raise FieldError("picture", f"A lead’s needs at least {LEAD.at_least} pixels across.")
    lead, small = [
        store_media(turn.session, each, turn.now) if each else None
        for each in (picture.lead, picture.thumbnail)
    ]
    if story.own_picture and (story.own_lead, story.own_thumbnail) == (lead, small):
        return False
    _note(turn, story, "another", "{} has another picture in this issue.")
    story.own_picture, story.own_lead, story.own_thumbnail = True, lead, small
    return True


def _take_away(turn: Turn, story: Story, *, own: bool) -> bool:
    shows_one = story.own_thumbnail is not None
    if story.own_picture is own and not shows_one:
        return False
    if own:
        _note(turn, story, "none", "{} goes without a picture.")
    else:
        _note(turn, story, "the article's", "{} has the article’s picture again.")
    story.own_picture, story.own_lead, story.own_thumbnail = own, None, None
    return True


def _note(turn: Turn, story: Story, after: str, words: str) -> None:
    before = "the article's"
    if story.own_picture:
        before = "another" if story.own_thumbnail else "none"
    said = words.format(quoted(story.headline))
    turn.take(ChangedField.PICTURE, before, after, said, story.article_id)


def picture_number(choice: str) -> int:
    """Return the number in "candidate-2".

    Raises:
        RefusedError: it names none.
    """
    number = choice.removeprefix("candidate-")
    if number == choice or not (number.isascii() and number.isdecimal() and len(number) < 4):
        raise RefusedError("Choose one of the pictures.")
    return int(number)
