"""The reading child's side: feed after feed from standard input, until nobody asks any more."""

import json
import os
import select
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from digest.newsroom.intake.feeds import Feed, FeedError
from digest.newsroom.intake.reading_child import answers, sealing
from digest.newsroom.intake.reading_child.limits import ANSWER, NO_MEMORY, REQUEST
from digest.newsroom.intake.sanitising import safe_html

TOO_MUCH = "There is more in the feed than we take in."
# The longest that is kept of an article is its URL, of 2,000; but for the body.
TEXT_AT_MOST = 5_000


class Read(Protocol):
    """What reads: `feeds.read_feed`, `web_pages.read_page`, what stands for them in tests."""

    def __call__(self, content: bytes, url: str, now: datetime, charset: str | None = None) -> Feed:
        """Read a feed, or a page as one. Raises FeedError."""


def serve(
    read: Read,
    read_page: Read | None = None,
    *,
    memory_bytes: int,
    answer_bytes: int,
    idle_seconds: float,
) -> None:
    """Answer until standard input ends, or nothing has come for so long."""
    questions, replies = os.dup(0), os.dup(1)
    # What a library prints is no answer, and what it warns of may be what a feed says.
    for standard in (0, 1, 2):
        os.dup2(_nowhere(), standard)
    sealing.seal(memory_bytes)
    try:
        while _is_asked(questions, idle_seconds):
            answer = _answered(read, read_page or read, questions, answer_bytes)
            if answer is None:
                return
            _write(replies, ANSWER.pack(len(answer)) + answer)
            sealing.allow_waiting()
    except MemoryError:
        os._exit(NO_MEMORY)
    except BrokenPipeError:
        os._exit(0)


def _nowhere() -> int:
    return os.open(os.devnull, os.O_RDWR)


def _is_asked(questions: int, idle_seconds: float) -> bool:
    poll = select.poll()
    poll.register(questions, select.POLLIN)
    return bool(poll.poll(idle_seconds * 1000))


def _answered(read: Read, read_page: Read, questions: int, answer_bytes: int) -> bytes | None:
    """Return the answer to the next request; None where the worker has gone."""
    lengths = _take(questions, REQUEST.size)
    if lengths is None:
        return None
    head_length, length = REQUEST.unpack(lengths)
    head, content = _take(questions, head_length), _take(questions, length)
    if head is None or content is None:
        return None
    asked: dict[str, Any] = json.loads(head)
    sealing.allow(asked["seconds"], asked["wall_seconds"])
    moment = datetime.fromisoformat(asked["now"])
    reads = read_page if asked["page"] else read
    try:
        feed = reads(content, asked["url"], moment, asked["charset"])
        answer = answers.feed_answer(_bounded(feed))
    except FeedError as error:
        return answers.refusal(str(error))
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - a mistake of ours is the feed's trouble only
        return answers.failure(error)
    return answer if len(answer) <= answer_bytes else answers.refusal(TOO_MUCH)


def _bounded(feed: Feed) -> Feed:
    return replace(feed, articles=tuple(_bounded_article(article) for article in feed.articles))


def _bounded_article(article: Any) -> Any:
    long = {
        name: value[:TEXT_AT_MOST]
        for name, value in vars(article).items()
        if isinstance(value, str) and len(value) > TEXT_AT_MOST and name != "body"
    }
    return replace(article, body=safe_html(article.body), **long)


def _take(questions: int, length: int) -> bytes | None:
    taken = bytearray()
    while len(taken) < length:
        piece = os.read(questions, min(length - len(taken), 1 << 20))
        if not piece:
            return None
        taken += piece
    return bytes(taken)


def _write(replies: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(replies, left) :]
