"""What this installation remembers about itself."""

from datetime import datetime

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from digest.database.tables import Base


class Installation(Base):
    """One row: what must not change under a running installation."""

    __tablename__ = "installation"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    suppression_fingerprint: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
