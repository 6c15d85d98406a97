"""A mistake that is seen in mid-send, through the Procfile's processes and over HTTP alone."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx

from digest.database.transactions import Database
from digest.desk.audit import OPERATOR
from digest.desk.sessions import Browser, open_session
from digest.desk.users import Granted, create_user
from digest.models import Approval, IssueState, Newsletter, Role
from digest.newsroom.issues.composing import compose, create_issue
from digest.runtime import PREPARE_ISSUE, CeleryBell
from tests.factories import make_settings
from tests.journeys.formation import wait_until
from tests.journeys.test_desk import Desk
from tests.journeys.test_formation import Site, readers, site
from tests.scripted_smtp import Hold, Received

__all__ = ["site"]

# The relay takes so many at once, and makes all others wait until it is told to go on.
READERS, AT_ONCE = 150, 30
# Nothing runs out while a busy machine presses a button.
PATIENT = {"DIGEST_LEASE_SECONDS": "60", "DIGEST_REPLY_TIMEOUT": "60", "DIGEST_WINDOW_SIZE": "10"}
PAGE = "/desk/issues/1"
SENDING = f"{PAGE}/sending"


@contextmanager
def at_the_desk(site: Site, name: str, role: Role) -> Iterator[Desk]:
    """Have a user who is signed in; each of their requests may go to either of gunicorn's two."""
    database = Database(site.database_url)
    with database.transaction() as session:
        now, grants = datetime.now(UTC), [Granted(role)]
        email = f"{name.lower()}@example.org"
        user = create_user(session, OPERATOR, email, name, grants, now=now)
        _, secret = open_session(session, user, Browser(), now=now, proved=True)
    database.dispose()
    url, apart = site.formation.environment["DIGEST_PUBLIC_URL"], {"Connection": "close"}
    cookies = {"digest_desk": secret}
    with httpx.Client(base_url=url, timeout=20, headers=apart, cookies=cookies) as browser:
        yield Desk(browser)


def is_up(browser: httpx.Client) -> bool:
    try:
        return browser.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False


def put_due_issue(site: Site) -> None:
    database = Database(site.database_url)
    with database.transaction() as session:
        now = datetime.now(UTC)
        newsletter = session.get_one(Newsletter, 1)
        newsletter.approval = Approval.SECOND_PERSON
        issue = create_issue(session, newsletter, now.date(), now)
        compose(session, issue, now)
        issue.note, issue.state = "The ferry leaves at seven.", IssueState.SCHEDULED
        issue.approved_at = issue.send_at = now
    database.dispose()


def hour_in(mail: Received) -> str:
    """Return which of the two a reader was told, in both parts of the mail alike."""
    parts = [mail.message.get_body((kind,)) for kind in ("plain", "html")]
    words = [" ".join(part.get_content().split()) for part in parts if part is not None]
    [told] = {hour for text in words for hour in ("seven", "eight") if f"leaves at {hour}." in text}
    return told


def test_who_has_not_got_it_yet_gets_it_corrected_once_a_second_person_sends_it_on(
    site: Site,
) -> None:
    site.formation.environment |= PATIENT
    go_on = threading.Event()
    site.relay.script("dot", *[None] * AT_ONCE)
    site.relay.always("dot", Hold(go_on))
    site.add_readers(READERS)
    put_due_issue(site)
    # No tick: what a person does here rings by itself, and only the first bell is ours.
    site.start("web", "worker")
    settings = make_settings(site.database_url, redis_url=site.broker.url)
    CeleryBell(settings, silent_seconds=0).ring(PREPARE_ISSUE, 1)
    with (
        at_the_desk(site, "Imara", Role.OWNER) as imara,
        at_the_desk(site, "Joss", Role.EDITOR) as joss,
    ):
        site.relay.wait_for(AT_ONCE, 30)
        wait_until(lambda: is_up(joss.browser), "gunicorn answers")
        assert "Joss paused it" in joss.press(SENDING, f"{PAGE}/pause", reason="The ferry.").text
        go_on.set()
        on_the_wire = "SELECT count(*) FROM delivery WHERE state = 'sending'"
        wait_until(lambda: site.value(on_the_wire) == 0, "what is on the wire finishes")
        wrong = len(site.relay.messages)
        assert wrong < READERS, "it was paused in mid-send"
        right = {"note": "The ferry leaves at eight.", "words": "It said seven."}
        corrected = imara.press(f"{PAGE}/correct", f"{PAGE}/correct", **right).text
        assert "It is corrected." in corrected
        refused = imara.press(SENDING, f"{PAGE}/resume", 422).text
        assert "It needs a second person" in refused
        assert len(site.relay.messages) == wrong, "nobody gets it meanwhile"
        assert "It goes on." in joss.press(SENDING, f"{PAGE}/resume").text
        wait_until(lambda: site.state() == "sent", "the issue is closed", 30)
        report = joss.browser.get(SENDING).text
        archive = joss.browser.get("/issues/editors-digest/1").text
    assert site.recipients() == readers(READERS), "each has it once"
    assert Counter(map(hour_in, site.relay.messages)) == {"seven": wrong, "eight": READERS - wrong}
    assert f">{wrong}<" in report
    assert f">{READERS - wrong}<" in report
    assert "It said seven." in archive
    assert "The ferry leaves at eight." in archive
    assert "The ferry leaves at seven." not in archive
