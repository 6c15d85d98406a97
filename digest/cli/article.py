"""`digest article`: stories without a feed."""

import click

from digest.cli.groups import Found


@click.group(
    commands=Found(
        {
            "add": "article_adding.add",
            "hide": "article_controls.hide",
            "list": "article_list.list_articles",
            "remove": "article_controls.remove",
            "show": "article_controls.show",
        }
    )
)
def article() -> None:
    """Add, list, hide and take back articles."""
