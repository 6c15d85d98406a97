"""The final bytes of one variant of an issue, cut where a reader's own values go.

Rendering, MIME and encoding are paid once, by `Stencil.build`; a reader's message is then a join.
What stands in the slots, and how it is written there, is decided and checked when building.
"""

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, zip_longest
from operator import itemgetter
from typing import Final, Self

from digest.delivery.rendering.encoding import (
    SOFT_BREAK,
    fold,
    phrase_and_angle,
    quoted_printable,
    unstructured,
)
from digest.delivery.rendering.fills import Fill, How, Writer
from digest.delivery.rendering.markup import find_places
from digest.delivery.rendering.slots import (
    CHECKS,
    LONGEST,
    Kind,
    MalformedStencilError,
    MisplacedSlotError,
    MissingValueError,
    Slot,
    StencilError,
    clean_text,
    is_slot_name,
    split_at_slots,
)

_MAGIC: Final = b"digest-stencil/1\n"
_CHECKSUM_SIZE: Final = 16
_HEADER_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,39}")
_UNSTRUCTURED: Final = frozenset({"subject", "comments"})
# The stencil writes these itself, because it decides what they have to say.
_MIME_HEADERS: Final = frozenset({"mime-version", "content-type", "content-transfer-encoding"})
_STRUCTURED_TEXT: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_ANGLE_TEXT: Final = re.compile(r"(?!.*=\?)[!-;=?-~]{1,254}")
# RFC 5322 2.1.1, without CRLF.
_LONGEST_LINE: Final = 998
# What neither XML nor HTML knows, and some mail programs stop at.
_CONTROLS: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SURROGATES: Final = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """The value of a header that is a phrase and something in angle brackets.

    An address with its display name (RFC 5322 3.4), or a List-Id (RFC 2919 3). The name may be "",
    and may have slots in it when `inside` is a slot too.
    """

    name: str | Slot
    inside: str | Slot


HeaderValue = str | Slot | Mailbox
Layout = list[bytes | Fill]


