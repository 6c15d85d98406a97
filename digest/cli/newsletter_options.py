"""What `digest newsletter create` and `edit` may be told, and what was told."""

import dataclasses
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from digest.cli.arguments import Tags, TimeOfDay, Topics, Weekday, read_bytes
from digest.cli.reading_files import GivenFile
from digest.models import Approval, InDoubtPolicy
from digest.newsroom.feeding import sources_named
from digest.newsroom.finding import NewsletterValues
from digest.newsroom.intake.media import store_media
from digest.newsroom.intake.pictures import (
    BYTES_AT_MOST,
    MARK,
    PORTRAIT,
    Encoded,
    Shape,
    crop_and_encode,
)
from digest.newsroom.newsletters import ensure_publication

FILE = GivenFile()

OPTIONS = (
    click.option("--name", help="What readers call it: Editor's Digest."),
    click.option("--promise", help="What readers get, in a sentence or two."),
    click.option("--editor-name", help="Who picks and signs it."),
    click.option("--editor-email", help="Where drafts and warnings go."),
    click.option("--portrait", type=FILE, help="The editor's portrait, a picture."),
    click.option("--from-address", help="The address in From."),
    click.option("--from-name", help="The name in From.  [FIRST NAME at PUBLICATION]"),
    click.option("--reply-to", help="Where answers go, if not to the address in From."),
    click.option("--postal-address", help="The publisher's, for the foot of every mail."),
    click.option("--weekday", type=Weekday(), help="The day it comes: Saturday."),
    click.option("--time", "local_time", type=TimeOfDay(), help="When, in its zone: 07:00."),
    click.option("--zone", help="IANA time zone: Europe/London."),
    click.option("--accent", help="The one colour, as hex: #006B5E."),
    click.option("--language", help="A language tag: en."),
    click.option(
        "--also-in", "languages", type=Tags(), help="Other languages it comes in: de, fr.  [none]"
    ),
    click.option(
        "--topics", type=Topics(), help="What readers may choose: economy=The economy, sea=The sea."
    ),
    click.option("--compose-hours", type=int, help="Compose so many hours ahead.  [24]"),
    click.option("--close-hours", type=int, help="Close so many hours ahead.  [1]"),
    click.option("--approval", type=click.Choice([word.value for word in Approval])),
    click.option("--story-count", type=int, help="At most so many stories.  [8]"),
    click.option("--story-min", type=int, help="With fewer it is skipped.  [3]"),
    click.option("--story-max-age-days", type=int, help="No older stories.  [14]"),
    click.option(
        "--source",
        "source_ids",
        multiple=True,
        metavar="NAME",
        help="Only articles of this source (a name or an id; `api`: those without one). "
        "Give it once for each source.  [all]",
    ),
    click.option("--all-sources", is_flag=True, help="Articles of every source again."),
    click.option(
        "--section",
        "sections",
        multiple=True,
        metavar="NAME",
        help="Only articles in this section. Give it once for each.  [all]",
    ),
    click.option("--all-sections", is_flag=True, help="Articles in every section again."),
    click.option("--briefs-heading", help="Above the briefs.  [Also on my desk]"),
    click.option(
        "--in-doubt-policy",
        type=click.Choice([word.value for word in InDoubtPolicy]),
        help="Where the relay never answered: hold it for a person, or resend it later.  [hold]",
    ),
    click.option(
        "--count-clicks/--no-count-clicks",
        default=None,
        help="Count how often each story is followed from the mail, and by nobody's name.  [no]",
    ),
    click.option("--publication", help="The paper's name; once is enough."),
    click.option("--site", help="The paper's web address; once is enough."),
    click.option("--privacy-url", help="The paper's privacy notice."),
    click.option("--mark", type=FILE, help="The paper's mark, a square picture."),
)


def newsletter_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command every option that says something about a newsletter."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def required_options() -> list[str]:
    """Return the fields that a new newsletter has to be told."""
    return [
        field.name
        for field in dataclasses.fields(NewsletterValues)
        if field.default is field.default_factory is dataclasses.MISSING
    ]


def option_of(field: str) -> str:
    """Return the option that sets a field."""
    return "--time" if field == "local_time" else "--" + field.replace("_", "-")


def changes_given(given: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were given, as the newsletter's fields."""
    known = {field.name for field in dataclasses.fields(NewsletterValues)}
    # What feeds it is named as a person names it: see `fed_given`.
    known -= {"source_ids", "sections"}
    changes = {name: value for name, value in given.items() if name in known and value is not None}
    if "approval" in changes:
        changes["approval"] = Approval(changes["approval"])
    if "in_doubt_policy" in changes:
        changes["in_doubt_policy"] = InDoubtPolicy(changes["in_doubt_policy"])
    return changes


def fed_given(session: Session, given: dict[str, Any]) -> dict[str, Any]:
    """Return what is to feed it, where that was given.

    Raises:
        FieldError: there is no such source or section.
    """
    for option, every in (("source_ids", "all_sources"), ("sections", "all_sections")):
        if given[option] and given[every]:
            one = "--section" if option == "sections" else "--source"
            raise click.UsageError(f"Give either {one} or {option_of(every)}.")
    fed: dict[str, Any] = {}
    if given["source_ids"] or given["all_sources"]:
        fed["source_ids"] = sources_named(session, given["source_ids"])
    if given["sections"] or given["all_sections"]:
        fed["sections"] = given["sections"]
    return fed


def pictures_given(given: dict[str, Any]) -> dict[str, Encoded]:
    """Return the pictures that were given, encoded: before a transaction is open."""
    shapes: dict[str, Shape] = {"portrait": PORTRAIT, "mark": MARK}
    pictures = {}
    for option, shape in shapes.items():
        file: Path | None = given[option]
        if file is None:
            continue
        picture = crop_and_encode(read_bytes(file, BYTES_AT_MOST), shape)
        if picture is None:
            raise click.UsageError(
                f"--{option}: the picture needs at least {shape.at_least} pixels each way."
            )
        pictures[option] = picture
    return pictures


def save_publication(
    session: Session, given: dict[str, Any], pictures: dict[str, Encoded], now: datetime
) -> None:
    """Keep what was told of the paper itself."""
    mark = None
    if "mark" in pictures:
        mark = store_media(session, pictures["mark"], now, lasting=True)
    ensure_publication(
        session,
        name=given["publication"],
        site_url=given["site"],
        privacy_url=given["privacy_url"],
        mark=mark,
    )


def portrait_of(session: Session, pictures: dict[str, Encoded], now: datetime) -> dict[str, str]:
    """Keep the portrait that was given; return it as the newsletter's field."""
    if "portrait" not in pictures:
        return {}
    return {"editor_portrait": store_media(session, pictures["portrait"], now, lasting=True)}
