"""Every page of an installation with many newsletters, sources and articles is bounded in size."""

import re

import pytest
from flask import Flask
from sqlalchemy import update

from bench.newsstand import stock
from digest.database.transactions import Database
from digest.models import Newsletter, Role
from tests.web.desk.conftest import Colleague, Join

# Octets of a page at most: what a page of each list comes to.
MOST = 60_000
NEWSLETTERS, SOURCES, ARTICLES = 130, 300, 6_000
# Streams that do not end, and what needs something of its own.
ELSEWHERE = {"static", "sending.follow"}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_no_page_grows_with_the_installation(
    app: Flask, join: Join, database: Database, database_url: str
) -> None:
    with database.transaction() as session:
        session.execute(update(Newsletter).values(slug="first"))
    stock(database_url, NEWSLETTERS, SOURCES, ARTICLES)
    owner = join("Imara", Role.OWNER)
    sizes = {}
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.endpoint in ELSEWHERE:
            continue
        names = {name: _value(rule.rule, name) for name in rule.arguments}
        with app.test_request_context():
            path = rule.build(names)
        if path is None:
            continue
        answer = owner.get(path[1])
        assert answer.status_code < 500, path[1]
        sizes[path[1]] = len(answer.data)
    assert len(sizes) > 60
    assert {path: size for path, size in sizes.items() if size > MOST} == {}
    _all_can_be_chosen(owner)
    _sources_are_found(owner)
    _roles_are_typed(owner)


def _all_can_be_chosen(reader: Colleague) -> None:
    """Each newsletter is on one page of the form, and that which was asked for on the first."""
    offered: list[str] = []
    following: str | None = "/"
    while following:
        page = reader.get(following).text
        offered += re.findall(r'name="newsletter" value="([^"]+)"', page)
        after = re.search(r'href="([^"]+)">More newsletters', page)
        following = after[1] if after else None
    assert len(offered) == len(set(offered)) > NEWSLETTERS
    two = reader.get("/subscribe?newsletter=letter-99&newsletter=letter-100").text
    first = re.findall(r'name="newsletter" value="([^"]+)" checked', two)
    assert sorted(first) == ["letter-100", "letter-99"]


def _sources_are_found(owner: Colleague) -> None:
    """What is ticked stays, and others are found by their names."""
    path = "/desk/newsletters/1"
    page = owner.get(path).text
    assert "Find other sources" in page
    ticked = re.findall(r'name="source_ids" value="([^"]+)"', page)[0]
    found = owner.press(
        path, path, action="look", find="299", source_ids=ticked, name="A name"
    ).text
    boxes = re.findall(r'name="source_ids" value="([^"]+)"( checked)?> <span>([^<]+)', found)
    assert (ticked, " checked") in [each[:2] for each in boxes]
    assert all("299" in each[2] for each in boxes if each[0] not in {ticked, "api"})
    assert len(boxes) >= 3
    assert 'value="A name"' in found, "what was typed stays"


def _roles_are_typed(owner: Colleague) -> None:
    made = owner.press(
        "/desk/users",
        "/desk/users",
        name="Joss",
        email="joss@example.org",
        role="editor",
        of="letter-77",
    )
    assert made.status_code == 200, made.text
    page = owner.get("/desk/users").text
    assert 'value="editor:letter-77" checked' in page
    wrong = owner.press(
        "/desk/users",
        "/desk/users",
        name="Ada",
        email="ada@example.org",
        role="editor",
        of="letter-x",
    )
    assert "like editor:world-news" in wrong.text


def _value(rule: str, name: str) -> object:
    """Return what may stand in a rule: the first of its kind."""
    if name == "slug":
        return "letter-1"
    return 1 if "id" in name or name in {"number", "version"} else "x"
