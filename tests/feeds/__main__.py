"""`python -m tests.feeds`: prints both tables, and exits 1 where anything was read wrongly."""

import sys
from pathlib import Path

import click

from tests.feeds import checkouts
from tests.feeds.table import ALL, scores, table
from tests.feeds.writers import WRITERS, Writer
from tests.feeds.writing import write_and_read
from tests.newsroom.intake.corpus import SAMPLES
from tests.programs import CannotRunError

PARTS = ("ours", "writers")
FEWEST_WRITERS = 6


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(PARTS), metavar="[ours] [writers]")
@click.option("--only", multiple=True, help="Run this writer only, by its name.")
@click.option(
    "--write",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="Folder for the tables: feeds-table.txt and feed-writers.txt.",
)
@click.option("--install", is_flag=True, help="Install Debian's packages that are missing.")
def main(parts: tuple[str, ...], only: tuple[str, ...], write: Path | None, install: bool) -> None:
    """Read feeds of our own, before and now, and those that real feed writers write."""
    wrong = 0
    if "ours" in (parts or PARTS):
        wrong += _ours(write)
    if "writers" in (parts or PARTS):
        wrong += _written(_chosen(only), write, install=install)
    sys.exit(1 if wrong else 0)


def _ours(write: Path | None) -> int:
    after = scores(SAMPLES, checkouts.seen_here(SAMPLES))
    try:
        before = scores(SAMPLES, checkouts.seen_before(SAMPLES))
    except CannotRunError as error:
        click.echo(str(error), err=True)
        before = None
    text = table(SAMPLES, after, before)
    click.echo(text)
    for sentence in after[ALL].wrong:
        click.echo(f"  {sentence}")
    if write is not None:
        (write / "feeds-table.txt").write_text(text)
    return len(after[ALL].wrong)


def _chosen(only: tuple[str, ...]) -> list[Writer]:
    chosen = [writer for writer in WRITERS if not only or writer.name in only]
    if not chosen:
        names = ", ".join(writer.name for writer in WRITERS)
        raise click.UsageError(f"There is no such writer. There are: {names}.")
    return chosen


def _written(writers: list[Writer], write: Path | None, *, install: bool) -> int:
    results = []
    for writer in writers:
        results.append(write_and_read(writer, install=install))
        click.echo(results[-1].text())
    tried = sum(not result.missing for result in results)
    if write is not None:
        (write / "feed-writers.txt").write_text("".join(f"{each.text()}\n" for each in results))
    too_few = tried < min(FEWEST_WRITERS, len(writers))
    if too_few:
        click.echo(f"Only {tried} writers could be tried.", err=True)
    return too_few + sum(len(result.wrong) for result in results)


if __name__ == "__main__":
    main()
