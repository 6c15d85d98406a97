"""The demo's link to the desk: for this machine, good once, and to look changes nothing."""

import re
from typing import Any

import pytest
from flask import Flask

from digest.models import Role
from digest.web import create_app
from digest.web.desk.demo_door import DemoDoor, demo_door_pages
from tests.web.conftest import heading
from tests.web.desk.conftest import Join


@pytest.fixture
def door() -> DemoDoor:
    return DemoDoor()


@pytest.fixture
def demo(make_runtime: Any, join: Join, door: DemoDoor) -> Flask:
    join("Imara", Role.OWNER)
    return create_app(make_runtime(), [demo_door_pages(door)])


def test_it_signs_its_visitor_in_once(demo: Flask, door: DemoDoor) -> None:
    client = demo.test_client()
    for _ in range(3):
        assert heading(client.get(door.path)) == "The editor’s desk"
    assert client.get("/desk/").status_code == 303
    assert client.post(door.path).location == "/desk/"
    assert "Imara" in client.get("/desk/").text
    other = demo.test_client()
    used = other.post(door.path)
    assert (used.status_code, heading(used)) == (410, "That link was used")
    assert other.get("/desk/").status_code == 303


def test_it_is_for_nobody_elsewhere(demo: Flask, door: DemoDoor) -> None:
    client = demo.test_client()
    there: dict[str, Any] = {"environ_overrides": {"REMOTE_ADDR": "192.0.2.7"}}
    assert client.post(door.path, **there).status_code == 404
    rebound: dict[str, Any] = {"base_url": "http://evil.example"}
    assert client.post(door.path, **rebound).status_code == 404
    foreign = client.post(door.path, headers={"Sec-Fetch-Site": "cross-site"})
    assert foreign.status_code == 403
    assert client.post("/desk/demo/guessed").status_code == 404
    assert door.use(), "none of these opened it"


def test_no_other_installation_has_one(app: Flask, door: DemoDoor) -> None:
    assert app.test_client().get(door.path).status_code == 404
    assert not [rule for rule in app.url_map.iter_rules() if re.search("demo", rule.rule)]
