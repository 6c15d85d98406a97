"""`verify`, `head` and `export`, for each log that has a chain."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click

from digest.chain.heads import find_head, read_heads
from digest.chain.links import chain_lines, count_links
from digest.chain.log import Log
from digest.chain.verifying import Findings, verify_chain
from digest.cli.arguments import read_text
from digest.cli.opening import json_option, print_json, runtime
from digest.cli.reading_files import GivenFile
from digest.cli.writing import watched, write_whole

VERIFY = """Check every {noun} of the chain, and whether any is missing.

Finds what was altered, taken out, put in or put in another order, and which {noun} it is. That
links were cut off the end can only be seen against a head that was kept elsewhere. Exits 1
where anything does not fit.
"""
HEAD = """Print the head of the chain: the number and the hash of its newest link.

Keep it where whoever owns this server cannot change it: in print, in a mail to your lawyer.
From then on, all before it is fixed: digest {command} verify --head FILE
"""
EXPORT = """Write every link of the chain, a line of JSON each, with nothing personal in it.

The SHA-256 of each line, without its line break, is the `previous` of the next: so somebody
who has no Digest can check it.
"""


def chain_commands(log: Log) -> tuple[click.Command, click.Command, click.Command]:
    """Return `verify`, `head` and `export` of a log."""
    return _verify(log), _head(log), _export(log)


def _verify(log: Log) -> click.Command:
    @click.command(help=VERIFY.format(noun=log.noun))
    @click.option(
        "--head",
        "files",
        multiple=True,
        type=GivenFile(),
        help=f"A file of heads that `digest {log.command} head` printed before; may be given "
        "several times.",
    )
    @json_option
    def verify(files: tuple[Path, ...], as_json: bool) -> None:
        heads = tuple(head for file in files for head in read_heads(read_text(file), log))
        with (
            runtime() as opened,
            opened.database.reading() as session,
            _progress(count_links(session, log)) as advanced,
        ):
            now = opened.clock.now()
            found = verify_chain(session, log, now, heads=heads, advanced=advanced)
        if as_json:
            print_json(asdict(found) | {"holds": found.holds})
        else:
            _tell(found, len(heads), log)
        sys.exit(0 if found.holds else 1)

    return verify


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    # Late, here and elsewhere: a pipe gets no bar.
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress

    console = Console(file=sys.stderr)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("Verifying", total=total)
        yield lambda links: progress.advance(task, links)


def _tell(found: Findings, heads: int, log: Log) -> None:
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
        waiting = f"{found.unsealed:,} {log.noun}s are"
        if found.unsealed == 1:
            waiting = f"One {log.noun} is"
        click.echo(f"{waiting} not sealed yet. The tick does it, each minute.")
    if not heads and found.links:
        click.echo(
            "Whether links were cut off its end can be told only against a head that you keep "
            f"elsewhere: digest {log.command} head"
        )
    elif found.holds and heads:
        click.echo(
            "The head that you kept is in it."
            if heads == 1
            else f"All {heads} heads that you kept are in it."
        )


def _head(log: Log) -> click.Command:
    @click.command(help=HEAD.format(command=log.command))
    @json_option
    def head(as_json: bool) -> None:
        with runtime() as opened, opened.database.reading() as session:
            found, now = find_head(session, log), opened.clock.now()
        if found is None:
            raise click.ClickException(
                "Nothing is sealed yet, so there is no head. Come back later."
            )
        if as_json:
            print_json(asdict(found) | {"printed_at": now.isoformat(timespec="seconds")})
        else:
            click.echo(f"{found} {now:%Y-%m-%dT%H:%M:%SZ}")

    return head


def _export(log: Log) -> click.Command:
    @click.command(help=EXPORT)
    @click.option(
        "--to",
        "file",
        type=click.Path(dir_okay=False, path_type=Path),
        help="The file to write, readable by you alone.  [standard output]",
    )
    def export(file: Path | None) -> None:
        with runtime() as opened, opened.database.reading() as session:
            lines = chain_lines(session, log)
            if file is None:
                for line in lines:
                    click.echo(line, nl=False)
                return
            write_whole(file, watched(lines, count_links(session, log)))
        click.echo(f"Wrote {file}", err=True)

    return export
