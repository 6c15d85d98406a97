"""A correction that waits for a second person: whom it is told to, and when to nobody any more."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from digest.delivery.controls import pausing
from digest.delivery.notices.sending import send_notices
from digest.desk.audit import OPERATOR
from digest.desk.correcting import confirm_correction, correct_issue, drop_correction
from digest.errors import FieldError, RefusedError
from digest.models import (
    Approval,
    ChangedField,
    Correction,
    Issue,
    IssueState,
    Newsletter,
    Notice,
    NoticeKind,
    NoticeState,
    WaitingCorrection,
)
from digest.newsroom.issues.approving import let_go_on
from digest.newsroom.issues.history import Editor, list_changes
from tests.delivery.conftest import Press, press, readers
from tests.factories import NOW, make_editor
from tests.scripted_smtp import ScriptedRelay

__all__ = ["press"]

# What asks the database is alike on both: tests/desk/test_correcting.py.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def editors(at: Press, approval: Approval, *emails: str) -> list[Editor]:
    with at.database.transaction() as session:
        session.execute(update(Newsletter).values(approval=approval))
        made = [make_editor(session, email) for email in emails]
        return [Editor(each.name, each.id) for each in made]


def paused(at: Press) -> int:
    issue_id = at.frozen_issue(*readers(3))
    with at.database.transaction() as session:
        pausing.pause(session, issue_id, "Imara")
    return issue_id


def correct(at: Press, issue_id: int, note: str, by: Editor) -> str:
    with at.database.transaction() as session:
        outcome = correct_issue(
            session,
            session.get_one(Issue, issue_id),
            "It said seven.",
            {"note": note},
            {},
            OPERATOR,
            by,
            at.clock.now(),
            public_url=at.settings.public_url,
            inbound_domain=None,
        )
        return outcome.sentence


def gone(at: Press) -> int:
    issue_id = paused(at)
    with at.database.transaction() as session:
        session.execute(update(Issue).values(state=IssueState.SENT))
    return issue_id


def confirm(at: Press, issue_id: int, by: Editor, **options: str) -> str:
    with at.database.transaction() as session:
        issue = session.get_one(Issue, issue_id)
        url = at.settings.public_url
        outcome = confirm_correction(
            session, issue, OPERATOR, by, NOW, public_url=url, inbound_domain=None, **options
        )
        return outcome.sentence


def stands(at: Press, issue_id: int) -> tuple[str | None, int]:
    """Return the note that the archive shows, and of how many corrections it tells."""
    with at.database.reading() as session:
        corrections = session.scalars(select(Correction)).all()
        return session.get_one(Issue, issue_id).note, len(corrections)


def send_on(at: Press, issue_id: int, by: Editor) -> None:
    with at.database.transaction() as session:
        issue = session.get_one(Issue, issue_id)
        pausing.resume(session, issue_id, at.clock.now())
        let_go_on(session, issue, by, at.clock.now())


def notices(at: Press) -> list[Notice]:
    with at.database.reading() as session:
        of_kind = Notice.kind == NoticeKind.CORRECTION_WAITS
        return list(session.scalars(select(Notice).where(of_kind).order_by(Notice.id)))


def mail(at: Press) -> None:
    send_notices(at.database, settings=at.settings, links=at.links, stopping=at.stopping)


def test_the_other_editors_are_told_once_until_somebody_sends_it_on(press: Press) -> None:
    issue_id = paused(press)
    imara, joss = editors(
        press, Approval.SECOND_PERSON, "imara@halyard.example", "joss@example.org"
    )
    correct(press, issue_id, "The ferry leaves at eight.", joss)
    correct(press, issue_id, "The ferry leaves at eight sharp.", joss)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        mail(press)
        [told] = relay.messages
    assert told.recipients == ("imara@halyard.example",), "who corrected it knows"
    assert "A correction waits for you" in told.message["Subject"]
    body = told.message.get_body(("plain",))
    assert body is not None
    text = " ".join(body.get_content().split())
    assert "joss has corrected the issue of Saturday 14 November." in text
    assert "“It said seven.”" in text
    assert f"/desk/issues/{issue_id}/sending" in text
    send_on(press, issue_id, imara)
    with press.database.transaction() as session:
        pausing.pause(session, issue_id, "Imara")
    correct(press, issue_id, "The ferry leaves at nine.", imara)
    assert [each.to_address for each in notices(press)[1:]] == ["joss@example.org"], "news again"


def test_of_what_was_sent_on_meanwhile_nobody_hears(press: Press) -> None:
    issue_id = paused(press)
    imara, joss = editors(
        press, Approval.SECOND_PERSON, "imara@halyard.example", "joss@example.org"
    )
    correct(press, issue_id, "The ferry leaves at eight.", joss)
    send_on(press, issue_id, imara)
    with press.database.transaction() as session:
        pausing.pause(session, issue_id, "Imara")
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        mail(press)
        assert relay.messages == []
    assert [each.state for each in notices(press)] == [NoticeState.CANCELLED]


def test_where_no_second_person_is_asked_for_nobody_is_told(press: Press) -> None:
    issue_id = paused(press)
    [joss] = editors(press, Approval.REQUIRED, "joss@example.org")
    correct(press, issue_id, "The ferry leaves at eight.", joss)
    assert notices(press) == []


def test_what_has_gone_out_is_corrected_once_a_second_person_confirms_it(press: Press) -> None:
    issue_id = gone(press)
    imara, joss = editors(
        press, Approval.SECOND_PERSON, "imara@halyard.example", "joss@example.org"
    )
    before = stands(press, issue_id)
    assert "It waits for a second person" in correct(press, issue_id, "Leaves at nine.", joss)
    # Who made it may make it anew; nobody else before it is settled.
    assert "It waits" in correct(press, issue_id, "Leaves at eight.", joss)
    with pytest.raises(RefusedError, match="joss has corrected it already, and that waits"):
        correct(press, issue_id, "Leaves at ten.", imara)
    assert stands(press, issue_id) == before, "nothing is changed yet"
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        mail(press)
        [told] = relay.messages
    assert told.recipients == ("imara@halyard.example",)
    body = told.message.get_body(("plain",))
    assert body is not None
    assert f"/desk/issues/{issue_id}/correct" in body.get_content()
    assert "digest issue confirm editors-digest/2026-11-14 --as" in body.get_content()
    with pytest.raises(RefusedError, match="joss has made the correction"):
        confirm(press, issue_id, joss)
    with pytest.raises(RefusedError, match="a user of the desk who has not made"):
        confirm(press, issue_id, Editor("Somebody"))
    with pytest.raises(RefusedError, match="otherwise since you looked"):
        confirm(press, issue_id, imara, seen="before")
    assert "the note was corrected" in confirm(press, issue_id, imara)
    assert stands(press, issue_id) == ("Leaves at eight.", 1)
    with press.database.reading() as session:
        issue = session.get_one(Issue, issue_id)
        changes = [(each.by, each.field) for each in list_changes(session, issue, 2)]
    assert changes == [("imara", ChangedField.APPROVAL), ("joss", ChangedField.NOTE)]
    with pytest.raises(RefusedError, match=r"No correction of No\. 1 waits"):
        confirm(press, issue_id, imara)


def test_a_correction_that_waits_is_dropped_or_overridden_by_who_runs_the_server(
    press: Press,
) -> None:
    issue_id = gone(press)
    imara, joss = editors(
        press, Approval.SECOND_PERSON, "imara@halyard.example", "joss@example.org"
    )
    before = stands(press, issue_id)
    correct(press, issue_id, "Leaves at nine.", joss)
    with press.database.transaction() as session:
        drop_correction(session, session.get_one(Issue, issue_id), OPERATOR, NOW)
    assert stands(press, issue_id) == before
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        mail(press)
        assert relay.messages == [], "nothing waits any more"
    press.clock.advance(timedelta(minutes=1))
    correct(press, issue_id, "Leaves at eight.", imara)
    assert [each.to_address for each in notices(press)[1:]] == ["joss@example.org"], "news again"
    operator = Editor("Operator")
    with pytest.raises(FieldError, match="Say why"):
        confirm(press, issue_id, operator, override=" ")
    confirm(press, issue_id, operator, override="Joss is ill.")
    assert stands(press, issue_id) == ("Leaves at eight.", 1)


def test_what_cannot_be_corrected_so_does_not_wait(press: Press) -> None:
    issue_id = gone(press)
    [joss] = editors(press, Approval.SECOND_PERSON, "joss@example.org")
    with pytest.raises(FieldError, match="is the most"):
        correct(press, issue_id, "a" * 6000, joss)
    with press.database.reading() as session:
        assert session.scalars(select(WaitingCorrection)).all() == []
