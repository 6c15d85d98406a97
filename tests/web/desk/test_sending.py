"""Sending at the desk without scripts: when, to whom, and what is done on the way."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from digest.clock import FixedClock
from digest.database.tables import database_now
from digest.database.transactions import Database
from digest.delivery.ledger.freezing import freeze
from digest.desk.sessions import end_sessions
from digest.models import (
    Approval,
    Article,
    AuditEvent,
    Correction,
    Delivery,
    DeliveryState,
    Issue,
    IssueChange,
    IssueState,
    Newsletter,
    Role,
    User,
)
from digest.newsroom.issues.editing import edit_issue
from digest.newsroom.issues.history import Editor
from digest.web.context import EXTENSION
from digest.web.desk import live
from tests.factories import NOW, make_article, make_issue, make_reader
from tests.servers.web import WebServer
from tests.web.conftest import RecordingBell, hidden, words
from tests.web.desk.conftest import Colleague, Join

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Post:
    """An issue of one story to three readers, before an editor."""

    def __init__(self, app: Flask, newsletter: Newsletter, editor: Colleague) -> None:
        self.runtime, self.editor = app.extensions[EXTENSION], editor
        self.database: Database = self.runtime.database
        with self.database.transaction() as session:
            made = session.get_one(Newsletter, newsletter.id)
            made.story_min = 1
            for name in ("ada", "bob", "eve"):
                make_reader(session, made, f"{name}@example.org")
            away = make_reader(session, made, "away@example.org")
            away.paused_until = NOW + timedelta(days=9)
            story = [make_article(session, "port")]
            issue = make_issue(session, made, story, IssueState.DRAFT, send_at=NOW + timedelta(1))
            issue.composed_at = NOW
            self.id = issue.id
        self.path = f"/desk/issues/{self.id}"

    def page(self, editor: Colleague | None = None) -> str:
        return words((editor or self.editor).get(f"{self.path}/sending"))

    def press(self, what: str, editor: Colleague | None = None, /, **fields: Any) -> str:
        """Press a button; return what the page says that the browser comes to."""
        client = editor or self.editor
        shown = {"proof": hidden(client.get("/desk/account").text, "proof")}
        if what in {"send", "resume", "resolve", "resend"}:
            shown["version"] = str(self.issue().version)
        answer = client.client.post(f"{self.path}/{what}", data={**shown, **fields})
        return words(client.get(answer.location)) if answer.status_code == 303 else words(answer)

    def issue(self) -> Issue:
        with self.database.reading() as session:
            return session.get_one(Issue, self.id)

    def freeze(self) -> None:
        now, url = self.runtime.clock.now(), self.runtime.settings.public_url
        assert freeze(self.database, self.id, now=now, public_url=url, inbound_domain=None)

    def set_rows(self, **names: DeliveryState) -> None:
        """Say what became of the first, the second and the third reader."""
        with self.database.transaction() as session:
            rows = session.scalars(select(Delivery).order_by(Delivery.subscriber_id)).all()
            for row, state in zip(rows, names.values(), strict=True):
                row.state = state
                row.reason = "refused" if state is DeliveryState.FAILED else None

    def verbs(self) -> list[str]:
        with self.database.reading() as session:
            return list(session.scalars(select(AuditEvent.verb).order_by(AuditEvent.id)))


@pytest.fixture
def post(app: Flask, newsletter: Newsletter, join: Join) -> Post:
    return Post(app, newsletter, join("Imara", Role.EDITOR))


def test_an_issue_is_scheduled_and_sent(
    post: Post, join: Join, bell: RecordingBell, http_server: WebServer
) -> None:
    page = post.page()
    assert "3 readers, if it went out now. Left out: 1 who paused" in page
    when = {"at": "2026-11-20T09:30"}
    assert "It has a new time." in post.press("schedule", None, **when)
    assert "That was done already." in post.press("schedule", None, **when)
    assert post.issue().send_at.isoformat() == "2026-11-20T09:30:00+00:00"
    assert "Choose a later one" in post.press("schedule", at="2020-01-01T00:00")
    assert "Choose a day and a time" in post.press("schedule", at="tomorrow")
    refused = post.press("send", readers="4")
    assert "It goes to 3. To send it now, type that number." in refused
    http_server.route("/port", b"", status=404)
    with post.database.transaction() as session:
        session.execute(update(Article).values(url=f"{http_server.url}/port"))
    assert "There is no page at that address (404)." in post.press("send", readers="3")
    assert post.issue().state is IssueState.DRAFT
    seen = hidden(post.editor.get(f"{post.path}/sending").text, "version")
    with post.database.transaction() as session:
        issue = session.get_one(Issue, post.id)
        edit_issue(session, issue, {"note": "Good morning."}, Editor("Joss"), NOW)
    post.editor.accept_all(post.path)
    refused = post.press("send", readers="3", version=seen)
    assert "It was changed since you looked." in refused, "sending now approves what was seen"
    assert "It is on its way." in post.press("send", readers="3")
    assert "That was done already." in post.press("send", readers="3"), "pressed twice"
    assert bell.rung == ["worker.tasks.prepare_issue"]
    for path in (post.path, f"{post.path}/sending"):
        shown = post.editor.get(path)
        assert "it is about to go out, as it is now" in words(shown)
        forms = re.findall(r'<form[^>]* action="([^"]+)"', shown.text)
        acts = {form.rpartition("/")[2] for form in forms if form.startswith(post.path)}
        assert acts <= {"test", "cancel", "preflight"}, "no form that could do nothing"
    assert (post.issue().state, post.issue().approved_by) == (IssueState.SCHEDULED, "Imara")
    assert "issue schedule" in post.verbs()
    assert post.verbs()[-1] == "issue send"
    viewer = join("Vera", Role.VIEWER)
    assert "Send now" not in post.page(viewer)
    assert "That is for editors" in post.press("send", viewer, readers="3")
    with post.database.transaction() as session:
        session.execute(update(User).where(User.name == "Vera").values(disabled_at=NOW))
    assert viewer.get(f"{post.path}/sending").status_code == 303


def test_sending_now_asks_for_the_password_again(post: Post, clock: FixedClock) -> None:
    clock.advance(timedelta(minutes=11))
    proof = hidden(post.editor.get(f"{post.path}/sending").text, "proof")
    answer = post.editor.client.post(
        f"{post.path}/send",
        data={"proof": proof, "readers": "3", "version": "0"},
        headers={"Referer": f"http://127.0.0.1:8000{post.path}/sending"},
    )
    assert answer.location.startswith("/desk/again?next=/desk/issues/")
    assert post.issue().state is IssueState.DRAFT


def test_who_corrected_it_does_not_send_it_on_where_a_second_person_is_asked_for(
    post: Post, join: Join
) -> None:
    with post.database.transaction() as session:
        session.execute(update(Newsletter).values(approval=Approval.SECOND_PERSON))
        session.execute(update(Issue).values(state=IssueState.SCHEDULED, send_at=NOW))
    post.freeze()
    joss = join("Joss", Role.EDITOR)

    def correct(note: str) -> None:
        form = post.editor.get(f"{post.path}/correct").text
        fields = {name: hidden(form, name) for name in ("version", "note_was")}
        said = post.press("correct", None, **fields, note=note, words="It said seven.")
        assert "It is corrected." in said

    post.press("pause")
    assert "It goes on." in post.press("resume"), "nothing was corrected"
    post.press("pause", joss)
    correct("It is eight.")
    refused = post.press("resume")
    assert "Imara has corrected" in refused
    assert "somebody who has not has to send it on" in refused
    assert post.issue().state is IssueState.PAUSED
    seen = hidden(joss.get(f"{post.path}/sending").text, "version")
    correct("It is nine.")
    refused = post.press("resume", joss, version=seen)
    assert "It was corrected since you looked." in refused, "she sends on what she saw"
    assert "It goes on." in post.press("resume", joss)
    with post.database.reading() as session:
        last = select(IssueChange).order_by(IssueChange.id.desc()).limit(1)
        approval = session.scalars(last).one()
        assert (approval.by, approval.words) == ("Joss", "Version 2 is approved.")
    post.press("pause")
    assert "It goes on." in post.press("resume"), "that correction was let go"

    post.set_rows(ada=DeliveryState.ACCEPTED, bob=DeliveryState.IN_DOUBT, eve=DeliveryState.FAILED)
    post.press("pause")
    correct("It is ten.")
    with post.database.transaction() as session:
        session.execute(update(Issue).values(state=IssueState.SENT))
    assert "Imara has corrected" in post.press("resend", reason="refused")
    assert "Imara has corrected" in post.press("resolve", None, **{"as": "queued"})
    assert "Settled as accepted: one reader." in post.press("resolve", None, **{"as": "accepted"})
    assert post.issue().state is IssueState.SENT
    assert "To be sent again: one reader." in post.press("resend", joss, reason="refused")


def test_it_is_paused_corrected_resumed_and_cancelled(post: Post, bell: RecordingBell) -> None:
    with post.database.transaction() as session:
        session.execute(update(Issue).values(state=IssueState.SCHEDULED, send_at=NOW))
    post.freeze()
    assert "Pause it first" in words(post.editor.get(f"{post.path}/correct"))
    assert "It is paused." in post.press("pause", reason="the lead is wrong")
    assert "That was done already." in post.press("pause")
    assert "Imara paused it: the lead is wrong" in post.page()
    form = post.editor.get(f"{post.path}/correct").text
    fields = {
        "version": hidden(form, "version"),
        "note": "It is eight.",
        "note_was": hidden(form, "note_was"),
    }
    refused = post.press("correct", None, **fields)
    assert "Say in a sentence what was wrong" in refused
    assert "It is eight." in refused, "what was typed is still there"
    fields["words"] = "It said seven."
    assert "It is corrected." in post.press("correct", None, **fields)
    assert "It reads so already." in post.press("correct", None, **fields), "pressed twice"
    stale = post.press("correct", None, **fields | {"note": "It is nine."})
    assert "Somebody else corrected it since you looked." in stale
    assert "It reads now: It is eight. It is nine." in stale, "both texts, side by side"
    story = hidden(form, "subject_was") + "s" * 301
    [name] = re.findall(r'name="(headline-\d+)"', form)
    too_long = post.press("correct", None, **fields | {name: story, f"{name}_was": ""})
    assert "The headline has 301 characters" in too_long
    with post.database.reading() as session:
        [made] = session.scalars(select(Correction))
        assert (made.edition, made.words, made.by) == (2, "It said seven.", "Imara")
    archived = words(post.editor.get("/issues/editors-digest/1"))
    assert "Corrected on 14 November 2026: It said seven." in archived
    assert "It is eight." in archived
    assert "It goes on." in post.press("resume")
    assert set(bell.rung) == {"worker.tasks.deliver_issue"}
    post.set_rows(ada=DeliveryState.ACCEPTED, bob=DeliveryState.IN_DOUBT, eve=DeliveryState.FAILED)
    page = post.page()
    assert "1 of 3 accepted" in page
    assert "The relay refused this reader" in page
    assert "One reader in doubt" in page
    assert "Settled as accepted: one reader." in post.press("resolve", None, **{"as": "accepted"})
    assert "That was done already." in post.press("resolve", None, **{"as": "accepted"})
    assert "To be sent again: one reader." in post.press("resend", reason="refused")
    assert "It is cancelled." in post.press("cancel", reason="a joke")
    assert "That was done already." in post.press("cancel")
    assert post.verbs()[-6:] == [
        "issue pause", "issue correct", "issue resume", "delivery resolve", "delivery resend",
        "issue cancel",
    ]  # fmt: skip


def test_what_comes_in_between_is_told_and_nothing_typed_is_lost(post: Post) -> None:
    with post.database.transaction() as session:
        session.execute(update(Newsletter).values(zone="America/New_York"))
    for at in ("9999-12-31T23:59", "2026-11-20T09:30+05:00"):
        assert "Choose a day and a time in America/New_York" in post.press("schedule", at=at)
    with post.database.transaction() as session:
        session.execute(update(Issue).values(state=IssueState.SCHEDULED, send_at=NOW))
    an_hour_ago = {"state": hidden(post.editor.get(f"{post.path}/sending").text, "state")}
    post.freeze()
    assert "It is frozen by now." in post.press("cancel", None, **an_hour_ago), "a stale tab"
    assert "Imara paused it: the lead" in post.press("pause", reason="the\0 lead") + post.page()
    stale = post.press("resume", state="parked")
    assert "It is paused by now. Imara paused it: the lead" in stale, "for a mistake, perhaps"
    form = post.editor.get(f"{post.path}/correct").text
    typed = {
        "version": hidden(form, "version"), "note_was": "",
        "note": "It is eight.", "words": "It said\0 seven.",
    }  # fmt: skip
    with post.database.transaction() as session:
        session.execute(update(Newsletter).values(language="e\n"))
    assert "cannot be made ready" in post.press("correct", None, **typed)
    with post.database.transaction() as session:
        session.execute(update(Newsletter).values(language="en"))
    assert "It goes on." in post.press("resume")
    resumed = post.press("correct", None, **typed)
    assert "Pause it first" in resumed
    assert "It is eight." in resumed, "what was typed is still there, to be sent again"
    post.press("pause")
    post.press("correct", None, **typed)
    assert "It said seven." in words(post.editor.get("/issues/editors-digest/1"))
    post.set_rows(ada=DeliveryState.ACCEPTED, bob=DeliveryState.IN_DOUBT, eve=DeliveryState.FAILED)
    assert "choose that reason" in post.press("resend"), "refused for good: a person says so"
    assert "It is cancelled." in post.press("cancel")
    assert "it is cancelled: Imara cancelled it." in post.press("send", readers="2")
    cancelled = post.page()
    assert "They have it" in cancelled
    assert "Send it to them again" not in cancelled
    assert "Only what has gone out is corrected" in words(post.editor.get(f"{post.path}/correct"))
    assert "Settled as accepted: one reader." in post.press("resolve", None, **{"as": "accepted"})


def test_viewers_are_told_live_until_their_session_ends(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "READ_EVERY_SECONDS", 0.05)
    monkeypatch.setattr(live, "SHARE", 0)
    monkeypatch.setattr(live, "ASK_WHO_EVERY_SECONDS", 0.0)
    assert post.editor.get(f"{post.path}/sending/events").status_code == 404
    with post.database.transaction() as session:
        session.execute(update(Issue).values(state=IssueState.SCHEDULED, send_at=NOW))
    post.freeze()
    events = post.editor.get(
        f"{post.path}/sending/events", headers={"Accept": "text/event-stream"}, buffered=False
    )
    assert events.headers["Content-Type"].startswith("text/event-stream")
    assert events.headers["Cache-Control"] == "no-store"
    told = (part.decode() for part in events.iter_encoded())

    def next_one() -> dict[str, Any]:
        found = next(part for part in told if part.startswith("event: progress"))
        shown: dict[str, Any] = json.loads(found.partition("data: ")[2])
        return shown

    assert "0 of 3 accepted" in next_one()["html"]
    post.set_rows(ada=DeliveryState.ACCEPTED, bob=DeliveryState.QUEUED, eve=DeliveryState.QUEUED)
    assert "1 of 3 accepted" in next_one()["html"]
    with post.database.transaction() as session:
        session.execute(update(Issue).values(state=IssueState.SENDING))
        # What a person settles by the hundred tells nothing of the relay's pace.
        settled = update(Delivery).values(state=DeliveryState.ACCEPTED, reason="resolved")
        eve = select(func.max(Delivery.subscriber_id)).scalar_subquery()
        session.execute(settled.where(Delivery.subscriber_id == eve))
        half_a_minute_ago = update(Delivery).values(final_at=database_now(-30))
        session.execute(half_a_minute_ago.where(Delivery.state == DeliveryState.ACCEPTED))
    shown = next_one()
    assert "2 of 3 accepted, 2 a minute, done at about 06:00" in shown["html"]
    assert shown["shape"].startswith("sending"), "the page's buttons are others now"
    with post.database.transaction() as session:
        imara = session.scalars(select(User).where(User.name == "Imara")).one()
        end_sessions(session, imara, now=NOW)
    assert not [part for part in told if part.startswith("event")], "it ends by itself"
    assert post.editor.get(f"{post.path}/sending/events").status_code == 303


def test_a_correction_of_what_has_gone_out_waits_for_somebody_else(post: Post, join: Join) -> None:
    joss = join("Joss", Role.EDITOR)
    with post.database.transaction() as session:
        session.execute(update(Newsletter).values(approval=Approval.SECOND_PERSON))
        session.execute(
            update(Issue).values(state=IssueState.SCHEDULED, send_at=NOW, note="At seven.")
        )
    post.freeze()
    with post.database.transaction() as session:
        session.execute(update(Issue).values(state=IssueState.SENT))
    page = f"{post.path}/correct"

    def correct(note: str, editor: Colleague) -> str:
        form = editor.get(page).text
        fields = {name: hidden(form, name) for name in ("version", "note_was")}
        return post.press("correct", editor, **fields, note=note, words="It said seven.")

    def archive() -> str:
        return words(post.editor.get("/issues/editors-digest/1"))

    shown = words(post.editor.get(page))
    assert "once somebody else has confirmed that" in shown
    said = correct("At <eight>.", post.editor)
    assert "It waits for a second person." in said
    assert "Your correction waits" in said
    assert "Confirm it" not in said
    assert ("At seven." in archive(), "Corrected on" in archive()) == (True, False)
    assert "A correction waits" in post.page(joss)
    looked_at = joss.get(page)
    assert "At <del>seven.</del> <ins>&lt;eight&gt;.</ins>" in looked_at.text
    assert "Imara’s correction waits" in words(looked_at)
    assert "Correct it" not in words(looked_at), "it is settled first"
    correct("At eight.", post.editor)
    seen = {"seen": hidden(looked_at.text, "seen")}
    assert "It was corrected otherwise since" in post.press("correct/confirm", joss, **seen)
    own = post.press("correct/confirm", None, seen=hidden(joss.get(page).text, "seen"))
    assert "Imara has made the correction." in own
    now = {"seen": hidden(joss.get(page).text, "seen")}
    assert "The correction is confirmed." in post.press("correct/confirm", joss, **now)
    assert "Corrected on 14 November 2026: It said seven. At eight." in archive()
    assert "No correction of No. 1 waits" in post.press("correct/confirm", joss, **now)
    correct("At nine.", joss)
    assert "It is dropped." in post.press("correct/drop")
    assert "At eight." in archive()
    assert post.verbs()[-5:] == [
        *("issue correct (waits)", "issue correct (waits)", "issue correct"),
        *("issue correct (waits)", "issue correct (dropped)"),
    ]
    viewer = join("Vera", Role.VIEWER)
    proof = hidden(viewer.get("/desk/account").text, "proof")
    assert viewer.client.post(f"{page}/drop", data={"proof": proof}).status_code == 403


def test_while_a_correction_waits_the_page_says_so_and_sends_nothing_again(
    post: Post, join: Join
) -> None:
    joss = join("Joss", Role.EDITOR)
    with post.database.transaction() as session:
        session.execute(update(Newsletter).values(approval=Approval.SECOND_PERSON))
        session.execute(update(Issue).values(state=IssueState.SCHEDULED, send_at=NOW))
    post.freeze()
    post.set_rows(ada=DeliveryState.ACCEPTED, bob=DeliveryState.IN_DOUBT, eve=DeliveryState.FAILED)
    with post.database.transaction() as session:
        session.execute(update(Issue).values(state=IssueState.SENT))
    again = ("Send it to them again", "Send it to who may be mailed now")
    assert all(button in post.page() for button in again)
    form = post.editor.get(f"{post.path}/correct").text
    fields = {name: hidden(form, name) for name in ("version", "note_was")}
    post.press("correct", None, **fields, note="It is eight.", words="It said seven.")
    for editor in (post.editor, joss):
        shown = post.page(editor)
        assert not [button for button in again if button in shown]
        assert "They have it" in shown, "that sends nothing"
        assert "Imara has corrected it, and that waits for a second person." in shown
    refused = "what would go out now is the issue with the mistake"
    assert refused in post.press("resend", joss, reason="refused")
    assert refused in post.press("resolve", joss, **{"as": "queued"})
    assert post.issue().state is IssueState.SENT
    assert "delivery resend" not in post.verbs()
    post.press("correct/drop", joss)
    assert all(button in post.page() for button in again)
    assert "To be sent again: one reader." in post.press("resend", joss, reason="refused")
