"""Looking at an issue from the command line: `digest issue preview|test`."""

import os
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from digest import prose
from digest.addresses import AddressError, parse_address
from digest.cli.issue_names import IssueName, find_issue, issue_argument, short_name, story_as_json
from digest.cli.opening import json_option, print_json, runtime
from digest.cli.tables import print_table, story_table
from digest.delivery.controls.previewing import Preview, preview_issue, send_preview
from digest.desk.audit import OPERATOR
from digest.desk.readers import show_as_reader
from digest.models import Issue
from digest.readers.data.finding import find_reader_or_id
from digest.runtime import Runtime
from digest.tick import links


@click.command()
@issue_argument
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    show_default="this folder",
    help="Where to write the files.",
)
@click.option(
    "--as-reader", metavar="READER", help="As that one gets it: an address or an id; it is logged."
)
@json_option
def preview(name: IssueName, folder: Path, as_reader: str | None, as_json: bool) -> None:
    """Write an issue as HTML, as text and as a whole mail (.eml), and say why each story is in."""
    remark = ""
    # A look at a reader is written down.
    with runtime() as opened, opened.database.transaction() as session:
        found = find_issue(session, name, opened.clock.now())
        stories = [story_as_json(story) for story in found.stories]
        stem = short_name(found).replace("/", "-")
        if as_reader is None:
            written = _previewed(opened, session, found, found.newsletter.editor_email)
        else:
            reader, now = find_reader_or_id(session, as_reader), opened.clock.now()
            seen = show_as_reader(session, OPERATOR, found, reader, links=links(opened), now=now)
            written, remark = seen.preview, seen.remark
            stem += f"-reader-{reader.id}"
    files = _write(folder, stem, written)
    if as_json:
        shown: dict[str, Any] = {"subject": written.subject, "stories": stories}
        shown |= {"remark": remark} if as_reader else {}
        print_json(shown | {"files": [str(file) for file in files]})
        return
    print_table(story_table(stories), "")
    if remark:
        click.echo(remark)
    click.echo(f"Subject: {written.subject}")
    click.echo(f"HTML: {len(written.html.encode()):,} bytes; Gmail cuts at 102,400.")
    for file in files:
        click.echo(f"Wrote {file}")


@click.command()
@issue_argument
@click.option("--to", "address", required=True, help="The address that gets it.")
def test(name: IssueName, address: str) -> None:
    """Mail an issue to one address, as a reader would get it. Nobody else is mailed."""
    with runtime() as opened:
        try:
            to = parse_address(address, opened.settings.reserved_names).email
        except AddressError as error:
            raise click.UsageError(f"--to: {prose.ended(str(error))}") from None
        with opened.database.reading() as session:
            found = find_issue(session, name, opened.clock.now())
            written = _previewed(opened, session, found, to)
        said = send_preview(written, opened.settings)
    click.echo(f"The relay accepted it: {said}")


def _previewed(opened: Runtime, session: Session, found: Issue, to: str) -> Preview:
    return preview_issue(
        session, found, to, links=links(opened), now=opened.clock.now(), signatory=opened.signatory
    )


def _write(folder: Path, stem: str, written: Preview) -> list[Path]:
    contents = {
        f"{stem}.html": written.html.encode(),
        f"{stem}.txt": written.text.encode(),
        f"{stem}.eml": written.eml,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise click.ClickException(
            f"Cannot write to {folder}: {os.strerror(error.errno or 0)}."
        ) from None
    return [folder / name for name in contents]
