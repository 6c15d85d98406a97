"""Addresses of pages: written once, and only where they hang on nothing else."""

import gc
import sys
from typing import Any

from flask import Flask, render_template_string

from digest.tokens import Purpose
from tests.factories import RING
from tests.web.test_slow_clients import SQLITE

pytestmark = SQLITE


def test_what_hangs_on_the_host_is_written_for_each(app: Flask) -> None:
    link = "{{ url_for('this_week.show_week', **more) }}"
    for host in ("http://desk.example.org", "http://paper.example.org"):
        with app.test_request_context("/", base_url=host):
            assert render_template_string(link, more={}) == "/desk/"
            whole = host.replace("http:", "https:") + "/desk/"
            for more in ({"_scheme": "https"}, {"_scheme": "https", "_external": True}):
                assert render_template_string(link, more=more) == whole


def test_no_readers_token_is_remembered(app: Flask) -> None:
    token = RING.sign(Purpose.PREFERENCES, b"a reader's own..")
    with app.test_request_context("/"):
        url_for: Any = app.jinja_env.globals["url_for"]
        url_for("preferences.show", token=RING.sign(Purpose.PREFERENCES, b"b reader's own.."))
        gc.collect()
        before = sys.getrefcount(token)
        assert url_for("preferences.show", token=token) == f"/preferences/{token}"
        gc.collect()
        assert sys.getrefcount(token) == before
