"""The users of the desk, and what each may do."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session, selectinload

from digest.addresses import AddressError, parse_address
from digest.database.adding import add_unless_there
from digest.desk.audit import Actor, record
from digest.desk.sessions import end_sessions
from digest.errors import FieldError, NotFoundError, RefusedError
from digest.models import Grant, Newsletter, Passkey, Role, User, UserLink
from digest.newsroom.intake.sanitising import one_line

NAME_AT_MOST = 100
# What each role includes; addresses are nobody's business but owners' and that of `readers`.
INCLUDED = {
    Role.OWNER: frozenset({Role.OWNER, Role.EDITOR, Role.VIEWER, Role.READERS}),
    Role.EDITOR: frozenset({Role.EDITOR, Role.VIEWER}),
    Role.VIEWER: frozenset({Role.VIEWER}),
    Role.READERS: frozenset({Role.READERS, Role.VIEWER}),
}


@dataclass(frozen=True)
class Granted:
    """A role to be given: for one newsletter, or for all (None)."""

    role: Role
    newsletter: Newsletter | None = None

    def __str__(self) -> str:
        return f"{self.role.value}:{self.newsletter.slug}" if self.newsletter else self.role.value


def may(user: User, role: Role, newsletter_id: int | None = None) -> bool:
    """Tell whether a user has a role, by itself or by a larger one.

    For a newsletter: there, or for all. Without one: for all of them, which some pages need.
    """
    return any(
        role in INCLUDED[grant.role] and grant.newsletter_id in {None, newsletter_id}
        for grant in user.grants
    )


def may_anywhere(user: User, role: Role) -> bool:
    """Tell whether a user has a role for any newsletter."""
    return any(role in INCLUDED[grant.role] for grant in user.grants)


def has_users(session: Session) -> bool:
    """Tell whether anybody may sign in at all."""
    return bool(session.scalar(select(exists().where(User.disabled_at.is_(None)))))


def list_users(session: Session) -> list[User]:
    """Return all users with what they may do, disabled ones too, by name."""
    return list(
        session.scalars(
            select(User)
            .options(selectinload(User.grants).selectinload(Grant.newsletter))
            .order_by(User.name, User.id)
        )
    )


def count_passkeys(session: Session) -> dict[int, int]:
    """Return how many passkeys each user has, by the user's id; who has none is not in it."""
    counted = select(Passkey.user_id, func.count()).group_by(Passkey.user_id)
    return dict(session.execute(counted).all())


def find_user(session: Session, email: str) -> User:
    """Return the user with that address.

    Raises:
        NotFoundError: there is none; says how to see who there is.
    """
    user = find_by_address(session, email)
    if user is None:
        raise NotFoundError(
            f"There is no user with the address {email}. `digest user list` shows who there is."
        )
    return user


def find_by_address(session: Session, email: str) -> User | None:
    """Return the user with that address, disabled or not; None where there is none."""
    try:
        key = parse_address(email).key
    except AddressError:
        return None
    return session.scalar(select(User).where(User.email_key == key))


def create_user(
    session: Session,
    actor: Actor,
    email: str,
    name: str,
    grants: Iterable[Granted],
    *,
    now: datetime,
) -> User:
    """Make a user, who has no password yet: `links.make_link` gives a way to choose one.

    Raises:
        FieldError: the address or the name cannot be used, or is somebody's; or there is no role.
    """
    try:
        address = parse_address(email)
    except AddressError as error:
        raise FieldError("email", str(error), error.suggestion) from None
    user = User(email=address.email, email_key=address.key, name=_name(name), created_at=now)
    user.grants = _grants(grants)
    if not (_is_owner(user) or _has_owner(session)):
        raise FieldError("role", "The first user has to be an owner, of everything")
    if not add_unless_there(session, user):
        raise FieldError("email", "There is a user with this address already")
    record(
        session,
        actor,
        "user create",
        User.__tablename__,
        user.id,
        now=now,
        fields=("email", "name", "grants"),
        values={"grants": _written(user)},
    )
    return user