@dataclass(frozen=True, slots=True)
class Stencil:
    """A message for every reader: after piece n comes what `fills[order[n]]` gives.

    Immutable, and safe to use from several threads.
    """

    slots: Mapping[str, Kind]
    """The slots that `fill` needs a value for."""
    pieces: tuple[bytes, ...]
    fills: tuple[Fill, ...]
    order: tuple[int, ...]
    _checks: tuple[tuple[str, Callable[[str, str], str]], ...] = field(
        init=False, repr=False, compare=False
    )
    _write: Callable[[Mapping[str, str]], list[bytes]] = field(
        init=False, repr=False, compare=False
    )
    _pick: Callable[[Sequence[bytes]], Iterable[bytes]] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        _verify(self)
        checks = tuple((name, CHECKS[kind]) for name, kind in self.slots.items())
        places = [0]
        for piece, fill in enumerate(self.order, start=1):
            places += [len(self.pieces) + fill, piece]
        # An itemgetter of one place would not give a tuple.
        pick = itemgetter(*places) if self.order else tuple[bytes, ...]
        object.__setattr__(self, "_checks", checks)
        object.__setattr__(self, "_write", Writer(self.fills).write)
        object.__setattr__(self, "_pick", pick)

    @classmethod
    def build(
        cls,
        *,
        headers: Iterable[tuple[str, HeaderValue]],
        text: str,
        html: str,
        required: Collection[Slot] = (),
    ) -> Self:
        """Cut a rendered variant at its slots, as multipart/alternative (RFC 2046 5.1.4).

        `headers` keep their order; MIME-Version and Content-Type follow them. A str is the text of
        the field: in Subject and Comments any words, with any slots, cleaned by `clean_text` as a
        whole; elsewhere ASCII as the field's own RFC wants it, with slots that are not TEXT. Both
        bodies are sent as UTF-8 in quoted-printable; their line ends are made alike and their
        control characters dropped. `required` slots have to stand in both.

        Raises MisplacedSlotError where a slot is unsafe, damaged or missing, and StencilError for
        a header that cannot be written.
        """
        parts: Layout = []
        kinds: dict[str, Kind] = {}
        seen = set(_MIME_HEADERS)
        for header, value in headers:
            if header.lower() in seen or not _HEADER_NAME.fullmatch(header):
                raise StencilError(f"header {header!r} is malformed, repeated or written by us")
            seen.add(header.lower())
            parts += [*_field(header, value, kinds), b"\r\n"]
        plain = _body("text", text, kinds, required)
        rich = _body("HTML", html, kinds, required)
        return cls._assembled([*parts, *_multipart(plain, rich)], kinds)

    @classmethod
    def _assembled(cls, parts: Layout, kinds: Mapping[str, Kind]) -> Self:
        pieces = [bytearray()]
        fills: dict[Fill, int] = {}
        order: list[int] = []
        for part in parts:
            if isinstance(part, Fill):
                order.append(fills.setdefault(part, len(fills)))
                pieces.append(bytearray())
            else:
                pieces[-1] += part
        return cls(kinds, tuple(map(bytes, pieces)), tuple(fills), tuple(order))

    def fill(
        self,
        values: Mapping[str, str],
        seal: Callable[[Sequence[bytes]], bytes] | None = None,
    ) -> bytes:
        """The message for these values: 7-bit, every line ended by CRLF, none begun with a dot.

        So it needs no dot-stuffing (RFC 5321 4.5.2). Where the address has a local part that is not
        ASCII, it stands in UTF-8 in the header (RFC 6532 3.2), and all else is 7-bit as before.
        The same values give the same bytes; values for other slots are ignored. `seal` is given
        what the fills have come to, and returns fields that go before all others. Raises
        MissingValueError, and SlotValueError when this reader's values cannot be sent.
        """
        checked: dict[str, str] = {}
        for name, check in self._checks:
            value = values.get(name)
            if not isinstance(value, str):
                raise MissingValueError(f"slot {name!r} was given no string")
            checked[name] = check(name, value)
        encoded = self._write(checked)
        if not (_keeps_lines(encoded) or self._keeps_lines_in_utf8(checked, encoded)):
            raise StencilError("a value was written that could break a line of its message")
        picked = self._pick([*self.pieces, *encoded])
        return b"".join(picked if seal is None else [seal(encoded), *picked])

    def _keeps_lines_in_utf8(self, checked: Mapping[str, str], encoded: Sequence[bytes]) -> bool:
        """Whether these values do, but for the letters of an address in a header."""
        addresses = [
            checked[name].encode()
            for name, kind in self.slots.items()
            if kind is Kind.ADDRESS and not checked[name].isascii()
        ]
        plain = list(encoded)
        for place, fill in enumerate(self.fills):
            if fill.how in {How.TOKEN, How.MAILBOX}:
                for address in addresses:
                    plain[place] = plain[place].replace(address, b"x", 1)
        return bool(addresses) and _keeps_lines(plain)

    def to_bytes(self) -> bytes:
        """The stencil for storage: version, checksum, a table in JSON, the pieces."""
        table = {
            "slots": dict(self.slots),
            "fills": [[fill.how, *fill.words] for fill in self.fills],
            "order": self.order,
            "sizes": [len(piece) for piece in self.pieces],
        }
        described = json.dumps(table, separators=(",", ":")).encode("ascii")
        content = b"".join([len(described).to_bytes(4, "big"), described, *self.pieces])
        return _MAGIC + _checksum(content) + content

    @classmethod
    def from_bytes(cls, stored: bytes) -> Self:
        """Read what `to_bytes` gave. Raises MalformedStencilError for anything else.

        The checksum finds accidents. It is no signature: who can write the table can write mail.
        """
        checksum_end = len(_MAGIC) + _CHECKSUM_SIZE
        content = stored[checksum_end:]
        if not stored.startswith(_MAGIC):
            raise MalformedStencilError("these bytes are no stencil, or one of another version")
        if stored[len(_MAGIC) : checksum_end] != _checksum(content):
            raise MalformedStencilError("the stencil is damaged: its checksum does not fit")
        table_end = 4 + int.from_bytes(content[:4], "big")
        try:
            table = json.loads(content[4:table_end])
            kinds = {name: Kind(kind) for name, kind in table["slots"].items()}
            fills = tuple(Fill(How(how), tuple(words)) for how, *words in table["fills"])
            pieces = _sliced(content[table_end:], table["sizes"])
            return cls(kinds, pieces, fills, tuple(table["order"]))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise MalformedStencilError("the stencil's table cannot be read") from error


