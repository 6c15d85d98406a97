"""After the freeze nothing of an issue changes."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from digest.delivery.ledger.freezing import prepare
from digest.models import (
    Article,
    Delivery,
    Issue,
    IssueState,
    Newsletter,
    Rendering,
    Story,
    Subscription,
)
from tests.delivery.conftest import Press
from tests.factories import NOW, PALETTE, make_article, make_issue, make_newsletter, make_reader
from tests.scripted_smtp import ScriptedRelay


def scheduled_issue(press: Press, **changes: object) -> int:
    with press.database.transaction() as session:
        newsletter = make_newsletter(session)
        make_reader(session, newsletter, "robin@example.org")
        articles = [make_article(session, slug) for slug in ("port", "cold", "roofs")]
        return make_issue(session, newsletter, articles, **changes).id  # type: ignore[arg-type]


def test_an_article_that_changes_after_the_freeze_changes_no_message(press: Press) -> None:
    issue_id = scheduled_issue(press)
    with press.database.transaction() as session:
        session.execute(update(Article).values(title="Changed at the source before the freeze"))
    assert press.freeze(issue_id)
    with press.database.transaction() as session:
        session.execute(update(Article).values(title="Changed too late", standfirst="Too late"))
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        press.deliver(issue_id)
        [mail] = relay.messages
    assert b"too late" not in mail.content.lower()
    assert mail.message["Subject"] == "Changed at the source before the freeze"


def test_stories_hold_their_own_copy(press: Press) -> None:
    issue_id = scheduled_issue(press)
    with press.database.transaction() as session:
        session.execute(
            update(Story).where(Story.position == 2).values(blurb="The editor’s own words.")
        )
    press.freeze(issue_id)
    with press.database.reading() as session:
        stories = session.execute(select(Story).order_by(Story.position)).scalars().all()
    assert [story.title for story in stories] == [
        f"The story of the {x}" for x in ("port", "cold", "roofs")
    ]
    assert stories[1].standfirst == "The editor’s own words."
    assert {story.minutes for story in stories} == {5}


def test_an_issue_that_is_not_due_or_not_scheduled_is_left_alone(press: Press) -> None:
    early = scheduled_issue(press, send_at=NOW + timedelta(minutes=1))
    assert not press.freeze(early)
    assert not press.freeze(10_000)
    with press.database.transaction() as session:
        session.execute(update(Issue).values(send_at=NOW - timedelta(hours=12, minutes=1)))
    assert not press.freeze(early), "too late is for a person to decide"
    with press.database.transaction() as session:
        session.execute(update(Issue).values(state=IssueState.DRAFT, send_at=NOW))
    assert not press.freeze(early)
    assert press.rows(early) == []


def test_two_workers_freeze_once(press: Press) -> None:
    issue_id = scheduled_issue(press)
    frozen: list[bool] = []
    workers = [
        threading.Thread(target=lambda: frozen.append(press.freeze(issue_id))) for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(frozen) == [False, False, False, True]
    with press.database.reading() as session:
        assert session.execute(select(func.count()).select_from(Rendering)).scalar_one() == 1
        assert session.execute(select(func.count()).select_from(Delivery)).scalar_one() == 1


def test_an_issue_that_cannot_be_rendered_is_held_with_the_reason(press: Press) -> None:
    issue_id = scheduled_issue(press)
    with press.database.transaction() as session:
        session.execute(update(Article).values(standfirst="An endless standfirst. " * 3000))
    assert not prepare(
        press.database,
        issue_id,
        now=NOW,
        late=timedelta(hours=12),
        public_url="http://127.0.0.1:8000",
        inbound_domain=None,
    )
    issue = press.issue(issue_id)
    assert issue.state is IssueState.HELD
    assert "Gmail" in (issue.reason or "")
    assert (issue.number, press.rows(issue_id)) == (None, [])


def test_the_audience_is_who_may_be_mailed_then(press: Press) -> None:
    issue_id = scheduled_issue(press)
    with press.database.transaction() as session:
        newsletter = session.get_one(Issue, issue_id).newsletter
        other = make_newsletter(session, slug="other")
        make_reader(session, other, "other@example.org")
        paused = make_reader(session, newsletter, "paused@example.org")
        paused.paused_until = NOW + timedelta(days=1)
        back = make_reader(session, newsletter, "back@example.org")
        back.paused_until = NOW - timedelta(days=1)
        gone = make_reader(session, newsletter, "gone@example.org")
        gone.ended_at = NOW
    press.freeze(issue_id)
    with press.database.reading() as session:
        subscribers = select(Subscription.subscriber_id).where(
            Subscription.newsletter_id == newsletter.id,
            Subscription.ended_at.is_(None),
        )
        expected = set(session.execute(subscribers).scalars()) - {paused.subscriber_id}
    assert {row.subscriber_id for row in press.rows(issue_id)} == expected
    assert press.issue(issue_id).audience == 2


def test_numbers_are_given_in_order(press: Press) -> None:
    first = scheduled_issue(press)
    press.freeze(first)
    with press.database.transaction() as session:
        newsletter = session.get_one(Issue, first).newsletter
        second = make_issue(
            session, newsletter, [make_article(session, "bat")], occurrence_on=None
        ).id
    press.freeze(second)
    assert (press.issue(first).number, press.issue(second).number) == (1, 2)


def prepared(press: Press, issue_id: int) -> bool:
    return prepare(
        press.database,
        issue_id,
        now=NOW,
        late=timedelta(hours=12),
        public_url="http://127.0.0.1:8000",
        inbound_domain=None,
    )


@pytest.mark.parametrize(
    "mistake", [{"palette": {}}, {"from_address": "digest@no domain"}], ids=["palette", "sender"]
)
def test_a_mistake_of_ours_holds_the_issue_instead_of_failing_each_minute(
    press: Press, mistake: dict[str, object]
) -> None:
    issue_id = scheduled_issue(press)
    with press.database.transaction() as session:
        session.execute(update(Newsletter).values(**mistake))
    assert not prepared(press, issue_id)
    issue = press.issue(issue_id)
    assert issue.state is IssueState.HELD
    assert "could not be made ready" in (issue.reason or "")
    with press.database.transaction() as session:
        session.execute(
            update(Newsletter).values(palette=PALETTE, from_address="digest@halyard.example")
        )
        session.execute(update(Issue).values(state=IssueState.SCHEDULED))
    assert prepared(press, issue_id), "once mended it goes out"
    assert press.issue(issue_id).number == 1


def test_two_issues_of_a_newsletter_frozen_at_once_get_two_numbers(press: Press) -> None:
    first = scheduled_issue(press)
    with press.database.transaction() as session:
        newsletter = session.get_one(Issue, first).newsletter
        ids = [first] + [
            make_issue(
                session, newsletter, [make_article(session, f"bat-{n}")], occurrence_on=None
            ).id
            for n in range(3)
        ]
    frozen: list[bool] = []
    errors: list[BaseException] = []

    def work(issue_id: int) -> None:
        try:
            frozen.append(press.freeze(issue_id))
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            errors.append(error)

    workers = [threading.Thread(target=work, args=(issue_id,)) for issue_id in ids]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert errors == []
    assert frozen == [True] * 4
    assert sorted(press.issue(issue_id).number or 0 for issue_id in ids) == [1, 2, 3, 4]
