"""A table for each issue's deliveries, on PostgreSQL: filled unseen, dropped whole.

`delivery` has no default partition, which would be locked and searched whenever another is
attached: a delivery can be written only where its issue's freeze has made the place. SQLite keeps
everything in one table, and all of this does nothing there. docs/decisions/0015-partitions.md says
what was measured.
"""

from sqlalchemy import TableClause, column, table, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from digest.errors import RefusedError
from digest.models import Delivery

# So long a drop waits for those who read the ledger; workers queue behind it meanwhile.
PATIENCE_MILLISECONDS = 500
MAY_NOT, LOCKED = "42501", "55P03"


def make(session: Session, issue_id: int) -> TableClause:
    """Make the table that an issue's deliveries are loaded into, and return it. Then `attach`.

    Raises:
        RefusedError: the database's role may not make tables.
    """
    if not are_kept(session):
        return Delivery.__table__  # type: ignore[return-value]
    name = name_of(issue_id)
    try:
        # The check says what the partition's bound will, so that attaching reads no row for it.
        session.execute(
            text(
                f"CREATE TABLE {name} (LIKE delivery INCLUDING DEFAULTS INCLUDING CONSTRAINTS, "
                f"CONSTRAINT {name}_bound CHECK (issue_id = {issue_id}))"
            )
        )
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != MAY_NOT:
            raise
        raise RefusedError(
            "Its deliveries need a table of their own, and the role that Digest has in the "
            "database may not make one. Let it own the table `delivery`, and make tables in that "
            "schema."
        ) from error
    return table(name, *(column(known.name) for known in Delivery.__table__.columns))


def attach(session: Session, issue_id: int) -> None:
    """Make a filled table a part of `delivery`, with all its indexes; commit soon after.

    Until then nobody else can attach one; workers go on.
    """
    if not are_kept(session):
        return
    name = name_of(issue_id)
    session.execute(
        text(f"ALTER TABLE delivery ATTACH PARTITION {name} FOR VALUES IN ({issue_id})")
    )
    session.execute(text(f"ALTER TABLE {name} DROP CONSTRAINT {name}_bound"))
    # Without statistics each claim would read and sort all that is queued, until autovacuum comes.
    session.execute(text(f"ANALYZE {name}"))


def add(session: Session, issue_id: int) -> None:
    """Make room for deliveries that are written one by one, as tests and benchmarks do."""
    make(session, issue_id)
    attach(session, issue_id)


def drop(session: Session, issue_id: int) -> bool:
    """Drop an issue's partition with all that is in it. Return False where it was in use.

    After that the transaction can only be rolled back. Until its end nobody reads the ledger.
    """
    session.execute(text(f"SET LOCAL lock_timeout = {PATIENCE_MILLISECONDS}"))
    try:
        session.execute(text(f"DROP TABLE IF EXISTS {name_of(issue_id)}"))
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) != LOCKED:
            raise
        return False
    return True


def are_kept(session: Session) -> bool:
    """Say whether this database keeps each issue's deliveries in a partition."""
    return session.get_bind().dialect.name == "postgresql"


def name_of(issue_id: int) -> str:
    """Return the name of an issue's partition."""
    return f"delivery_{issue_id:d}"
