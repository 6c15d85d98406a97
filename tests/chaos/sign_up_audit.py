"""The reckoning at the door: what visitors were told and mailed, against the rows."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from digest.readers.consent.verifying import verify_chain
from digest.tokens import BadTokenError, Purpose
from tests.chaos.installation import LEASE_SECONDS, REPLY_SECONDS, WINDOW, Installation
from tests.chaos.relay import UNHEARD, Entry
from tests.chaos.rounds import Played
from tests.chaos.sign_ups import Visitor

FIGURES = ("sign-ups", "answered", "errors", "cut", "confirmed", "mails", "in doubt", "twice")
# What was on the wire when a reader confirmed may still come, for so long.
ON_THE_WIRE_SECONDS = LEASE_SECONDS + REPLY_SECONDS + 1.0
WRITTEN = """
    WITH mine AS (
        SELECT detail.email, consent.subject,
               count(*) FILTER (WHERE kind = 'requested') AS requested,
               count(*) FILTER (WHERE kind = 'confirmed') AS confirmed
        FROM consent_detail detail JOIN consent ON consent.id = detail.consent_id
        WHERE detail.email LIKE %s GROUP BY detail.email, consent.subject)
    SELECT mine.email, requested, confirmed, sign_up.token_id, sign_up.confirmed_at IS NOT NULL,
           (SELECT count(*) FROM sign_up_choice WHERE sign_up_id = sign_up.id),
           (SELECT count(*) FROM notice WHERE sign_up_id = sign_up.id),
           notice.token_id, notice.state, notice.attempts,
           (SELECT count(*) FROM subscription JOIN subscriber ON subscriber.id = subscriber_id
            WHERE subscriber.email = mine.email)
    FROM mine LEFT JOIN sign_up ON sign_up.subject = mine.subject
    LEFT JOIN notice ON notice.sign_up_id = sign_up.id
"""
# Parts of a sign-up that have no other part: none may be left behind by whatever was cut.
HALVES = {
    "sign-ups without a choice": """
        SELECT count(*) FROM sign_up s
        WHERE NOT EXISTS (SELECT FROM sign_up_choice WHERE sign_up_id = s.id)""",
    "sign-ups without evidence": """
        SELECT count(*) FROM sign_up s WHERE NOT EXISTS (
            SELECT FROM consent WHERE subject = s.subject AND kind = 'requested')""",
    "sign-ups without a mail": """
        SELECT count(*) FROM sign_up s WHERE NOT EXISTS (
            SELECT FROM notice WHERE sign_up_id = s.id)""",
    "requests without a sign-up": """
        SELECT count(*) FROM consent c WHERE kind = 'requested' AND NOT EXISTS (
            SELECT FROM sign_up WHERE subject = c.subject)""",
    "events without their details": """
        SELECT count(*) FROM consent c WHERE kind IN ('requested', 'confirmed') AND NOT EXISTS (
            SELECT FROM consent_detail WHERE consent_id = c.id)""",
    "mails without a sign-up": """
        SELECT count(*) FROM notice WHERE kind = 'confirmation' AND sign_up_id IS NULL""",
    "confirmed, and no reader": """
        SELECT count(*) FROM sign_up s WHERE confirmed_at IS NOT NULL AND NOT EXISTS (
            SELECT FROM subscriber JOIN subscription ON subscriber_id = subscriber.id
            WHERE subject = s.subject)""",
}


@dataclass(frozen=True)
class Written:
    """What the database has of a sign-up."""

    email: str
    requested: int
    confirmed: int
    sign_up: bytes | None
    is_confirmed: bool
    choices: int
    notices: int
    notice: bytes | None
    state: str | None
    attempts: int | None
    periods: int

    @property
    def is_whole(self) -> bool:
        return (self.requested, self.choices, self.notices) == (1, 1, 1) and bool(self.sign_up)


@dataclass
class AtTheDoor:
    """What became of a round's visitors. `wrong` must be empty."""

    figures: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    @property
    def mails(self) -> int:
        return self.figures["mails"]


def mails_since(installation: Installation, played: Played) -> int:
    """Return how many mails the relay has had by now for those who signed up in a round."""
    return sum(map(len, _copies(installation, played.visitors).values()))


def reckon_sign_ups(installation: Installation, played: Played) -> AtTheDoor:
    """Compare what visitors were told with the rows, and with what the relay took for each."""
    return _Audit(installation, played).run()


def _copies(installation: Installation, visitors: Iterable[Visitor]) -> dict[str, list[Entry]]:
    emails = {visitor.email for visitor in visitors}
    copies = defaultdict[str, list[Entry]](list)
    for entry in installation.relay.entries():
        if entry.is_copy and entry.to in emails:
            copies[entry.to].append(entry)
    return copies


