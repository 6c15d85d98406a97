"""Whether this process lives, and whether it can serve readers."""

from typing import Any

from flask import Blueprint, Response, jsonify
from redis import Redis
from redis.exceptions import RedisError

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

    A broker that is away is told, and is no reason for 503: it is a doorbell, and signing up and
    leaving work without it.
    """
    found: dict[str, Any] = {"database": "ok", "migrations": "ok", "broker": _broker()}
    try:
        check_migrated(current_runtime().database)
    except UnavailableError:
        found |= {"database": "away", "migrations": "unknown"}
    except NotMigratedError as error:
        found["migrations"] = str(error)
    ready = found["database"] == found["migrations"] == "ok"
    found["status"] = "ready" if ready else "not ready"
    return jsonify(found), 200 if ready else 503


def _broker() -> str:
    settings = current_runtime().settings
    if settings.embedded:
        return "embedded"
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
