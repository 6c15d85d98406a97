"""Health: what `digest doctor` says, when a button is pressed: it takes a while."""

import time
from collections.abc import Iterable

from flask import Response

from digest.checkup import Echoing, Finding, check_up_with
from digest.checkup.finding import WORDS, summary
from digest.models import Role
from digest.web.context import current_runtime
from digest.web.desk.signed_in import desk, desk_blueprint, moment_here, show

# The mail to itself, where one is due, is sent and not waited for.
NO_WAIT = Echoing(wait_seconds=0)
# A server in front of us gives up after a minute, commonly; one check takes five seconds at most.
SECONDS_AT_MOST = 30.0

doctor_pages = desk_blueprint("desk_doctor", __name__, role=Role.OWNER)


@doctor_pages.get("/health")
def ask() -> Response:
    """Show the button."""
    return show("doctor.html", found=None)


@doctor_pages.post("/health")
def look() -> Response:
    """Look at everything, and say what is missing and how to mend it."""
    runtime = current_runtime()
    found, cut = look_until(check_up_with(runtime.settings, runtime.clock, NO_WAIT))
    return show(
        "doctor.html",
        found=found,
        cut=cut,
        summary=summary(found),
        words=WORDS,
        looked=moment_here(desk().now),
    )


def look_until(
    findings: Iterable[Finding], seconds: float = SECONDS_AT_MOST
) -> tuple[list[Finding], bool]:
    """Return what is found within that time, and whether there is more to look at."""
    began, found = time.monotonic(), []
    for each in findings:
        found.append(each)
        if time.monotonic() - began > seconds:
            return found, True
    return found, False
