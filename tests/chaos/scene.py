"""One round as the faults see it: what to break, and where to note what they did."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import psycopg

from tests.chaos.installation import LEASE_SECONDS, Installation
from tests.chaos.sign_ups import Crowd

# Where an issue has come to its end.
ENDS = ("sent", "cancelled")
# What a process says that is started while PostgreSQL is away.
AWAY = "digest: The database did not answer. Nothing was written; try again in a minute."


@dataclass(frozen=True)
class Leaver:
    """A reader who left in mid-send. `state`: their row's, read after the leave was committed;
    `at`: the machine's monotonic clock, read before that."""

    email: str
    state: str
    at: float
    by: str


@dataclass
class Scene:
    """`killed`: processes that may have held a window when they were killed with -9. `forgotten`:
    what the database does not know, as an older one was brought back: from the dump's beginning
    until it was there. `doubted`: notices that were `sending` when their process was killed, by
    their tokens in hexadecimal; `unseen`: how many were killed while nobody could look. `woke_at`:
    when a worker that was stopped last went on, by the machine's monotonic clock."""

    installation: Installation
    issue_id: int
    draw: Random
    audience: list[str]
    kills: int = 0
    killed: int = 0
    crowd: Crowd = field(kw_only=True)
    forgotten: tuple[float, float] | None = None
    doubted: set[str] = field(default_factory=set)
    unseen: int = 0
    woke_at: float = float("-inf")
    leavers: list[Leaver] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    diary: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    @property
    def restored(self) -> bool:
        return self.forgotten is not None

    def note(self, words: str) -> None:
        self.diary.append(f"{time.monotonic() - self.began:7.2f} s  {words}")

    def complain(self, words: str) -> None:
        """Note something that must never happen."""
        self.complaints.append(words)
        self.note(f"WRONG: {words}")

    def look_after(self) -> None:
        """Start again what ended without being told to; that nothing ever should."""
        company = self.installation.company
        for name, code in company.fallen().items():
            last = company.log_of(name).read_text(errors="replace").splitlines()[-1:]
            if last == [AWAY]:
                # It was started just then, and whoever runs the place starts it again.
                self.note(f"{name} ended, as it found no database to start with")
            else:
                self.complain(f"{name} ended by itself, with {code}")
            company.start(name.partition(".")[0])

    def copies(self) -> int:
        """Return how many messages of the issue the relay has."""
        entries = self.installation.relay.entries()
        return sum(entry.is_copy and entry.issue_id == self.issue_id for entry in entries)

    def mails(self) -> int:
        """Return how many messages of any kind the relay has had since the round began."""
        entries = self.installation.relay.entries()
        return sum(entry.is_copy and entry.at >= self.began for entry in entries)

    def notices_sending(self) -> set[str]:
        """Return the Message-IDs of notices that are `sending`; none where nobody can look."""
        try:
            return self._notices_sending()
        except psycopg.OperationalError:
            return set()

    def notices_were_killed(self) -> None:
        """Note which notices are in doubt, now that nobody sends them any more."""
        try:
            sending = self._notices_sending()
        except psycopg.OperationalError:
            self.unseen += 1
            self.note("notices are killed, and nobody can look which are in doubt")
            return
        self.doubted |= sending
        self.note(f"notices are killed, with {len(sending)} in doubt")

    def _notices_sending(self) -> set[str]:
        rows = self.installation.ask(
            "SELECT encode(token_id, 'hex') FROM notice WHERE state = 'sending'"
        )
        return {token for (token,) in rows}

    def on_the_wire(self) -> int:
        """Return how many rows are `sending` now; 0 where the database does not answer."""
        try:
            [(count,)] = self.installation.ask(
                "SELECT count(*) FROM delivery WHERE issue_id = %s AND state = 'sending'",
                self.issue_id,
            )
        except psycopg.OperationalError:
            return 0
        return int(count)

    def issue_state(self) -> str | None:
        """Return the issue's state; None where the database does not answer."""
        try:
            [(state,)] = self.installation.ask(
                "SELECT state FROM issue WHERE id = %s", self.issue_id
            )
        except psycopg.OperationalError:
            return None
        return str(state)

    @property
    def is_over(self) -> bool:
        """Whether the issue is closed, for now: who wakes late may have something to say."""
        return self.issue_state() in ENDS

    def given_up(self) -> set[int]:
        """Return the readers of whose message a worker waited in vain for the answer."""
        rows = self.installation.ask(
            """
            SELECT subscriber_id FROM attempt
            WHERE issue_id = %s AND outcome = 'in doubt' AND reply LIKE '%%did not answer%%'
            """,
            self.issue_id,
        )
        return {subscriber_id for (subscriber_id,) in rows}

    def hurry(self) -> None:
        """Let the waits of minutes be over: after a 4xx, and for a relay that was away."""
        try:
            self.installation.ask(
                """
                UPDATE delivery SET next_attempt_at = now() WHERE (issue_id, subscriber_id) IN (
                    SELECT issue_id, subscriber_id FROM delivery
                    WHERE issue_id = %s AND state = 'queued' AND next_attempt_at > now()
                    FOR UPDATE SKIP LOCKED)
                """,
                self.issue_id,
            )
            self.installation.ask(
                "UPDATE issue SET parked_until = now() WHERE id = %s AND parked_until > now()",
                self.issue_id,
            )
            self._hurry_notices()
            self.installation.ask(
                """
                DO $$ BEGIN
                    IF to_regclass('breaker') IS NOT NULL THEN
                        UPDATE breaker SET next_probe_at = now() WHERE next_probe_at > now();
                    END IF;
                END $$
                """
            )
        except psycopg.OperationalError:
            return

    def _hurry_notices(self) -> None:
        """As the deliveries; and who knows that one is in doubt waits no longer than who does not.

        Lease and final dot are waited for in any case.
        """
        self.installation.ask(
            """
            UPDATE notice SET next_attempt_at = now() WHERE id IN (
                SELECT id FROM notice WHERE state = 'queued' AND next_attempt_at > now()
                FOR UPDATE SKIP LOCKED)
            """
        )
        self.installation.ask(
            """
            UPDATE notice SET lease_until = now() WHERE id IN (
                SELECT id FROM notice WHERE state = 'sending'
                AND lease_until > now() + make_interval(secs => %s)
                FOR UPDATE SKIP LOCKED)
            """,
            LEASE_SECONDS + 1,
        )


def wait_until(condition: Callable[[], bool], seconds: float, every: float = 0.05) -> bool:
    """Return whether `condition` came to hold in time."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(every)
    return True
