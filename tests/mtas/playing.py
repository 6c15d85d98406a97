"""Two issues sent through a mail server, and what became of every reader of them."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from sqlalchemy import select, update

from digest.delivery.relay.connecting import connect_to_relay
from digest.delivery.relay.wire import RelayTrouble
from digest.inbound import act_on_mail
from digest.models import (
    Article,
    Bounce,
    BounceKind,
    Delivery,
    DeliveryState,
    EndedReason,
    Issue,
    IssueState,
    Newsletter,
    Relay,
    Subscriber,
    Subscription,
)
from digest.settings.loading import RelayAddress
from tests.delivery.conftest import Press
from tests.factories import NOW, RING, make_issue
from tests.mtas.audience import Kind, kind_of
from tests.mtas.calls import Calls
from tests.mtas.servers import PASSWORD, USER
from tests.scripted_smtp import Received, ScriptedRelay

# Courier lets us wait eight seconds for each refused reader.
SENDING_SECONDS = 420
ARRIVING_SECONDS = 90
ACCEPTED, BOUNCED = DeliveryState.ACCEPTED, DeliveryState.BOUNCED
FAILED, IN_DOUBT = DeliveryState.FAILED, DeliveryState.IN_DOUBT


@dataclass(frozen=True)
class Sent:
    """One issue, when nothing more comes of it. `rows` are in the order of its `emails`."""

    issue: Issue
    emails: Sequence[str]
    rows: Sequence[Delivery]
    seconds: float
    connections: int


@dataclass
class Result:
    """What a mail server did with our mail, and `wrong`: what should not have happened, in words.

    `missing` says why it could not be tried.
    """

    name: str
    version: str = ""
    offers: Sequence[str] = ()
    readers: int = 0
    delivered: int = 0
    expected: int = 0
    refused: int = 0
    in_doubt: int = 0
    connections: Sequence[int] = ()
    seconds: Sequence[float] = ()
    habits: str = ""
    report: str = ""
    wrong: list[str] = field(default_factory=list)
    missing: str = ""

    @property
    def holds(self) -> bool:
        return not (self.wrong or self.missing)


@dataclass
class Play:
    """One server's turn. `loses_behind_dot`, `reports`: as in MailServer."""

    press: Press
    next_hop: ScriptedRelay
    calls: Calls
    emails: Sequence[str]
    result: Result
    loses_behind_dot: bool = False
    reports: bool = True

    def run(self) -> None:
        """Send two issues, read the reports about the first, and say what was wrong."""
        result = self.result
        first = self._send(self.press.frozen_issue(*self.emails), self.emails)
        relay = self._relay()
        result.offers, result.habits = relay.offers, habits(relay)
        if relay.dot_alone != self.loses_behind_dot:
            result.wrong.append(f"what was learnt of the answer behind the dot: {relay.dot_alone}")
        self._check(first, "the first issue")
        self._read_reports(first)
        states = Counter(row.state for row in first.rows)
        result.readers = len(self.emails)
        result.refused, result.in_doubt = states[FAILED], states[IN_DOUBT]
        copies = self._copies(first.issue.id)
        result.delivered, result.expected = copies.total(), len(self._wanted())
        second = self._send(self._second_issue(), self._without_unknown())
        self._check(second, "the second issue")
        if second.seconds > self.press.settings.smtp_timeout:
            result.wrong.append(f"the second issue took {second.seconds:.1f} s: a time-out")
        result.seconds = (first.seconds, second.seconds)
        result.connections = (first.connections, second.connections)

    def run_at_its_limit(self, limit: int) -> None:
        """Send one issue to more readers than the server takes at a time, and see that it waits."""
        result = self.result
        issue_id = self.press.frozen_issue(*self.emails)
        sent = self._send(issue_id, self.emails)
        tried = sum(row.attempts > 0 for row in sent.rows if row.state is DeliveryState.QUEUED)
        accepted = sum(row.state is ACCEPTED for row in sent.rows)
        result.offers = self._relay().offers
        result.readers, result.delivered, result.expected = len(self.emails), accepted, limit
        result.refused = sum(row.state is FAILED for row in sent.rows)
        result.habits = f"paused; {tried} tries counted"
        result.seconds, result.connections = (sent.seconds,), (sent.connections,)
        if sent.issue.state is not IssueState.PARKED:
            result.wrong.append(f"the issue is {sent.issue.state}, and should pause")
        if accepted != limit or result.refused:
            result.wrong.append(f"{accepted} readers accepted, {result.refused} refused")
        if tried >= len(self.emails) - limit:
            result.wrong.append("each reader who was put off was tried")

    def _send(self, issue_id: int, emails: Sequence[str]) -> Sent:
        """Work on an issue as the worker does, until it is sent or waits."""
        press = self.press
        self.calls.begin(press.settings.relay.port)
        began = time.monotonic()
        while True:
            press.deliver(issue_id)
            seconds = time.monotonic() - began
            issue = press.issue(issue_id)
            if issue.state is not IssueState.SENDING or seconds > SENDING_SECONDS:
                return Sent(issue, emails, press.rows(issue_id), seconds, self.calls.count)
            time.sleep(0.05)

    def _without_unknown(self) -> list[str]:
        return [email for email in self.emails if kind_of(email) is not Kind.UNKNOWN]

    def _second_issue(self) -> int:
        """Make one for those whom the server knows: what refusals cost is not its time."""
        unknown = select(Subscriber.id).where(Subscriber.email.startswith(Kind.UNKNOWN))
        with self.press.database.transaction() as session:
            session.execute(
                update(Subscription)
                .where(Subscription.subscriber_id.in_(unknown))
                .values(ended_at=NOW, ended_reason=EndedReason.LEFT)
            )
            newsletter = session.scalars(select(Newsletter)).one()
            articles = session.scalars(select(Article)).all()
            day = date(2026, 11, 21)
            issue_id = make_issue(session, newsletter, articles, occurrence_on=day, dateline=day).id
        assert self.press.freeze(issue_id)
        return issue_id

    def _relay(self) -> Relay:
        with self.press.database.reading() as session:
            return session.scalars(select(Relay)).one()

    # What should have become of everybody.

    def _takes_all_letters(self) -> bool:
        return {"smtputf8", "8bitmime"} <= set(self.result.offers)

    def _wanted(self) -> set[str]:
        """Who should have the message."""
        kinds = {Kind.KNOWN} | ({Kind.BEYOND_ASCII} if self._takes_all_letters() else set())
        return {email for email in self.emails if kind_of(email) in kinds}

    def _wanted_state(self, email: str) -> DeliveryState:
        kind = kind_of(email)
        unsayable = kind is Kind.BEYOND_ASCII and not self._takes_all_letters()
        return FAILED if kind is Kind.UNKNOWN or unsayable else ACCEPTED

    def _check(self, sent: Sent, name: str) -> None:
        wrong = self.result.wrong
        if sent.issue.state is not IssueState.SENT:
            wrong.append(f"{name} is {sent.issue.state}: {sent.issue.reason}")
        odd = Counter(
            f"{kind_of(email).name} {row.state} ({row.code} {row.enhanced} {row.reply})"
            for email, row in zip(sent.emails, sent.rows, strict=True)
            if row.state is not self._wanted_state(email)
        )
        wrong += [f"{name}: {count} readers {words}" for words, count in odd.items()]
        wanted = Counter(self._wanted())
        _wait(lambda: not wanted - self._copies(sent.issue.id))
        copies = self._copies(sent.issue.id)
        for words, difference in (("lacking", wanted - copies), ("too many", copies - wanted)):
            if difference:
                wrong.append(f"{name}: {difference.total()} messages {words}")
        spoken = [mail for mail in self._copied(sent.issue.id) if not mail.recipients[0].isascii()]
        if not all("SMTPUTF8" in mail.mail for mail in spoken):
            wrong.append(f"{name}: an address beyond ASCII went on without SMTPUTF8")

    def _copied(self, issue_id: int) -> list[Received]:
        return [mail for mail in self.next_hop.messages if mail.sender and issue(mail) == issue_id]

    def _copies(self, issue_id: int) -> Counter[str]:
        return Counter(to for mail in self._copied(issue_id) for to in mail.recipients)

    # What came back.

    def _read_reports(self, sent: Sent) -> None:
        gone = sum(kind_of(email) is Kind.GONE for email in self.emails)
        if not self.reports:
            self.result.report = "none is sent"
            return
        _wait(lambda: len(self._reports()) >= gone)
        reports = self._reports()
        for mail in reports:
            act_on_mail(self.press.database, RING, mail.content, mail.recipients, now=NOW)
        with self.press.database.reading() as session:
            bounces = session.scalars(select(Bounce)).all()
        final = sum(bounce.kind is BounceKind.PERMANENT for bounce in bounces)
        rows = self.press.rows(sent.issue.id)
        bounced = [
            email for email, row in zip(self.emails, rows, strict=True) if row.state is BOUNCED
        ]
        if final != gone or [kind_of(email) for email in bounced] != [Kind.GONE] * gone:
            self.result.wrong.append(
                f"{len(reports)} reports about {gone} readers: {len(bounces)} read, {final} final, "
                f"{len(bounced)} deliveries bounced"
            )
        if not reports:
            self.result.report = "none came"
            return
        kinds = sorted({mail.message.get_content_type() for mail in reports})
        statuses = sorted({bounce.enhanced or "no status" for bounce in bounces})
        self.result.report = f"{', '.join(kinds)}: {', '.join(statuses)}, {final} of {gone} final"

    def _reports(self) -> list[Received]:
        return [mail for mail in self.next_hop.messages if not mail.sender]


def check_odd_sign_in(press: Press, result: Result) -> None:
    """See that a server that offers none of our ways to sign in is refused with words that help."""
    port = press.settings.relay.port
    relay = RelayAddress("127.0.0.1", port, "none", USER, PASSWORD)
    try:
        connect_to_relay(replace(press.settings, relay=relay)).close()
    except RelayTrouble as trouble:
        if "confAUTH_MECHANISMS" in str(trouble) and "DIGEST-MD5" in str(trouble):
            return
        result.wrong.append(f"signing in: {trouble}")
        return
    result.wrong.append("signing in: nothing was refused")


def habits(relay: Relay) -> str:
    """Say in a few words what was learnt of a relay."""
    learnt = [
        "waits for the dot" if relay.dot_alone else "",
        f"refusals at most {relay.refusals_at_most}" if relay.refusals_at_most else "",
    ]
    return ", ".join(filter(None, learnt)) or "-"


def issue(mail: Received) -> int:
    """Return which issue a message is of, as its Message-ID says."""
    return int(str(mail.message["Message-ID"]).strip("<>").partition(".")[0])


def _wait(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + ARRIVING_SECONDS
    while not condition() and time.monotonic() < until:
        time.sleep(0.1)
