"""Setting up: who is let in where; what another site sends; and the page that leads there."""

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select

from digest.database.transactions import Database
from digest.desk.audit import list_events
from digest.desk.users import Granted
from digest.models import Newsletter, Role
from tests.factories import make_newsletter
from tests.web.conftest import hidden
from tests.web.desk.conftest import Colleague, Join

PAGES = frozenset(
    f"desk_{name}"
    for name in (
        "readers", "newsletters", "paper", "uploads", "sources", "terms", "forms", "audit",
        "tokens", "doctor", "domains", "settings",
    )
)  # fmt: skip
# What everybody at the desk may see: the way there, and how many readers there are.
FOR_ALL = {("GET", "/desk/settings"), ("GET", "/desk/readers")}


def ways_in(app: Flask) -> Iterator[tuple[str, str]]:
    """Yield every method and path of these pages; every number is 1."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint.partition(".")[0] in PAGES:
            path = re.sub(r"<[^>]+>", "1", rule.rule)
            for method in sorted((rule.methods or set()) & {"GET", "POST"}):
                yield method, path


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nobody_comes_in_who_may_not(
    app: Flask, join: Join, imara: Colleague, database: Database
) -> None:
    with database.transaction() as session:
        make_newsletter(session, "brief", name="The Brief")
    with database.reading() as session:
        brief = session.scalar(select(Newsletter).where(Newsletter.slug == "brief"))
    strangers = {
        "a viewer": join("Vera", Role.VIEWER),
        "an editor": join("Joss", Role.EDITOR),
        "another's editor": join("Bo", Granted(Role.EDITOR, brief)),
    }
    ways = set(ways_in(app))
    assert len(ways) > 30
    assert ways >= FOR_ALL
    assert {rule.partition("/desk/")[2].partition("/")[0] for _, rule in ways} >= {
        "sources",
        "audit",
    }
    for who, colleague in strangers.items():
        proof = hidden(colleague.get("/desk/account").text, "proof")
        for method, path in sorted(ways - FOR_ALL):
            got = colleague.client.open(path, method=method, data={"proof": proof})
            assert got.status_code == 403, (who, method, path, got.status_code)
    with database.reading() as session:
        kinds = {each.verb.partition(" ")[0] for each in list_events(session, at_most=50)}
    assert kinds == {"user"}, "what was refused is no event"
    # The owner's own forms, as another site would send them, or without their proof.
    for method, path in sorted(ways):
        if method == "POST":
            forged = {"Sec-Fetch-Site": "cross-site"}
            proof = hidden(imara.get("/desk/account").text, "proof")
            got = imara.client.post(path, data={"proof": proof}, headers=forged)
            assert got.status_code == 403, path
            assert imara.client.post(path, data={"proof": "x"}).status_code == 403, path


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_page_shows_what_one_may(imara: Colleague, join: Join) -> None:
    assert 'href="/desk/settings"' in imara.get("/desk/").text
    assert 'href="/desk/users"' in imara.get("/desk/settings").text.partition("<main")[2]
    joss = join("Joss", Role.EDITOR).get("/desk/settings").text.partition("<main")[2]
    assert 'href="/desk/readers"' in joss
    assert "/desk/users" not in joss
