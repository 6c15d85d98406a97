"""Pictures, called by the hash of their bytes, so that they can be cached for ever."""

import re

from flask import Blueprint, Response, abort, request
from sqlalchemy import select

from digest.models import Media
from digest.web.assets import FOR_EVER
from digest.web.context import current_runtime

TYPES = frozenset({"image/jpeg", "image/png", "image/webp"})

media = Blueprint("media", __name__)


@media.get("/media/<hash_>")
def picture(hash_: str) -> Response:
    """Serve a picture that we encoded ourselves."""
    if not re.fullmatch(r"[0-9a-f]{64}", hash_):
        abort(404)
    # The bytes only where the reader does not have them yet.
    known = hash_ in request.if_none_match
    columns = [Media.content_type] if known else [Media.content_type, Media.content]
    with current_runtime().database.reading() as session:
        row = session.execute(select(*columns).where(Media.hash == hash_)).first()
    if row is None or row.content_type not in TYPES:
        abort(404)
    response = Response(status=304) if known else Response(row.content, mimetype=row.content_type)
    response.set_etag(hash_)
    response.headers["Cache-Control"] = FOR_EVER
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    # Mail programs and other sites show it too.
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
