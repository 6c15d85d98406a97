"""The tasks by themselves: what they do, and what they ring for after it."""

from pathlib import Path

from digest.cli.demo import demo_settings
from digest.clock import FixedClock
from digest.delivery.sending import HANDS
from digest.migrations import upgrade
from digest.models import Issue, IssueState
from digest.runtime import DELIVER_ISSUE, PREPARE_ISSUE, open_runtime
from tests.factories import NOW, make_article, make_issue, make_newsletter
from tests.worker.test_fetching import RecordingBell
from worker.app import make_app


def test_a_frozen_issue_is_shared_by_so_many_tasks_and_no_more(tmp_path: Path) -> None:
    settings = demo_settings(tmp_path, 8000, 1)
    upgrade(settings.database_url)
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
