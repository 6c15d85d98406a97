"""`digest issue pick|add|drop|move|edit`: what the page at the desk does, by command."""

from collections.abc import Callable
from datetime import datetime
from functools import reduce
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from digest.cli.acting import Acting, acting_options
from digest.cli.arguments import read_bytes, typed_wrongly
from digest.cli.issue_history import change_as_json
from digest.cli.issue_names import IssueName, find_issue, issue_argument, short_name, story_as_json
from digest.cli.opening import json_option, print_json, runtime
from digest.cli.reading_files import GivenFile
from digest.desk.audit import record_issue
from digest.errors import RefusedError
from digest.models import Issue, StoryRole
from digest.newsroom.intake.fetching_sources import open_fetcher
from digest.newsroom.intake.pictures import BYTES_AT_MOST
from digest.newsroom.issues.adding import find_by_address, pick_by_address
from digest.newsroom.issues.cropping import MIDDLE, focus_of
from digest.newsroom.issues.editing import bring_back, edit_issue, edit_story
from digest.newsroom.issues.history import STORY_TEXTS, Editor, Outcome, refuse_frozen
from digest.newsroom.issues.ordering import drop_story, pick_article, place_story, set_role
from digest.newsroom.issues.picturing import (
    Drawn,
    Picture,
    drawn,
    fetched_candidate,
    set_picture,
    to_crop,
)

WHICH_STORY = "Say which story: --story ARTICLE."

Verb = Callable[[Session, Issue, Editor, datetime], Outcome]

article_argument = click.argument("article_id", metavar="ARTICLE", type=click.IntRange(min=1))


TEXT_OPTIONS = (
    click.option("--subject", help="The subject; empty: the lead’s headline."),
    click.option(
        "--preheader", help="What mail programs show beside it; empty: further headlines."
    ),
    click.option("--note", help="The editor’s note; empty: none."),
    click.option("--last-thing", help="What stands at the end; empty: nothing."),
    click.option("--story", "article_id", type=int, help="The article of the story to change."),
    click.option("--headline", help="The story’s headline here; empty: the article’s own."),
    click.option("--standfirst", help="The story’s standfirst here; empty: the article’s own."),
    click.option("--section", help="The story’s section label here; empty: the article’s own."),
)


