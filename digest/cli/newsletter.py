"""`digest newsletter`: the letters that readers ask for."""

import click

from digest.cli.groups import Found


@click.group(
    commands=Found(
        {
            "create": "newsletter_saving.create",
            "edit": "newsletter_saving.edit",
            "list": "newsletter_views.list_newsletters",
            "report": "reports.report",
            "show": "newsletter_show.show",
        }
    )
)
def newsletter() -> None:
    """Create and edit newsletters."""
