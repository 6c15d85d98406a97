"""What somebody with all rights on the database can do to a log and its chain."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import insert, inspect, select, text
from sqlalchemy.orm import Session

from digest.chain.heads import Head
from digest.chain.links import FIRST_PREVIOUS, hash_link
from digest.chain.log import Log
from digest.chain.verifying import MOST_LISTED, verify_chain
from digest.database.transactions import Database
from digest.desk.audit_chain import AUDIT
from digest.readers.consent.chain import CONSENTS
from tests.factories import NOW

FORGED = 1_000_000

Tamper = Callable[[Session], None]
# A way of tampering, how many sentences it takes, and what one of them says.
Way = tuple[Tamper, int, str]


@contextmanager
def all_rights(database: Database) -> Iterator[Session]:
    """Open a transaction in which nothing is protected; what is done in it is taken back."""
    with database.reading() as session:
        disarm(session)
        yield session


def disarm(session: Session) -> None:
    """Switch off what keeps logs as they are."""
    if session.get_bind().dialect.name == "postgresql":
        tables = [name for log in (CONSENTS, AUDIT) for name in _tables(log)]
        for table in (*tables, "wording", "terms"):
            session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
        session.execute(
            text("ALTER TABLE consent DROP CONSTRAINT IF EXISTS ck_consent_consentkind")
        )
        return
    session.execute(text("PRAGMA defer_foreign_keys = ON"))
    session.execute(text("PRAGMA ignore_check_constraints = ON"))
    triggers = session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all()
    for trigger in triggers:
        session.execute(text(f"DROP TRIGGER {trigger}"))


def does(*statements: str) -> Tamper:
    """Return what runs these statements."""

    def tamper(session: Session) -> None:
        for statement in statements:
            session.execute(text(statement))

    return tamper


def common_ways(log: Log, events: int, kind: str, alter: str) -> dict[str, Way]:
    """Return ways to tamper with a chain of so many events, numbered from 1, one a second.

    Those of a number like 1, 4 and 7 are of that `kind`; `alter` makes of one what it was not.
    """
    record, seal, detail = _tables(log)
    of, noun, name = log.detail.key, log.noun, log.noun.capitalize()
    forged = f"{name} {FORGED} ({kind}, 2026-10-05 06:08 UTC)"
    return {
        "a time": (
            does(
                f"UPDATE {record} SET at = (SELECT at FROM {record} WHERE id = 701) "
                "WHERE id = 700"
            ),
            1,
            f"{name} 700 ",
        ),
        "a hash": (
            does(f"UPDATE {seal} SET hash = previous WHERE sequence = 700"),
            2,
            "does not fit link 700",
        ),
        "one is dropped": (
            does(
                f"DELETE FROM {detail} WHERE {of} = 700",
                f"DELETE FROM {record} WHERE id = 700",
            ),
            1,
            f"{name} 700 is missing: link 700 sealed it, and it is not there any more.",
        ),
        "one and its link are dropped": (
            does(
                f"DELETE FROM {seal} WHERE sequence = 700",
                f"DELETE FROM {detail} WHERE {of} = 700",
                f"DELETE FROM {record} WHERE id = 700",
            ),
            1,
            "Link 700 is missing: link 701 comes next.",
        ),
        "two links are dropped": (
            does(f"DELETE FROM {seal} WHERE sequence IN (700, 701)"),
            3,
            "Links 700 to 701 are missing: link 702 comes next.",
        ),
        "the first link is dropped": (
            does(f"DELETE FROM {seal} WHERE sequence = 1"),
            2,
            "Link 1 is missing: link 2 comes next.",
        ),
        "one is dropped, and its details are not": (
            does(f"DELETE FROM {record} WHERE id = 700"),
            2,
            f"{name} 700 is missing: its personal details are still there.",
        ),
        "two are swapped": (_swap_records(log), 2, f"{name} 701 "),
        "links are swapped": (
            _swap(seal, "sequence"),
            3,
            f"Link 700 ({noun} 701) does not follow link 699: something was altered, put in, taken "
            "out or put in another order here.",
        ),
        "one is put in with a link": (
            _insert_sealed(log),
            4,
            f"Link 701 ({noun} 700) does not follow link 700",
        ),
        "one is put in": (
            _insert(log),
            1,
            f"{forged} is not in the chain, into which it belonged within minutes",
        ),
        "one is put in, and sealed as if it were new": (
            _insert_late(log),
            1,
            f"{forged} stands in the chain after one of 2026-10-15 06:33 UTC: it was put in later "
            "than it says",
        ),
        "the tail's links are cut": (
            does(f"DELETE FROM {seal} WHERE sequence > {events - 2}"),
            3,
            f"{name} {events} (",
        ),
        "the tail is cut, records and all": (
            does(
                f"DELETE FROM {seal} WHERE sequence > {events - 2}",
                f"DELETE FROM {detail} WHERE {of} > {events - 2}",
                f"DELETE FROM {record} WHERE id > {events - 2}",
            ),
            1,
            f"The chain ends at link {events - 2}, and the head you kept is of link {events}: the "
            "last 2 links were cut off.",
        ),
        "all of it is cut": (
            does(f"DELETE FROM {seal}", f"DELETE FROM {detail}", f"DELETE FROM {record}"),
            1,
            f"The chain ends at link 0, and the head you kept is of link {events}",
        ),
        "all of it is written anew": (
            _rewrite(log, alter),
            1,
            f"Link {events} is not the one that the head you kept was of: the chain was written "
            "anew since",
        ),
    }  # fmt: skip


SEEN_BY_THE_HEAD_ALONE = ("the tail is cut, records and all", "all of it is written anew")


def assert_each_way_is_found(
    database: Database, log: Log, ways: dict[str, Way], head: Head
) -> None:
    """Tamper in each of these ways, and see that it is found, named and no more is said."""
    for name, (tamper, count, sentence) in ways.items():
        with all_rights(database) as session:
            tamper(session)
            session.expire_all()
            found = verify_chain(session, log, NOW, heads=[head])

        assert not found.holds, name
        told = [problem.sentence for problem in found.problems]
        assert found.problem_count == count, (name, told[:5])
        assert any(sentence in each for each in told), (name, told[:5])
        assert len(told) == min(found.problem_count, MOST_LISTED), name
    with database.reading() as session:
        assert verify_chain(session, log, NOW, heads=[head]).holds, "what was done was taken back"


def assert_only_the_head_tells(database: Database, log: Log, ways: dict[str, Way]) -> None:
    """Tamper in the ways that leave a chain which fits itself."""
    for name in SEEN_BY_THE_HEAD_ALONE:
        with all_rights(database) as session:
            ways[name][0](session)
            session.expire_all()
            assert verify_chain(session, log, NOW).holds, name


def _tables(log: Log) -> tuple[str, str, str]:
    """Return the names of a log's tables: of its records, its links, and what is personal."""
    record, seal, detail = (
        inspect(model).local_table.name for model in (log.record, log.seal, log.detail.class_)
    )
    return record, seal, detail


