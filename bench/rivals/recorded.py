"""The least that a page of the desk can cost: who asks is looked up, and recorded bytes are sent.

Served by gunicorn as the Procfile serves ours.
"""

import json
import os
from base64 import b64decode
from pathlib import Path

from flask import Flask, Response, abort, request

from digest.desk.sessions import find_session
from digest.runtime import Runtime, open_runtime
from digest.settings.loading import load_settings

RECORDED = "BENCH_RECORDED"


def create_app(opened: Runtime | None = None) -> Flask:
    """Make the app; `BENCH_RECORDED` is the file of what was recorded, by method and path."""
    app, runtime = Flask(__name__), opened or open_runtime(load_settings())
    pages = {
        each["page"]: (b64decode(each["body"]), each["status"], each["headers"])
        for each in json.loads(Path(os.environ[RECORDED]).read_text())
    }

    @app.route("/", defaults={"path": ""}, methods=["GET", "POST"])
    @app.route("/<path:path>", methods=["GET", "POST"])
    def answer(path: str) -> Response:
        with runtime.database.reading() as session:
            secret = request.cookies.get("digest_desk")
            found = find_session(session, secret, now=runtime.clock.now())
        recorded = pages.get(f"{request.method} /{path}")
        if found is None or recorded is None:
            abort(404)
        return Response(*recorded)

    return app
