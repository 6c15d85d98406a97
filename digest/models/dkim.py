"""The keys that Digest signs mail with (DKIM, RFC 6376)."""

import enum
from datetime import datetime

from sqlalchemy import LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from digest.database.tables import Base


class DkimAlgorithm(enum.StrEnum):
    """As k= of a record names it (RFC 6376 3.6.1, RFC 8463 4)."""

    RSA = "rsa"
    ED25519 = "ed25519"


class DkimState(enum.StrEnum):
    """Where a key stands: its record has to be published in all states but `retired`."""

    WAITING = "waiting"
    """It signs nothing yet."""
    SIGNING = "signing"
    REPLACED = "replaced"
    """Another one signs; what this one has signed is still to be verified on its way."""
    RETIRED = "retired"
    """Its secret is gone."""


class DkimKey(Base):
    """A key of a domain (A-labels, lower case), under a selector: `selector._domainkey.domain`.

    `public_key`: what p= of its record holds: an RSA key's SubjectPublicKeyInfo (RFC 6376 3.6.1),
    or the 32 octets of an Ed25519 one (RFC 8463 4.2). `secret`: PKCS #8, sealed by a key of the
    ring (`digest.vault`), None once it is retired.
    """

    __tablename__ = "dkim_key"
    __table_args__ = (UniqueConstraint("domain", "selector"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    domain: Mapped[str] = mapped_column(String(253))
    selector: Mapped[str] = mapped_column(String(63))
    algorithm: Mapped[DkimAlgorithm]
    state: Mapped[DkimState]
    public_key: Mapped[bytes] = mapped_column(LargeBinary(1000))
    secret: Mapped[bytes | None] = mapped_column(LargeBinary(4000))
    created_at: Mapped[datetime]
    signing_since: Mapped[datetime | None]
    replaced_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]
