from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image

from digest.database.transactions import Database
from digest.newsroom.intake.articles import NewArticle, add_article
from digest.newsroom.intake.fetching_pictures import pictures_due
from digest.newsroom.intake.letting_go import let_go
from tests.cli.conftest import CommandLine

PORT = ("article", "add", "--title", "The port", "--url", "https://halyard.example/a/port")


def test_an_article_is_added_and_listed(command_line: CommandLine) -> None:
    added = command_line(
        *PORT,
        *("--standfirst", "For forty years…", "--byline", "Joss Penhallow", "--section", "World"),
        *("--minutes", "9", "--published", "2026-11-01T08:00+01:00"),
    )

    assert added.exit_code == 0
    assert "The port" in added.out
    [listed] = command_line("article", "list", "--json").json
    assert listed["url"] == "https://halyard.example/a/port"
    assert (listed["byline"], listed["section"], listed["minutes"]) == (
        "Joss Penhallow",
        "World",
        9,
    )
    assert listed["published_at"] == "2026-11-01T07:00:00+00:00"
    assert "Joss Penhallow" in command_line("article", "list").out


def test_what_is_not_known_of_an_article_is_not_made_up(command_line: CommandLine) -> None:
    added = command_line(*PORT, "--standfirst", "For forty years…", "--json").json

    assert (added["minutes"], added["published_at"], added["backlog"]) == (None, None, False)
    listed = command_line("article", "list").out
    assert "undated" in listed
    assert "None" not in listed


def test_the_same_address_again_changes_the_article(command_line: CommandLine) -> None:
    first = command_line(*PORT, "--json").json
    again = command_line(*PORT[:3], "The port, corrected", *PORT[4:], "--json").json

    assert again["id"] == first["id"]
    assert again["title"] == "The port, corrected"


def test_a_title_is_plain_text(command_line: CommandLine) -> None:
    title = "The <dialog> element &amp; Vector<int>"
    added = command_line(*PORT[:3], title, *PORT[4:], "--json").json

    assert added["title"] == title


def test_a_picture_is_kept_in_both_shapes(command_line: CommandLine, tmp_path: Path) -> None:
    Image.new("RGB", (1200, 800), "green").save(tmp_path / "port.png")
    added = command_line(*PORT, "--image", str(tmp_path / "port.png"), "--json").json

    assert added["lead_image"]
    assert added["thumbnail"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_small_picture_is_kept_as_a_thumbnail_and_it_is_said(
    command_line: CommandLine, tmp_path: Path
) -> None:
    Image.new("RGB", (400, 300), "green").save(tmp_path / "port.png")
    added = command_line(*PORT, "--image", str(tmp_path / "port.png"))

    assert added.exit_code == 0
    assert "600 pixels" in added.err


def test_a_picture_that_a_person_gave_outlives_the_feeds_and_old_age(
    command_line: CommandLine, database: Database, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    feeds = NewArticle(
        url=PORT[-1],
        title="The port",
        image_url="https://halyard.example/port.jpg",
        first_seen_at=now - timedelta(days=100),
    )
    with database.transaction() as session:
        add_article(session, feeds, now)
    let_go(database, now=now, go_on=lambda: True)
    Image.new("RGB", (1200, 800), "green").save(tmp_path / "port.png")
    given = command_line(*PORT, "--image", str(tmp_path / "port.png"), "--json").json

    with database.transaction() as session:
        add_article(session, replace(feeds, image_url="https://halyard.example/2.jpg"), now)
        assert pictures_due(session, now) == []
    let_go(database, now=now, go_on=lambda: True)
    kept = command_line("article", "list", "--json").json
    assert [(each["lead_image"], each["thumbnail"]) for each in kept] == [
        (given["lead_image"], given["thumbnail"])
    ]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("content", ["<svg/>", "<html></html>", ""])
def test_what_is_no_picture_exits_1_and_adds_nothing(
    command_line: CommandLine, tmp_path: Path, content: str
) -> None:
    (tmp_path / "port.jpg").write_text(content)
    said = command_line(*PORT, "--image", str(tmp_path / "port.jpg"))

    assert said.exit_code == 1
    assert "We cannot read that picture" in said.err
    assert command_line("article", "list", "--json").json == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--url", "javascript:alert(1)"),
        ("--title", " "),
        ("--minutes", "0"),
        ("--minutes", "nine"),
        ("--published", "1970-01-01"),
        ("--published", "2090-01-01"),
        ("--published", "yesterday"),
        ("--image", "no-such-file.jpg"),
    ],
)
def test_a_wrong_value_exits_2_and_names_its_option(
    command_line: CommandLine, option: str, value: str
) -> None:
    said = command_line(*PORT, option, value)

    assert said.exit_code == 2
    assert option in said.err
    assert command_line("article", "list", "--json").json == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_no_articles_says_how_to_add_one(command_line: CommandLine) -> None:
    assert "digest article add" in command_line("article", "list").out
