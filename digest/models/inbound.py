"""The inbound domain, and whether mail to it was seen to arrive."""

from datetime import datetime

from sqlalchemy import LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from digest.database.tables import Base


class InboundDomain(Base):
    """The domain that `digest doctor` mailed itself at; all moments by the database.

    A mail of Digest to itself is an *echo*: its address names `token_id` and when it was sent. The
    last one was sent at `asked_at`. `waiting_since`: when the first was sent that nothing has
    arrived since. `seen_at`: when one arrived last, which had been sent at `seen_asked_at`.
    """

    __tablename__ = "inbound_domain"

    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    token_id: Mapped[bytes] = mapped_column(LargeBinary(16))
    asked_at: Mapped[datetime | None]
    waiting_since: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]
    seen_asked_at: Mapped[datetime | None]
