"""`digest issue pin|unpin|pins`: articles that are to be in a coming issue."""

from datetime import datetime

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from digest.cli.acting import Acting, acting_options
from digest.cli.issue_calendar import find_or_make_issue
from digest.cli.issue_editing import article_argument, change
from digest.cli.issue_names import IssueName, issue_argument, short_name, when
from digest.cli.opening import json_option, print_json, runtime
from digest.cli.tables import Table, print_table
from digest.models import Issue, Newsletter
from digest.newsroom.finding import find_newsletter
from digest.newsroom.issues import pinning
from digest.newsroom.issues.planning import coming


@click.command()
@issue_argument
@article_argument
@acting_options
@json_option
def pin(name: IssueName, article_id: int, acting: Acting, as_json: bool) -> None:
    """Say that an article is in a coming issue, before that is composed.

    ISSUE may be a date that is to come; a newsletter alone means its next issue that is not
    composed yet. When it is, the rule picks the rest around it.
    """
    change(
        name,
        acting,
        lambda session, found, by, now: pinning.pin(session, found, article_id, by, now),
        as_json=as_json,
        logged="issue pin",
        find=_find_or_make,
    )


@click.command()
@issue_argument
@article_argument
@acting_options
@json_option
def unpin(name: IssueName, article_id: int, acting: Acting, as_json: bool) -> None:
    """Take a pinned article back, from the issue named or the first that it is pinned to."""

    def find(session: Session, name: IssueName, now: datetime) -> Issue:
        if not _is_bare(name):
            return find_or_make_issue(session, name, now)
        newsletter = find_newsletter(session, name.slug or "")
        return pinning.pinned_to(session, newsletter, article_id, now)

    change(
        name,
        acting,
        lambda session, found, by, now: pinning.unpin(session, found, article_id, by, now),
        as_json=as_json,
        logged="issue unpin",
        find=find,
    )


@click.command()
@click.argument("slug", metavar="[NEWSLETTER]", required=False)
@json_option
def pins(slug: str | None, as_json: bool) -> None:
    """List what is pinned to coming issues, the soonest first, as the desk's calendar shows it.

    What is pinned to a skipped issue waits until that is taken up again.
    """
    with runtime() as opened, opened.database.reading() as session:
        now = opened.clock.now()
        found = [
            (planned.issue, story)
            for newsletter in _newsletters(session, slug)
            for planned in coming(session, newsletter, now)
            if planned.issue is not None
            for story in pinning.pins_of(planned.issue)
        ]
        if as_json:
            print_json(
                [
                    {
                        "issue": short_name(issue),
                        "id": issue.id,
                        "state": issue.state,
                        "send_at": issue.send_at,
                        "article": story.article_id,
                        "headline": story.headline,
                        "why": story.why,
                    }
                    for issue, story in found
                ]
            )
            return
        table = Table("Issue", "State", "Goes out", "Article", "Story", "Why")
        for issue, story in found:
            article, why = str(story.article_id), story.why or ""
            table.add_row(short_name(issue), issue.state, when(issue), article, story.headline, why)
        print_table(table, "Nothing is pinned. To pin a story: digest issue pin ISSUE ARTICLE")


def _newsletters(session: Session, slug: str | None) -> list[Newsletter]:
    if slug is not None:
        return [find_newsletter(session, slug)]
    query = select(Newsletter).where(Newsletter.retired_at.is_(None)).order_by(Newsletter.id)
    return list(session.scalars(query))


def _find_or_make(session: Session, name: IssueName, now: datetime) -> Issue:
    if not _is_bare(name):
        return find_or_make_issue(session, name, now)
    return pinning.next_to_pin_to(session, find_newsletter(session, name.slug or ""), now)


def _is_bare(name: IssueName) -> bool:
    """Tell whether a newsletter alone was typed."""
    return name.slug is not None and name.on is None and name.number is None
