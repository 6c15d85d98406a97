"""Health: what `digest doctor` says, when a button is pressed: it takes a while."""

import time

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
    runtime, began = current_runtime(), time.monotonic()
    found: list[Finding] = []
    cut = False
    for each in check_up_with(runtime.settings, runtime.clock, NO_WAIT):
        found.append(each)
        if cut := time.monotonic() - began > SECONDS_AT_MOST:
            break
    return show(
        "doctor.html",
        found=found,
        cut=cut,
        summary=summary(found),
        words=WORDS,
        looked=moment_here(desk().now),
    )
