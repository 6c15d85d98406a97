"""`digest issue list`."""

from datetime import datetime
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from digest.cli.issue_names import (
    short_name,
    story_as_json,
    when,
)
from digest.cli.opening import json_option, print_json, runtime
from digest.cli.tables import Table, print_table
from digest.models import Issue
from digest.newsroom.finding import find_newsletter


@click.command("list")
@click.argument("slug", metavar="[NEWSLETTER]", required=False)
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@json_option
def list_issues(slug: str | None, limit: int, as_json: bool) -> None:
    """List issues, the latest first."""
    with runtime() as opened, opened.database.reading() as session:
        query = select(Issue).order_by(Issue.send_at.desc(), Issue.id.desc()).limit(limit)
        query = query.options(joinedload(Issue.newsletter), selectinload(Issue.stories))
        if slug is not None:
            query = query.where(Issue.newsletter_id == find_newsletter(session, slug).id)
        issues = session.scalars(query).all()
        if as_json:
            print_json([issue_as_json(found) for found in issues])
            return
        table = Table("Issue", "Id", "State", "Goes out", "Stories", "Reason")
        for found in issues:
            stories, reason = str(len(found.stories)), found.reason or ""
            name = short_name(found)
            table.add_row(name, str(found.id), found.state, when(found), stories, reason)
        print_table(table, "There are no issues yet. Make one: digest issue compose NEWSLETTER")


def issue_as_json(found: Issue, *, with_stories: bool = False) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": found.id,
        "issue": short_name(found),
        "newsletter": found.newsletter.slug,
        "occurrence_on": found.occurrence_on,
        "number": found.number,
        "state": found.state,
        "reason": found.reason,
        "compose_at": _iso(found.compose_at),
        "closes_at": _iso(found.closes_at),
        "send_at": _iso(found.send_at),
        "version": found.version,
        "approved_by": found.approved_by,
        "audience": found.audience,
    }
    if with_stories:
        shown["stories"] = [story_as_json(story) for story in found.stories]
    return shown


def _iso(moment: datetime) -> str:
    return moment.isoformat()