def _field(header: str, value: HeaderValue, kinds: dict[str, Kind]) -> Layout:
    """A header field without its final CRLF."""
    where = f"header {header}"
    if isinstance(value, Mailbox):
        return _mailbox_field(header, value, kinds)
    statics, slots = split_at_slots(str(value), where)
    _declare(slots, kinds)
    if header.lower() not in _UNSTRUCTURED:
        return _structured_field(header, statics, slots)
    if not slots:
        return [unstructured(header, clean_text(statics[0]))]
    return [Fill(How.UNSTRUCTURED, (header, *_alternating(statics, slots)))]


def _mailbox_field(header: str, value: Mailbox, kinds: dict[str, Kind]) -> Layout:
    where = f"header {header}"
    names, name_slots = split_at_slots(str(value.name), where)
    insides, inside_slots = split_at_slots(str(value.inside), where)
    _declare([*name_slots, *inside_slots], kinds)
    if not name_slots and not inside_slots:
        if not _ANGLE_TEXT.fullmatch(insides[0]):
            raise StencilError(f"what the {where} has in angle brackets is not ASCII, or too long")
        return [phrase_and_angle(header, clean_text(names[0]), insides[0])]
    if insides != ["", ""] or inside_slots[0].kind is not Kind.ADDRESS:
        raise MisplacedSlotError(f"the {where} needs one slot of kind ADDRESS for its address")
    words = (header, inside_slots[0].name, *_alternating(names, name_slots))
    return [Fill(How.MAILBOX, words)]


def _structured_field(header: str, statics: list[str], slots: list[Slot]) -> Layout:
    if not _STRUCTURED_TEXT.fullmatch("x".join(statics)):
        raise StencilError(f"header {header} has to be ASCII without line breaks or outer spaces")
    if any(slot.kind is Kind.TEXT for slot in slots):
        raise MisplacedSlotError(f"a slot of kind TEXT cannot stand in header {header}")
    if not slots:
        line = fold(header, statics[0].split())
    else:
        # Values are of any length, so the only folds are where a list goes on (RFC 2369 2).
        line = "\0".join([f"{header}: {statics[0]}", *statics[1:]]).replace(", ", ",\r\n ").encode()
    following = iter(slots)
    for part in line.split(b"\r\n"):
        longest = len(part) + sum(
            LONGEST[slot.kind] for slot in islice(following, part.count(b"\0"))
        )
        if longest > _LONGEST_LINE:
            raise StencilError(f"header {header} has a line that could grow beyond 998 characters")
    fills = [Fill(How.TOKEN, (slot.name,)) for slot in slots]
    return _alternating_layout(line.split(b"\0"), fills)


def _body(
    where: str, rendered: str, kinds: dict[str, Kind], required: Collection[Slot]
) -> list[bytes | Fill]:
    """One body in quoted-printable; every slot's value has a line, or lines, of its own."""
    statics, slots = split_at_slots(_tidied(rendered), f"{where} body")
    _declare(slots, kinds)
    missing = sorted({slot.name for slot in required} - {slot.name for slot in slots})
    if missing:
        raise MisplacedSlotError(f"the {where} body lacks {', '.join(missing)}")
    places = find_places(statics, slots) if where == "HTML" else [How.PLAIN] * len(slots)
    fills = [Fill(How(place), (slot.name,)) for place, slot in zip(places, slots, strict=True)]
    pieces: list[bytes] = []
    for index, static in enumerate(statics):
        piece = quoted_printable(static)
        if index > 0 and not static.startswith("\n"):
            piece = SOFT_BREAK + piece
        if index < len(slots) and piece and not piece.endswith(b"\r\n"):
            piece += SOFT_BREAK
        pieces.append(piece)
    return _alternating_layout(pieces, fills)


def _tidied(rendered: str) -> str:
    tidy = rendered.replace("\r\n", "\n").replace("\r", "\n")
    tidy = _SURROGATES.sub("\ufffd", _CONTROLS.sub("", tidy))
    return tidy if tidy.endswith("\n") else f"{tidy}\n"


