"""Leaving, and taking it back for an hour; pausing."""

from datetime import timedelta

import pytest

from digest.database.transactions import Database
from digest.models import (
    Consent,
    ConsentKind,
    EndedReason,
    Notice,
    NoticeKind,
    NoticeState,
    SignUp,
    Subscriber,
    Subscription,
    Suppression,
    SuppressionReason,
)
from digest.readers.data.erasing import erase
from digest.readers.preferences.choices import look_at_preferences, period_of_newsletter
from digest.readers.preferences.leaving import leave, undo_leaving
from digest.readers.preferences.pausing import PAUSE, pause, resume
from digest.readers.preferences.standing import Standing, look_at_standing
from tests.factories import NOW, SUPPRESSION_KEY, make_newsletter
from tests.readers.conftest import EVIDENCE, ReadersDesk

VERBS = {"leave": leave, "undo": undo_leaving, "pause": pause, "resume": resume}


def act(desk: ReadersDesk, verb: str, token_id: bytes) -> Standing:
    with desk.database.transaction() as session:
        return VERBS[verb](session, token_id, EVIDENCE, now=desk.clock.now())


def active(desk: ReadersDesk) -> list[Subscription]:
    return [period for period in desk.rows(Subscription) if period.ended_at is None]


def kinds(desk: ReadersDesk) -> list[ConsentKind]:
    return [consent.kind for consent in desk.rows(Consent)][2:]


def test_leaving_ends_the_period_and_leaves_evidence(desk: ReadersDesk) -> None:
    period = desk.subscribe()
    standing = act(desk, "leave", period.token_id)

    assert standing.changed
    assert not standing.active
    [ended] = desk.rows(Subscription)
    assert (ended.ended_at, ended.ended_reason) == (NOW, EndedReason.LEFT)
    assert kinds(desk) == [ConsentKind.WITHDRAWN]


def test_leaving_twice_changes_nothing_more(desk: ReadersDesk) -> None:
    period = desk.subscribe()
    act(desk, "leave", period.token_id)
    before = desk.dump()
    desk.clock.advance(timedelta(minutes=1))

    standing = act(desk, "leave", period.token_id)
    assert not standing.changed
    assert standing.newsletter is not None
    assert desk.dump() == before


def test_an_old_link_ends_the_period_that_is_active_now(desk: ReadersDesk) -> None:
    old = desk.subscribe()
    act(desk, "leave", old.token_id)
    desk.clock.advance(timedelta(days=400))
    desk.subscribe()
    assert len(active(desk)) == 1

    assert act(desk, "leave", old.token_id).changed
    assert active(desk) == []


def test_leaving_one_newsletter_keeps_the_other(desk: ReadersDesk, database: Database) -> None:
    with database.transaction() as session:
        climate = make_newsletter(session, "climate", name="Climate")
    desk.subscribe(newsletters=("editors-digest", "climate"))
    first, _ = desk.rows(Subscription)
    act(desk, "leave", first.token_id)

    assert [period.newsletter_id for period in active(desk)] == [climate.id]


def test_who_has_left_gets_no_notice_that_was_still_waiting(desk: ReadersDesk) -> None:
    for _ in range(2):
        desk.sign_up()
    first, _second = desk.rows(SignUp)
    desk.confirm(first.token_id)
    desk.sign_up()
    assert [notice.kind for notice in desk.rows(Notice)] == [
        NoticeKind.CONFIRMATION, NoticeKind.CONFIRMATION, NoticeKind.ALREADY_SIGNED_UP,
    ]  # fmt: skip
    [period] = desk.rows(Subscription)
    act(desk, "leave", period.token_id)
    _, *waiting = desk.rows(Notice)
    assert [(notice.state, notice.to_address) for notice in waiting] == [
        (NoticeState.CANCELLED, None)
    ] * 2


def test_an_unknown_id_has_left(desk: ReadersDesk) -> None:
    before = desk.dump()

    for verb in VERBS:
        assert act(desk, verb, b"?" * 16) == Standing()
    assert desk.dump() == before


def test_a_mistake_is_undone_by_a_new_period(desk: ReadersDesk) -> None:
    period = desk.subscribe(topics=("climate",))
    undo = act(desk, "leave", period.token_id).undo
    desk.clock.advance(timedelta(minutes=59))
    assert undo is not None

    assert act(desk, "undo", undo).active
    ended, restored = desk.rows(Subscription)
    assert ended.ended_at is not None
    assert (restored.topics, restored.site) == (ended.topics, ended.site)
    assert restored.token_id != ended.token_id
    assert kinds(desk) == [ConsentKind.WITHDRAWN, ConsentKind.RESTORED]


