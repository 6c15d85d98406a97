"""Readers at the desk: found, looked at, paused, erased; and who sees how much of them."""

import csv
import io
import json
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from digest.clock import FixedClock
from digest.database.spelling import spell
from digest.database.transactions import Database
from digest.desk.audit import OPERATOR, list_events, record
from digest.desk.readers import erase_reader
from digest.desk.users import Granted
from digest.models import (
    AuditDetail,
    Consent,
    ConsentDetail,
    ConsentKind,
    EndedReason,
    Newsletter,
    Role,
    Subscriber,
    Subscription,
    Suppression,
    SuppressionReason,
)
from digest.readers.data.exporting import show_reader
from digest.readers.data.finding import find_reader, search_readers, searching
from digest.readers.suppressed import suppress
from tests.delivery.ledger.test_plans import plan, statements
from tests.factories import NOW, SUPPRESSION_KEY, make_newsletter, make_reader
from tests.readers.conftest import ReadersDesk
from tests.web.conftest import Site, hidden, words
from tests.web.desk.conftest import Colleague, Join

READERS = "/desk/readers"
MANY = {
    "subscription": "INSERT INTO subscription (token_id, subscriber_id, newsletter_id, topics,"
    " site, started_at) SELECT {subject}, n + 5, 1, '[]', 'halyard.example', CURRENT_TIMESTAMP"
    " FROM {many} WHERE n < 19900",
    "consent": "INSERT INTO consent (subject, kind, at, mac) SELECT {subject}, 'confirmed',"
    " CURRENT_TIMESTAMP, {subject} FROM {many}",
    "notice": "INSERT INTO notice (token_id, kind, newsletter_id, state, attempts, created_at,"
    " released_at, next_attempt_at, subscriber_id) SELECT {subject}, 'confirmation', 1,"
    " 'accepted', 1, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP,"
    " CASE WHEN n % 9 = 0 THEN n + 5 END FROM {many} WHERE n < 19900",
}
ROBIN = "robin@example.org"


def done(database: Database) -> list[tuple[str, int | None]]:
    """Return what the log says was done about readers, the oldest first."""
    with database.reading() as session:
        events = list_events(session, at_most=100)
    return [(each.verb, each.row) for each in reversed(events) if each.table == "subscriber"]


def look_for(colleague: Colleague, typed: str) -> str:
    return words(colleague.press(READERS, READERS, address=typed))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_the_data_protection_officers_afternoon(
    imara: Colleague, site: Site, desk: ReadersDesk, clock: FixedClock
) -> None:
    database = desk.database
    site.subscribe(ROBIN, name="Robin Quarterstaff", form="article foot")
    reader = desk.rows(Subscriber)[0].id
    page = f"{READERS}/{reader}"
    assert "One reader" in words(imara.get(READERS))
    assert ROBIN not in imara.get(READERS).text
    assert f'href="{page}"' in imara.press(READERS, READERS, address=" ROB").text
    assert done(database) == [("reader search", None)]
    assert imara.press(READERS, READERS, address="\0").status_code == 422
    site.sign_up("ada@example.org", form="site footer")
    assert "Somebody signed up with it" in look_for(imara, "Ada@example.org")
    assert "site footer" in look_for(imara, "ada@example.org")
    assert "ada@" not in look_for(imara, "ad").partition("Nobody found")[2]

    held = words(imara.get(page))
    for piece in (ROBIN, "Robin Quarterstaff", "Confirmed it", "I have read and agree to the terms",
                  "version 1", "article foot", "halyard.example"):  # fmt: skip
        assert piece in held
    assert done(database)[-1] == ("reader look", reader), "each look is logged"

    on = f"{page}/newsletters/1"
    told = imara.press(page, on, action="pause", until="2026-11-13")
    assert (told.status_code, "from tomorrow on" in words(told)) == (422, True)
    assert (
        imara.press(page, on, action="pause", until="2026-12-24").location == f"{page}?done=paused"
    )
    assert "Paused until 24 December 2026" in words(imara.get(page))
    assert desk.rows(ConsentDetail)[-1].form == "desk", "who asked for it at the desk is evidence"
    assert imara.press(page, on, action="resume").status_code == 303
    assert desk.rows(Subscription)[0].paused_until is None

    given = imara.press(page, f"{page}/export", **{"as": "data"})
    assert json.loads(given.text)["consents"][0]["words"].startswith("I have read")
    assert "attachment" in given.headers["Content-Disposition"]
    proof = imara.press(page, f"{page}/export", **{"as": "proof"})
    assert "Consent of" in proof.text
    listed = imara.press(READERS, f"{READERS}/export", newsletter="editors-digest")
    assert [row["email"] for row in csv.DictReader(io.StringIO(listed.text))] == [ROBIN]

    assert imara.press(page, on, action="unsubscribe").status_code == 303
    assert desk.rows(Subscription)[0].ended_reason is EndedReason.LEFT
    assert "does not get" in words(imara.press(page, on, action="unsubscribe"))

    with database.transaction() as session:
        record(session, OPERATOR, "reader note", "subscriber", reader, now=NOW, values={"a": ROBIN})
        for to in ([ROBIN, "ada@example.org"], ["o" + ROBIN]):
            record(session, OPERATOR, "issue test", "issue", 1, now=NOW, values={"to": to})
    unsure = imara.press(page, f"{page}/erase")
    assert (unsure.status_code, "Tick the box" in words(unsure)) == (422, True)
    clock.advance(timedelta(minutes=10))
    for path in (f"{page}/erase", f"{page}/export", f"{READERS}/export"):
        assert imara.press(page, path, sure="yes").location.startswith("/desk/again?next=")
    assert desk.rows(Subscriber)[0].email == ROBIN, "it asks for the password first"
    clock.advance(timedelta(hours=12))
    imara.sign_in()
    with database.transaction() as late:
        # The same button, pressed twice: the second has read the row before the first was done.
        read = late.get_one(Subscriber, reader)
        assert imara.press(page, f"{page}/erase", sure="yes").location == f"{page}?done=erased"
        erase_reader(late, OPERATOR, read, now=NOW, suppression=SUPPRESSION_KEY)
    kinds = [each.kind for each in desk.rows(Consent)]
    assert kinds.count(ConsentKind.ERASED) == 1, "evidence of it once"
    assert ROBIN not in imara.get(page).text
    assert "Quarterstaff" not in repr(desk.dump())
    kept = repr([each.content for each in desk.rows(AuditDetail)])
    assert f"'{ROBIN}" not in kept, "nor among those whom a test was sent to"
    assert f"'o{ROBIN}" in kept, "another's"
    verbs = [verb for verb, row in done(database) if row == reader and verb != "reader look"]
    assert verbs == ["reader pause", "reader resume", "reader export", "reader export",
                     "reader unsubscribe", "reader note", "reader erase"]  # fmt: skip


