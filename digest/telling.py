"""Telling an issue's editors of it: one mail to each, and never two of the same thing."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from digest.addresses import AddressError, parse_address
from digest.database.adding import add_unless_there
from digest.models import Grant, Issue, Newsletter, Notice, NoticeKind, Role, User
from digest.tokens import new_token_id


def tell_editors(
    session: Session,
    issue: Issue,
    kind: NoticeKind,
    now: datetime,
    *,
    once: str = "",
    but: int | None = None,
) -> None:
    """Queue a notice to each of an issue's editors who was not told yet.

    `once` names what is told; empty: this kind of news, of this time to go out. Held again next
    week is news again. `but`: a user who is not told, as it is they who did it.
    """
    once = once or f"{kind}:{issue.id}:{issue.send_at.isoformat()}"
    for suffix, address in _editors(session, issue.newsletter, but):
        _tell(session, issue, kind, address, now, f"{once}{suffix}")


def _editors(
    session: Session, newsletter: Newsletter, but: int | None
) -> Iterator[tuple[str, str]]:
    """Yield what tells one editor from another, and the address: the newsletter's own first.

    An owner of the desk who edits nothing is not among them, nor is the user `but`.
    """
    known = _key(newsletter.editor_email)
    theirs = session.get(User, but) if but is not None else None
    if theirs is None or theirs.email_key != known:
        yield "", newsletter.editor_email
    users = session.execute(
        select(User.id, User.email, User.email_key)
        .join(Grant)
        .where(
            User.disabled_at.is_(None),
            Grant.role == Role.EDITOR,
            or_(Grant.newsletter_id.is_(None), Grant.newsletter_id == newsletter.id),
        )
        .order_by(User.id)
        .distinct()
    )
    for user_id, email, key in users:
        if key != known and user_id != but:
            yield f":{user_id}", email


def _key(email: str) -> str | None:
    try:
        return parse_address(email).key
    except AddressError:
        return None


def _tell(
    session: Session, issue: Issue, kind: NoticeKind, address: str, now: datetime, once: str
) -> None:
    if session.scalar(select(Notice.id).where(Notice.once == once)) is not None:
        return
    # Unless another tick told them at the same moment.
    add_unless_there(
        session,
        Notice(
            token_id=new_token_id(),
            kind=kind,
            to_address=address,
            once=once,
            newsletter_id=issue.newsletter_id,
            issue_id=issue.id,
            created_at=now,
        ),
    )
