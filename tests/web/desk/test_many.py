"""Every page of an installation with many newsletters, sources and articles is bounded in size."""

import re

import pytest
from flask import Flask
from sqlalchemy import select, text, update

from bench.newsstand import stock
from digest.database.transactions import Database
from digest.desk.audit import OPERATOR
from digest.desk.links import make_link
from digest.models import Issue, IssueState, Newsletter, Role, Subscription, User
from digest.tokens import Purpose
from tests.factories import NOW, RING
from tests.web.conftest import Site, hidden
from tests.web.desk.conftest import Colleague, Join
from tests.web.test_control import Browser, new_address_path

# Octets of a page at most: what a page of each list comes to.
MOST = 60_000
NEWSLETTERS, SOURCES, ARTICLES = 130, 300, 6_000
# What a row's picture weighs is its own; a stream does not end.
ELSEWHERE = {"static", "media.picture", "sending.follow"}
# What leads on to another page, for whoever is signed in.
LEADS_ON = {
    "sign_in.ask", "sign_in.ask_code", "reports.first_report", "follow.follow",
    "control.short_preferences", "control.short_fresh_link", "control.short_new_address",
}  # fmt: skip


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_no_page_grows_with_the_installation(
    app: Flask, join: Join, database: Database, database_url: str, site: Site
) -> None:
    with database.transaction() as session:
        session.execute(update(Newsletter).values(slug="first"))
    stock(database_url, NEWSLETTERS, SOURCES, ARTICLES)
    owner = join("Imara", Role.OWNER)
    reader = Browser(site, site.subscribe())
    tokens = _tokens(site, reader)
    named = _named(database)
    sizes: dict[str, int] = {}
    answered: dict[str, set[int]] = {}
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.endpoint in ELSEWHERE:
            continue
        for values in named:
            of_all = tokens.get(rule.endpoint.partition(".")[0], "")
            given = {**values, "token": tokens.get(rule.endpoint, of_all)}
            with app.test_request_context():
                names = {name: given.get(name, 1) for name in rule.arguments}
                _, path = rule.build(names) or ("", "")
            if path in sizes:
                continue
            answer = (reader.client if path.startswith("/preferences/") else owner).get(path)
            assert answer.status_code < 500, path
            sizes[path] = len(answer.data)
            answered.setdefault(rule.endpoint, set()).add(answer.status_code)
    assert {path: size for path, size in sizes.items() if size > MOST} == {}
    unseen = {each for each, statuses in answered.items() if 200 not in statuses}
    assert unseen == LEADS_ON
    _all_is_shown(reader)
    _all_can_be_chosen(owner)
    _sources_are_found(owner)
    _roles_are_typed(owner)


def _named(database: Database) -> list[dict[str, object]]:
    """Return what stands in addresses: of an issue that went out, and of a draft."""
    found = []
    with database.reading() as session:
        for state in (IssueState.SENT, IssueState.DRAFT):
            issue = session.scalars(
                select(Issue).where(Issue.state == state, Issue.stories.any()).limit(1)
            ).one()
            reader = select(Subscription.subscriber_id).where(
                Subscription.newsletter_id == issue.newsletter_id
            )
            names = {
                "slug": issue.newsletter.slug, "issue_id": issue.id, "number": issue.number or 1,
                "article_id": issue.stories[0].article_id, "story_id": issue.stories[0].id,
                "reader_id": session.scalars(reader.limit(1)).one(),
                "newsletter_id": issue.newsletter_id, "key": "summary",
            }  # fmt: skip
            found.append(names)
    return found


def _tokens(site: Site, reader: Browser) -> dict[str, str]:
    """Return by endpoint, or by blueprint, tokens of a reader who gets all newsletters."""
    period = site.desk.rows(Subscription)[-1]
    with site.desk.database.transaction() as session:
        session.execute(
            text(
                "INSERT INTO subscription (token_id, subscriber_id, newsletter_id, topics, site,"
                " started_at) SELECT decode(md5('all' || id), 'hex'), :reader, id, '[]',"
                " 'halyard.example', :now FROM newsletter WHERE id <> :one"
            ),
            {"reader": period.subscriber_id, "one": period.newsletter_id, "now": NOW},
        )
        user = session.scalars(select(User)).one()
        link = make_link(session, OPERATOR, user, now=NOW)
        user_link = RING.sign(Purpose.USER_LINK, link.token_id)
    reader.open()
    assert reader.press("address", email="robin@example.net").status_code == 200
    new_address = new_address_path(site)
    site.sign_up("waits@example.org")
    preferences = reader.path.rpartition("/")[2]
    return {
        "confirm": site.confirm_path().rpartition("/")[2],
        "unsubscribe": RING.sign(Purpose.UNSUBSCRIBE, period.token_id),
        "preferences": preferences,
        "control": preferences,
        "control.show_fresh": reader.ask().rpartition("/")[2],
        "control.show_new_address": new_address.rpartition("/")[2],
        "password": user_link,
    }


def _all_is_shown(reader: Browser) -> None:
    """A reader finds each newsletter that they get on one page, and what is changed there stays."""
    found: list[str] = []
    following: str | None = reader.path
    while following:
        page = reader.client.get(following).text
        shown = re.findall(r'name="newsletter" value="([^"]+)">\s*<h2', page)
        found += shown
        after = re.search(r'href="([^"]+)">More of what you get', page)
        following = after[1] if after else None
    assert len(found) == len(set(found)) > NEWSLETTERS
    last = f"{reader.path}?page=7"
    page = reader.client.get(last).text
    data = {"action": "leave", "proof": hidden(page, "proof"), "newsletter": found[-1]}
    left = reader.client.post(
        re.findall(r'method="post" action="([^"]+page=7)"', page)[0], data=data
    )
    assert "You have left" in left.text
    assert not re.search(rf'value="{found[-1]}">\s*<h2', reader.client.get(last).text)
    beyond = reader.client.get(f"{reader.path}?page=99")
    assert found[0] in beyond.text


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
