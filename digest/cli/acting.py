"""Who does what a command does: the server's operator by a name, or a user of the desk (--as)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any

import click
from sqlalchemy.orm import Session

from digest.cli.arguments import who
from digest.desk.audit import OPERATOR, Actor, record_issue
from digest.desk.users import find_user, may
from digest.errors import RefusedError
from digest.models import Issue, Newsletter, Role, User
from digest.newsroom.issues.history import LONGEST_NAME, Editor


@dataclass(frozen=True)
class Acting:
    """What was typed: a name (`--by`), or a user's address (`--as`, or another flag)."""

    by: str | None
    email: str | None
    flag: str = "--as"

    def refuse_as_user(self, override: str | None) -> None:
        """Refuse a user's name beside an override, which is the operator's own."""
        if override is not None and self.email is not None:
            raise click.UsageError(f"An override is the operator's own: leave {self.flag} out.")

    def begin(self, session: Session, newsletter: Newsletter) -> tuple[Actor, Editor]:
        """Return who acts on an issue of a newsletter, for the log and for its history.

        Raises:
            NotFoundError: there is no such user.
            RefusedError: they are disabled, or no editor of that newsletter.
        """
        if self.email is None:
            return OPERATOR, Editor((self.by or who())[:LONGEST_NAME])
        user = find_user(session, self.email)
        refuse_unless_editor(user, newsletter)
        return Actor(user), Editor(user.name, user.id)


def refuse_unless_editor(user: User, newsletter: Newsletter) -> None:
    """Raise RefusedError where a user may not change the issues of a newsletter."""
    if user.disabled_at is not None:
        raise RefusedError(f"{user.name} is disabled, and can do nothing.")
    if not may(user, Role.EDITOR, newsletter.id):
        raise RefusedError(
            f"{user.name} is no editor of {newsletter.name}. What each may do: digest user list"
        )


def record_approval(
    session: Session, actor: Actor, issue: Issue, now: datetime, *, override: str | None
) -> None:
    """Write into the log that an issue was approved; `override`: in spite of its newsletter."""
    verb = "issue approve" if override is None else "issue override"
    fields = ("state", "approved_at", "approved_by")
    values = None if override is None else {"reason": override}
    record_issue(session, actor, verb, issue, now=now, fields=fields, values=values)


def record_override(
    session: Session, actor: Actor, issue: Issue, now: datetime, override: str
) -> None:
    """Write into the log that a corrected issue is sent on in spite of its newsletter."""
    values = {"reason": override}
    record_issue(session, actor, "issue override", issue, now=now, fields=("state",), values=values)


def acting_by(flag: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let a command be told who does it; it gets `acting`. `flag` names a user of the desk."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @click.option("--by", metavar="NAME", help="Who does it: any name.  [you]")
        @click.option(
            flag, "email", metavar="USER", help="A user of the desk, by address, who may."
        )
        @wraps(command)
        def told(*arguments: Any, by: str | None, email: str | None, **options: Any) -> Any:
            if by is not None and email is not None:
                raise click.UsageError(f"Say either --by or {flag}: a user has a name.")
            return command(*arguments, acting=Acting(by, email, flag), **options)

        return told

    return decorate


acting_options = acting_by("--as")


override_option = click.option(
    "--override",
    metavar="REASON",
    help="Go past the second person that the newsletter asks for; all editors see it.",
)
