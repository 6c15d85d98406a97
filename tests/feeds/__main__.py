"""`python -m tests.feeds`: prints both tables, and exits 1 where anything was read wrongly."""

import sys
from pathlib import Path

import click

from tests.feeds import checkouts
from tests.feeds.folder import FeedsError
from tests.feeds.table import ALL, scores, table
from tests.feeds.writers import WRITERS, Writer
from tests.feeds.writing import write_and_read
from tests.newsroom.intake.corpus import SAMPLES

PARTS = ("ours", "writers")


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(PARTS), metavar="[ours] [writers]")
@click.option("--only", multiple=True, help="Run this writer only, by its name.")
@click.option(
    "--write",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for the table of our own feeds.",
)
@click.option("--install", is_flag=True, help="Install Debian's packages that are missing.")
def main(parts: tuple[str, ...], only: tuple[str, ...], write: Path | None, install: bool) -> None:
    """Read feeds of our own, before and now, and those that real feed writers write."""
    wrong = 0
    if "ours" in (parts or PARTS):
        wrong += _ours(write)
    if "writers" in (parts or PARTS):
        wrong += _written(_chosen(only), install=install)
    sys.exit(1 if wrong else 0)


def _ours(write: Path | None) -> int:
    after = scores(SAMPLES, checkouts.seen_here(SAMPLES))
    try:
        before = scores(SAMPLES, checkouts.seen_before(SAMPLES))
    except FeedsError as error:
        click.echo(str(error), err=True)
        before = None
    text = table(SAMPLES, after, before)
    click.echo(text)
    for sentence in after[ALL].wrong:
        click.echo(f"  {sentence}")
    if write is not None:
        write.write_text(text)
    return len(after[ALL].wrong)


def _chosen(only: tuple[str, ...]) -> list[Writer]:
    chosen = [writer for writer in WRITERS if not only or writer.name in only]
    if not chosen:
        names = ", ".join(writer.name for writer in WRITERS)
        raise click.UsageError(f"There is no such writer. There are: {names}.")
    return chosen


def _written(writers: list[Writer], *, install: bool) -> int:
    wrong = 0
    for writer in writers:
        result = write_and_read(writer, install=install)
        click.echo(result.text())
        wrong += len(result.wrong)
    return wrong


if __name__ == "__main__":
    main()
