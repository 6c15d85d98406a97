"""An issue as one reader gets it: who may look, what is theirs in it, and what is nobody's."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from digest.database.transactions import Database
from digest.delivery.ledger.freezing import freeze_again
from digest.desk.users import Granted
from digest.models import (
    AuditEvent,
    Delivery,
    DeliveryState,
    Issue,
    Newsletter,
    Rendering,
    Role,
    Story,
    Subscriber,
    Subscription,
)
from digest.tokens import Purpose
from tests.factories import NOW, RING, make_newsletter, make_reader
from tests.web.conftest import words
from tests.web.desk.conftest import Join
from tests.web.desk.test_preview import VIEWS, freeze_draft, make_draft

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_it_has_the_readers_own_words_nobodys_links_and_is_logged(
    database: Database, newsletter: Newsletter, join: Join
) -> None:
    path = make_draft(database, newsletter)
    with database.transaction() as session:
        period = make_reader(session, newsletter, "robin@example.org", "Robin")
        period.site, period.started_at = "harbour.example", NOW - timedelta(days=40)
        reader, token = period.subscriber_id, period.token_id
        other = make_newsletter(session, slug="brief", name="The Brief")
        stranger = make_reader(session, other, "sam@example.org").subscriber_id
    rita = join("Rita", Granted(Role.READERS, newsletter))
    asked = f"{path}/as-reader"
    assert f'href="{asked}"' in rita.get(path).text
    found = rita.press(asked, asked, reader=" Robin@Example.org ")
    assert found.location == f"{asked}/{reader}", "no address stands in an address"
    assert rita.press(asked, asked, reader=str(reader)).location == found.location
    page = rita.get(found.location)
    assert f'src="{found.location}/email?as=phone" sandbox title' in page.text
    assert "robin" not in page.text.lower()
    assert "would not get it" not in words(page)
    shown = {view: rita.get(f"{found.location}/email?as={view}") for view in VIEWS}
    for view, answer in shown.items():
        assert "; sandbox;" in answer.headers["Content-Security-Policy"], view
        assert answer.headers["Cache-Control"] == "no-store", view
        assert "robin@example.org" in answer.text, view
        assert "harbour.example" in answer.text, view
        assert "5 October 2026" in answer.text, view
    assert "To: Robin &lt;robin@example.org&gt;" in shown["source"].text
    live = {RING.sign(each, token) for each in (Purpose.UNSUBSCRIBE, Purpose.PREFERENCES)}
    leave, change = (
        re.findall(rf"(/{each}/[\w.~-]+)", shown["text"].text)[0] for each in ("u", "p")
    )
    for view, answer in shown.items():
        # Without soft breaks (RFC 2045 6.7).
        unfolded = answer.text.replace("\r", "").replace("=\n", "")
        assert "http://127.0.0.1:8000/u/" in unfolded, view
        assert not [each for each in live if each in unfolded], view
    with database.reading() as session:
        events = session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all()
        looks = [each.row_id for each in events if each.verb == "reader look"]
        assert looks == [reader], "the page, and what stands in its frame, are one look"
        assert [each.verb for each in events].count("reader search") == 2
    assert rita.client.post(leave, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert "robin" not in rita.get(change).text.lower()
    with database.reading() as session:
        assert session.scalars(
            select(Subscription.ended_at).where(Subscription.subscriber_id == reader)
        ).all() == [None], "they belong to nobody"
    for typed in ("nobody@example.org", str(stranger), "999999999999", "robin", ""):
        refused = rita.press(asked, asked, reader=typed)
        assert (refused.status_code, "There is no such reader." in words(refused)) == (422, True)
    assert rita.get(f"{asked}/{stranger}").status_code == 404
    for name, role in (("Eddie", Role.EDITOR), ("Vera", Role.VIEWER)):
        nosy = join(name, role)
        assert asked not in nosy.get(path).text
        for place in (asked, f"{asked}/{reader}", f"{asked}/{reader}/email"):
            assert nosy.get(place).status_code == 403, (name, place)
        assert nosy.press("/desk/account", asked, reader="robin@example.org").status_code == 403
    olive = join("Olivia", Role.OWNER)
    never = olive.get(f"{asked}/{stranger}")
    assert "This reader never had Editor’s Digest." in words(never)
    for values, said in (
        ({"paused_until": NOW + timedelta(days=3)}, "has paused, so they would not get it now"),
        ({"ended_at": NOW}, "This reader has left"),
    ):
        with database.transaction() as session:
            mine = Subscription.subscriber_id == reader
            session.execute(update(Subscription).where(mine).values(values))
        assert said in words(olive.get(f"{asked}/{reader}"))
    with database.reading() as session:
        logged = select(AuditEvent.row_id).where(AuditEvent.verb == "reader look")
        assert len(session.scalars(logged).all()) == 2, "each who looks is logged"
    with database.transaction() as session:
        gone = session.get_one(Subscriber, reader)
        gone.email = gone.email_key = gone.name = None
    assert "This reader was erased" in words(olive.get(f"{asked}/{reader}"))


def test_of_a_corrected_issue_each_sees_the_edition_that_they_got(
    database: Database, newsletter: Newsletter, join: Join
) -> None:
    path = make_draft(database, newsletter)
    issue_id = int(path.rpartition("/")[2])
    with database.transaction() as session:
        early, late = (
            make_reader(session, newsletter, f"{name}@example.org").subscriber_id
            for name in ("ann", "bea")
        )
    freeze_draft(database, issue_id)
    with database.transaction() as session:
        missed = make_reader(session, newsletter, "cid@example.org").subscriber_id
        issue = session.get_one(Issue, issue_id)
        session.execute(update(Story).values(title="Put right"))
        session.expire_all()
        freeze_again(
            session, issue, "It was wrong.", "Imara", user_id=None, now=NOW,
            public_url="http://127.0.0.1:8000", inbound_domain=None,
        )  # fmt: skip
        first, second = session.scalars(select(Rendering.id).order_by(Rendering.edition)).all()
        session.execute(
            update(Delivery).where(Delivery.subscriber_id == late).values(rendering_id=second)
        )
    olive = join("Olivia", Role.OWNER)
    mails = {
        reader: olive.get(f"{path}/as-reader/{reader}/email").text
        for reader in (early, late, missed)
    }
    assert ["Put right" in mails[each] for each in (early, late, missed)] == [False, True, True]
    assert "No delivery of this issue" in words(olive.get(f"{path}/as-reader/{missed}"))
    assert "standing wants" not in olive.get(f"{path}/as-reader/{late}").text
    with database.transaction() as session:
        session.execute(
            update(Delivery)
            .where(Delivery.subscriber_id == late)
            .values(state=DeliveryState.FAILED)
        )
    assert "Its delivery to this reader failed, so they did not get it." in words(
        olive.get(f"{path}/as-reader/{late}")
    )
    viewer = join("Vera", Role.VIEWER)
    page = viewer.get(path)
    assert "As it went out first As corrected on Saturday 14 November" in words(page)
    assert "Put right" in viewer.get(f"{path}/preview").text
    before = viewer.get(f"{path}?edition={first}").text
    assert f'src="{path}/preview?as=desktop&amp;edition={first}"' in before
    assert "Put right" not in viewer.get(f"{path}/preview?edition={first}").text
    assert "Put right" in viewer.get(f"{path}/preview?edition=999").text
