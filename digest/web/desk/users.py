"""The desk's users, for its owners: who there is, what each may do, and links for them."""

from flask import Response, redirect, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from digest.desk import links as user_links
from digest.desk import second_factor
from digest.desk.users import (
    Granted,
    count_passkeys,
    create_user,
    disable_user,
    edit_user,
    enable_user,
    list_users,
)
from digest.errors import FieldError, NotFoundError, RefusedError
from digest.models import Newsletter, Role, User
from digest.readers.signing_up.sign_up_form import SLUG
from digest.tick import links
from digest.web.context import current_runtime
from digest.web.desk.signed_in import (
    ID,
    actor,
    desk,
    desk_blueprint,
    prove_first,
    show,
)
from digest.web.paging import page_asked, page_of

user_pages = desk_blueprint("users", __name__, role=Role.OWNER)

A_PAGE = 50
# Newsletters whose roles are there to be ticked.
OFFERED = 20
ROLES = {
    Role.OWNER: "Owner: everything",
    Role.EDITOR: "Editor: composes and approves",
    Role.VIEWER: "Viewer: looks",
    Role.READERS: "Readers: sees addresses",
}
DONE = {
    "edited": "It is changed.",
    "disabled": "They cannot sign in any more.",
    "enabled": "They can sign in again.",
}


@user_pages.get("/users")
def show_users() -> Response:
    """Show who may sign in, and a form for another."""
    return _shown()


@user_pages.post("/users")
def create() -> AnyResponse:
    """Make a user, and show the link to give them."""
    if (first := prove_first()) is not None:
        return first
    runtime = current_runtime()
    typed = {name: request.form.get(name, "")[:320] for name in ("email", "name", "role")}
    try:
        with runtime.database.transaction() as session:
            of = request.form.get("of", "").strip()
            granted = _granted(session, [f"{typed['role']}:{of}" if of else typed["role"]])
            who, now = actor(session), desk().now
            made = create_user(session, who, typed["email"], typed["name"], granted, now=now)
            link = user_links.make_link(session, who, made, now=now)
            made_for = (made.name, links(runtime).user_link(link.token_id))
    except FieldError as error:
        return _shown((error,), typed=typed)
    return _shown(link=made_for)


@user_pages.post(f"/users/<{ID}:user_id>")
def act(user_id: int) -> AnyResponse:
    """Change one user: roles, disabled or not, or a new link."""
    if (first := prove_first()) is not None:
        return first
    runtime, what = current_runtime(), request.form.get("action", "")
    made_for = None
    try:
        with runtime.database.transaction() as session:
            user = session.get(User, user_id)
            if user is None:
                raise NotFoundError("There is no such user.")
            who, now = actor(session), desk().now
            if what == "disable":
                disable_user(session, who, user, now=now)
            elif what == "enable":
                enable_user(session, who, user, now=now)
            elif what == "link":
                if user.disabled_at is not None:
                    raise RefusedError("They are disabled, and a link would open nothing.")
                link = user_links.make_link(session, who, user, now=now)
                made_for = (user.name, links(runtime).user_link(link.token_id))
            else:
                more = request.form.get("more", "").replace(",", " ").split()
                granted = _granted(session, [*request.form.getlist("role"), *more])
                edit_user(session, who, user, grants=granted, now=now)
    except FieldError as error:
        return _shown((error,))
    except RefusedError as error:
        return _shown((FieldError("users", str(error)),))
    if made_for is not None:
        return _shown(link=made_for)
    done = {"disable": "disabled", "enable": "enabled"}.get(what, "edited")
    number = page_asked()
    back = url_for("users.show_users", done=done, page=number if number > 1 else None)
    return redirect(back, 303)


def _granted(session: Session, written: list[str]) -> list[Granted]:
    slugs = [one.partition(":")[2] for one in written]
    meant = select(Newsletter).where(
        Newsletter.slug.in_([slug for slug in slugs if SLUG.fullmatch(slug)])
    )
    newsletters = {each.slug: each for each in session.scalars(meant)}
    granted = []
    for one in written:
        role, colon, slug = one.partition(":")
        if role not in set(Role) or (colon and slug not in newsletters):
            raise FieldError(
                "role", "Choose a role from the list; of one newsletter, like editor:world-news"
            )
        granted.append(Granted(Role(role), newsletters[slug] if colon else None))
    return granted


def _newsletters(session: Session) -> list[Newsletter]:
    in_use = select(Newsletter).where(Newsletter.retired_at.is_(None)).order_by(Newsletter.id)
    return list(session.scalars(in_use.limit(OFFERED + 1)))


def _shown(
    errors: tuple[FieldError, ...] = (),
    *,
    typed: dict[str, str] | None = None,
    link: tuple[str, str] | None = None,
) -> Response:
    with current_runtime().database.reading() as session:
        everybody, newsletters = list_users(session), _newsletters(session)
        page = page_of(lambda most, first: everybody[first : first + most], A_PAGE)
        users = page.rows
        passkeys = count_passkeys(session)
        held = {
            user.id: [str(Granted(grant.role, grant.newsletter)) for grant in user.grants]
            for user in users
        }
    # Three roles of each, beside each user: of many newsletters they are typed.
    many = len(newsletters) > OFFERED
    choices = {role.value: words for role, words in ROLES.items()} | {
        f"{role.value}:{each.slug}": f"{words}, of {each.name}"
        for each in newsletters
        for role, words in ROLES.items()
        if role is not Role.OWNER and len(newsletters) > 1 and not many
    }
    return show(
        "users.html",
        422 if errors else 200,
        errors=errors,
        users=users,
        page=page,
        held=held,
        passkeys=passkeys,
        choices=choices,
        many=many,
        # Roles of newsletters that are over stay with whoever has them, and go to nobody else.
        kept={
            each: [role for role in roles if role not in choices] for each, roles in held.items()
        },
        typed=typed or {"email": "", "name": "", "role": Role.EDITOR.value},
        link=link,
        done=DONE.get(request.args.get("done", ""), ""),
        with_second_factor=second_factor.is_asked_for,
    )
