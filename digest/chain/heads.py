"""The head of a chain, and the copies of it that others keep."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from digest.chain.log import Log
from digest.errors import RefusedError

MOST_HEADS = 10_000


@dataclass(frozen=True)
class Head:
    """The newest link at some moment. With a copy of it elsewhere, all before it is fixed."""

    sequence: int
    hash: str

    def __str__(self) -> str:
        return f"{self.sequence} {self.hash}"


def find_head(session: Session, log: Log) -> Head | None:
    """Return the head of a chain, where anything is sealed."""
    newest = session.execute(
        select(log.seal.sequence, log.seal.hash).order_by(log.seal.sequence.desc()).limit(1)
    ).first()
    return Head(newest.sequence, newest.hash.hex()) if newest else None


def read_heads(text: str, log: Log) -> tuple[Head, ...]:
    """Read heads that were kept: JSON as `digest consent head --json` prints it, or its lines.

    Raises:
        RefusedError: it holds none, or something else; says what.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > MOST_HEADS:
        raise RefusedError(f"There are more than {MOST_HEADS:,} lines: that is no list of heads.")
    try:
        heads = (_from_json(text),) if text.lstrip().startswith("{") else _from_lines(lines)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise RefusedError(
            "That is no head of the chain: each line should be a number and 64 hex digits, as "
            f"`digest {log.command} head` prints them."
        ) from None
    if not heads:
        raise RefusedError(f"There is no head in it. `digest {log.command} head` prints one.")
    return heads


def _from_json(text: str) -> Head:
    read = json.loads(text)
    return _head(str(read["sequence"]), str(read["hash"]))


def _from_lines(lines: Iterable[str]) -> tuple[Head, ...]:
    # What stands after the two is a person's note: the date, say.
    return tuple(_head(*line.split()[:2]) for line in lines)


def _head(sequence: str, hash_: str) -> Head:
    if not (re.fullmatch(r"[1-9][0-9]{0,17}", sequence) and re.fullmatch(r"[0-9a-f]{64}", hash_)):
        raise ValueError("not a head")
    return Head(int(sequence), hash_)
