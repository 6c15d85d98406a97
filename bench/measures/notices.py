"""9. How fast confirmations go out, beside an earlier version that wrote each one anew."""

import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import psycopg

from bench import earlier
from bench.driven import Driven, driven
from bench.earlier import COMMIT
from bench.errors import BenchError
from bench.processors import Costs
from bench.results import Result, figure, ratio
from bench.rig import Rig
from bench.servers import Sink
from tests.journeys.formation import wait_until
from tests.servers.postgresql import libpq_url

TITLE = "Notices: confirmations that wait, by one worker process"
PROGRAMS = ("smtp-sink",)
MINUTES = 45
UNIT = "messages/s"
WARM_UP = 100
WORKER, POSTGRESQL, SINK = "the worker", "PostgreSQL", "smtp-sink"

# Another newsletter with all that the first one has.
COLUMNS = """
    SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns
    WHERE table_name = 'newsletter' AND column_name NOT IN ('id', 'slug', 'name')
"""
SECOND = """
    INSERT INTO newsletter (slug, name, {columns})
    SELECT 'brief', 'The Brief', {columns} FROM newsletter
"""
# A third of them ask for one newsletter, a third for the other, a third for both.
QUEUED = (
    """
    INSERT INTO sign_up (token_id, subject, email, email_key, site, wording_id, requested_at,
                         expires_at)
    SELECT decode(md5('sign-up ' || n), 'hex'), decode(md5('subject ' || n), 'hex'), address,
           address, 'halyard.example', (SELECT max(id) FROM wording), now(),
           now() + interval '2 days'
    FROM generate_series(CAST(%(first)s AS bigint), %(last)s) n,
         LATERAL (SELECT 'reader' || n || '@mail' || n %% 500 || '.example.org' AS address) said
    """,
    """
    INSERT INTO sign_up_choice (sign_up_id, newsletter_id, topics)
    SELECT sign_up.id, newsletter.id, '[]' FROM sign_up, newsletter
    WHERE sign_up.id %% 3 IN (0, CASE newsletter.slug WHEN 'brief' THEN 1 ELSE 2 END)
          AND NOT EXISTS (SELECT FROM sign_up_choice WHERE sign_up_id = sign_up.id)
    """,
    """
    INSERT INTO notice (token_id, kind, to_address, newsletter_id, sign_up_id, state, attempts,
                        created_at, released_at, next_attempt_at)
    SELECT decode(md5('notice ' || id), 'hex'), 'confirmation', email,
           (SELECT min(newsletter_id) FROM sign_up_choice WHERE sign_up_id = sign_up.id), id,
           'queued', 0, now(), now(), now()
    FROM sign_up WHERE NOT EXISTS (SELECT FROM notice WHERE sign_up_id = sign_up.id)
    ORDER BY id
    """,
)
COUNTED = "SELECT count(*) FROM notice WHERE state = 'accepted' AND code = 250"


class Version:
    """A version of Digest with a paper, whose notices go to a sink of its own."""

    def __init__(self, rig: Rig, process: Driven, sink: Sink) -> None:
        self.rates: list[float] = []
        self._process = process
        self._sink = sink
        self._queued = 0
        self.costs = Costs({WORKER: process.pid, POSTGRESQL: rig.postgres.pid, SINK: sink.pid})
        process.ask(open=True, now=datetime.now(UTC).isoformat())
        with self._connected() as connection:
            columns = connection.execute(COLUMNS).fetchone()
            assert columns is not None
            connection.execute(SECOND.format(columns=columns[0]))
        self._queue(WARM_UP)
        self._send(WARM_UP)

    def measure(self, count: int) -> None:
        """Queue so many confirmations, and have them sent.

        Raises:
            BenchError: the sink has counted another number of messages.
        """
        self._queue(count)
        self.costs.begin()
        self.rates.append(count / self._send(count))
        self.costs.end(count)

    @property
    def microseconds(self) -> list[float]:
        """Of each message, the worker's and PostgreSQL's."""
        spent = self.costs.microseconds
        return [sum(both) for both in zip(spent[WORKER], spent[POSTGRESQL], strict=True)]

    def _queue(self, count: int) -> None:
        numbers = {"first": self._queued + 1, "last": self._queued + count}
        self._queued += count
        with self._connected() as connection:
            for statement in QUEUED:
                connection.execute(statement, numbers)
            # As autovacuum leaves them.
            connection.execute("VACUUM (ANALYZE) sign_up, sign_up_choice, notice")
            connection.execute("CHECKPOINT")

    def _send(self, count: int) -> float:
        """Send what waits; return the seconds that it took."""
        told = self._process.ask(send=True)
        with self._connected() as connection:
            row = connection.execute(COUNTED).fetchone()
        if told["accepted"] != count or row != (self._queued,):
            raise BenchError(f"Of {count:,} confirmations {told['accepted']:,} were accepted.")
        # It writes its count down every now and then.
        wait_until(lambda: self._sink.count >= self._queued, "the sink has counted all of them")
        if self._sink.count != self._queued:
            raise BenchError(f"The sink has counted {self._sink.count:,} of {self._queued:,}.")
        return float(told["seconds"])

    def _connected(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(libpq_url(self._process.database_url), autocommit=True)


def measure(rig: Rig, *, quick: bool) -> Result:
    count, rounds = (500, 1) if quick else (10_000, 3)
    their_python = earlier.interpreter(COMMIT)
    rig.say(f"{COMMIT} is there")
    with ExitStack() as ends:
        ours = _start(rig, Path(sys.executable), ends)
        theirs = _start(rig, their_python, ends)
        for number in range(1, rounds + 1):
            for version in (ours, theirs):
                version.measure(count)
            rig.say(
                f"round {number}: {ours.rates[-1]:,.0f} beside {theirs.rates[-1]:,.0f} {UNIT}, "
                f"{ours.microseconds[-1]:,.0f} beside {theirs.microseconds[-1]:,.0f} µs"
            )
    return _result(count, rounds, ours, theirs)


def _start(rig: Rig, python: Path, ends: ExitStack) -> Version:
    sink = ends.enter_context(rig.sink())
    relay = f"smtp://127.0.0.1:{sink.port}"
    return Version(rig, ends.enter_context(driven(rig, python, SMTP_URL=relay)), sink)


def _result(count: int, rounds: int, ours: Version, theirs: Version) -> Result:
    cost, rate = median(ours.microseconds), median(ours.rates)
    their_cost, their_rate = median(theirs.microseconds), median(theirs.rates)
    return Result(
        name="notices",
        title=TITLE,
        ratios=(
            ratio(f"processor time of one, Digest : {COMMIT}", cost, their_cost, 0.1, most=True),
            ratio(f"rate, Digest : {COMMIT}", rate, their_rate, 12),
        ),
        figures=(
            figure("Digest", UNIT, *ours.rates, drawn=True),
            figure(COMMIT, UNIT, *theirs.rates, drawn=True),
            *(
                figure(f"processor time of one, {name}: {part}", "µs", *spent)
                for name, version in (("Digest", ours), (COMMIT, theirs))
                for part, spent in version.costs.microseconds.items()
            ),
        ),
        notes=(
            f"{count:,} confirmations wait: a third for each of two newsletters, a third for both. "
            f"{rounds} times in turn with {COMMIT}, which runs in an environment of its own, on a "
            "database of its own. The task is that of the notices’ worker, in one process.",
            "Processor time is the worker’s and PostgreSQL’s together, from when the task begins "
            "until it has returned. The sink, which is not in it, counts as many messages as are "
            "accepted, each time.",
        ),
    )
