"""What was found out about an issue's links within the hour, by whoever asked them."""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

from digest import prose
from digest.models import Issue, LinkAnswer
from digest.newsroom.intake.links import page_key
from digest.preflight.findings import Finding, named, story_place

LASTS = timedelta(hours=1)
HOSTS_NAMED = 3
LONGEST_LINK = 120
UNCHECKED = "links unchecked"


class Check(NamedTuple):
    """What a link answered when it was last asked; see `LinkCheck`."""

    url: str
    answer: LinkAnswer
    final_url: str | None
    words: str
    checked_at: datetime


def hash_of(url: str) -> bytes:
    """Return what a link's check is known by."""
    return hashlib.sha256(url.encode("utf-8", "surrogatepass")).digest()


def told_of_links(
    issue: Issue, links: Collection[str], checks: Mapping[str, Check]
) -> Iterator[Finding]:
    """Tell the links that do not answer, lead elsewhere, could not be checked, or were not."""
    unasked = [link for link in links if link not in checks]
    if unasked:
        count = prose.count_in_words(len(unasked), "link")
        verb = "was" if len(unasked) == 1 else "were"
        sentence = f"{_capital(count)} {verb} not checked within the hour. Check now."
        yield Finding(UNCHECKED, sentence, detail=" ".join(sorted(unasked)))
    known = [checks[link] for link in links if link in checks]
    for check in known:
        if check.answer is LinkAnswer.BROKEN:
            yield _broken(issue, check)
    yield from _unclear([each for each in known if each.answer is LinkAnswer.UNCLEAR])
    yield from _moved([each for each in known if each.answer is LinkAnswer.ANSWERS])
    yield from _same_page(issue, checks)


def _broken(issue: Issue, check: Check) -> Finding:
    story = next((each for each in issue.stories if each.article.url == check.url), None)
    if story is not None:
        sentence = f"The link of {named(story)} does not work. {check.words} Mend it, or drop it."
        return Finding("link", sentence, story_place(story), detail=check.url)
    link = prose.cut(check.url, LONGEST_LINK)
    sentence = f"The link {link} does not work. {check.words} Mend it, or take it out."
    return Finding("link", sentence, "note", detail=check.url)


def _unclear(checks: list[Check]) -> Iterator[Finding]:
    # One finding for all: a paper behind a firewall has the same of each of its links.
    if checks:
        count = prose.count_in_words(len(checks), "link")
        hosts = sorted({_host(check.url) for check in checks})
        sentence = (
            f"{_capital(count)} could not be checked, as {_named(hosts)} "
            f"{'does' if len(hosts) == 1 else 'do'} not let programs in. "
            f"Open {'it' if len(checks) == 1 else 'them'} yourself."
        )
        detail = " ".join(sorted(check.url for check in checks))
        yield Finding("links unclear", sentence, "stories", detail=detail)


def _moved(checks: list[Check]) -> Iterator[Finding]:
    ways: dict[tuple[str, str], list[str]] = {}
    for check in checks:
        if check.final_url is None:
            continue
        here, there = _host(check.url), _host(check.final_url)
        if here != there:
            ways.setdefault((here, there), []).append(check.url)
    for (here, there), links in ways.items():
        count, one = prose.count_in_words(len(links), "link"), len(links) == 1
        sentence = (
            f"{_capital(count)} to {here} {'leads' if one else 'lead'} to {there} instead. "
            f"See that {'it is' if one else 'they are'} meant to."
        )
        yield Finding("link leads elsewhere", sentence, "stories", detail=" ".join(sorted(links)))


def _same_page(issue: Issue, checks: Mapping[str, Check]) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for story in issue.stories:
        check = checks.get(story.article.url)
        if check is None or check.answer is not LinkAnswer.ANSWERS or check.final_url is None:
            continue
        page = page_key(check.final_url)
        if page in first:
            sentence = f"{first[page]} and {named(story)} lead to the same page. Drop one of them."
            yield Finding("same page", sentence, story_place(story))
        first.setdefault(page, named(story))


def _host(url: str) -> str:
    # With or without "www." is one site to readers.
    return (urlsplit(url).hostname or url).removeprefix("www.")


def _named(hosts: list[str]) -> str:
    more = len(hosts) - HOSTS_NAMED
    rest = [f"{prose.number_in_words(more)} more"] if more > 0 else []
    return prose.all_of([*hosts[:HOSTS_NAMED], *rest])


def _capital(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}"
