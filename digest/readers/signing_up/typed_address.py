"""An address that somebody typed into a form: taken, asked about once, or refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from digest.addresses import (
    NEEDED_BEYOND_ASCII,
    Address,
    AddressError,
    beyond_ascii,
    meant_address,
    parse_address,
)
from digest.errors import FieldError
from digest.reserved_names import ANY_NAME, ReservedNames


@dataclass(frozen=True)
class TypedAddress:
    """A stranger's text. `sure`: the address that the reader was asked about, and kept.

    `reserved`, our own: which names are taken.
    """

    email: str = ""
    sure: str = ""
    reserved: ReservedNames = ANY_NAME

    @cached_property
    def address(self) -> Address | FieldError:
        """The address, or what is wrong with it."""
        try:
            return parse_address(self.email, self.reserved)
        except AddressError as error:
            return FieldError("email", str(error), error.suggestion)

    @property
    def doubt(self) -> FieldError | None:
        """What to ask about an address that is probably mistyped, once."""
        if isinstance(self.address, FieldError) or self.sure.strip() == self.email.strip():
            return None
        meant = meant_address(self.address, self.reserved)
        return FieldError("email", f"Did you mean {meant}?", meant) if meant else None

    def checked(self) -> Address:
        """Return the address.

        Raises:
            FieldError: it is none, or is probably mistyped and was not asked about.
        """
        if isinstance(self.address, FieldError):
            raise self.address
        if doubt := self.doubt:
            raise doubt
        return self.address


def unwritable(address: Address, relay_offers: Sequence[str] | None) -> FieldError | None:
    """Say that our relay takes no mail to such an address (RFC 6531), where that is known."""
    odd = beyond_ascii(address.local)
    if not odd or relay_offers is None or set(relay_offers) >= NEEDED_BEYOND_ASCII:
        return None
    return FieldError(
        "email",
        f"Our mail server cannot send to addresses with letters such as {odd} before the @ yet. "
        "Please enter another one, if you have one",
    )
