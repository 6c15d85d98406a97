"""The audit log, tokens and health at the desk."""

import csv
import io
import json
from datetime import timedelta

import pytest

from digest.clock import FixedClock
from digest.database.transactions import Database
from digest.desk.audit import OPERATOR, list_events, record
from digest.models import ApiToken, Role, Scope
from digest.newsroom.api_tokens import find_token
from tests.cli.conftest import CommandLine
from tests.factories import NOW
from tests.web.conftest import words
from tests.web.desk.conftest import Colleague, Join

LOG, TOKENS, HEALTH = "/desk/audit", "/desk/tokens", "/desk/health"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_log_is_shown_by_pages_sought_and_taken_out(
    imara: Colleague, join: Join, database: Database, clock: FixedClock
) -> None:
    join("Joss", Role.EDITOR, signed_in=False).sign_in()
    with database.transaction() as session:
        for number in range(1, 121):
            said = {"headline": "=1+1"} if number == 120 else None
            record(session, OPERATOR, "story edit", "story", number, now=NOW, values=said)
    first = imara.get(f"{LOG}?table=story")
    assert "headline: =1+1" in words(first)
    assert "story 71 " in words(first)
    assert "story 70 " not in words(first)
    [older] = {part.partition('"')[0] for part in first.text.split("before=")[1:]}
    second = words(imara.get(f"{LOG}?table=story&before={older}"))
    assert "story 70 " in second
    assert "story 21 " in second
    assert "The newest" in second
    assert "the operator" in second
    mine = words(imara.get(f"{LOG}?user=2")).partition("Sealed as")[2]
    assert "Joss session begin" in mine
    assert "story" not in mine
    assert "Nothing was done" in words(imara.get(f"{LOG}?table=nothing&user=x&before=-1"))
    assert "story 120 " in words(imara.get(f"{LOG}?table=%00"))

    lines = imara.press(LOG, f"{LOG}/export", table="story", **{"as": "json"})
    told = [json.loads(line) for line in lines.text.splitlines()]
    assert [each["row"] for each in told] == list(range(120, 0, -1))
    with database.reading() as session:
        assert [each.verb for each in list_events(session, at_most=1)] == ["audit export"]
    table = imara.press(LOG, f"{LOG}/export", table="story", **{"as": "csv"})
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert (len(rows), rows[0]["verb"], rows[0]["by_operator"]) == (120, "story edit", "True")
    clock.advance(timedelta(minutes=10))
    again = imara.press(LOG, f"{LOG}/export", table="story")
    assert again.location.startswith("/desk/again?next=")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_token_is_shown_once_and_revoked(
    imara: Colleague, database: Database, command_line: CommandLine, clock: FixedClock
) -> None:
    made = imara.press(TOKENS, TOKENS, name="The paper", scope="articles")
    secret = words(made).partition("Authorization: Bearer ")[2].partition(" ")[0]
    with database.reading() as session:
        found = find_token(session, secret)
        assert found is not None
        assert (found.name, found.scope) == ("The paper", Scope.ARTICLES)
    assert secret not in imara.get(TOKENS).text
    [listed] = command_line("token", "list", "--json").json
    assert (listed["name"], listed["scope"]) == ("The paper", "articles")
    for fields, said in (
        ({"name": "The paper"}, "called The paper already"),
        ({"name": " "}, "Give a name"),
        ({"name": "Another", "scope": "everything"}, "Choose what it may do"),
    ):
        told = imara.press(TOKENS, TOKENS, **({"scope": "articles"} | fields))
        assert (told.status_code, said in words(told)) == (422, True), fields
        assert f'value="{fields["name"]}"' in told.text
    for _ in range(2):
        assert imara.press(TOKENS, f"{TOKENS}/1").location == f"{TOKENS}?revoked=1"
    assert "revoked on" in words(imara.get(TOKENS))
    with database.reading() as session:
        assert session.get_one(ApiToken, 1).revoked_at == NOW
        events = [each for each in list_events(session, at_most=9) if each.table == "api_token"]
        assert [each.verb for each in events] == ["token revoke", "token create"]
        assert secret not in repr(events)
    assert imara.press(TOKENS.replace("tokens", "account"), f"{TOKENS}/9").status_code == 404
    clock.advance(timedelta(minutes=10))
    assert "/desk/again" in imara.press(TOKENS, TOKENS, name="New", scope="articles").location


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_health_says_what_doctor_says_and_looks_only_when_asked(imara: Colleague) -> None:
    asked = words(imara.get(HEALTH))
    assert "Look at everything" in asked
    assert "To mend" not in asked
    said = words(imara.press(HEALTH, HEALTH))
    assert "Relay To mend. " in said, "nothing listens at that port"
    assert "Is SMTP_URL right" in said
    assert "to mend" in said
    assert "Database " in said
