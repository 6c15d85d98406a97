"""`digest bounce`: mail that came to the inbound domain, handed over by the mail server."""

import sys
from typing import BinaryIO

import click

from digest.cli.opening import json_option, print_json, runtime
from digest.inbound import LONGEST_MAIL, act_on_mail

# So much of a mail that is too long is read and thrown away, so that whoever writes it is not
# told that the pipe is broken.
DISCARD_AT_MOST = 64 * 1024 * 1024
CHUNK = 64 * 1024


@click.group()
def bounce() -> None:
    """Act on mail that came back, or that asks to leave."""


@bounce.command()
@click.option(
    "--recipient",
    "recipients",
    multiple=True,
    metavar="ADDRESS",
    help="Whom the envelope was for; the mail server knows. May be given again.",
)
@json_option
def process(recipients: tuple[str, ...], as_json: bool) -> None:
    """Act on the mail on standard input: digest bounce process < mail.eml

    Exits 0 also where there is nothing to do, so that the mail server sends nothing back.
    """
    if sys.stdin.isatty():
        raise click.UsageError("Give the mail on standard input: digest bounce process < mail.eml")
    content = _read_bounded(sys.stdin.buffer)
    if not content.strip():
        raise click.ClickException("There is no mail on standard input.")
    with runtime() as opened:
        acted = act_on_mail(
            opened.database, opened.ring, content, recipients, now=opened.clock.now()
        )
    if as_json:
        print_json({"what": acted.what, "sentence": acted.sentence})
    else:
        click.echo(acted.sentence)


def _read_bounded(stream: BinaryIO) -> bytes:
    content = stream.read(LONGEST_MAIL)
    discarded = 0
    while discarded < DISCARD_AT_MOST and (chunk := stream.read(CHUNK)):
        discarded += len(chunk)
    return content
