"""`/api/v1`: JSON, with errors as problem details (RFC 9457). Each resource has its own module."""

import re
from datetime import datetime, timedelta

from flask import request
from sqlalchemy.orm import Session
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from digest.models import ApiToken
from digest.newsroom.api_tokens import find_token

USE_IS_NOTED_EVERY = timedelta(hours=1)


def bearer(session: Session, *, now: datetime) -> ApiToken:
    """Return the token that the request carries (RFC 6750), noting that it was used.

    Raises:
        Unauthorized: there is none, it is not one of ours, or it has been revoked.
    """
    match = re.fullmatch(
        r"Bearer +([A-Za-z0-9._~+/-]{1,200}=*)", request.headers.get("Authorization", "")
    )
    token = find_token(session, match[1]) if match else None
    if token is None:
        raise Unauthorized(www_authenticate=WWWAuthenticate("bearer", {"realm": "digest"}))
    if token.last_used_at is None or now - token.last_used_at > USE_IS_NOTED_EVERY:
        token.last_used_at = now
    return token