class _Audit:
    def __init__(self, installation: Installation, played: Played) -> None:
        self.installation, self.scene = installation, played.scene
        self.visitors = played.visitors
        self.found = AtTheDoor()
        self.copies = _copies(installation, played.visitors)
        self.rows = defaultdict[str, list[Written]](list)
        for row in installation.ask(WRITTEN, f"visitor{played.plan.number}x%"):
            self.rows[row[0]].append(Written(*row))
        since = [e for e in installation.relay.entries() if e.at >= self.scene.began]
        self.unheard = {entry.to for entry in since if entry.what in UNHEARD}
        self.asleep = any(entry.what == "asleep" for entry in since)
        self.strangers = {
            entry.to
            for entry in since
            if entry.is_copy
            and entry.issue_id is None
            and entry.to not in {each.email for each in self.visitors}
        }
        # Repeated where nobody could look when a process was killed: a window for each.
        self.unexplained: list[str] = []

    def run(self) -> AtTheDoor:
        for visitor in self.visitors:
            self._count(visitor)
            self._check(visitor)
        if len(self.unexplained) > self.scene.unseen * WINDOW:
            self.found.wrong += self.unexplained
        if self.strangers:
            self._wrong(f"{len(self.strangers)} were mailed a link who never signed up")
        for what, sql in HALVES.items():
            [(count,)] = self.installation.ask(sql)
            if count:
                self._wrong(f"{count} {what}")
        with self.installation.database.reading() as session:
            chain = verify_chain(session, datetime.now(UTC))
        self.found.wrong += [f"the chain of consents: {each}" for each in chain.problems]
        return self.found

    def _wrong(self, words: str) -> None:
        self.found.wrong.append(words)

    def _count(self, visitor: Visitor) -> None:
        status = visitor.asked.status if visitor.asked else None
        copies = self.copies[visitor.email]
        self.found.figures.update(
            {
                "sign-ups": 1,
                "answered": int(status == 200),
                "errors": int(status not in (200, None)),
                "cut": int(status is None),
                "confirmed": int(visitor.confirmed_at is not None),
                "mails": len(copies),
                "twice": max(0, len(copies) - 1),
                "in doubt": int(self._is_in_doubt(visitor)),
            }
        )

    def _is_in_doubt(self, visitor: Visitor) -> bool:
        rows = self.rows[visitor.email]
        doubted = any(row.notice and row.notice.hex() in self.scene.doubted for row in rows)
        return doubted or visitor.email in self.unheard

    def _check(self, visitor: Visitor) -> None:
        who, rows, copies = visitor.email, self.rows[visitor.email], self.copies[visitor.email]
        self._check_copies(who, copies)
        if not rows:
            forgotten = visitor.asked is not None and self._forgets(
                visitor.asked.began, visitor.asked.ended
            )
            if visitor.answered and not forgotten:
                self._wrong(f"{who} was answered, and nothing is written")
            if copies and not forgotten:
                self._wrong(f"{who} was mailed a link, and nothing is written")
            return
        if len(rows) > 1 or not rows[0].is_whole:
            self._wrong(f"{who} signed up by halves: {rows}")
            return
        status = visitor.asked.status if visitor.asked else None
        if status is not None and 400 <= status < 500:
            self._wrong(f"{who} was refused with {status}, and signed up")
        self._check_mail(visitor, rows[0], copies)
        self._check_confirmed(visitor, rows[0])

    def _forgets(self, began: float, ended: float) -> bool:
        """Whether what was done then may not be in the database that was brought back."""
        forgotten = self.scene.forgotten
        return forgotten is not None and ended >= forgotten[0] and began <= forgotten[1]

    def _check_copies(self, who: str, copies: list[Entry]) -> None:
        """However many there are, they are one message, and the link is their reader's own."""
        if len({(each.message_id, each.sha256) for each in copies}) > 1:
            self._wrong(f"{who} got {len(copies)} mails that differ")
        for copy in copies:
            if self._sign_up_of(copy) is None:
                self._wrong(f"{who} got a mail with no link of ours")

    def _sign_up_of(self, copy: Entry) -> bytes | None:
        try:
            text = copy.link.rpartition("/")[2]
            return self.installation.links.ring.read(Purpose.CONFIRM, text).id
        except BadTokenError:
            return None

    def _check_mail(self, visitor: Visitor, row: Written, copies: list[Entry]) -> None:
        who = visitor.email
        moot = row.is_confirmed and row.state == "cancelled"
        if row.state != "accepted" and not moot:
            self._wrong(f"{who}: the mail is {row.state} in the end")
        if not copies:
            self._wrong(f"{who} signed up, and no mail left ({row.state})")
        assert row.notice is not None
        for copy in copies:
            if self._sign_up_of(copy) != row.sign_up:
                self._wrong(f"{who} got another's link")
            if copy.message_id.partition("@")[0] != f"notice.{row.notice.hex()}":
                self._wrong(f"{who} got a mail that is not of their notice")
        confirmed_at = visitor.confirmed_at
        for copy in copies:
            late = confirmed_at is not None and copy.at > confirmed_at + ON_THE_WIRE_SECONDS
            if late and not self.scene.restored:
                self._wrong(f"{who} got the link again long after they had used it")
        if len(copies) > 1 and not self._may_repeat(visitor, row, copies):
            self.unexplained.append(f"{who} got the link {len(copies)} times, and was not in doubt")

    def _may_repeat(self, visitor: Visitor, row: Written, copies: list[Entry]) -> bool:
        if self._is_in_doubt(visitor):
            return True
        forgotten = self.scene.forgotten
        if forgotten is not None:
            # The dump says that it is still to be mailed, or is being.
            return copies[0].at <= forgotten[1] < copies[-1].at
        # The machine let the relay itself wait: each attempt was given up, and written down as one.
        return self.asleep and (row.attempts or 0) >= len(copies)

    def _check_confirmed(self, visitor: Visitor, row: Written) -> None:
        who = visitor.email
        if row.confirmed != row.periods or row.periods > 1 or row.is_confirmed != bool(row.periods):
            self._wrong(f"{who} confirmed by halves, or twice: {row}")
        if row.periods and not visitor.pressed:
            self._wrong(f"{who} is a reader, and never confirmed")
        told = [each for each in visitor.pressed if each.status == 200]
        if told and not row.periods and not any(self._forgets(e.began, e.ended) for e in told):
            self._wrong(f"{who} was told that they have confirmed, and is no reader")
        for each in (*visitor.looked, *visitor.pressed):
            known = each.status is None or each.status == 200 or each.status >= 500
            if not known and self.scene.forgotten is None:
                self._wrong(f"{who} used the link, and was answered {each.status}")
