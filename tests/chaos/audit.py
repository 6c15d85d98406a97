"""The reckoning: the relay's own record of a round against the database's rows."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field

from sqlalchemy import select

from digest.delivery.ledger.claiming import Recipient
from digest.delivery.ledger.reporting import report
from digest.delivery.messages import Mailing, load_mailing, write_message
from digest.delivery.relay.connection import Envelope
from digest.models import OPEN, Delivery, DeliveryState, Issue, Subscriber, Subscription
from tests.chaos.company import POOL
from tests.chaos.installation import RELEASES, WINDOW, Installation, says
from tests.chaos.relay import UNHEARD, Entry
from tests.chaos.rounds import Played
from tests.chaos.sign_up_audit import AtTheDoor, mails_since, reckon_sign_ups

SENT = (DeliveryState.ACCEPTED, DeliveryState.BOUNCED, DeliveryState.COMPLAINED)
# Where the row is of a reader who left before it became `sending`.
BEFORE = ("queued", "claimed", "excluded")


@dataclass(frozen=True)
class Row:
    """A row of the ledger, with its reader's address and the message that is theirs."""

    subscriber_id: int
    email: str
    state: DeliveryState
    reason: str | None
    message: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.message).hexdigest()


@dataclass
class Reckoning:
    """Readers by their ids. All lists but `in_doubt` must be empty, and that within `bound`.

    `door`: what became of the sign-ups meanwhile.
    """

    messages: int = 0
    states: dict[str, int] = field(default_factory=dict)
    lost: list[int] = field(default_factory=list)
    repeated: list[int] = field(default_factory=list)
    in_doubt: list[int] = field(default_factory=list)
    bound: int = 0
    wrong: list[str] = field(default_factory=list)
    left: Counter[str] = field(default_factory=Counter)
    door: AtTheDoor = field(default_factory=AtTheDoor)

    @property
    def holds(self) -> bool:
        return not (self.lost or self.repeated or self.wrong or len(self.in_doubt) > self.bound)


def reckon(installation: Installation, played: Played) -> Reckoning:
    """Compare what the relay took with what the ledger says, reader by reader."""
    if not played.frozen:
        return Reckoning(wrong=[*played.scene.complaints, "the issue was never frozen"])
    rows = _rows(installation, played.issue_id)
    entries = [e for e in installation.relay.entries() if e.issue_id == played.issue_id]
    copies = Counter(entry.to for entry in entries if entry.is_copy)
    found = Reckoning(messages=copies.total(), wrong=list(played.scene.complaints))
    found.states = dict(Counter(row.state.value for row in rows))
    found.lost = [r.subscriber_id for r in rows if r.state in SENT and not copies[r.email]]
    found.repeated = [row.subscriber_id for row in rows if copies[row.email] > 1]
    _check_doubts(found, installation, played, rows)
    _check_sum(found, installation, played, rows)
    _check_states(found, rows, copies, played)
    _check_leavers(found, played, rows, copies)
    _check_bytes(found, installation, played, rows, entries)
    found.door = reckon_sign_ups(installation, played)
    found.wrong += found.door.wrong
    return found


def recount(installation: Installation, played: Played, found: Reckoning) -> None:
    """At the very end: nothing may have come after a round was reckoned up."""
    entries = [e for e in installation.relay.entries() if e.issue_id == played.issue_id]
    late = sum(entry.is_copy for entry in entries) - found.messages
    if late:
        found.wrong.append(f"{late} more messages of the issue came after its round")
    late = mails_since(installation, played) - found.door.mails
    if late:
        found.wrong.append(f"{late} more mails to who had signed up came after the round")


def _rows(installation: Installation, issue_id: int) -> list[Row]:
    with installation.database.reading() as session:
        mailing = load_mailing(session, issue_id)
        found = session.execute(
            select(Delivery, Subscriber, Subscription)
            .join(Subscriber, Subscriber.id == Delivery.subscriber_id)
            .join(Subscription, Subscription.subscriber_id == Subscriber.id)
            .where(Delivery.issue_id == issue_id)
        )
        return [_row(installation, mailing, *row) for row in found]


