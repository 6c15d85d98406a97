"""What gives a reader control of their own address and data: sessions, and changes of address.

A fresh link is a notice (`NoticeKind.FRESH_LINK`): its token speaks for the notice's `token_id`.
"""

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from digest.database.tables import Base
from digest.models.subscriber import Subscriber


class ReaderSession(Base):
    """Half an hour in which a reader may do everything, opened by a fresh link.

    `link` is the `token_id` of the notice: that it is unique is what spends the link. The cookie
    holds a secret, of which only the SHA-256 is kept.
    """

    __tablename__ = "reader_session"

    id: Mapped[int] = mapped_column(primary_key=True)
    link: Mapped[bytes] = mapped_column(LargeBinary(16), unique=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id"), index=True)
    opened_at: Mapped[datetime]
    ends_at: Mapped[datetime] = mapped_column(index=True)

    subscriber: Mapped[Subscriber] = relationship()


class AddressChange(Base):
    """A new address that waits for its confirmation; deleted when it is confirmed or run out.

    `token_id` is that of the notice which went to the new address.
    """

    __tablename__ = "address_change"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_id: Mapped[bytes] = mapped_column(LargeBinary(16), unique=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id"), index=True)
    email: Mapped[str] = mapped_column(String(320))
    email_key: Mapped[str] = mapped_column(String(320))
    requested_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)

    subscriber: Mapped[Subscriber] = relationship()
