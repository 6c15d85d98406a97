"""Who works at the desk: users, what each may do, their sessions, and the log of what they did."""

import enum
from datetime import datetime

from sqlalchemy import JSON, ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from digest.database.tables import Base, IndexOfSome
from digest.models.newsletter import Newsletter


class Role(enum.StrEnum):
    """What a user may do: an owner everything; addresses are for owners and `readers` alone."""

    OWNER = "owner"
    EDITOR = "editor"
    VIEWER = "viewer"
    READERS = "readers"


class User(Base):
    """Somebody who may sign in at the desk. Never deleted: the log and issues name them.

    `password_hash` is Argon2's own text, None until the user has chosen one. `totp_secret` is
    sealed by a key of the ring (`digest.vault`); `totp_step` the last step of 30 s whose code
    was used, so that no code is good twice (RFC 6238 5.2); until `totp_since` it is being set up.
    `passkey_handle`: 64 random bytes by which authenticators know the user.
    """

    __tablename__ = "desk_user"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(320))
    email_key: Mapped[str] = mapped_column(String(320), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    password_hash: Mapped[str | None] = mapped_column(String(300))
    password_since: Mapped[datetime | None]
    totp_secret: Mapped[bytes | None] = mapped_column(LargeBinary(200))
    totp_since: Mapped[datetime | None]
    totp_step: Mapped[int | None]
    passkey_handle: Mapped[bytes | None] = mapped_column(LargeBinary(64))
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]

    grants: Mapped[list["Grant"]] = relationship(
        back_populates="user", cascade="all, delete-orphan", order_by="Grant.id"
    )

    @property
    def has_second_factor(self) -> bool:
        """Whether the user signs in with a second factor."""
        return self.totp_since is not None


class Grant(Base):
    """A role that a user has: for one newsletter, or for all that there are and will be (NULL)."""

    __tablename__ = "desk_grant"
    __table_args__ = (
        UniqueConstraint("user_id", "role", "newsletter_id"),
        # NULL is equal to nothing, so that the constraint does not see these.
        IndexOfSome(
            "uq_desk_grant_everywhere",
            "user_id",
            "role",
            unique=True,
            rows="newsletter_id IS NULL",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("desk_user.id"))
    role: Mapped[Role]
    newsletter_id: Mapped[int | None] = mapped_column(ForeignKey("newsletter.id"))

    user: Mapped[User] = relationship(back_populates="grants")
    newsletter: Mapped[Newsletter | None] = relationship()


class RecoveryCode(Base):
    """A code that stands in once for a lost second factor; kept as a SHA-256 of its random text."""

    __tablename__ = "recovery_code"
    __table_args__ = (UniqueConstraint("user_id", "hash"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("desk_user.id"))
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    used_at: Mapped[datetime | None]


class Passkey(Base):
    """A key of a user's, that an authenticator keeps (W3C Web Authentication 3, 4).

    `public_key` is COSE (RFC 9052). `sign_count` is the authenticator's own, 0 where it has none.
    `syncs`: made to be copied to its user's other devices, which a key cannot change later;
    `backed_up`: it has been.
    """

    __tablename__ = "passkey"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("desk_user.id"), index=True)
    credential_id: Mapped[bytes] = mapped_column(LargeBinary(1023), unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary(2000))
    sign_count: Mapped[int]
    transports: Mapped[list[str]] = mapped_column(JSON, default=list)
    syncs: Mapped[bool]
    backed_up: Mapped[bool]
    name: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SpentChallenge(Base):
    """A challenge that was answered, kept until it is out of time: so that it is good once."""

    __tablename__ = "spent_challenge"

    token_id: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    ends_at: Mapped[datetime]


class UserLink(Base):
    """A link, good once and for a while, by which a user chooses a password.

    `made_by_user`: asked for by whoever knew the address, at the page "Forgotten"; else by a
    command or an owner.
    """

    __tablename__ = "user_link"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_id: Mapped[bytes] = mapped_column(LargeBinary(16), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("desk_user.id"), index=True)
    made_by_user: Mapped[bool]
    made_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    spent_at: Mapped[datetime | None]

    user: Mapped[User] = relationship()


class DeskSession(Base):
    """A user's browser. Its cookie holds a secret, of which only the SHA-256 is kept.

    `proved_at`: when the user last showed who they are; None while the second factor is still
    asked for, and the session opens nothing yet.
    """

    __tablename__ = "desk_session"

    id: Mapped[int] = mapped_column(primary_key=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("desk_user.id"), index=True)
    opened_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    proved_at: Mapped[datetime | None]
    ends_at: Mapped[datetime] = mapped_column(index=True)
    ip: Mapped[str | None] = mapped_column(String(45))
    user_agent: Mapped[str | None] = mapped_column(String(500))

    user: Mapped[User] = relationship()
