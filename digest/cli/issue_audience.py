"""`digest issue audience`: whom it would go to."""

import click

from digest import prose
from digest.cli.issue_names import IssueName, find_issue, issue_argument, short_name
from digest.cli.opening import json_option, print_json, runtime
from digest.delivery.ledger.audience import count_audience


@click.command()
@issue_argument
@json_option
def audience(name: IssueName, as_json: bool) -> None:
    """Count whom an issue would go to if it were frozen now, and who is left out, and why.

    Of one that is frozen already: digest issue report.
    """
    with runtime() as opened, opened.database.reading() as session:
        found = find_issue(session, name, opened.clock.now())
        called = short_name(found)
        counted = count_audience(session, found.newsletter_id, opened.clock.now())
    if as_json:
        print_json({"issue": called, "readers": counted.readers, "left_out": counted.left_out})
        return
    click.echo(f"{called} would go to {prose.count_in_words(counted.readers, 'reader')}.")
    for why, readers in counted.left_out.items():
        click.echo(f"Left out, {why}: {readers:,}")
