"""Whether this process lives, and whether it can serve readers."""

from typing import Any

from flask import Blueprint, Response, jsonify

from digest import home
from digest.errors import NotMigratedError, UnavailableError
from digest.migrations import check_migrated
from digest.web.context import current_runtime

PING_SECONDS = 2

health = Blueprint("health", __name__)


@health.get("/healthz")
def healthz() -> Response:
    """Say that the process answers; asks nobody else."""
    return Response("ok\n", content_type="text/plain; charset=utf-8")


@health.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Say whether readers can be served: 200, or 503 with what is missing.

    A database that can only be read is not enough: nobody could sign up or leave. A broker that is
    away is told, and is no reason for 503: it is a doorbell, and signing up and leaving work
    without it. So do they in a database that was restored or copied, from which nothing is sent.
    """
    found: dict[str, Any] = {"database": "ok", "migrations": "ok", "broker": _broker()}
    found["home"] = "unknown"
    try:
        check_migrated(current_runtime().database)
        found["home"] = _home()
        if not current_runtime().database.takes_writes():
            found["database"] = "cannot be written"
    except UnavailableError:
        found |= {"database": "away", "migrations": "unknown", "home": "unknown"}
    except NotMigratedError as error:
        found["migrations"] = str(error)
    ready = found["database"] == found["migrations"] == "ok"
    found["status"] = "ready" if ready else "not ready"
    return jsonify(found), 200 if ready else 503


def _home() -> str:
    with current_runtime().database.reading() as session:
        where = home.look(session)
    if not where.moved:
        return "ok"
    return f"restored or copied: {where.why}. Nothing is sent. See: digest doctor"


def _broker() -> str:
    settings = current_runtime().settings
    if settings.embedded:
        return "embedded"
    # Late: one process for all has no Redis.
    from redis import Redis
    from redis.exceptions import RedisError

    url = settings.redis_url.replace("redis+socket://", "unix://", 1)
    try:
        client = Redis.from_url(
            url, socket_connect_timeout=PING_SECONDS, socket_timeout=PING_SECONDS
        )
        with client:
            client.ping()
    except (RedisError, OSError, ValueError):
        return "away"
    return "ok"
