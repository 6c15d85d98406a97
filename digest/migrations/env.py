"""Run by alembic: the steps go over the connection that `digest.migrations` opened."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection, text

from digest.database.tables import Base, UtcDateTime
from digest.models import load_all


def is_ours(name: str | None, kind: str, _parents: Any) -> bool:
    """Leave out the partitions: they are made at freeze, and no model names them."""
    return not (kind == "table" and name is not None and name.startswith("delivery_"))


def is_meant(_object: Any, name: str | None, kind: str, reflected: bool, _other: Any) -> bool:
    """Leave out the foreign key that only SQLite has; on PostgreSQL partitions stand for it."""
    on_postgresql = context.get_context().dialect.name == "postgresql"
    known = kind == "foreign_key_constraint" and name == "fk_delivery_issue_id"
    return not (on_postgresql and known and not reflected)


def render_item(kind: str, item: Any, _: Any) -> str | Literal[False]:
    """Write plain types into revisions, which must not change when our classes do."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def run(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        # Two hosts releasing at once: the second waits, and finds nothing to do.
        connection.execute(text("SELECT pg_advisory_xact_lock(7410052026)"))
    # What the tables are compared with.
    load_all()
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        include_name=is_ours,
        include_object=is_meant,
        compare_type=True,
        render_item=render_item,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