def test_undoing_twice_is_one_period(desk: ReadersDesk) -> None:
    period = desk.subscribe()
    undo = act(desk, "leave", period.token_id).undo
    assert undo is not None
    act(desk, "undo", undo)
    before = desk.dump()

    assert act(desk, "undo", undo).active
    assert desk.dump() == before


def test_undo_is_over_after_an_hour(desk: ReadersDesk) -> None:
    period = desk.subscribe()
    undo = act(desk, "leave", period.token_id).undo
    desk.clock.advance(timedelta(hours=1))
    assert undo is not None

    assert not act(desk, "undo", undo).active
    assert active(desk) == []
    with desk.database.reading() as session:
        standing = look_at_standing(session, period.token_id, now=desk.clock.now())
    assert standing.undo is None


def test_an_old_undo_does_not_bring_back_who_left_again(desk: ReadersDesk) -> None:
    period = desk.subscribe()
    undo = act(desk, "leave", period.token_id).undo
    assert undo is not None
    act(desk, "undo", undo)
    act(desk, "leave", period.token_id)

    assert not act(desk, "undo", undo).active
    assert active(desk) == []


@pytest.mark.parametrize("what", ["suppressed", "erased"])
def test_undo_does_not_pass_a_suppression_or_an_erasure(
    desk: ReadersDesk, database: Database, what: str
) -> None:
    period = desk.subscribe()
    undo = act(desk, "leave", period.token_id).undo
    with database.transaction() as session:
        reader = session.get_one(Subscriber, period.subscriber_id)
        if what == "erased":
            erase(session, reader, now=NOW, suppression=SUPPRESSION_KEY)
        else:
            mac = SUPPRESSION_KEY.mac("robin@example.org")
            session.add(Suppression(mac=mac, reason=SuppressionReason.COMPLAINED, created_at=NOW))
    assert undo is not None

    assert not act(desk, "undo", undo).active
    assert active(desk) == []


def test_a_pause_lasts_four_weeks_and_then_ends_by_itself(desk: ReadersDesk) -> None:
    period = desk.subscribe()
    standing = act(desk, "pause", period.token_id)

    assert standing.paused_until == NOW + PAUSE
    assert kinds(desk) == [ConsentKind.CHANGED]
    before = desk.dump()
    assert not act(desk, "pause", period.token_id).changed
    assert desk.dump() == before
    desk.clock.advance(PAUSE)
    with desk.database.reading() as session:
        standing = look_at_standing(session, period.token_id, now=desk.clock.now())
    assert standing.active
    assert standing.paused_until is None


def test_coming_back_from_a_pause(desk: ReadersDesk) -> None:
    period = desk.subscribe()
    act(desk, "pause", period.token_id)

    assert act(desk, "resume", period.token_id).paused_until is None
    assert active(desk)[0].paused_until is None
    assert not act(desk, "resume", period.token_id).changed


def test_who_has_left_cannot_pause(desk: ReadersDesk) -> None:
    period = desk.subscribe()
    act(desk, "leave", period.token_id)
    before = desk.dump()

    assert not act(desk, "pause", period.token_id).active
    assert desk.dump() == before


def test_preferences_show_all_that_the_reader_gets_and_no_address(
    desk: ReadersDesk, database: Database
) -> None:
    with database.transaction() as session:
        make_newsletter(session, "climate", name="Climate")
    desk.subscribe(newsletters=("editors-digest", "climate"))
    first, second = desk.rows(Subscription)
    act(desk, "leave", first.token_id)

    with database.reading() as session:
        found = look_at_preferences(session, first.token_id, now=NOW)
        assert period_of_newsletter(session, first.token_id, "climate") == second.token_id
        assert period_of_newsletter(session, first.token_id, "no-such") is None
    standings = [choices.standing for choices in found.choices]
    slugs = [each.newsletter.slug for each in standings if each.newsletter]
    assert slugs == ["editors-digest", "climate"]
    assert [each.active for each in standings] == [False, True]
    assert [newsletter.slug for newsletter in found.to_join] == ["editors-digest"]
    assert found.reader is None