def test_who_is_mailed_no_more_is_let_be_mailed_again_by_a_person_who_says_why(
    join: Join, imara: Colleague, site: Site, desk: ReadersDesk, database: Database
) -> None:
    page = f"{READERS}/{site.subscribe().subscriber_id}"
    assert "mailed again" not in words(imara.get(page))
    with database.transaction() as session:
        for reason in (SuppressionReason.BOUNCED, SuppressionReason.ERASED):
            suppress(session, SUPPRESSION_KEY.mac(ROBIN), reason, now=NOW)
    assert "Mail to their address came back" in words(imara.get(page))
    untold = imara.press(page, f"{page}/lift", why=" ")
    assert (untold.status_code, "Say why" in words(untold)) == (422, True)
    viewer = join("Wren", Role.VIEWER)
    proof = hidden(viewer.get("/desk/account").text, "proof")
    refused = viewer.client.post(f"{page}/lift", data={"why": "x", "proof": proof})
    assert refused.status_code == 403
    assert desk.rows(Suppression)[0].lifted_at is None
    assert imara.press(page, f"{page}/lift", why="They called").location == f"{page}?done=lifted"
    [bounced, erased] = desk.rows(Suppression)
    assert (bounced.lifted_by, erased.lifted_at) == ("Imara", None)
    again = imara.press(page, f"{page}/lift", why="Once more")
    assert "Nothing stops mail" in words(again)
    assert [verb for verb, _ in done(database)].count("reader lift") == 1
    assert {"by": "Imara", "reason": "They called"} in [
        each.content for each in desk.rows(AuditDetail)
    ]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_who_sees_how_much(join: Join, imara: Colleague, database: Database) -> None:
    with database.transaction() as session:
        digest = session.scalars(select(Newsletter)).one()
        brief = make_newsletter(session, "brief", name="The Brief")
        robin = make_reader(session, digest, ROBIN).subscriber_id
        sam = make_reader(session, brief, "sam@example.org").subscriber_id
        period = make_reader(session, brief, "both@example.org")
        both = period.subscriber_id
        more = {"subscriber_id": both, "newsletter_id": digest.id, "site": "halyard.example"}
        session.add(Subscription(token_id=b"2" * 16, started_at=NOW, **more))
        brief_id = brief.id
    with database.reading() as session:
        of_brief = Granted(Role.READERS, session.get(Newsletter, brief_id))
        edits_brief = Granted(Role.EDITOR, session.get(Newsletter, brief_id))

    editor = join("Joss", Role.EDITOR, edits_brief)
    counts = words(editor.get(READERS))
    assert "Editor’s Digest Two readers" in counts
    assert "The Brief Two readers" in counts
    assert 'name="address"' not in editor.get(READERS).text

    dpo = join("Dana", of_brief)
    assert "sam@example.org" in look_for(dpo, "sam")
    assert "Nobody found" in look_for(dpo, ROBIN), "a reader of another newsletter"
    assert dpo.get(f"{READERS}/{robin}").status_code == 404
    assert dpo.get(f"{READERS}/{sam}").status_code == 200
    assert "Editor’s Digest" not in words(dpo.get(f"{READERS}/{both}")), "not hers to see"
    assert "Editor’s Digest" not in look_for(dpo, "both"), "nor in the list"
    assert "Editor’s Digest, The Brief" in look_for(imara, "both")
    assert "Editor’s Digest" in words(imara.get(f"{READERS}/{both}"))
    page = f"{READERS}/{sam}"
    assert dpo.press(page, f"{page}/newsletters/1", action="unsubscribe").status_code == 403
    assert dpo.press(page, f"{page}/erase", sure="yes").status_code == 403
    assert dpo.press(page, f"{page}/export").status_code == 403
    assert dpo.press(page, f"{READERS}/export").status_code == 403, "of all newsletters"
    got = dpo.press(page, f"{READERS}/export", newsletter="brief")
    assert "sam@example.org" in got.text
    assert ROBIN not in got.text
    assert dpo.press(page, f"{READERS}/export", newsletter="none").status_code == 404
    assert dpo.get(f"{READERS}/999").status_code == 404
    assert (
        dpo.press(page, f"{page}/newsletters/{brief_id}", action="unsubscribe").status_code == 303
    )
    empty = dpo.press(READERS, READERS, address=" ")
    assert (empty.status_code, "Type an address" in words(empty)) == (422, True)


