"""`digest doctor`: what is missing, and how to mend it."""

import dataclasses
import logging
import os
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable
from typing import NoReturn

import click

from digest.checkup import Echoing, Finding, Level, check_up
from digest.checkup.domain.rules import DomainFinding
from digest.checkup.finding import WORDS, summary
from digest.checkup.returning import ARRIVAL_SECONDS
from digest.cli.accepting import accept
from digest.cli.arguments import who
from digest.cli.doctor_domain import look_at_domain
from digest.cli.opening import json_option, print_json, say_what_was_not_read
from digest.logs import set_up_logging
from digest.settings.loading import new_secret

# Words as well, for those who see no colour, hear the screen, or have a terminal without marks.
MARKS = {Level.FINE: "✓", Level.WARNING: "!", Level.FAILURE: "✗"}
COLOURS = {Level.FINE: "green", Level.WARNING: "yellow", Level.FAILURE: "red"}
CHECK_WIDTH = 16
TEXT_WIDTH = 100


@click.command()
@click.argument("domain", required=False)
@click.option(
    "--sends-from",
    "sends_from",
    multiple=True,
    metavar="ADDRESS",
    help="With DOMAIN: an IP address that mail leaves from, where Digest cannot know it.",
)
@click.option("--new-key", is_flag=True, help="Print a new random key, and do nothing else.")
@click.option(
    "--accept-restore",
    is_flag=True,
    help="Let a database that was restored or copied go on here. What was on its way stays held.",
)
@click.option(
    "--nothing-lost",
    is_flag=True,
    help="With --accept-restore: nothing was sent since the copy was made, so nothing is held.",
)
@click.option("--by", default=who, show_default="you", help="Who accepts.")
@click.option(
    "--mail", "mail_now", is_flag=True, help="Send the mail to itself now, whatever is known of it."
)
@click.option(
    "--wait",
    type=click.FloatRange(0, 600),
    default=ARRIVAL_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the mail to itself.",
)
@json_option
def doctor(
    domain: str | None,
    sends_from: tuple[str, ...],
    new_key: bool,
    accept_restore: bool,
    nothing_lost: bool,
    by: str,
    mail_now: bool,
    wait: float,
    as_json: bool,
) -> None:
    """Say what is missing, and how to mend it; with DOMAIN, what receivers find of that domain.

    It looks at the settings, the database, the broker, the relay and what waits for a person. It
    changes nothing of yours, and mails nobody but itself. Exits 0 where all is well or there are
    only warnings, and 1 where something must be mended.

    Where DIGEST_INBOUND_DOMAIN is set, it sends one mail to an address there, to see that it
    arrives: at most one an hour until it does, then one a month. Issues offer an address to leave
    by from then on.

    With DOMAIN, which newsletters are from, it looks at that alone: SPF, DKIM, DMARC, MX, reverse
    DNS, the certificate of DIGEST_PUBLIC_URL and the one-click button; and says which rule each
    finding is by, and which DNS record to publish.

    With --accept-restore it changes one thing: a database that was restored or copied, and sends
    nothing for that reason, lives here from then on.
    """
    if new_key:
        click.echo(new_secret())
        return
    if domain is None and sends_from:
        raise click.UsageError("--sends-from goes with a DOMAIN.")
    if domain is not None:
        if accept_restore or nothing_lost or mail_now:
            raise click.UsageError("Of these options a DOMAIN takes --sends-from and --json.")
        set_up_logging("text", logging.CRITICAL)
        _end(_told(look_at_domain(domain, sends_from), as_json), as_json)
    if nothing_lost and not accept_restore:
        raise click.UsageError("--nothing-lost goes with --accept-restore.")
    if accept_restore:
        accept(by, nothing_lost=nothing_lost, as_json=as_json)
        return
    set_up_logging("text", logging.CRITICAL)
    say_what_was_not_read(os.environ)
    _end(_told(check_up(echoing=Echoing(mail_now, wait)), as_json), as_json)


def _told(findings: Iterable[Finding], as_json: bool) -> list[Finding]:
    """Tell what is found as it is found, and return all of it."""
    found: list[Finding] = []
    for each in findings:
        found.append(each)
        if not as_json:
            _tell(each)
    return found


def _end(found: list[Finding], as_json: bool) -> NoReturn:
    counts = Counter(each.level for each in found)
    if as_json:
        print_json({"status": _status(counts), "checks": list(map(dataclasses.asdict, found))})
    else:
        click.echo(f"\n{summary(found)}")
    sys.exit(1 if counts[Level.FAILURE] else 0)


def _tell(finding: Finding) -> None:
    mark = click.style(_printable(MARKS[finding.level]), fg=COLOURS[finding.level])
    said = f"{finding.check:<{CHECK_WIDTH}} {WORDS[finding.level]}{finding.found}"
    first, *more = _lines(said, 0)
    click.echo(f"{mark} {first}")
    for line in [*more, *(_lines(finding.remedy, CHECK_WIDTH + 1) if finding.remedy else [])]:
        click.echo(f"  {line}")
    if isinstance(finding, DomainFinding):
        _tell_rule(finding)


def _tell_rule(finding: DomainFinding) -> None:
    # Never folded: it is copied into a zone.
    if finding.record:
        click.echo(f"{' ' * (CHECK_WIDTH + 3)}{_printable(finding.record)}")
    if finding.level is not Level.FINE:
        for line in _lines(f"({finding.source}; read {finding.read})", CHECK_WIDTH + 1):
            click.echo(f"  {line}")


def _lines(text: str, indent: int) -> list[str]:
    """Fold for people; in a pipe or a file a sentence stays on its line, to be searched for."""
    text = _printable(text)
    if not sys.stdout.isatty():
        return [" " * indent + text]
    width = min(shutil.get_terminal_size().columns, TEXT_WIDTH) - 2
    return textwrap.wrap(
        text,
        max(width, CHECK_WIDTH + 20),
        initial_indent=" " * indent,
        subsequent_indent=" " * (CHECK_WIDTH + 1),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _printable(text: str) -> str:
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)


def _status(counts: Counter[Level]) -> str:
    worst = [level for level in (Level.FAILURE, Level.WARNING) if counts[level]]
    return str(worst[0] if worst else Level.FINE)
