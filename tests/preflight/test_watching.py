"""The last look before the freeze: the editor is told what turned bad, and blockers hold it."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from digest.clock import FixedClock
from digest.database.transactions import Database
from digest.errors import RefusedError
from digest.models import Approval, Issue, IssueState, NoticeKind, PreflightReport
from digest.newsroom.issues.editing import edit_issue
from digest.newsroom.issues.history import Editor
from digest.preflight.accepting import accept
from digest.preflight.clearing import clear
from digest.preflight.watching import AHEAD, issues_to_look_over, look_now
from digest.runtime import LOOK_AGAIN, PREPARE_ISSUE, Runtime
from digest.tick import tick
from tests.factories import NOW, RING, SUPPRESSION_KEY, make_editor, make_settings
from tests.preflight.house import FETCHER, PUBLIC_URL, House
from tests.servers.web import WebServer
from tests.worker.test_fetching import RecordingBell
from worker.app import make_app

IMARA = Editor("Imara")


class Watched(House):
    """The issue, scheduled, with ticks and tasks that a test runs at a time of its own."""

    def __init__(self, database: Database, server: WebServer) -> None:
        super().__init__(database, server, state=IssueState.SCHEDULED)
        self.bell = RecordingBell()
        settings = make_settings(database.url, public_url=PUBLIC_URL)
        self.clock = FixedClock(NOW)
        self.runtime = Runtime(settings, database, RING, SUPPRESSION_KEY, self.bell, self.clock)
        self.tasks = make_app(settings, self.runtime).tasks

    def go_to(self, now: datetime) -> list[str]:
        """Tick, do what is rung for of preflight and freezing, and tell it."""
        self.now = self.clock.at = now
        tick(self.runtime)
        rung, self.bell.rung = self.bell.rung, []
        done = [each for each in rung if each[0] in (LOOK_AGAIN, PREPARE_ISSUE)]
        for task, ids in done:
            self.tasks[task](*ids)
        return [task for task, _ in done]

    def look_as_person(self) -> None:
        look_now(self.database, self.id, fetcher=FETCHER, public_url=PUBLIC_URL, now=self.now)

    def told(self) -> list[str]:
        with self.database.reading() as session:
            report = session.get(PreflightReport, self.id)
            return report.turned_bad if report else []


@pytest.fixture
def house(database: Database, http_server: WebServer) -> Watched:
    return Watched(database, http_server)


def test_what_turned_bad_is_told_and_a_blocker_holds_it(house: Watched) -> None:
    house.put_article("reef", published_at=NOW - timedelta(days=30))
    house.look_as_person()
    assert house.go_to(house.send_at - AHEAD - timedelta(minutes=1)) == []
    house.answer("salt", 404)
    assert house.go_to(house.send_at - AHEAD) == [LOOK_AGAIN]
    assert [each.kind for each in house.notices()] == [NoticeKind.TURNED_BAD]
    assert len(house.told()) == 1, "that a story is old was seen before"
    assert "There is no page at that address (404)." in house.told()[0]
    assert house.go_to(house.send_at - timedelta(minutes=10)) == [], "once is enough"

    house.put(note="Good morning, [name].")
    assert house.go_to(house.send_at) == [PREPARE_ISSUE]
    issue = house.issue()
    assert (issue.state, issue.number, issue.audience) == (IssueState.HELD, None, None)
    assert issue.reason == (
        "Cannot go out yet: The note still has “[name]”. Replace it, or take it out."
    )
    house.go_to(house.send_at + timedelta(minutes=1))
    assert [each.kind for each in house.notices()] == [NoticeKind.TURNED_BAD, NoticeKind.HELD]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_mistake_of_ours_in_looking_holds_nothing(
    house: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("digest.preflight.clearing.find_blockers", stumble)
    assert house.go_to(house.send_at) == [PREPARE_ISSUE]
    assert house.issue().state is IssueState.FROZEN


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_warnings_hold_nothing_and_where_nobody_looked_only_news_is_told(house: Watched) -> None:
    house.put_article("reef", published_at=NOW - timedelta(days=30))
    house.put_newsletter(approval=Approval.AUTOMATIC)
    assert house.go_to(house.send_at - AHEAD) == [LOOK_AGAIN]
    assert house.notices() == [], "an old story did not turn old"
    assert house.go_to(house.send_at) == [PREPARE_ISSUE]
    assert house.issue().state is IssueState.FROZEN
    with house.database.reading() as session:
        assert issues_to_look_over(session, house.send_at) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_of_a_blocker_its_editors_hear_while_there_is_time(house: Watched) -> None:
    with house.database.transaction() as session:
        make_editor(session, "joss@example.org")
    house.put(subject="TKTK")
    house.go_to(house.send_at - AHEAD)
    assert house.told() == [
        "Cannot go out yet: The subject still has “TKTK”. Replace it, or take it out."
    ]
    # Given another time it is looked over again, and told again: it was not mended.
    later = house.send_at + timedelta(days=1)
    house.put(send_at=later)
    assert house.go_to(later - AHEAD) == [LOOK_AGAIN]
    told = [(each.kind, each.to_address) for each in house.notices()]
    both = (told[0][1], "joss@example.org")
    assert told == [(NoticeKind.TURNED_BAD, each) for each in both * 2]
    house.put(subject=None)
    assert house.go_to(later) == [PREPARE_ISSUE]
    assert house.issue().state is IssueState.FROZEN


def test_an_acceptance_falls_when_the_finding_changes(house: Watched) -> None:
    house.put_article("reef", published_at=NOW - timedelta(days=30))
    house.look_as_person()

    def approve(*, warnings: bool = True) -> None:
        with house.database.transaction() as session:
            issue = session.get_one(Issue, house.id)
            clear(session, issue, public_url=PUBLIC_URL, now=NOW, warnings=warnings)

    def let_stand(code: str, by: str = "Imara") -> str:
        with house.database.transaction() as session:
            issue = session.get_one(Issue, house.id)
            return accept(session, issue, code, Editor(by), NOW, public_url=PUBLIC_URL).by

    with pytest.raises(RefusedError, match=r"one thing to mend or to accept first\. “A reef"):
        approve()
    approve(warnings=False)
    [finding] = house.look().warnings
    assert let_stand(finding.code) == "Imara"
    assert let_stand(finding.code, "Joss") == "Imara", "who accepts it again accepts nothing new"
    approve()

    house.put_article("reef", published_at=NOW - timedelta(days=31))
    [changed] = house.look().unaccepted
    assert changed.code != finding.code
    with pytest.raises(RefusedError, match="has changed since, or is gone"):
        let_stand(finding.code)
    with pytest.raises(RefusedError, match="one thing to mend"):
        approve()
    with house.database.transaction() as session:
        edit_issue(session, session.get_one(Issue, house.id), {"subject": "TODO"}, IMARA, NOW)
    [blocker] = house.look().blockers
    with pytest.raises(RefusedError, match="so mend it"):
        let_stand(blocker.code)
    with pytest.raises(RefusedError, match="Cannot go out yet: The subject still has"):
        approve(warnings=False)
    with house.database.transaction() as session:
        session.execute(update(Issue).values(state=IssueState.FROZEN))
    with pytest.raises(RefusedError, match="too late to look over"):
        let_stand(changed.code)
