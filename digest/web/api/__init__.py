"""`/api/v1`: JSON, with errors as problem details (RFC 9457). Each resource has its own module."""

import hashlib
import re
from datetime import datetime, timedelta

from flask import Blueprint, request
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from digest.models import ApiToken

USE_IS_NOTED_EVERY = timedelta(hours=1)

api = Blueprint("api", __name__, url_prefix="/api/v1")


def bearer(session: Session, *, now: datetime) -> ApiToken:
    """Return the token that the request carries (RFC 6750), noting that it was used.

    Raises:
        Unauthorized: there is none, it is not one of ours, or it has been revoked.
    """
    match = re.fullmatch(
        r"Bearer +([A-Za-z0-9._~+/-]{1,200}=*)", request.headers.get("Authorization", "")
    )
    token = None
    if match:
        hashed = hashlib.sha256(match[1].encode()).hexdigest()
        token = session.scalar(select(ApiToken).where(ApiToken.hash == hashed))
    if token is None or token.revoked_at is not None:
        raise Unauthorized(www_authenticate=WWWAuthenticate("bearer", {"realm": "digest"}))
    if token.last_used_at is None or now - token.last_used_at > USE_IS_NOTED_EVERY:
        token.last_used_at = now
    return token
