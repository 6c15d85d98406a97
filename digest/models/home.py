"""Where the database lives."""

from datetime import datetime

from sqlalchemy import String
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
