"""A sign-up that waits to be confirmed."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from digest.database.tables import Base
from digest.models.newsletter import Newsletter
from digest.models.subscriber import EMAIL_KEY
from digest.models.terms import Wording


class SignUp(Base):
    """A request that waits for its confirmation; may hold several newsletters.

    Its address is deleted when it is confirmed or long expired.
    """

    __tablename__ = "sign_up"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_id: Mapped[bytes] = mapped_column(LargeBinary(16), unique=True)
    subject: Mapped[bytes] = mapped_column(LargeBinary(16))
    email: Mapped[str | None] = mapped_column(String(320))
    email_key: Mapped[str | None] = mapped_column(EMAIL_KEY, index=True)
    name: Mapped[str | None] = mapped_column(String(200))
    form: Mapped[str | None] = mapped_column(String(60))
    site: Mapped[str] = mapped_column(String(253))
    wording_id: Mapped[int] = mapped_column(ForeignKey("wording.id"))
    requested_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    confirmed_at: Mapped[datetime | None]

    wording: Mapped[Wording] = relationship()
    choices: Mapped[list["SignUpChoice"]] = relationship(
        cascade="all, delete-orphan", order_by="SignUpChoice.newsletter_id"
    )


class SignUpChoice(Base):
    """One newsletter, with topics, that a sign-up asks for."""

    __tablename__ = "sign_up_choice"

    sign_up_id: Mapped[int] = mapped_column(
        ForeignKey("sign_up.id", ondelete="CASCADE"), primary_key=True
    )
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletter.id"), primary_key=True)
    topics: Mapped[list[str]] = mapped_column(JSON, default=list)

    newsletter: Mapped[Newsletter] = relationship()
