"""Who may call the API."""

import enum
from datetime import datetime

from sqlalchemy import Enum, String
from sqlalchemy.orm import Mapped, mapped_column

from digest.database.tables import Base


class Scope(enum.StrEnum):
    """What a token may do. EVERYTHING: one that was made before tokens had a scope."""

    ARTICLES = "articles"
    SIGN_UPS = "sign-ups"
    EVERYTHING = "everything"


class ApiToken(Base):
    """A token for `/api/v1`, kept as a SHA-256 (hex) of its random text."""

    __tablename__ = "api_token"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    scope: Mapped[Scope] = mapped_column(
        Enum(
            Scope,
            native_enum=False,
            create_constraint=False,
            length=20,
            values_callable=lambda scopes: [scope.value for scope in scopes],
        )
    )
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