def text_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for each text of an issue and of a story."""
    return reduce(lambda made, option: option(made), reversed(TEXT_OPTIONS), command)


@click.command()
@issue_argument
@article_argument
@acting_options
@json_option
def pick(name: IssueName, article_id: int, acting: Acting, as_json: bool) -> None:
    """Put an article into an issue, as its last story. ARTICLE is an id: see digest article list.

    It stays when the issue is composed, or composed again.
    """
    change(
        name,
        acting,
        lambda session, found, by, now: pick_article(session, found, article_id, by, now),
        as_json=as_json,
    )


@click.command()
@issue_argument
@click.argument("url")
@acting_options
@json_option
def add(name: IssueName, url: str, acting: Acting, as_json: bool) -> None:
    """Put the article at URL into an issue, as its last story.

    One that came in already is picked as it is. Else its page is fetched, for what JSON-LD, Open
    Graph and the title say of it; its picture comes later, as those of feeds do.
    """
    with runtime() as opened, typed_wrongly():
        with opened.database.reading() as session:
            # Before anything is fetched.
            refuse_frozen(find_issue(session, name, opened.clock.now()))
        fetcher, now = open_fetcher(opened.database, opened.settings), opened.clock.now()
        found = find_by_address(opened.database, fetcher, url, now)
    change(
        name,
        acting,
        lambda session, issue, by, now: pick_by_address(session, issue, found, by, now),
        as_json=as_json,
    )


@click.command()
@issue_argument
@article_argument
@click.option("--file", type=GivenFile(), help="A picture: JPEG, PNG, WebP, GIF or AVIF.")
@click.option("--candidate", type=click.IntRange(min=1), help="Another one of the article’s.")
@click.option("--none", "without", is_flag=True, help="No picture.")
@click.option("--own", is_flag=True, help="The article’s own again.")
@click.option(
    "--focus",
    metavar="X,Y",
    help="What it is cropped about: percent from the left and the top; 50,50: the centre.",
)
@click.option("--alt", help="What it shows; empty: the article’s own words for its picture.")
@acting_options
@json_option
def picture(
    name: IssueName,
    article_id: int,
    file: Path | None,
    candidate: int | None,
    without: bool,
    own: bool,
    focus: str | None,
    alt: str | None,
    acting: Acting,
    as_json: bool,
) -> None:
    """Change a story's picture for this issue: one of --file, --candidate, --none and --own.

    With --focus alone the picture that it has is cropped anew.
    """
    given = [file is not None, candidate is not None, without, own]
    if sum(given) > 1 or not (any(given) or alt is not None or focus is not None):
        raise click.UsageError(
            "Give one of --file, --candidate, --none and --own, or --focus or --alt."
        )
    if focus is not None and without:
        raise click.UsageError("With --none there is nothing to crop: leave --focus out.")
    chosen: Picture | Drawn = Picture.AS_IT_IS
    with typed_wrongly():
        focus = None if focus is None else focus_of(focus)
        if file is not None:
            chosen = drawn("file", read_bytes(file, BYTES_AT_MOST), focus)
        elif candidate is not None or focus is not None:
            kept = Picture.ARTICLES if own else Picture.AS_IT_IS
            chosen = _fetched(name, article_id, candidate, focus, kept)
        elif without or own:
            chosen = Picture.NONE if without else Picture.ARTICLES
        change(
            name,
            acting,
            lambda session, issue, by, now: set_picture(
                session, issue, article_id, chosen, alt, by, now, focus=focus
            ),
            as_json=as_json,
        )


def _fetched(
    name: IssueName, article_id: int, candidate: int | None, focus: str | None, kept: Picture
) -> Drawn | Picture:
    """Return a candidate, or what it takes to crop the picture that a story has, or gets again."""
    with runtime() as opened:
        fetcher = open_fetcher(opened.database, opened.settings)
        if candidate is not None:
            return fetched_candidate(opened.database, fetcher, article_id, candidate, focus)
        with opened.database.reading() as session:
            issue_id = find_issue(session, name, opened.clock.now()).id
        return to_crop(opened.database, fetcher, issue_id, article_id, focus or MIDDLE, kept)


@click.command()
@issue_argument
@article_argument
@acting_options
@json_option
def drop(name: IssueName, article_id: int, acting: Acting, as_json: bool) -> None:
    """Take a story out of an issue. Its article may be picked again."""
    change(
        name,
        acting,
        lambda session, found, by, now: drop_story(session, found, article_id, by, now),
        as_json=as_json,
    )


@click.command()
@issue_argument
@article_argument
@click.argument("position", type=int)
@acting_options
@json_option
def move(name: IssueName, article_id: int, position: int, acting: Acting, as_json: bool) -> None:
    """Move a story to a position, counted from 1. The lead stays first."""
    change(
        name,
        acting,
        lambda session, found, by, now: place_story(session, found, article_id, position, by, now),
        as_json=as_json,
    )


@click.command()
@issue_argument
@text_options
@click.option(
    "--role", type=click.Choice([role.value for role in StoryRole]), help="How it is set."
)
@click.option(
    "--bring-back", "change_id", type=int, help="A text of the history: see digest issue history."
)
@click.option(
    "--version",
    type=int,
    help="The version you looked at: a text that was changed since is not overwritten.",
)
@acting_options
@json_option
def edit(
    name: IssueName,
    article_id: int | None,
    role: str | None,
    change_id: int | None,
    version: int | None,
    acting: Acting,
    as_json: bool,
    **texts: str | None,
) -> None:
    """Change an issue's words, or how one of its stories is told and set.

    With --headline, --standfirst, --section or --role say which story: --story ARTICLE.
    """
    of_issue, of_story = texts_given(texts)
    if (of_story or role) and article_id is None:
        raise click.UsageError(WHICH_STORY)
    if not (of_issue or of_story or role or change_id):
        raise click.UsageError("Say what to change, as in --subject or --note.")

    def edited(session: Session, found: Issue, by: Editor, now: datetime) -> Outcome:
        outcomes = []
        if of_issue:
            outcomes.append(edit_issue(session, found, of_issue, by, now, version=version))
        if of_story and article_id is not None:
            outcomes.append(
                edit_story(session, found, article_id, of_story, by, now, version=version)
            )
        if role and article_id is not None:
            outcomes.append(set_role(session, found, article_id, StoryRole(role), by, now))
        if change_id is not None:
            outcomes.append(bring_back(session, found, change_id, by, now, version=version))
        changes = tuple(change for each in outcomes for change in each.changes)
        return Outcome(found.version, changes, " ".join({each.said for each in outcomes}))

    with typed_wrongly():
        change(name, acting, edited, as_json=as_json)


def texts_given(texts: dict[str, str | None]) -> tuple[dict[str, str], dict[str, str]]:
    """Return which of `TEXT_OPTIONS` were given: those of the issue, and those of a story."""
    given = {field: text for field, text in texts.items() if text is not None}
    of_story = {field: text for field, text in given.items() if field in STORY_TEXTS}
    return {field: text for field, text in given.items() if field not in of_story}, of_story


def change(
    name: IssueName,
    acting: Acting,
    verb: Verb,
    *,
    as_json: bool,
    logged: str = "issue edit",
    find: Callable[[Session, IssueName, datetime], Issue] = find_issue,
) -> None:
    """Do it in one transaction, log it, and say what happened."""
    with runtime() as opened:
        now = opened.clock.now()
        with opened.database.transaction() as session:
            found = find(session, name, now)
            actor, by = acting.begin(session, found.newsletter)
            outcome = verb(session, found, by, now)
            if outcome.fields:
                record_issue(session, actor, logged, found, now=now, fields=outcome.fields)
            shown = _as_json(found, outcome)
        _tell(outcome, shown, as_json=as_json)


def _tell(outcome: Outcome, shown: dict[str, Any], *, as_json: bool) -> None:
    """Say what happened. What was kept and not taken is an error: the exit code is 1."""
    if as_json:
        print_json(shown)
    elif outcome.sentence and not (outcome.conflicts and not outcome.fields):
        click.echo(outcome.sentence)
    for lost in outcome.conflicts:
        click.echo(f"{lost.words} It stands: {lost.before or 'nothing'}", err=True)
    if outcome.conflicts:
        ids = " or ".join(str(lost.id) for lost in outcome.conflicts)
        raise RefusedError(f"Yours is in the history. To take it after all: --bring-back {ids}")


def _as_json(found: Issue, outcome: Outcome) -> dict[str, Any]:
    return {
        "issue": short_name(found),
        "id": found.id,
        "state": found.state,
        "version": outcome.version,
        "subject": found.subject,
        "preheader": found.preheader,
        "note": found.note,
        "last_thing": found.last_thing,
        "stories": [story_as_json(story) for story in found.stories],
        "changes": [change_as_json(change) for change in outcome.changes],
    }