def edit_user(
    session: Session,
    actor: Actor,
    user: User,
    *,
    now: datetime,
    name: str | None = None,
    grants: Iterable[Granted] | None = None,
) -> list[str]:
    """Change a user's name, or all of what they may do; return the columns that changed.

    Raises:
        FieldError: the name cannot be used, or no role is left.
        RefusedError: nobody would be an owner any more.
    """
    _lock(session)
    before, fields = _written(user), []
    if name is not None and _name(name) != user.name:
        user.name = _name(name)
        fields.append("name")
    if grants is not None:
        wanted = _grants(grants)
        if sorted(map(_key, wanted)) != sorted(map(_key, user.grants)):
            # Out before in: the same role may be among both.
            user.grants.clear()
            session.flush()
            user.grants = wanted
            session.flush()
            fields.append("grants")
            _refuse_without_owner(session)
    if fields:
        record(
            session,
            actor,
            "user edit",
            User.__tablename__,
            user.id,
            now=now,
            fields=fields,
            values={"before": before, "after": _written(user)} if "grants" in fields else None,
        )
    return fields


def disable_user(session: Session, actor: Actor, user: User, *, now: datetime) -> bool:
    """Let a user sign in no more, and end their sessions; False where it was so already.

    Raises:
        RefusedError: nobody would be an owner any more.
    """
    _lock(session)
    if user.disabled_at is not None:
        return False
    user.disabled_at = now
    session.flush()
    _refuse_without_owner(session)
    end_sessions(session, user, now=now)
    withdraw_links(session, user, now=now)
    _record_change(session, actor, "user disable", user, now)
    return True


def withdraw_links(session: Session, user: User, *, now: datetime) -> None:
    """Have no link that a user was given open anything more."""
    session.execute(
        update(UserLink)
        .where(UserLink.user_id == user.id, UserLink.spent_at.is_(None))
        .values(spent_at=now)
        .execution_options(synchronize_session=False)
    )


def enable_user(session: Session, actor: Actor, user: User, *, now: datetime) -> bool:
    """Let a disabled user sign in again; False where they could already."""
    if user.disabled_at is None:
        return False
    user.disabled_at = None
    _record_change(session, actor, "user enable", user, now)
    return True


def _record_change(session: Session, actor: Actor, verb: str, user: User, now: datetime) -> None:
    record(
        session, actor, verb, User.__tablename__, user.id, now=now, fields=("disabled_at",)
    )  # fmt: skip


def _lock(session: Session) -> None:
    # Two owners who disable each other at the same moment: the second waits, and sees the first.
    # (On SQLite every transaction that writes waits for the others anyway.)
    session.execute(select(User.id).order_by(User.id).with_for_update()).all()
    session.expire_all()


def _is_owner(user: User) -> bool:
    return (Role.OWNER, None) in {(grant.role, grant.newsletter_id) for grant in user.grants}


def _has_owner(session: Session) -> bool:
    left = select(
        exists().where(
            Grant.role == Role.OWNER,
            Grant.newsletter_id.is_(None),
            Grant.user_id == User.id,
            User.disabled_at.is_(None),
        )
    )
    return bool(session.scalar(left))


def _refuse_without_owner(session: Session) -> None:
    if not _has_owner(session):
        raise RefusedError(
            "Somebody has to be an owner of everything. Make another user an owner first."
        )


def _name(name: str) -> str:
    name = one_line(name)
    if not 0 < len(name) <= NAME_AT_MOST:
        raise FieldError("name", f"Give a name of 1 to {NAME_AT_MOST} characters")
    return name


def _grants(grants: Iterable[Granted]) -> list[Grant]:
    wanted = {(each.role, each.newsletter.id if each.newsletter else None) for each in grants}
    if not wanted:
        raise FieldError("role", "Choose at least one role")
    return [Grant(role=role, newsletter_id=newsletter_id) for role, newsletter_id in wanted]


def _key(grant: Grant) -> tuple[str, int]:
    return grant.role.value, grant.newsletter_id or 0


def _written(user: User) -> list[str]:
    return [
        f"{role}:{newsletter_id}" if newsletter_id else role
        for role, newsletter_id in sorted(map(_key, user.grants))
    ]