def _row(
    installation: Installation,
    mailing: Mailing,
    delivery: Delivery,
    reader: Subscriber,
    period: Subscription,
) -> Row:
    recipient = Recipient(
        reader.id,
        None,
        delivery.rendering_id,
        reader.subject,
        reader.email,
        reader.name,
        period.token_id,
        period.site,
        period.started_at,
    )
    envelope = write_message(mailing, recipient, installation.links)
    assert isinstance(envelope, Envelope)
    assert reader.email is not None
    return Row(reader.id, reader.email, delivery.state, delivery.reason, envelope.message)


def _check_doubts(
    found: Reckoning, installation: Installation, played: Played, rows: list[Row]
) -> None:
    """A window for each process killed, and those whose answer the relay kept to itself."""
    doubted = [row for row in rows if row.state is DeliveryState.IN_DOUBT]
    found.in_doubt = [row.subscriber_id for row in doubted]
    entries = [e for e in installation.relay.entries() if e.at >= played.scene.began]
    unheard = {entry.to for entry in entries if entry.what in UNHEARD}
    explained = sum(row.email in unheard for row in doubted)
    if any(entry.what == "asleep" for entry in entries):
        # The machine let the relay itself wait: whatever was given up meanwhile was so rightly.
        given_up = played.scene.given_up()
        explained = sum(row.email in unheard or row.subscriber_id in given_up for row in doubted)
    # What was on the wire when a dump was made is in doubt once that is brought back.
    processes = played.scene.killed + (POOL if played.scene.restored else 0)
    found.bound = processes * WINDOW + explained


def _check_sum(
    found: Reckoning, installation: Installation, played: Played, rows: list[Row]
) -> None:
    with installation.database.reading() as session:
        said = report(session, session.get_one(Issue, played.issue_id))
    if not said.adds_up or said.audience != len(rows):
        found.wrong.append(f"the sum does not hold: {said}")
    if {row.email for row in rows} != set(played.audience):
        found.wrong.append("the rows are not the audience")
    if still := [row.subscriber_id for row in rows if row.state in OPEN]:
        found.wrong.append(f"still open: {still}")


def _check_states(found: Reckoning, rows: list[Row], copies: Counter[str], played: Played) -> None:
    strangers = set(copies) - {row.email for row in rows}
    if strangers:
        found.wrong.append(f"{len(strangers)} got it who are not in the audience")
    for row in rows:
        closed = row.state not in (*SENT, *OPEN, DeliveryState.IN_DOUBT)
        # A database that was brought back cannot know who got it since: hence it was given up.
        forgotten = played.scene.restored and row.state is DeliveryState.CANCELLED
        if closed and not forgotten and copies[row.email]:
            found.wrong.append(f"{row.subscriber_id} is {row.state} ({row.reason}), but got it")
        if row.state is DeliveryState.FAILED and row.email not in played.refused:
            found.wrong.append(f"{row.subscriber_id} failed ({row.reason}), and was not refused")
        if row.state is DeliveryState.CANCELLED and not played.scene.restored:
            found.wrong.append(f"{row.subscriber_id} is cancelled")
        if row.state is DeliveryState.EXCLUDED and row.reason != "left":
            found.wrong.append(f"{row.subscriber_id} is excluded: {row.reason}")


def _check_leavers(found: Reckoning, played: Played, rows: list[Row], copies: Counter[str]) -> None:
    ids = {row.email: row.subscriber_id for row in rows}
    for leaver in played.scene.leavers:
        before = leaver.state in BEFORE
        found.left["before" if before else "after"] += 1
        if before and copies[leaver.email]:
            found.wrong.append(
                f"{ids[leaver.email]} left by {leaver.by} when their row was {leaver.state}, and "
                "was mailed"
            )


def _check_bytes(
    found: Reckoning,
    installation: Installation,
    played: Played,
    rows: list[Row],
    entries: list[Entry],
) -> None:
    """Whatever was deployed meanwhile, all got what was frozen, to the octet."""
    if installation.stencils(played.issue_id) != played.frozen:
        found.wrong.append("the frozen bytes have changed")
    release = says(rows[0].message)
    if release != RELEASES[played.release]:
        found.wrong.append(f"the issue was made by {release}")
    theirs = {row.email: row for row in rows}
    for entry in entries:
        row = theirs.get(entry.to)
        if entry.is_copy and row is not None and row.sha256 != entry.sha256:
            found.wrong.append(f"{row.subscriber_id} got other bytes than were frozen for them")
