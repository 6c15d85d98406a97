"""The relays that mail was handed to: what each offers, and what was learnt of it."""

from datetime import datetime

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from digest.database.tables import Base


class Relay(Base):
    """One row for a relay (`host:port`) that ever answered EHLO; all moments by the database.

    `offers` are the keywords of its last EHLO, in lower case. `dot_alone` and `refusals_at_most`:
    see `digest.delivery.relay.habits`; they were found at `learnt_at`. `notices_a_minute`: how many
    it took when many waited.
    """

    __tablename__ = "relay"

    name: Mapped[str] = mapped_column(String(300), primary_key=True)
    offers: Mapped[list[str]] = mapped_column(JSON, default=list)
    seen_at: Mapped[datetime]
    dot_alone: Mapped[bool] = mapped_column(default=False)
    refusals_at_most: Mapped[int | None]
    learnt_at: Mapped[datetime | None]
    notices_a_minute: Mapped[int | None]
