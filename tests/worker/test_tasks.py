"""The tasks by themselves: what they do, and what they ring for after it."""

from dataclasses import replace
from pathlib import Path

from digest.cli.demo import demo_settings
from digest.clock import FixedClock
from digest.delivery.sending import HANDS
from digest.models import Issue, IssueState, Notice, NoticeKind
from digest.runtime import DELIVER_ISSUE, PREPARE_ISSUE, SEND_NOTICES, open_runtime
from digest.tokens import new_token_id
from tests.factories import NOW, make_article, make_issue, make_newsletter, make_reader
from tests.migrated import put_database
from tests.servers.smtp import SmtpSink
from tests.worker.test_fetching import RecordingBell
from worker.app import make_app


def test_tasks_keep_to_the_relays_rate_and_ring_for_the_rest(
    tmp_path: Path, smtp_sink: SmtpSink
) -> None:
    port = int(smtp_sink.url.rpartition(":")[2])
    settings = replace(demo_settings(tmp_path, 8000, port), relay_rate=0.01, slice_seconds=0.1)
    put_database(settings.database_url)
    bell = RecordingBell()
    runtime = open_runtime(settings, clock=FixedClock(NOW), bell=bell)
    try:
        with runtime.database.transaction() as session:
            newsletter = make_newsletter(session)
            for name in ("ann", "bea"):
                subscription = make_reader(session, newsletter, f"{name}@example.org")
                session.add(
                    Notice(
                        token_id=new_token_id(),
                        kind=NoticeKind.ALREADY_SIGNED_UP,
                        to_address=f"{name}@example.org",
                        newsletter_id=newsletter.id,
                        subscriber_id=subscription.subscriber_id,
                        created_at=NOW,
                    )
                )
            articles = [make_article(session, slug) for slug in ("port", "cold", "roofs")]
            issue_id = make_issue(session, newsletter, articles).id
        tasks = make_app(settings, runtime).tasks
        tasks[PREPARE_ISSUE](issue_id)
        bell.rung.clear()
        tasks[DELIVER_ISSUE](issue_id)
        tasks[SEND_NOTICES]()
        assert bell.rung == [(DELIVER_ISSUE, (issue_id,)), (SEND_NOTICES, ())]
        assert len(smtp_sink.messages) == 2, "one of the issue, and a notice before the next"
    finally:
        runtime.close()


def test_a_frozen_issue_is_shared_by_so_many_tasks_and_no_more(tmp_path: Path) -> None:
    settings = demo_settings(tmp_path, 8000, 1)
    put_database(settings.database_url)
    bell = RecordingBell()
    runtime = open_runtime(settings, clock=FixedClock(NOW), bell=bell)
    try:
        with runtime.database.transaction() as session:
            newsletter = make_newsletter(session)
            articles = [make_article(session, slug) for slug in ("port", "cold", "roofs")]
            issue_id = make_issue(session, newsletter, articles).id
        tasks = make_app(settings, runtime).tasks
        for _ in range(2):
            tasks[PREPARE_ISSUE](issue_id)
        assert bell.rung == [(DELIVER_ISSUE, (issue_id,))] * HANDS
        bell.rung.clear()
        for _ in range(HANDS):
            tasks[DELIVER_ISSUE](issue_id)
        assert bell.rung == [], "with nothing left to do a task ends for good"
        with runtime.database.reading() as session:
            assert session.get_one(Issue, issue_id).state is IssueState.SENT
    finally:
        runtime.close()