def _multipart(plain: Layout, rich: Layout) -> Layout:
    """Everything from MIME-Version on (RFC 2045 4, RFC 2046 5.1.1)."""
    content = hashlib.sha256(repr((plain, rich)).encode()).hexdigest()
    # No quoted-printable text holds "=_", so this cannot occur in a body (RFC 2045 6.7 (5)).
    boundary = f"=_{content[:32]}"

    def part(subtype: str) -> bytes:
        return (
            f"--{boundary}\r\n"
            f'Content-Type: text/{subtype}; charset="utf-8"\r\n'
            "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
        ).encode()

    start = (
        "MIME-Version: 1.0\r\n"
        f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n\r\n'
    ).encode()
    end = f"\r\n--{boundary}--\r\n".encode()
    return [start, part("plain"), *plain, b"\r\n", part("html"), *rich, end]


def _declare(slots: Iterable[Slot], kinds: dict[str, Kind]) -> None:
    for slot in slots:
        if kinds.setdefault(slot.name, slot.kind) is not slot.kind:
            raise StencilError(f"slot {slot.name!r} is printed with two different kinds")


def _alternating(statics: Sequence[str], slots: Sequence[Slot]) -> list[str]:
    return [statics[0], *chain(*((s.name, t) for s, t in zip(slots, statics[1:], strict=True)))]


def _alternating_layout(pieces: Sequence[bytes], fills: Sequence[Fill]) -> Layout:
    return [part for pair in zip_longest(pieces, fills) for part in pair if part is not None]


def _verify(stencil: Stencil) -> None:
    """Refuse a stencil that could raise, or emit anything but 7-bit lines, when it is filled."""
    used: set[str] = set()
    for fill in stencil.fills:
        if not all(isinstance(word, str) for word in fill.words) or not fill.is_whole():
            raise MalformedStencilError("the stencil has a malformed fill")
        if fill.header is not None and not _HEADER_NAME.fullmatch(fill.header):
            raise MalformedStencilError("the stencil has a malformed header name")
        kinds = [stencil.slots.get(name) for name in fill.slots]
        wrong_kind = (fill.how is How.TOKEN and kinds[0] is Kind.TEXT) or (
            fill.how is How.MAILBOX and kinds[0] is not Kind.ADDRESS
        )
        if None in kinds or wrong_kind:
            raise MalformedStencilError("the stencil has a fill for a slot that does not suit it")
        used.update(fill.slots)
    if used != set(stencil.slots) or not all(map(is_slot_name, used)):
        raise MalformedStencilError("the stencil's slots are not those of its fills")
    if any(type(index) is not int for index in stencil.order) or (
        set(stencil.order) != set(range(len(stencil.fills)))
    ):
        raise MalformedStencilError("the stencil's order is not one of its fills")
    if len(stencil.pieces) != len(stencil.order) + 1:
        raise MalformedStencilError("the stencil has too many or too few pieces")
    if stencil.pieces[0].startswith(b".") or not stencil.pieces[-1].endswith(b"\r\n"):
        raise MalformedStencilError("the stencil does not begin and end as a message does")
    for piece in stencil.pieces:
        if b"\n." in piece:
            raise MalformedStencilError("the stencil has a line that begins with a dot")
        bare = piece.replace(b"\r\n", b"")
        if not piece.isascii() or b"\r" in bare or b"\n" in bare or b"\0" in bare:
            raise MalformedStencilError("the stencil has a piece that is not 7-bit lines")


def _keeps_lines(encoded: Sequence[bytes]) -> bool:
    """Whether these values, between pieces that `_verify` has seen, make what `fill` promises.

    Asked of a few hundred octets for each message, so that nobody need ask it of all of them.
    """
    # A NUL is in no value that may be sent, so it tells where one begins and ends.
    told_apart = b"\0".join([b"", *encoded])
    if b"\n" not in told_apart and b"\r" not in told_apart:
        return told_apart.isascii() and b"\0." not in told_apart
    joined = b"\0\r\n\0".join([b"", *encoded, b""])
    return (
        joined.isascii()
        and joined.count(b"\n") == joined.count(b"\r") == joined.count(b"\r\n")
        and b"\n." not in joined
        and b"\n\0." not in joined
        and b"\n\0\r" not in joined
    )


def _sliced(content: bytes, sizes: Sequence[int]) -> tuple[bytes, ...]:
    if any(type(size) is not int or size < 0 for size in sizes) or sum(sizes) != len(content):
        raise ValueError("the sizes are not those of the pieces")
    pieces = []
    start = 0
    for size in sizes:
        pieces.append(content[start : start + size])
        start += size
    return tuple(pieces)


def _checksum(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_CHECKSUM_SIZE).digest()
