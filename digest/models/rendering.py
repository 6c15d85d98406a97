"""The frozen bytes of an issue."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, deferred, mapped_column

from digest.database.tables import Base


class Rendering(Base):
    """The frozen bytes of one variant of an issue: the stencil that every message is made from.

    They never change. An issue that is corrected after its freeze gets another `edition` of them:
    `replaced_by` is then the newest, which is what goes out from there on. `accepted`: how many got
    this one, written down when the issue's deliveries are folded.
    """

    __tablename__ = "rendering"
    __table_args__ = (UniqueConstraint("issue_id", "variant", "edition"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"))
    variant: Mapped[str] = mapped_column(String(100))
    edition: Mapped[int] = mapped_column(default=1, server_default="1")
    replaced_by: Mapped[int | None] = mapped_column(ForeignKey("rendering.id"))
    accepted: Mapped[int | None]
    topics: Mapped[list[str]] = mapped_column(JSON, default=list)
    language: Mapped[str] = mapped_column(String(35))
    subject: Mapped[str] = mapped_column(String(300))
    stencil: Mapped[bytes] = deferred(mapped_column(LargeBinary))
    created_at: Mapped[datetime]
