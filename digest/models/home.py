"""Where the database lives, and when it was found to live somewhere else."""

from datetime import datetime

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from digest.database.tables import Base


class Home(Base):
    """A server or file that the database was told to live in; the newest row counts.

    `identity` is how it is known (digest.home). On PostgreSQL the transaction that wrote the row is
    part of it: the row is never changed, and a migration that writes this table anew has to record
    it again. `mark` rises on SQLite with all that is sent, and stands in the file beside as well.
    """

    __tablename__ = "home"

    id: Mapped[int] = mapped_column(primary_key=True)
    identity: Mapped[str] = mapped_column(String(300))
    mark: Mapped[int] = mapped_column(default=0)
    recorded_at: Mapped[datetime]


class Restore(Base):
    """One time that the database was found restored or copied; open until it is accepted.

    `held` is what was held for it: by the issue's id, the state that it was in before.
    """

    __tablename__ = "restore"

    id: Mapped[int] = mapped_column(primary_key=True)
    noticed_at: Mapped[datetime]
    why: Mapped[str] = mapped_column(String(300))
    held: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    accepted_at: Mapped[datetime | None]
    accepted_by: Mapped[str | None] = mapped_column(String(100))
    nothing_lost: Mapped[bool] = mapped_column(default=False)