def test_who_is_refused_again_and_again_takes_no_connection_away(join: Join) -> None:
    viewer = join("Vic", Role.VIEWER)
    proof = hidden(viewer.get("/desk/account").text, "proof")
    for _ in range(20):
        refused = viewer.client.post(READERS, data={"proof": proof, "address": "robin"})
        assert refused.status_code == 403
    assert viewer.is_in()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_who_is_refused_waits_for_nobody_who_writes(imara: Colleague, database: Database) -> None:
    stranger = imara.client.application.test_client()
    with database.transaction():
        answers = [each.post(READERS, data={"address": "rob"}) for each in (stranger, imara.client)]
    assert [each.status_code for each in answers] == [303, 403]


def test_a_reader_is_found_by_the_beginning_of_the_address_without_reading_all(
    database: Database,
) -> None:
    typed = ["a_b@example.org", "axb@example.org", "ärmel@example.org", "z@bücher.example"]
    with database.transaction() as session:
        newsletter = make_newsletter(session)
        for each in typed:
            make_reader(session, newsletter, each)
        many = "generate_series(1, 20000) n" if not database.is_sqlite else (
            "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 20000)"
            " SELECT n FROM s)"
        )  # fmt: skip
        subject = "randomblob(16)" if database.is_sqlite else "decode(md5(n::text), 'hex')"
        session.execute(
            text(
                "INSERT INTO subscriber (subject, email, email_key, language, created_at) SELECT "
                f"{subject}, 'r' || n || '@example.com', 'r' || n || '@example.com', 'en', "
                f"CURRENT_TIMESTAMP FROM {many}"
            )
        )
        for table in ("subscription", "consent", "notice"):
            session.execute(text(MANY[table].format(many=many, subject=subject)))
        session.execute(text("ANALYZE"))

    def found(words: str, **options: object) -> list[str]:
        with database.reading() as session:
            readers = search_readers(session, words, at_most=9, **options)  # type: ignore[arg-type]
            return [reader.email for reader in readers]

    with statements(database) as seen:
        assert found("A_") == ["a_b@example.org"], "an underscore is one"
        assert found("a") == ["a_b@example.org", "axb@example.org"]
        assert found("ÄR") == ["ärmel@example.org"]
        assert found(" Z@Bücher.example ") == ["z@bücher.example"], "written otherwise than kept"
        assert found("r1999") == [f"r1999{n}@example.com" for n in range(9)]
        assert found("r19", newsletter_ids=[2]) == []
        assert found("a", newsletter_ids=[1]) == ["a_b@example.org", "axb@example.org"]
        assert found("%") == found("") == found("\x00") == []
        assert found("\\") == found("_") == found("'") == found("é" * 300) == []
        assert found("r1")[0] == "r10000@example.com"
        assert len(found("r1", newsletter_ids=[1])) == 9
        with database.reading() as session:
            reader = find_reader(session, "axb@example.org")
            assert show_reader(session, reader).periods[0].newsletter == "editors-digest"
    if not database.is_sqlite:
        # What the driver runs by itself, nobody hears of.
        for of_some in (False, True):
            spelt = spell(searching(9, of_some), database.engine.dialect)
            values = {"first": "r1", "last": "r2", **({"of": [1]} if of_some else {})}
            seen.append((spelt.text, {**spelt.constants, **values}))
    for statement, parameters in seen:
        if statement.startswith("SELECT"):
            steps = plan(database, statement, parameters)
            for table in ("subscriber", "subscription", "consent", "notice", "delivery"):
                assert f"Seq Scan on {table} " not in steps, steps
                assert f"SCAN {table}\n" not in f"{steps}\n", steps
