"""Tokens for the API: made, shown once, and ended."""

from flask import Response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from digest.desk.audit import record
from digest.errors import FieldError, NotFoundError
from digest.models import ApiToken, Role, Scope
from digest.newsroom.api_tokens import create_token, list_tokens, revoke_token
from digest.web.context import current_runtime
from digest.web.desk.signed_in import (
    ID,
    actor,
    desk,
    desk_blueprint,
    moment_here,
    prove_first,
    show,
)

SCOPES = (
    (Scope.ARTICLES.value, "Bring in articles"),
    (Scope.SIGN_UPS.value, "Sign readers up"),
)

token_pages = desk_blueprint("desk_tokens", __name__, role=Role.OWNER)


@token_pages.get("/tokens")
def show_tokens() -> Response:
    """Show the tokens, and a form for another."""
    return _shown()


@token_pages.post("/tokens")
def create() -> AnyResponse:
    """Make a token, and show it: it cannot be had again."""
    if (first := prove_first()) is not None:
        return first
    typed = {name: request.form.get(name, "")[:200] for name in ("name", "scope")}
    try:
        if typed["scope"] not in dict(SCOPES):
            raise FieldError("scope", "Choose what it may do.")
        with current_runtime().database.transaction() as session:
            made, secret = create_token(session, typed["name"], Scope(typed["scope"]), desk().now)
            who, table, fields = actor(session), ApiToken.__tablename__, ("name", "scope")
            record(session, who, "token create", table, made.id, now=desk().now, fields=fields)
    except FieldError as error:
        return _shown((error,), typed=typed)
    return _shown(secret=secret)


@token_pages.post(f"/tokens/<{ID}:token_id>")
def revoke(token_id: int) -> AnyResponse:
    """End a token for good."""
    now = desk().now
    with current_runtime().database.transaction() as session:
        found = session.get(ApiToken, token_id)
        if found is None:
            raise NotFoundError("There is no such token.")
        if revoke_token(session, found.name, now):
            who, table = actor(session), ApiToken.__tablename__
            fields = ("revoked_at",)
            record(session, who, "token revoke", table, token_id, now=now, fields=fields)
    return redirect(url_for("desk_tokens.show_tokens", revoked="1"), 303)


def _shown(
    errors: tuple[FieldError, ...] = (),
    *,
    typed: dict[str, str] | None = None,
    secret: str | None = None,
) -> Response:
    with current_runtime().database.reading() as session:
        tokens = list_tokens(session)
    return show(
        "tokens.html",
        422 if errors else 200,
        errors=errors,
        tokens=tokens,
        may=dict(SCOPES) | {Scope.EVERYTHING.value: "Everything"},
        scopes=SCOPES,
        typed=typed or {"name": "", "scope": Scope.ARTICLES.value},
        secret=secret,
        done="It is revoked." if request.args.get("revoked") else "",
        at=moment_here,
    )
