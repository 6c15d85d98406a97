"""Asking links whether they answer: many at once, within bounds, outside of any transaction."""

from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import CursorResult, delete, update

from digest.database.adding import add_unless_there
from digest.database.transactions import Database
from digest.models import Issue, LinkAnswer, LinkCheck
from digest.newsroom.intake.fetching import Bounds, Fetcher, FetchError, SentOnError
from digest.newsroom.intake.links import URL_AT_MOST
from digest.preflight.known import known_of
from digest.preflight.links import hash_of
from digest.preflight.mail import read_mail

AT_ONCE = 8
LINKS_AT_MOST = 100
# For one link, and for all of them: a person waits for the answer.
LINK = Bounds("page", "text/html, */*;q=0.5", 0, seconds=8.0)
SECONDS = 25.0
KEPT = timedelta(days=1)

GONE = frozenset({404, 410})


@dataclass(frozen=True)
class Asked:
    """What came of asking one link; `words` are empty where nothing is wrong."""

    url: str
    answer: LinkAnswer
    final_url: str | None = None
    words: str = ""


def ask_links_of(
    database: Database,
    issue_id: int,
    *,
    fetcher: Fetcher,
    public_url: str,
    now: datetime,
    seconds: float = SECONDS,
    again: bool = True,
) -> None:
    """Ask an issue's links whether they answer, and keep what they said for the hour.

    Those that answered within the hour, or whose site does not talk to programs, are not asked
    again; nor is a broken one, unless `again`. What there was no time for, `seconds` in all,
    stays unchecked. Opens its own, short transactions, and asks in none of them.
    """
    with database.reading() as session:
        issue = session.get(Issue, issue_id)
        mail = read_mail(session, issue, public_url) if issue is not None else None
        links = mail.links if mail is not None else ()
        known = known_of(session, issue, links, None, now).checks if issue is not None else {}
    done = {
        url for url, check in known.items() if check.answer is not LinkAnswer.BROKEN or not again
    }
    to_ask = [link for link in links if link not in done and len(link) <= URL_AT_MOST]
    asked = _ask(to_ask[:LINKS_AT_MOST], fetcher, seconds)
    if asked:
        _keep(database, asked, now)


def _ask(links: Collection[str], fetcher: Fetcher, seconds: float) -> list[Asked]:
    if not links:
        return []
    pool = ThreadPoolExecutor(min(AT_ONCE, len(links)), "preflight")
    try:
        begun = [pool.submit(_ask_one, fetcher, link) for link in links]
        done, _ = wait(begun, timeout=seconds)
        return [future.result() for future in begun if future in done]
    finally:
        # What is still on its way ends by its own bounds, and nobody waits for it.
        pool.shutdown(wait=False, cancel_futures=True)


def _ask_one(fetcher: Fetcher, link: str) -> Asked:
    try:
        found = fetcher.answer(link, LINK)
    except SentOnError as error:
        # A reader's browser keeps the cookie that ends it.
        return Asked(link, LinkAnswer.UNCLEAR, words=str(error))
    except FetchError as error:
        return Asked(link, LinkAnswer.BROKEN, words=str(error)[:300])
    final = found.url if len(found.url) <= URL_AT_MOST else None
    answer, words = _judged(found.status, challenged=found.challenged)
    return Asked(link, answer, final, words)


def _judged(status: int, *, challenged: bool) -> tuple[LinkAnswer, str]:
    """Tell what a status says to a reader, who is no program (RFC 9110, section 15).

    Sites turn programs away by many of them, so only what is plain counts as broken.
    """
    if challenged:
        return LinkAnswer.UNCLEAR, "The site asks for a proof that we are a person."
    if status < 400:
        return LinkAnswer.ANSWERS, ""
    if status in GONE:
        return LinkAnswer.BROKEN, f"There is no page at that address ({status})."
    if 500 <= status < 600 and status != 503:
        return LinkAnswer.BROKEN, f"The site answers with an error of its own ({status})."
    return LinkAnswer.UNCLEAR, f"The site did not let us look ({status})."


def _keep(database: Database, asked: Iterable[Asked], now: datetime) -> None:
    with database.transaction() as session:
        # Always in one order, so that two who keep the same links wait, and do not lock up.
        for each in sorted(asked, key=lambda found: hash_of(found.url)):
            values = {
                "answer": each.answer,
                "final_url": each.final_url,
                "words": each.words,
                "checked_at": now,
            }
            anew = (
                update(LinkCheck)
                .where(LinkCheck.url_hash == hash_of(each.url))
                .values(values)
                .execution_options(synchronize_session=False)
            )
            known = session.execute(anew)
            assert isinstance(known, CursorResult)
            if known.rowcount == 0:
                row = LinkCheck(url_hash=hash_of(each.url), url=each.url, **values)
                add_unless_there(session, row)
        session.execute(
            delete(LinkCheck)
            .where(LinkCheck.checked_at < now - KEPT)
            .execution_options(synchronize_session=False)
        )
