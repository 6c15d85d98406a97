"""What several steps do: triggers that keep evidence as it is, and a column's allowed words."""

from collections.abc import Sequence

from alembic import op


def refuse_changes(table: str, unique: Sequence[str]) -> None:
    """Make a table insert-only, on either database. `unique`: its columns that may repeat nothing.

    On PostgreSQL the function `refuse_change` has to be there, since the first step.
    """
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER {table}_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    refuse = f"BEGIN SELECT RAISE(ABORT, '{table} is insert-only: it is evidence'); END"
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_refuses_{verb.lower()} BEFORE {verb} ON {table} {refuse}"
        )
    # INSERT OR REPLACE deletes without asking the other trigger.
    for column in unique:
        op.execute(
            f"CREATE TRIGGER {table}_refuses_another_{column} BEFORE INSERT ON {table} "  # noqa: S608
            f"WHEN NEW.{column} IN (SELECT {column} FROM {table}) {refuse}"
        )


def allow_changes(table: str, unique: Sequence[str]) -> None:
    """Take back what `refuse_changes` did."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"DROP TRIGGER {table}_insert_only ON {table}")
        return
    for verb in ("update", "delete", *(f"another_{column}" for column in unique)):
        op.execute(f"DROP TRIGGER {table}_refuses_{verb}")


def allow_notice_kinds(kinds: Sequence[str]) -> None:
    """Let a notice be of these kinds, and of no other."""
    allow_words("notice", "kind", "noticekind", kinds)


def allow_words(table: str, column: str, check: str, words: Sequence[str]) -> None:
    """Let a column hold these words, and no other. `check`: the enum's name in small letters."""
    name = op.f(f"ck_{table}_{check}")
    with op.batch_alter_table(table) as batch_op:
        batch_op.drop_constraint(name, type_="check")
        batch_op.create_check_constraint(name, f"{column} IN ({', '.join(map(repr, words))})")
