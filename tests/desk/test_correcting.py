"""A mistake that is seen in mid-send: paused, corrected, and sent on."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from digest.database.tables import database_now
from digest.delivery.controls import pausing
from digest.delivery.ledger import claiming
from digest.delivery.ledger.reporting import Report, report
from digest.delivery.ledger.retention import fold_deliveries
from digest.delivery.ledger.totals import count_issue
from digest.desk.audit import OPERATOR
from digest.desk.correcting import correct_issue
from digest.errors import FieldError, RefusedError
from digest.models import (
    Article,
    AuditEvent,
    Correction,
    Issue,
    IssueChange,
    IssueState,
    Rendering,
    Story,
)
from digest.newsroom.issues.history import Editor, Outcome
from tests.delivery.conftest import Press, press, readers
from tests.delivery.controls.test_pausing import in_mid_send
from tests.scripted_smtp import ScriptedRelay

__all__ = ["press"]

SORRY = "The ferry leaves at eight, and not at seven."


def correct(
    at: Press,
    issue_id: int,
    texts: dict[str, str] | None = None,
    stories: dict[int, dict[str, str]] | None = None,
    words: str = SORRY,
    version: int | None = None,
) -> Outcome:
    with at.database.transaction() as session:
        return correct_issue(
            session,
            session.get_one(Issue, issue_id),
            words,
            texts or {},
            stories or {},
            OPERATOR,
            Editor("Imara"),
            at.clock.now(),
            version=version,
            public_url=at.settings.public_url,
            inbound_domain=None,
        )


def pause(at: Press, issue_id: int) -> None:
    with at.database.transaction() as session:
        pausing.pause(session, issue_id, "Imara")


def resume(at: Press, issue_id: int) -> None:
    with at.database.transaction() as session:
        pausing.resume(session, issue_id, at.clock.now())


def told(at: Press, issue_id: int) -> Report:
    with at.database.reading() as session:
        return report(session, session.get_one(Issue, issue_id))


def lead_of(at: Press, issue_id: int) -> Story:
    with at.database.reading() as session:
        found = select(Story).where(Story.issue_id == issue_id, Story.position == 1)
        return session.scalars(found).one()


def renderings(at: Press, issue_id: int) -> list[tuple[int, bytes]]:
    with at.database.reading() as session:
        found = session.execute(
            select(Rendering.edition, Rendering.stencil)
            .where(Rendering.issue_id == issue_id)
            .order_by(Rendering.edition)
        )
        return [(edition, stencil) for edition, stencil in found]


def test_who_has_it_keeps_it_and_the_others_get_the_corrected_one(press: Press) -> None:
    press.settings = replace(press.settings, window_size=5)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(12))
        [frozen] = renderings(press, issue_id)
        with in_mid_send(press, relay, issue_id):
            with pytest.raises(RefusedError, match=r"No\. 1 is sending\. Pause it first"):
                correct(press, issue_id, {"note": "Too early."})
            pause(press, issue_id)
            # Five are on the wire: what is on it does not change.
            lead = lead_of(press, issue_id).article_id
            done = correct(
                press,
                issue_id,
                {"note": "The ferry leaves at eight."},
                {lead: {"headline": "The port at eight", "standfirst": "Eight, we said."}},
                version=0,
            )
        assert done.fields == ("headline", "note", "standfirst")
        press.deliver(issue_id)
        assert len(relay.messages) == 5, "it is paused still"
        resume(press, issue_id)
        press.deliver(issue_id)
        mails = relay.messages
    assert sorted(mail.recipients[0] for mail in mails) == sorted(readers(12))
    first, then = mails[:5], mails[5:]
    assert {mail.message["Subject"] for mail in first} == {"The story of the port"}
    assert {mail.message["Subject"] for mail in then} == {"The port at eight"}
    assert not any(b"at eight" in mail.content for mail in first)
    assert all(b"The ferry leaves at eight." in mail.content for mail in then)
    assert len({mail.message["Date"] for mail in mails}) == 1
    assert renderings(press, issue_id)[0] == frozen, "what was frozen is what it was"
    counted = told(press, issue_id)
    assert (counted.state, counted.accepted, counted.adds_up) == (IssueState.SENT, 12, True)
    assert [(each.number, each.accepted) for each in counted.editions] == [(1, 5), (2, 7)]
    correction = counted.editions[1].correction
    assert correction is not None
    assert (correction.words, correction.by) == (SORRY, "Imara")
    with press.database.reading() as session:
        [event] = session.scalars(select(AuditEvent))
        assert (event.verb, event.row_id, event.fields) == (
            "issue correct", issue_id, ["headline", "note", "standfirst"],
        )  # fmt: skip
        changes = session.scalars(select(IssueChange).order_by(IssueChange.id)).all()
        assert [(each.before, each.after, each.version) for each in changes] == [
            (None, "The ferry leaves at eight.", 1),
            ("The story of the port", "The port at eight", 1),
            ("A fact, then a turn.", "Eight, we said.", 1),
        ]
    count_issue(press.database, issue_id, press.clock.now())
    with press.database.reading() as session:
        as_counted = report(session, session.get_one(Issue, issue_id), as_counted=True)
    assert [each.accepted for each in as_counted.editions] == [5, 7], "the tick counts them, too"
    with press.database.transaction() as session:
        over = {"sent_at": press.clock.now() - timedelta(days=500)}
        session.execute(update(Issue).values(watched_until=database_now(-1), **over))
    fold_deliveries(press.database, now=press.clock.now(), months=12, go_on=lambda: True)
    folded = told(press, issue_id)
    assert [each.accepted for each in folded.editions] == [5, 7]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_was_folded_before_editions_were_counted_had_the_first(press: Press) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(2))
        press.deliver(issue_id)
    with press.database.transaction() as session:
        over = {"sent_at": press.clock.now() - timedelta(days=500)}
        session.execute(update(Issue).values(watched_until=database_now(-1), **over))
    fold_deliveries(press.database, now=press.clock.now(), months=12, go_on=lambda: True)
    with press.database.transaction() as session:
        session.execute(update(Rendering).values(accepted=None))
    correct(press, issue_id, {"note": "It is eight."})
    assert [each.accepted for each in told(press, issue_id).editions] == [2, 0]


def test_a_worker_that_slept_through_it_sends_the_corrected_one(press: Press) -> None:
    """Its claim is from before, and so are the bytes that it read: neither decides."""
    press.settings = replace(press.settings, window_size=2)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(6))
        with in_mid_send(press, relay, issue_id):
            with press.database.transaction() as session:
                token = claiming.claim(session, issue_id, size=2, lease_seconds=60)
            assert token is not None
            pause(press, issue_id)
            correct(press, issue_id, {"subject": "Eight o’clock"})
            resume(press, issue_id)
            with press.database.transaction() as session:
                now, newsletter_id = press.clock.now(), press.issue(issue_id).newsletter_id
                claiming.open_window(session, issue_id, token, size=2, lease_seconds=60, now=now)
                opened = claiming.read_window(session, issue_id, token, newsletter_id, now)
                newest = select(Rendering.id).where(Rendering.edition == 2)
                assert [row.rendering_id for row in opened] == [session.scalar(newest)] * 2
    subjects = [mail.message["Subject"] for mail in relay.messages]
    assert subjects[:2] == ["The story of the port"] * 2
    assert subjects[2:] == ["Eight o’clock"] * 2


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_article_as_it_is_now_and_the_archive_without_a_send(press: Press) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(2))
        press.deliver(issue_id)
        with press.database.transaction() as session:
            session.execute(update(Article).values(title="Put right at its source"))
        lead = lead_of(press, issue_id)
        correct(press, issue_id, stories={lead.article_id: {"headline": ""}})
        assert lead_of(press, issue_id).title == "Put right at its source"
        assert press.issue(issue_id).state is IssueState.SENT
        assert press.deliver(issue_id) is False
        assert len(relay.messages) == 2
    # The same once more, as from a second press of the button: nothing happens.
    again = correct(press, issue_id, stories={lead.article_id: {"headline": ""}}, version=0)
    assert (again.fields, again.version) == ((), 1)
    with pytest.raises(RefusedError, match="Somebody else corrected it"):
        correct(press, issue_id, {"subject": "Otherwise"}, version=0)
    with pytest.raises(FieldError, match="what was wrong"):
        correct(press, issue_id, {"subject": "Otherwise"}, words="  ")
    with pytest.raises(RefusedError, match="not in this issue"):
        correct(press, issue_id, stories={999: {"headline": "x"}})
    with press.database.transaction() as session:
        session.execute(update(Issue).values(state=IssueState.CANCELLED, reason="It was a joke."))
    with pytest.raises(RefusedError, match=r"cancelled: It was a joke\."):
        correct(press, issue_id, {"subject": "Otherwise"})
    assert press.issue(issue_id).subject is None
    with press.database.reading() as session:
        assert len(session.scalars(select(Correction)).all()) == 1
