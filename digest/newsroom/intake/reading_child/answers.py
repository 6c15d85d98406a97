"""What a reading child answers: JSON of a feed, and the feed again. The child may have been taken
over, so nothing is believed: each field is of its kind, or the answer is none."""

import functools
import json
import types
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any, Union, get_args, get_origin, get_type_hints

from digest.newsroom.intake.feeds import Feed, FeedError
from digest.newsroom.intake.reading_child.bodies import is_clean
from digest.newsroom.intake.sanitising import one_line

MEMBERS_AT_MOST = 1_000
NUMBER_AT_MOST = 2**31
SENTENCE_AT_MOST = 500

Decode = Callable[[Any], Any]


class AnswerError(Exception):
    """An answer that no child of ours gives."""


def feed_answer(feed: Feed) -> bytes:
    """Return what tells of a feed that was read."""
    return _json({"feed": feed})


def refusal(sentence: str) -> bytes:
    """Return what tells that a feed cannot be read, in words for an editor."""
    return _json({"refused": sentence})


def failure(error: Exception) -> bytes:
    """Return what tells that our reader has a mistake in it: of which kind, and where.

    Not its message, which may hold what the feed says.
    """
    step = error.__traceback__
    where = ""
    while step is not None:
        code = step.tb_frame.f_code
        where = f"{code.co_qualname}, line {step.tb_lineno}"
        step = step.tb_next
    return _json({"failed": f"{type(error).__name__} in {where}"})


def read_answer(answer: bytes) -> Feed:
    """Return the feed that an answer tells of.

    Raises:
        AnswerError: it makes no sense, or tells of a mistake in our reader.
        FeedError: with the child's sentence.
    """
    try:
        told = json.loads(answer.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        raise AnswerError("no JSON") from None
    match told:
        case {"feed": feed}:
            return _checked(_decoder(Feed)(feed))
        case {"refused": str(sentence)}:
            raise FeedError(one_line(sentence[:SENTENCE_AT_MOST]))
        case {"failed": str(words)}:
            raise AnswerError(one_line(words[:SENTENCE_AT_MOST]))
    raise AnswerError("an unknown kind of answer")


def _checked(feed: Any) -> Feed:
    assert isinstance(feed, Feed)
    if not all(is_clean(article.body) for article in feed.articles):
        raise AnswerError("a body that is not clean")
    return feed


def _json(told: dict[str, Any]) -> bytes:
    text = json.dumps(told, default=_as_json, ensure_ascii=False, separators=(",", ":"))
    # Half a surrogate pair is for who stores it to leave out.
    return text.encode("utf-8", "surrogatepass")


def _as_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return {each.name: getattr(value, each.name) for each in fields(value)}


@functools.cache
def _decoder(kind: Any) -> Decode:
    """Return what makes a value of that kind of its JSON, or raises AnswerError."""
    if is_dataclass(kind):
        return _dataclass_decoder(kind)
    if get_origin(kind) is tuple:
        return _tuple_decoder(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        (given,) = [_decoder(each) for each in get_args(kind) if each is not type(None)]
        return lambda value: None if value is None else given(value)
    return {str: _text, int: _number, bool: _truth, datetime: _moment}[kind]


def _dataclass_decoder(kind: Any) -> Decode:
    hints = get_type_hints(kind)
    decoders = {each.name: _decoder(hints[each.name]) for each in fields(kind)}

    def decode(value: Any) -> Any:
        if not isinstance(value, dict) or value.keys() != decoders.keys():
            raise AnswerError(f"no {kind.__name__}")
        return kind(**{name: decode_one(value[name]) for name, decode_one in decoders.items()})

    return decode


def _tuple_decoder(kind: Any) -> Decode:
    decode_one = _decoder(kind)

    def decode(value: Any) -> Any:
        if not isinstance(value, list) or len(value) > MEMBERS_AT_MOST:
            raise AnswerError("no list, or a very long one")
        return tuple(map(decode_one, value))

    return decode


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise AnswerError("no text")
    return value


def _number(value: Any) -> int:
    if type(value) is not int or abs(value) > NUMBER_AT_MOST:
        raise AnswerError("no number, or a very large one")
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise AnswerError("neither true nor false")
    return value


def _moment(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(_text(value))
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise AnswerError("no moment") from None
