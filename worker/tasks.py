"""The tasks. Each opens the runtime and calls one function; each may be lost, repeated, or late."""

from collections.abc import Callable
from datetime import timedelta

from celery import Celery

from digest import tick as calendar
from digest.delivery.freezing import prepare
from digest.delivery.notices import send_notices
from digest.delivery.sending import deliver_issue
from digest.runtime import DELIVER_ISSUE, PREPARE_ISSUE, SEND_NOTICES, TICK, Runtime


def register(app: Celery, runtime_of_process: Callable[[], Runtime]) -> None:
    """Give `app` its tasks, by the names that are rung."""

    @app.task(name=TICK, shared=False)
    def _tick() -> None:
        calendar.tick(runtime_of_process())

    @app.task(name=PREPARE_ISSUE, shared=False)
    def _prepare_issue(issue_id: int) -> None:
        runtime = runtime_of_process()
        frozen = prepare(
            runtime.database,
            issue_id,
            now=runtime.clock.now(),
            late=timedelta(hours=runtime.settings.late_hours),
            public_url=runtime.settings.public_url,
            takes_mail=runtime.settings.inbound_domain is not None,
        )
        if frozen:
            runtime.bell.ring(DELIVER_ISSUE, issue_id)

    @app.task(name=DELIVER_ISSUE, shared=False)
    def _deliver_issue(issue_id: int) -> None:
        runtime = runtime_of_process()
        more = deliver_issue(
            runtime.database,
            issue_id,
            settings=runtime.settings,
            links=calendar.links(runtime),
            clock=runtime.clock,
            stopping=runtime.stopping,
        )
        if more:
            runtime.bell.ring(DELIVER_ISSUE, issue_id)

    @app.task(name=SEND_NOTICES, shared=False)
    def _send_notices() -> None:
        runtime = runtime_of_process()
        send_notices(
            runtime.database,
            settings=runtime.settings,
            links=calendar.links(runtime),
            stopping=runtime.stopping,
        )
