"""A correction that waits for a second person: whom it is told to, and when to nobody any more."""

import pytest
from sqlalchemy import select, update

from digest.delivery.controls import pausing
from digest.delivery.notices.sending import send_notices
from digest.desk.audit import OPERATOR
from digest.desk.correcting import correct_issue
from digest.models import Approval, Issue, Newsletter, Notice, NoticeKind, NoticeState
from digest.newsroom.issues.approving import let_go_on
from digest.newsroom.issues.history import Editor
from tests.delivery.conftest import Press, press, readers
from tests.factories import make_editor
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


def correct(at: Press, issue_id: int, note: str, by: Editor) -> None:
    with at.database.transaction() as session:
        correct_issue(
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
