"""`digest article hide|show|remove`: keeping articles out of issues, and taking them back."""

from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from digest.cli.arguments import who
from digest.cli.article_list import article_as_json
from digest.cli.issue_names import short_name
from digest.cli.opening import json_option, print_json, runtime
from digest.errors import NotFoundError
from digest.models import AFTER_FREEZE, BEFORE_FREEZE, Article, Issue, IssueState, LeftOut, Story
from digest.newsroom.intake.withdrawing import show_again
from digest.newsroom.issues.replacing import remove as take_back

ids_argument = click.argument("ids", nargs=-1, type=int, required=True, metavar="ID...")


@click.command()
@ids_argument
@json_option
def hide(ids: tuple[int, ...], as_json: bool) -> None:
    """Let no issue pick the articles with these IDs any more.

    An issue that has one already keeps it: to take it out too, remove it. `show` undoes it.
    """
    with runtime() as opened, opened.database.transaction() as session:
        found = _find(session, ids)
        waiting = {each.id: _issues(session, each, BEFORE_FREEZE) for each in found}
        for each in found:
            each.hidden_at = each.hidden_at or opened.clock.now()
    if as_json:
        print_json([{**article_as_json(each), "still_in": waiting[each.id]} for each in found])
        return
    for each in found:
        click.echo(f"Article {each.id} is hidden: no issue picks it any more. {each.title}")
        if waiting[each.id]:
            click.echo(
                f"It stays in {', '.join(waiting[each.id])}, which had it already. To take it out: "
                f"digest article remove {each.id}"
            )


@click.command()
@ids_argument
@json_option
def show(ids: tuple[int, ...], as_json: bool) -> None:
    """Let issues pick the articles with these IDs again, be they hidden or withdrawn.

    They come back into no issue by themselves, but the archive has its links to them again.
    """
    with runtime() as opened, opened.database.transaction() as session:
        found = _find(session, ids)
        for each in found:
            show_again(session, each)
    if as_json:
        print_json([article_as_json(each) for each in found])
        return
    for each in found:
        click.echo(f"Article {each.id} may be picked again: {each.title}")


@click.command()
@ids_argument
@click.option("--by", default=who, show_default="you", help="Who takes it back.")
@json_option
def remove(ids: tuple[int, ...], by: str, as_json: bool) -> None:
    """Take back the articles with these IDs: no issue shows them any more.

    Issues that wait lose them. The rule puts the next best in place of what it had picked itself;
    an issue with too few stories left is held. In the archive each is marked as withdrawn, without
    its link; mails that went out stay as they are.
    """
    with runtime() as opened, opened.database.transaction() as session:
        found = _find(session, ids)
        changed = take_back(session, found, by[:100], opened.clock.now())
        told = [
            {
                **article_as_json(each),
                "taken_out_of": [
                    _taken_out(issue, left)
                    for issue, left_out in changed
                    for left in left_out
                    if left.article_id == each.id
                ],
                "marked_in": _issues(session, each, AFTER_FREEZE),
            }
            for each in found
        ]
    if as_json:
        print_json(told)
        return
    for one in told:
        _tell_removed(one)
    taken_out = [each for one in told for each in one["taken_out_of"]]
    for issue, reason in {each["issue"]: each["reason"] for each in taken_out}.items():
        if reason:
            click.echo(f"{issue} is held: {reason}", err=True)


def _taken_out(issue: Issue, left: LeftOut) -> dict[str, Any]:
    return {
        "issue": short_name(issue),
        "replaced_by": left.replacement.title if left.replacement else None,
        "stories": len(issue.stories),
        "state": issue.state,
        "reason": issue.reason if issue.state is IssueState.HELD else None,
    }


def _tell_removed(told: dict[str, Any]) -> None:
    click.echo(f"Article {told['id']} is withdrawn: {told['title']}")
    for each in told["taken_out_of"]:
        instead = f"“{each['replaced_by']}” takes its place"
        if each["replaced_by"] is None:
            instead = f"nothing takes its place, and it has {each['stories']} left"
        click.echo(f"It is taken out of {each['issue']}: {instead}.")
    if told["marked_in"]:
        click.echo(f"The archive says so in {', '.join(told['marked_in'])}.")


def _find(session: Session, ids: tuple[int, ...]) -> list[Article]:
    found = {each.id: each for each in session.scalars(select(Article).where(Article.id.in_(ids)))}
    for article_id in ids:
        if article_id not in found:
            raise NotFoundError(f"There is no article {article_id}. See: digest article list")
    return [found[article_id] for article_id in dict.fromkeys(ids)]


def _issues(session: Session, article: Article, states: tuple[IssueState, ...]) -> list[str]:
    issues = session.scalars(
        select(Issue)
        .join(Story, Story.issue_id == Issue.id)
        .where(Story.article_id == article.id, Issue.state.in_(states))
        .order_by(Issue.send_at, Issue.id)
    )
    return [short_name(issue) for issue in issues]
