"""An address to leave by is offered only where mail to it was seen to arrive."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from digest.database.tables import database_now
from digest.delivery.controls.previewing import preview_issue
from digest.delivery.ledger.echoes import (
    LIVES,
    LOST_AFTER,
    begin_echo,
    note_sent,
    proved_domain,
)
from digest.delivery.rendering import headers
from digest.delivery.rendering.stencil import Mailbox, Stencil
from digest.inbound import ActedOn, MailFor, act_on_mail
from digest.models import InboundDomain, Rendering
from digest.settings.loading import Key
from digest.tokens import KeyRing
from tests.delivery.conftest import Press
from tests.factories import (
    KEYS,
    NOW,
    RING,
    make_article,
    make_issue,
    make_newsletter,
    prove_inbound,
)
from tests.scripted_smtp import ScriptedRelay

DOMAIN = "in.halyard.example"


def echo(press: Press, domain: str = DOMAIN, ring: KeyRing = RING) -> str:
    """Note that an echo was sent; return the address that it went to."""
    with press.database.transaction() as session:
        address, asked_at = begin_echo(session, ring, domain)
        note_sent(session, domain, asked_at)
    return address


def arrive(press: Press, address: str) -> ActedOn:
    mail = f"To: {address}\r\nSubject: to itself\r\n\r\n".encode()
    return act_on_mail(press.database, RING, mail, (address,), now=NOW)


def is_proved(press: Press, domain: str = DOMAIN) -> bool:
    with press.database.reading() as session:
        return proved_domain(session, domain) == domain


def age(press: Press, by: timedelta) -> None:
    """Let what is known of the domain have happened so much earlier."""
    moments = ("asked_at", "waiting_since", "seen_at", "seen_asked_at")
    with press.database.transaction() as session:
        for row in session.query(InboundDomain):
            for name in moments:
                if (moment := getattr(row, name)) is not None:
                    setattr(row, name, moment - by)


def offered(press: Press, *, then: Press | None = None) -> str:
    """Freeze an issue for one reader, send it, and return its List-Unsubscribe."""
    issue_id = press.frozen_issue("robin@example.org")
    sending = then or press
    with ScriptedRelay() as relay:
        sending.relay_at(relay.port)
        sending.deliver(issue_id)
        [mail] = relay.messages
    return str(mail.message["List-Unsubscribe"])


@pytest.fixture
def inbound(press: Press) -> Press:
    press.settings = replace(press.settings, inbound_domain=DOMAIN)
    return press


def test_until_a_mail_to_itself_has_arrived_only_the_link_is_offered(inbound: Press) -> None:
    echo(inbound)
    assert not is_proved(inbound)
    assert offered(inbound).startswith("<http://127.0.0.1:8000/u/")
    assert "mailto" not in offered_header_of_preview(inbound)


def offered_header_of_preview(press: Press) -> str:
    with press.database.transaction() as session:
        newsletter = make_newsletter(session, slug="another")
        articles = [make_article(session, f"{number}th") for number in range(3)]
        issue = make_issue(session, newsletter, articles)
        preview = preview_issue(session, issue, "robin@example.org", links=press.links, now=NOW)
    return preview.eml.decode().partition("List-Unsubscribe-Post")[0]


def test_once_it_has_arrived_an_address_is_offered(inbound: Press) -> None:
    assert arrive(inbound, echo(inbound)).what is MailFor.ECHO
    link, _, address = offered(inbound).partition(", ")
    assert link.startswith("<http://127.0.0.1:8000/u/")
    assert address.startswith("<mailto:1mk1-")
    assert address.endswith(f"@{DOMAIN}?subject=unsubscribe>")
    assert f"@{DOMAIN}?subject=unsubscribe>" in offered_header_of_preview(inbound)


def test_it_may_arrive_before_the_relays_answer_is_noted(inbound: Press) -> None:
    with inbound.database.transaction() as session:
        address, asked_at = begin_echo(session, RING, DOMAIN)
    arrive(inbound, address)
    with inbound.database.transaction() as session:
        note_sent(session, DOMAIN, asked_at)
    age(inbound, LOST_AFTER)
    assert is_proved(inbound)


def test_an_issue_that_was_frozen_before_the_proof_stays_as_it_is(inbound: Press) -> None:
    issue_id = inbound.frozen_issue("robin@example.org", "sam@example.org")
    arrive(inbound, echo(inbound))
    with ScriptedRelay() as relay:
        inbound.relay_at(relay.port)
        inbound.deliver(issue_id)
        for mail in relay.messages:
            assert "mailto" not in str(mail.message["List-Unsubscribe"])


@pytest.mark.parametrize("changed", ["elsewhere.halyard.example", None])
def test_an_issue_that_is_frozen_keeps_the_domain_that_was_proved(
    inbound: Press, changed: str | None
) -> None:
    """Whoever changes the setting in the middle of a send does not change its bytes."""
    arrive(inbound, echo(inbound))
    restarted = Press(inbound.database, replace(inbound.settings, inbound_domain=changed))
    assert f"@{DOMAIN}?subject=unsubscribe>" in offered(inbound, then=restarted)


def test_an_issue_that_was_frozen_by_an_older_version_still_goes_out(inbound: Press) -> None:
    with inbound.database.transaction() as session:
        prove_inbound(session, DOMAIN)
    issue_id = inbound.frozen_issue("robin@example.org")
    old = Stencil.build(
        headers=[
            ("To", Mailbox(headers.NAME, headers.ADDRESS)),
            ("List-Unsubscribe", f"<{headers.UNSUBSCRIBE_URL}>, <{headers.UNSUBSCRIBE_MAILTO}>"),
        ],
        text="hello",
        html="<p>hello</p>",
    )
    with inbound.database.transaction() as session:
        session.execute(update(Rendering).values(stencil=old.to_bytes()))
    with ScriptedRelay() as relay:
        inbound.relay_at(relay.port)
        inbound.deliver(issue_id)
        [mail] = relay.messages
    assert f"@{DOMAIN}?subject=unsubscribe>" in str(mail.message["List-Unsubscribe"])


def test_a_domain_as_long_as_one_may_be_can_be_offered(inbound: Press) -> None:
    domain = ".".join(["d" * 60] * 4)
    inbound.settings = replace(inbound.settings, inbound_domain=domain)
    arrive(inbound, echo(inbound, domain))
    assert f"@{domain}?subject=unsubscribe>" in offered(inbound)


# What proves nothing


def test_a_changed_domain_has_to_be_proved_anew_even_if_it_changes_back(inbound: Press) -> None:
    first = echo(inbound)
    arrive(inbound, first)
    other = echo(inbound, "new.halyard.example")
    assert not is_proved(inbound, "new.halyard.example")
    assert not is_proved(inbound)
    assert "nothing was changed" in arrive(inbound, first).sentence
    assert not is_proved(inbound)
    arrive(inbound, other)
    assert is_proved(inbound, "new.halyard.example")


def test_a_mail_that_comes_again_proves_nothing_more(inbound: Press) -> None:
    address = echo(inbound)
    arrive(inbound, address)
    later = NOW + timedelta(days=365)
    with inbound.database.transaction() as session:
        # As if another were on its way.
        session.execute(update(InboundDomain).values(waiting_since=later, seen_at=NOW))
    acted = arrive(inbound, address)
    assert (acted.what, "nothing was changed" in acted.sentence) == (MailFor.ECHO, True)
    with inbound.database.reading() as session:
        row = session.get_one(InboundDomain, DOMAIN)
        assert (row.waiting_since, row.seen_at) == (later, NOW)


def test_a_mail_that_is_days_late_proves_nothing(inbound: Press) -> None:
    # As the clock cannot be turned, a moment is named that is long ago.
    with inbound.database.transaction() as session:
        begin_echo(session, RING, DOMAIN)
        row = session.get_one(InboundDomain, DOMAIN)
        now = session.scalar(database_now().select())
        assert now is not None
        long_ago = int((now - LIVES - timedelta(minutes=1)).timestamp())
        from digest.tokens import Purpose

        old = RING.sign_local_part(Purpose.ECHO, row.token_id, long_ago)
        late = RING.sign_local_part(Purpose.ECHO, row.token_id, long_ago + 120)
    assert "nothing was changed" in arrive(inbound, f"{old}@{DOMAIN}").sentence
    assert not is_proved(inbound)
    arrive(inbound, f"{late}@{DOMAIN}")
    assert is_proved(inbound)


def test_a_forged_mail_proves_nothing(inbound: Press) -> None:
    address = echo(inbound)
    local = address.partition("@")[0]
    for at in range(len(local)):
        other = "b" if local[at] == "a" else "a"
        forged = f"{local[:at]}{other}{local[at + 1 :]}@{DOMAIN}"
        assert arrive(inbound, forged).what is MailFor.NOBODY
    strangers = KeyRing((Key(KEYS[0].id, b"x" * 32),))
    assert arrive(inbound, echo(inbound, ring=strangers)).what is MailFor.NOBODY
    assert not is_proved(inbound)


# A proof that ends


def test_one_that_is_lost_for_a_day_ends_the_offer_and_the_next_brings_it_back(
    inbound: Press,
) -> None:
    arrive(inbound, echo(inbound))
    age(inbound, timedelta(days=31))
    echo(inbound)
    assert is_proved(inbound)
    age(inbound, LOST_AFTER - timedelta(minutes=1))
    # Another one does not begin the day anew.
    address = echo(inbound)
    assert is_proved(inbound)
    age(inbound, timedelta(minutes=1))
    assert not is_proved(inbound)
    assert "mailto" not in offered(inbound)
    arrive(inbound, address)
    assert is_proved(inbound)
