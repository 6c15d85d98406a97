import os
import pty
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, update

from digest.database.transactions import Database
from digest.models import Issue, IssueState, Newsletter
from tests.cli.conftest import CommandLine


def only_issue(database: Database) -> Issue:
    with database.reading() as session:
        return session.scalars(select(Issue)).one()


def set_state(database: Database, state: IssueState, **values: object) -> None:
    with database.transaction() as session:
        session.execute(update(Issue).values(state=state, **values))


def next_saturday() -> date:
    today = datetime.now(UTC).date()
    return today + timedelta(days=(5 - today.weekday()) % 7)


def test_composing_makes_the_next_issue_and_says_why_each_story_is_there(
    paper: CommandLine,
) -> None:
    paper.add_articles("port", "cold", "roofs")
    said = paper("issue", "compose", "editors-digest")

    assert said.exit_code == 0
    assert "The roofs" in said.out
    assert "Undated, first seen within the hour" in said.out
    [listed] = paper("issue", "list", "--json").json
    assert listed["state"] == "draft"
    assert listed["issue"] == f"editors-digest/{listed['occurrence_on']}"
    assert date.fromisoformat(listed["occurrence_on"]).weekday() == 5


def test_composing_as_json(paper: CommandLine) -> None:
    paper.add_articles("port", "cold", "roofs")
    composed = paper("issue", "compose", "editors-digest", "--json").json

    assert [story["role"] for story in composed["stories"]] == ["lead", "story", "story"]
    assert composed["stories"][0]["url"] == "https://halyard.example/a/roofs"


def test_composing_with_too_few_stories_says_that_it_is_skipped(paper: CommandLine) -> None:
    said = paper("issue", "compose", "editors-digest")

    assert said.exit_code == 0
    assert "is skipped. There were no new articles yet, and it needs at least 3." in said.out


def test_composing_again_is_asked_for_by_name(composed: CommandLine) -> None:
    refused = composed("issue", "compose", "editors-digest")
    composed.add_articles("bat")
    again = composed("issue", "compose", "editors-digest", "--again")

    assert refused.exit_code == 1
    assert "--again" in refused.err
    assert again.exit_code == 0
    assert "The bat" in again.out


def test_composing_for_a_date_of_the_calendar(paper: CommandLine) -> None:
    paper.add_articles("port", "cold", "roofs")
    saturday = next_saturday() + timedelta(weeks=2)

    composed = paper("issue", "compose", f"editors-digest/{saturday}", "--json").json

    assert composed["occurrence_on"] == str(saturday)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_composing_for_another_day_exits_2(paper: CommandLine) -> None:
    said = paper("issue", "compose", "editors-digest/2026-11-27")

    assert said.exit_code == 2
    assert "comes on Saturday, and 2026-11-27 is a Friday" in said.err


def test_a_special_edition_is_called_by_its_id(paper: CommandLine) -> None:
    paper.add_articles("port", "cold", "roofs")
    when = (datetime.now(UTC) + timedelta(days=1)).isoformat(timespec="minutes")

    composed = paper("issue", "compose", "editors-digest", "--special", when, "--json").json

    assert composed["occurrence_on"] is None
    assert composed["issue"] == str(composed["id"])
    assert paper("issue", "approve", composed["issue"]).exit_code == 0


def test_approving_says_when_it_goes_out(composed: CommandLine, database: Database) -> None:
    said = composed("issue", "approve", "editors-digest", "--by", "imara")

    assert said.exit_code == 0
    assert "goes out on Sat" in said.out
    assert ", 07:00." in said.out
    issue = only_issue(database)
    assert (issue.state, issue.approved_by) == (IssueState.SCHEDULED, "imara")


def test_a_time_without_an_offset_is_the_newsletters(
    composed: CommandLine, database: Database
) -> None:
    # London is an hour ahead of UTC in July.
    said = composed("issue", "schedule", "editors-digest", "--at", "2099-07-04T07:00")

    assert said.exit_code == 0
    assert "It still has to be approved." in said.out
    assert only_issue(database).send_at == datetime(2099, 7, 4, 6, 0, tzinfo=UTC)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_time_with_an_offset_is_that_moment(composed: CommandLine, database: Database) -> None:
    composed("issue", "schedule", "editors-digest", "--at", "2099-07-04T07:00+05:30")

    assert only_issue(database).send_at == datetime(2099, 7, 4, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_time_that_has_passed_exits_1(composed: CommandLine) -> None:
    said = composed("issue", "schedule", "editors-digest", "--at", "2020-01-01T07:00")

    assert said.exit_code == 1
    assert "That time has passed" in said.err


def test_sending_makes_the_issue_due_now(composed: CommandLine, database: Database) -> None:
    said = composed("issue", "send", "editors-digest", "--by", "imara")

    assert said.exit_code == 0
    assert "is on its way" in said.out
    issue = only_issue(database)
    assert issue.state is IssueState.SCHEDULED
    assert issue.send_at <= datetime.now(UTC)
    assert issue.approved_by == "imara"


def test_sending_what_was_sent_exits_1(composed: CommandLine, database: Database) -> None:
    set_state(database, IssueState.SENT, number=1)
    said = composed("issue", "send", "editors-digest/1")

    assert said.exit_code == 1
    assert "No. 1 goes; it is sent" in said.err


def test_after_an_issue_went_early_the_next_to_compose_is_the_week_after(
    composed: CommandLine, database: Database
) -> None:
    first = only_issue(database)
    set_state(database, IssueState.SENT, number=1)
    composed.add_articles("bat", "ledgers", "tunnels")

    second = composed("issue", "compose", "editors-digest", "--json").json

    assert first.occurrence_on is not None
    assert second["occurrence_on"] == str(first.occurrence_on + timedelta(weeks=1))
    assert len(second["stories"]) == 3


def test_an_issue_has_four_names(composed: CommandLine, database: Database) -> None:
    issue = only_issue(database)
    set_state(database, IssueState.HELD, number=42, reason="Too late.")

    names = ("editors-digest", f"editors-digest/{issue.occurrence_on}", "editors-digest/42")
    for name in (*names, str(issue.id)):
        said = composed("issue", "approve", name)
        assert "It is held: Too late." in said.err, name


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", ["editors-digest/tomorrow", "editors-digest/", "a/b/c"])
def test_what_is_no_name_of_an_issue_exits_2(paper: CommandLine, name: str) -> None:
    said = paper("issue", "approve", name)

    assert said.exit_code == 2
    assert "editors-digest/2026-11-14" in said.err


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("weekly", "There is no newsletter called weekly."),
        ("editors-digest", "Make one: digest issue compose editors-digest"),
        ("editors-digest/41", "There is no issue editors-digest/41."),
        ("editors-digest/2026-11-14", "There is no issue editors-digest/2026-11-14."),
        ("7", "There is no issue 7."),
        ("999999999", "There is no issue 999999999."),
    ],
)
def test_an_issue_that_is_not_there_exits_1(paper: CommandLine, name: str, sentence: str) -> None:
    said = paper("issue", "send", name)

    assert said.exit_code == 1
    assert sentence in said.err


