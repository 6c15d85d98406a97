"""`digest consent`: the chain of evidence, and the proof for one person."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from digest.cli.arguments import read_text
from digest.cli.opening import json_option, print_json, runtime
from digest.cli.proof_page import write_proof
from digest.cli.reading_files import GivenFile
from digest.cli.writing import watched, write_whole
from digest.readers.consent.chain import chain_lines, count_links, find_head, read_heads
from digest.readers.consent.proving import prove as prove_consent
from digest.readers.consent.verifying import Findings, verify_chain


@click.group()
def consent() -> None:
    """Check the chain of consents, and prove one person's."""


@consent.command()
@click.option(
    "--head",
    "files",
    multiple=True,
    type=GivenFile(),
    help="A file of heads that `digest consent head` printed before; may be given several times.",
)
@json_option
def verify(files: tuple[Path, ...], as_json: bool) -> None:
    """Check every record of the chain, and whether any is missing.

    Finds what was altered, taken out, put in or put in another order, and which record it is. That
    links were cut off the end can only be seen against a head that was kept elsewhere. Exits 1
    where anything does not fit.
    """
    heads = tuple(head for file in files for head in read_heads(read_text(file)))
    with (
        runtime() as opened,
        opened.database.reading() as session,
        _progress(count_links(session)) as advanced,
    ):
        found = verify_chain(session, opened.clock.now(), heads=heads, advanced=advanced)
    if as_json:
        print_json(asdict(found) | {"holds": found.holds})
    else:
        _tell(found, len(heads))
    sys.exit(0 if found.holds else 1)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    console = Console(file=sys.stderr)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("Verifying", total=total)
        yield lambda links: progress.advance(task, links)


def _tell(found: Findings, heads: int) -> None:
    for problem in found.problems:
        click.echo(f"{click.style('✗', fg='red')} {problem.sentence}")
    more = found.problem_count - len(found.problems)
    if more:
        click.echo(f"And {more:,} more like these.")
    if found.holds and found.links:
        details = f"{found.with_details:,} of them still with their personal details"
        click.echo(f"The chain holds: {found.links:,} links, {details}.")
        click.echo(f"Its head: {found.head}")
    elif found.holds:
        click.echo("Nothing is sealed yet.")
    else:
        things = "One thing does" if found.problem_count == 1 else f"{found.problem_count:,} do"
        click.echo(f"The chain does not hold: {things} not fit, of {found.links:,} links.")
    if found.unsealed:
        records = "One record is" if found.unsealed == 1 else f"{found.unsealed:,} records are"
        click.echo(f"{records} not sealed yet. The tick does it, each minute.")
    if not heads and found.links:
        click.echo(
            "Whether links were cut off its end can be told only against a head that you keep "
            "elsewhere: digest consent head"
        )
    elif found.holds and heads:
        click.echo(
            "The head that you kept is in it."
            if heads == 1
            else f"All {heads} heads that you kept are in it."
        )


@consent.command()
@json_option
def head(as_json: bool) -> None:
    """Print the head of the chain: the number and the hash of its newest link.

    Keep it where whoever owns this server cannot change it: in print, in a mail to your lawyer.
    From then on, all before it is fixed: digest consent verify --head FILE
    """
    with runtime() as opened, opened.database.reading() as session:
        found, now = find_head(session), opened.clock.now()
    if found is None:
        raise click.ClickException("Nothing is sealed yet, so there is no head. Come back later.")
    if as_json:
        print_json(asdict(found) | {"printed_at": now.isoformat(timespec="seconds")})
    else:
        click.echo(f"{found} {now:%Y-%m-%dT%H:%M:%SZ}")


@consent.command()
@click.argument("address")
@click.option(
    "--html",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A page to look at, to print or to make a PDF of, readable by you alone.",
)
@json_option
def prove(address: str, file: Path | None, as_json: bool) -> None:
    """Print what whoever has ADDRESS agreed to, when, where and in which words.

    It holds every event with its evidence, the terms in full, and how anybody can check it. Exits
    1 where something does not fit, or where nothing can be found by that address.
    """
    if file is not None and as_json:
        raise click.UsageError("Choose one: --html or --json.")
    with runtime() as opened, opened.database.reading() as session:
        proof = prove_consent(
            session, address, now=opened.clock.now(), suppression=opened.suppression
        )
    if file is not None:
        write_whole(file, iter([write_proof(proof, "html")]))
        click.echo(f"Wrote {file}", err=True)
    elif as_json:
        print_json(asdict(proof) | {"fits": proof.fits})
    else:
        click.echo(write_proof(proof, "txt"), nl=False)
    if not proof.fits:
        click.echo("digest: not everything fits what was sealed.", err=True)
        sys.exit(1)


@consent.command()
@click.option(
    "--to",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write, readable by you alone.  [standard output]",
)
def export(file: Path | None) -> None:
    """Write every link of the chain, a line of JSON each, with nothing personal in it.

    The SHA-256 of each line, without its line break, is the `previous` of the next: so somebody
    who has no Digest can check it.
    """
    with runtime() as opened, opened.database.reading() as session:
        lines = chain_lines(session)
        if file is None:
            for line in lines:
                click.echo(line, nl=False)
            return
        write_whole(file, watched(lines, count_links(session)))
    click.echo(f"Wrote {file}", err=True)
