"""`digest terms`: the words that readers agree to."""

from pathlib import Path

import click

from digest.cli.arguments import read_text, typed_wrongly
from digest.cli.opening import json_option, print_json, runtime
from digest.cli.reading_files import GivenFile
from digest.newsroom.terms import DEFAULT_LABEL, publish_terms


@click.group()
def terms() -> None:
    """Publish the words that readers agree to."""


@terms.command()
@click.argument("file", type=GivenFile())
@click.option(
    "--label",
    default=DEFAULT_LABEL,
    show_default=True,
    help="The sentence beside the checkbox; its link's words in square brackets.",
)
@json_option
def publish(file: Path, label: str, as_json: bool) -> None:
    """Publish FILE (Markdown) as the next version. Earlier versions stay where they are."""
    body = read_text(file)
    with runtime() as opened:
        with typed_wrongly(), opened.database.transaction() as session:
            published, wording = publish_terms(session, body, opened.clock.now(), label)
        url = f"{opened.settings.public_url}/terms/{published.version}"
    if as_json:
        print_json({"version": published.version, "wording": wording.number, "url": url})
    else:
        click.echo(f"Readers now agree to version {published.version}: {url}")