def test_issues_are_listed_by_newsletter(composed: CommandLine) -> None:
    assert "draft" in composed("issue", "list").out
    assert len(composed("issue", "list", "editors-digest", "--json").json) == 1
    assert composed("issue", "list", "weekly").exit_code == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_no_issues_says_how_to_make_one(paper: CommandLine) -> None:
    assert "digest issue compose" in paper("issue", "list").out


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_newsletters_calendar_is_its_own_zones(composed: CommandLine, database: Database) -> None:
    composed("newsletter", "edit", "editors-digest", "--zone", "Pacific/Auckland")
    with database.reading() as session:
        assert session.scalars(select(Newsletter)).one().zone == "Pacific/Auckland"
    composed("issue", "schedule", "editors-digest", "--at", "2099-07-04T07:00")

    assert only_issue(database).send_at == datetime(2099, 7, 3, 19, 0, tzinfo=UTC)


def short_day(day: date) -> str:
    return f"{day:%A} {day.day} {day:%B}"


def move_to_next_week(database: Database) -> date:
    """Make the only issue that of the Saturday after next, so that it is early on any day."""
    day = next_saturday() + timedelta(days=7)
    send_at = datetime(day.year, day.month, day.day, 7, tzinfo=UTC)
    set_state(database, IssueState.DRAFT, occurrence_on=day, dateline=day, send_at=send_at)
    return day


def test_sending_early_says_which_issue_it_is_and_when_the_next_comes(
    composed: CommandLine, database: Database
) -> None:
    day = move_to_next_week(database)
    said = composed("issue", "send", f"editors-digest/{day}")

    after = short_day(day + timedelta(days=7))
    assert f"It is the issue of {short_day(day)}; the next one comes on {after}." in said.out
    assert only_issue(database).occurrence_on == day


def test_sending_early_as_a_special_leaves_the_day_to_another(
    composed: CommandLine, database: Database
) -> None:
    day = move_to_next_week(database)
    said = composed("issue", "send", f"editors-digest/{day}", "--special")

    assert f"It is a special edition: the issue of {short_day(day)} comes as well." in said.out
    assert only_issue(database).occurrence_on is None


def test_another_day_says_which_issue_it_stays(composed: CommandLine, database: Database) -> None:
    day = move_to_next_week(database)
    earlier = day - timedelta(days=2)
    name = f"editors-digest/{day}"
    said = composed("issue", "schedule", name, "--at", f"{earlier}T07:00")
    special = composed("issue", "schedule", name, "--at", f"{earlier}T08:00", "--special")

    assert f"It is the issue of {short_day(day)}; the next one comes on" in said.out
    assert f"It is a special edition: the issue of {short_day(day)} comes as well." in special.out
    assert only_issue(database).occurrence_on is None


def test_a_local_time_that_does_not_exist_is_read_as_the_calendar_reads_it(
    composed: CommandLine, database: Database
) -> None:
    with database.transaction() as session:
        session.execute(update(Newsletter).values(zone="America/New_York"))
    year = datetime.now(UTC).year + 1
    march = date(year, 3, 8)
    jump = march + timedelta(days=(6 - march.weekday()) % 7)
    said = composed("issue", "schedule", "editors-digest", "--at", f"{jump}T02:30")

    assert "skip 02:30" in said.out
    assert "it goes out at 03:00, right after." in said.out
    assert only_issue(database).send_at == datetime(jump.year, 3, jump.day, 7, 0, tzinfo=UTC)


def test_on_a_terminal_it_asks_whether_another_shall_come(
    composed: CommandLine, database: Database
) -> None:
    day = move_to_next_week(database)
    said = on_a_terminal(composed, ["issue", "send", f"editors-digest/{day}"], "y\n")

    assert f"This is the issue of {short_day(day)}. Shall another one come on that day?" in said
    assert only_issue(database).occurrence_on is None


def on_a_terminal(command_line: CommandLine, arguments: list[str], typed: str) -> str:
    main, theirs = pty.openpty()
    try:
        with subprocess.Popen(
            [sys.executable, "-c", "from digest.cli import main; main()", *arguments],
            env={**os.environ, **command_line.environment},
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as running:
            os.write(main, typed.encode())
            return running.communicate(timeout=60)[0]
    finally:
        os.close(main)
        os.close(theirs)
