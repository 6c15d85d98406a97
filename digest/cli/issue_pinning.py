"""`digest issue pin|unpin`: an article that is to be in a coming issue."""

from datetime import datetime

import click
from sqlalchemy.orm import Session

from digest.cli.acting import Acting, acting_options
from digest.cli.arguments import IssueName, issue_argument
from digest.cli.issue_calendar import find_or_make_issue
from digest.cli.issue_editing import article_argument, change
from digest.cli.opening import json_option
from digest.models import Issue
from digest.newsroom.issues import pinning
from digest.newsroom.newsletters import find_newsletter


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


def _find_or_make(session: Session, name: IssueName, now: datetime) -> Issue:
    if not _is_bare(name):
        return find_or_make_issue(session, name, now)
    return pinning.next_to_pin_to(session, find_newsletter(session, name.slug or ""), now)


def _is_bare(name: IssueName) -> bool:
    """Tell whether a newsletter alone was typed."""
    return name.slug is not None and name.on is None and name.number is None
