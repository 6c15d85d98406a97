"""The page of composing: all that is shown of an issue to whoever may change it."""

from collections.abc import Hashable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from flask import Response, request
from sqlalchemy.orm import Session

from digest.errors import FieldError
from digest.models import Issue, IssueChange, IssueState
from digest.newsroom.issues.approving import waits_for_the_rule
from digest.newsroom.issues.history import list_changes
from digest.newsroom.issues.pool import Pool, pool_of
from digest.web.desk.approval import approval_shown
from digest.web.desk.compose_rows import (
    Typed,
    change_rows,
    pool_rows,
    told_as_typed,
    told_of,
)
from digest.web.desk.findings import found_of
from digest.web.desk.kept import Values, part
from digest.web.desk.presence import others_here
from digest.web.desk.seeing import saved_at, seen, tested
from digest.web.desk.signed_in import desk, show
from digest.web.desk.standing import moment, standing_of

FEW_CHANGES, MOST_CHANGES = 20, 1000
NOTHING: Mapping[str, str] = MappingProxyType({})


def show_composing(
    session: Session,
    issue: Issue,
    errors: tuple[FieldError, ...] = (),
    *,
    typed: Mapping[str, str] = NOTHING,
    article_id: int | None = None,
) -> Response:
    """Show the same of an issue that is only looked at (`look_at_issue`)."""
    now, newsletter, asked = desk().now, issue.newsletter, _asked()
    pool = pool_of(
        session, issue, now, words=asked.words, section=asked.section, source_id=asked.source
    )
    at_most = MOST_CHANGES if _asks_for_all() else FEW_CHANGES
    changes = list_changes(session, issue, at_most + 1)
    standing = standing_of(issue, now)
    content = part(
        "compose_page.html",
        issue_part=_issue_part(issue, changes, at_most, _typed(issue, errors, typed, article_id)),
        pool_part=_pool_part(issue, pool),
        seen_part=_seen_part(session, issue),
        errors=tuple(Wrong(each.field, each.sentence) for each in errors),
        issue_id=issue.id,
        version=issue.version,
        user_id=desk().user.id,
        name=newsletter.name,
        zone=newsletter.zone,
        standing=standing,
        any=bool(issue.stories),
        found=len(pool.offered),
        more=pool.more,
        sources=pool.sources,
        more_sources=pool.more_sources,
        asked=asked,
        url=typed.get("url", ""),
        others=tuple(others_here(session, issue)),
        approval=approval_shown(session, issue),
        done="Approved." if request.args.get("approved") else said(session, issue) or tested(),
        saved=saved_at(changes[0], newsletter.zone, now) if changes else "",
    )
    return show(
        "compose.html",
        422 if errors else 200,
        errors=errors,
        newsletter=newsletter,
        standing=standing,
        content=content,
    )


def _asks_for_all() -> bool:
    return bool(request.args.get("all"))


def _typed(
    issue: Issue,
    errors: tuple[FieldError, ...],
    typed: Mapping[str, str],
    article_id: int | None,
) -> Typed:
    # What could not be saved was typed on an older page.
    version = request.form.get("version", "") if typed else issue.version
    return Typed(typed, errors, version, article_id)


def _issue_part(issue: Issue, changes: list[IssueChange], at_most: int, typed: Typed) -> Values:
    newsletter = issue.newsletter
    told = told_as_typed(issue, typed) if typed.words or typed.errors else told_of(issue)
    values: dict[str, Hashable] = {
        "issue_id": issue.id,
        "kept": _asked().kept,
        "version": issue.version,
        "words_version": typed.version if typed.story is None else issue.version,
        "language": newsletter.language,
        "fields": told.fields,
        "stories": told.stories,
        "reading_time": told.reading_time,
        "story_min": newsletter.story_min,
        "picked_on": moment(issue.compose_at, newsletter) if issue.composed_at is None else "",
        "waits_for_rule": waits_for_the_rule(issue),
        "may_fill": issue.state is IssueState.DRAFT,
        "zone": newsletter.zone,
        "changes": change_rows(tuple(changes[:at_most]), newsletter.zone),
        "all_changes": _asks_for_all(),
        "more_changes": len(changes) > at_most,
    }
    return tuple(values.items())


def _pool_part(issue: Issue, pool: Pool) -> Values:
    asked = _asked()
    values: dict[str, Hashable] = {
        "issue_id": issue.id,
        "newsletter_id": issue.newsletter_id,
        "words": asked.words or None,
        "asked_section": asked.section,
        "source": asked.source,
        "sections": pool.sections,
        "rows": pool_rows(pool, desk().now),
    }
    return tuple(values.items())


def _seen_part(session: Session, issue: Issue) -> Values:
    values: dict[str, Hashable] = {
        "kept": _asked().kept,
        "any": bool(issue.stories),
        "may_test": True,
        "preflight": found_of(session, issue),
        **seen(issue),
    }
    return tuple(values.items())


class Wrong(NamedTuple):
    """What is wrong with what was typed, as a plain value."""

    field: str
    sentence: str


class Asked(NamedTuple):
    """What the address asks of the articles to choose from."""

    words: str
    section: str
    source: int | None

    @property
    def kept(self) -> tuple[tuple[str, str | int | None], ...]:
        """What the addresses of the page's forms keep of it, by name."""
        return (
            ("words", self.words or None),
            ("section", self.section or None),
            ("source", self.source),
        )


def _asked() -> Asked:
    args = request.args
    source = args.get("source", "")
    source_id = int(source) if source.isdecimal() and len(source) < 10 else None
    words, section = (args.get(each, "").replace("\0", "") for each in ("words", "section"))
    return Asked(words[:100], section[:60], source_id)


def said(session: Session, issue: Issue) -> str:
    """Return what the changes did that the address names."""
    changes = (session.get(IssueChange, each) for each in ids_named("done"))
    return " ".join(each.words for each in changes if each and each.issue_id == issue.id)


def ids_named(name: str) -> list[int]:
    """Return the ids that the address names; whatever else stands there is passed over."""
    asked = request.args.getlist(name)[:10]
    return [int(each) for each in asked if each.isascii() and each.isdecimal() and len(each) < 10]