def _swap(table: str, column: str) -> Tamper:
    """Let rows 700 and 701 change places."""
    return does(
        *(
            f"UPDATE {table} SET {column} = {new} WHERE {column} = {old}"
            for old, new in ((700, 0), (701, 700), (0, 701))
        )
    )


def _swap_records(log: Log) -> Tamper:
    record, _, detail = _tables(log)

    def tamper(session: Session) -> None:
        _swap(detail, log.detail.key)(session)
        _swap(record, "id")(session)

    return tamper


def _insert(log: Log) -> Tamper:
    """Put a record in that says it is old."""

    def tamper(session: Session) -> None:
        like = session.get_one(log.record, 499)
        values = {column.key: getattr(like, column.key) for column in inspect(log.record).columns}
        values |= {"id": FORGED, "at": like.at - timedelta(days=10)}
        session.execute(insert(log.record).values(values))

    return tamper


def _insert_late(log: Log) -> Tamper:
    """Let such a record be sealed as if it were new."""

    def tamper(session: Session) -> None:
        _insert(log)(session)
        last = select(log.seal.sequence).order_by(log.seal.sequence.desc()).limit(1)
        _seal_forged(session, log, after=session.scalars(last).one())

    return tamper


def _insert_sealed(log: Log) -> Tamper:
    """Put such a record in as link 700, and number the later links anew."""
    seal = _tables(log)[1]
    make_room = does(
        f"UPDATE {seal} SET sequence = -sequence WHERE sequence >= 700",
        f"UPDATE {seal} SET sequence = 1 - sequence WHERE sequence < 0",
    )

    def tamper(session: Session) -> None:
        make_room(session)
        _insert(log)(session)
        _seal_forged(session, log, after=699)

    return tamper


def _seal_forged(session: Session, log: Log, after: int) -> None:
    before = session.get_one(log.seal, after).hash
    fields = log.writer(session).fields(session.get_one(log.record, FORGED))
    session.execute(
        insert(log.seal).values(
            {
                "sequence": after + 1,
                log.sealed.key: FORGED,
                "previous": before,
                "hash": hash_link(after + 1, before, fields),
                "sealed_at": NOW,
            }
        )
    )


def _rewrite(log: Log, alter: str) -> Tamper:
    """Alter record 700, and reckon every link from there on anew: an owner can."""
    table = _tables(log)[0]

    def tamper(session: Session) -> None:
        session.execute(text(f"UPDATE {table} SET {alter} WHERE id = 700"))
        session.expire_all()
        writer, previous = log.writer(session), FIRST_PREVIOUS
        links = session.execute(
            select(log.seal, log.record)
            .join(log.record, log.record.id == log.sealed)
            .order_by(log.seal.sequence)
        ).all()
        for seal, record in links:
            seal.previous = previous
            previous = seal.hash = hash_link(seal.sequence, previous, writer.fields(record))
        session.flush()

    return tamper
