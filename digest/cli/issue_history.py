"""`digest issue history`."""

from typing import Any

import click

from digest import prose, zones
from digest.cli.issue_names import IssueName, find_issue, issue_argument, short_name
from digest.cli.opening import json_option, print_json, runtime
from digest.cli.tables import Table, print_table
from digest.models import IssueChange
from digest.newsroom.issues.history import list_changes

TEXT_AT_MOST = 60


@click.command()
@issue_argument
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@json_option
def history(name: IssueName, limit: int, as_json: bool) -> None:
    """List what was done to an issue, the newest first, with every text that was ever typed.

    To bring a text back: digest issue edit ISSUE --bring-back CHANGE.
    """
    with runtime() as opened, opened.database.reading() as session:
        found = find_issue(session, name, opened.clock.now())
        changes = list_changes(session, found, limit)
        called, zone = short_name(found), found.newsletter.zone
    if as_json:
        print_json([change_as_json(change) for change in changes])
        return
    table = Table("Change", f"When ({zone})", "Who", "What", "Text")
    for change in changes:
        local = change.at.astimezone(zones.named(zone))
        text = prose.cut(" ".join((change.after or "").split()), TEXT_AT_MOST)
        table.add_row(str(change.id), f"{local:%a %d %b, %H:%M}", change.by, change.words, text)
    print_table(table, f"Nothing was changed in {called} yet.")


def change_as_json(change: IssueChange) -> dict[str, Any]:
    return {
        "change": change.id,
        "version": change.version,
        "at": change.at.isoformat(),
        "by": change.by,
        "user": change.user_id,
        "field": change.field,
        "article": change.article_id,
        "before": change.before,
        "after": change.after,
        "taken": change.taken,
        "words": change.words,
    }
