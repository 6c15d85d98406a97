"""The machinery of `make feeds`, without what it installs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.feeds import sites
from tests.feeds.__main__ import main
from tests.feeds.posts import POSTS
from tests.feeds.table import ALL, scores, table
from tests.feeds.writers import WRITERS, Loss, Writer
from tests.feeds.writing import write_and_read
from tests.newsroom.intake.corpus.samples import PAGE, Sample, Wanted, item, rss
from tests.programs import CannotRunError, run

ROW: dict[str, Any] = {
    "title": "The bridge",
    "link": f"{PAGE}1",
    "published": "2026-11-02T09:00:00+00:00",
    "byline": "Ada",
    "section": None,
    "topics": [],
    "picture": None,
    "alt": "",
    "standfirst": "",
    "minutes": None,
}
SAMPLES = (
    Sample("one", "Bylines", rss(item()), (Wanted(byline="Ada"),)),
    Sample("two", "Dates", rss(item()), (Wanted(published=None, byline="Ada"),)),
)


def test_the_table_says_what_was_right_before_and_what_is_now() -> None:
    came = {"refused": None, "articles": [ROW]}
    undated = {"refused": None, "articles": [{**ROW, "published": None}]}
    before, after = scores(SAMPLES, [came, came]), scores(SAMPLES, [came, undated])
    lines = [line.split() for line in table(SAMPLES, after, before).splitlines()]

    assert lines[0][:5] == ["feeds", "kept", "title", "link", "date"]
    assert lines[2] == ["Dates", "1", *["1→1/1"] * 3, "0→1/1", *["1→1/1"] * 4, "-"]
    assert lines[3][:4] == ["All", "of", "them", "2"]
    assert after[ALL].wrong == []


def test_the_table_does_without_what_was_before() -> None:
    now = scores(SAMPLES, [{"refused": "No.", "articles": []}] * 2)

    assert "0/1" in table(SAMPLES, now, None)
    assert "→" not in table(SAMPLES, now, None)


FEED = "".join(
    f"<item><title>A title</title><link>https://halyard.example/{post.slug}/</link>"
    f"<pubDate>{post.written_at:%a, %d %b %Y %H:%M:%S %z}</pubDate></item>"
    for post in POSTS
)


def writer(command: str, *losses: Loss) -> Writer:
    """Return a writer that is a line of shell."""
    return Writer(
        name="Shell",
        kind="debian",
        packages=("sh",),
        command=("sh", "-c", command),
        feeds={"RSS": "feed.xml"},
        files=lambda: {"in/feed": f'<rss version="2.0"><channel>{FEED}</channel></rss>'},
        losses=losses,
    )


def test_what_a_writer_writes_is_read_and_compared(tmp_path: Path) -> None:
    silent = Loss("byline", "no authors", (None,))
    result = write_and_read(writer("cp in/feed feed.xml", silent), install=False, folder=tmp_path)

    assert result.right["RSS", "kept"] == result.right["RSS", "date"] == len(POSTS)
    assert result.of["RSS", "byline"] == 0
    assert "RSS: byline: no authors" in result.lost
    assert f"RSS: dialog: title is 'A title', not {POSTS[0].title!r}" in result.wrong
    assert "title 0/3" in result.text()


@pytest.mark.parametrize(
    ("command", "why"),
    [("exit 7", "sh failed"), ("true", "it did not write feed.xml."), ("echo no >&2; false", "no")],
)
def test_a_writer_that_cannot_be_tried_says_why(tmp_path: Path, command: str, why: str) -> None:
    result = write_and_read(writer(command), install=False, folder=tmp_path)

    assert why in result.missing
    assert "not tried: " in result.text()


def test_a_program_that_is_missing_or_does_not_end_says_so() -> None:
    with pytest.raises(CannotRunError, match="cannot be run"):
        run(["no-such-program"])
    with pytest.raises(CannotRunError, match="had not ended after"):
        run(["sleep", "60"], within=0.1)


@pytest.mark.parametrize(
    "files",
    [each.files for each in WRITERS if each.files is not sites.plain],
)
def test_every_post_is_given_to_each_site(files: Callable[[], sites.Files]) -> None:
    given = "\n".join(f"{name}\n{text}" for name, text in files().items())

    for post in POSTS:
        assert post.slug in given
        assert post.rest in given


def test_writers_have_names_of_their_own_and_pinned_packages() -> None:
    assert len({each.name for each in WRITERS}) == len(WRITERS) >= 6
    for each in WRITERS:
        assert each.kind == "debian" or all(map(_is_pinned, each.packages))


def _is_pinned(package: str) -> bool:
    return "==" in package or "@" in package[1:]


def test_a_writer_that_there_is_not_is_a_usage_error() -> None:
    said = CliRunner().invoke(main, ["writers", "--only", "Nobody"])

    assert said.exit_code == 2
    assert "There are: Hugo, Jekyll" in said.output
