"""The paper itself, its pictures, and the signs of life of the machinery."""

from datetime import datetime

from sqlalchemy import CheckConstraint, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, deferred, mapped_column

from digest.database.tables import Base


class Publication(Base):
    """The paper: one row. `privacy` is the notice's text; `privacy_url` wins where it is set."""

    __tablename__ = "publication"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    site_url: Mapped[str] = mapped_column(String(500))
    language: Mapped[str] = mapped_column(String(35), default="en")
    mark: Mapped[str | None] = mapped_column(String(64))
    privacy: Mapped[str | None] = mapped_column(Text)
    privacy_url: Mapped[str | None] = mapped_column(String(500))


class Media(Base):
    """A picture that we re-encoded ourselves, called by the SHA-256 of its bytes (hex).

    `lasting`: a portrait or a mark, which mails of long ago show, whatever the newsletter has now.
    Any other is deleted some time after `unused_since`, if nothing has come to show it.
    """

    __tablename__ = "media"

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    content_type: Mapped[str] = mapped_column(String(20))
    width: Mapped[int]
    height: Mapped[int]
    content: Mapped[bytes] = deferred(mapped_column(LargeBinary))
    lasting: Mapped[bool] = mapped_column(default=False)
    unused_since: Mapped[datetime | None]
    created_at: Mapped[datetime]


class Heartbeat(Base):
    """When a part of the machinery last showed a sign of life: `tick`, `bulk`, `notices`.

    `addresses`: when those that were kept long enough were last forgotten, all of them;
    `letting_go`: the same of old articles' bodies and pictures; `desk`: the same of sessions that
    are over and of where users did things. `seals`, `audit_seals`: when the whole log was last
    searched for what is in no chain.
    """

    __tablename__ = "heartbeat"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[datetime]
