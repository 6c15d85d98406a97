"""`/api/v1`: JSON, with errors as problem details (RFC 9457). Each resource has its own module."""

import re
from datetime import datetime, timedelta
from typing import Any

from flask import request
from sqlalchemy.orm import Session
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, Unauthorized

from digest.models import ApiToken, Scope
from digest.newsroom.api_tokens import find_token

USE_IS_NOTED_EVERY = timedelta(hours=1)


class OutOfScopeError(Forbidden):
    """The token is for something else (RFC 6750 3.1)."""

    name = "That token is for something else"

    def __init__(self, token: ApiToken, scope: Scope) -> None:
        super().__init__(
            f"It is for {token.scope}. Make one for this: digest token create NAME --scope {scope}"
        )
        self._scope = scope

    def get_headers(self, *arguments: Any, **options: Any) -> list[tuple[str, str]]:
        wanted: dict[str, str | None] = {
            "realm": "digest",
            "error": "insufficient_scope",
            "scope": self._scope.value,
        }
        found = super().get_headers(*arguments, **options)
        return [*found, ("WWW-Authenticate", str(WWWAuthenticate("bearer", wanted)))]


def bearer(session: Session, scope: Scope, *, now: datetime) -> ApiToken:
    """Return the token that the request carries (RFC 6750), noting that it was used.

    Raises:
        Unauthorized: there is none, it is not one of ours, or it has been revoked.
        OutOfScopeError: it is for something else.
    """
    match = re.fullmatch(
        r"(?i:Bearer) +([A-Za-z0-9._~+/-]{1,200}=*)", request.headers.get("Authorization", "")
    )
    token = find_token(session, match[1]) if match else None
    if token is None:
        raise Unauthorized(www_authenticate=WWWAuthenticate("bearer", {"realm": "digest"}))
    if token.scope not in {scope, Scope.EVERYTHING}:
        raise OutOfScopeError(token, scope)
    if token.last_used_at is None or now - token.last_used_at > USE_IS_NOTED_EVERY:
        token.last_used_at = now
    return token
