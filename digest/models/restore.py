"""What was decided about a database that was restored or copied."""

from datetime import datetime

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from digest.database.tables import Base


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
