"""What goes out is signed where the sender's domain has keys: an issue, a notice, a test mail."""

from datetime import timedelta

import pytest

from digest.delivery.controls.previewing import Preview, preview_issue, send_preview
from digest.delivery.notices.sending import send_notices
from digest.delivery.signing.keys import create_keys, list_keys, retire_key, start_signing
from digest.delivery.signing.signatory import Signatory
from digest.errors import RefusedError
from digest.models import (
    Delivery,
    DeliveryState,
    DkimAlgorithm,
    DkimKey,
    Issue,
    IssueState,
    Notice,
    NoticeState,
)
from digest.settings.loading import Key
from digest.vault import Vault
from tests.delivery.conftest import Press, readers
from tests.delivery.notices.test_sending import queue_many
from tests.delivery.signing.verifiers import opendkim_verdicts, verdicts
from tests.factories import NOW, VAULT
from tests.scripted_smtp import ScriptedRelay

DOMAIN = "halyard.example"
LOST = Vault([Key("k9", b"n" * 32)])


def keys(press: Press, domain: str = DOMAIN) -> list[DkimKey]:
    """Make keys of a domain that sign."""
    with press.database.transaction() as session:
        made = create_keys(session, VAULT, domain, DkimAlgorithm, NOW)
        start_signing(session, domain, [key.id for key in made], NOW)
        return made


def signatory(vault: Vault = VAULT) -> Signatory:
    return Signatory(lambda: vault)


def test_each_reader_of_an_issue_gets_it_signed(press: Press) -> None:
    made = keys(press)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(3))
        press.deliver(issue_id, signatory())
        mails = [mail.content for mail in relay.messages]
    assert [verdicts(mail, made) for mail in mails] == [[True, True]] * 3
    assert opendkim_verdicts(mails[0], made)[:2] == ["pass", "pass"]
    assert len({mail.partition(b"\r\nFrom: ")[0] for mail in mails}) == 3


def test_mail_from_a_domain_without_keys_goes_out_as_before(press: Press) -> None:
    keys(press, "other.example")
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        press.deliver(press.frozen_issue("robin@example.org"), signatory())
        [mail] = relay.messages
    assert mail.content.startswith(b"From: ")


def test_what_is_sent_again_is_the_same_bytes(press: Press) -> None:
    keys(press)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        relay.script("dot", "450 4.3.0 Later")
        issue_id = press.frozen_issue("robin@example.org")
        press.deliver(issue_id, signatory())
        with press.database.transaction() as session:
            for row in session.query(Delivery):
                row.next_attempt_at = NOW - timedelta(days=1)
        press.deliver(issue_id, signatory())
        first, second = (mail.content for mail in relay.received)
    assert first == second
    assert first.startswith(b"DKIM-Signature: ")


def test_an_issue_is_parked_rather_than_sent_unsigned_and_goes_on_when_mended(
    press: Press,
) -> None:
    made = keys(press)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue("robin@example.org")
        press.deliver(issue_id, signatory(LOST))
        assert relay.messages == []
        issue = press.issue(issue_id)
        assert issue.state is IssueState.PARKED
        assert "cannot be opened with DIGEST_KEYS" in (issue.reason or "")
        assert press.states(issue_id) == [DeliveryState.QUEUED]
        with press.database.transaction() as session:
            session.get_one(Issue, issue_id).state = IssueState.SENDING
        press.deliver(issue_id, signatory())
        [mail] = relay.messages
    assert verdicts(mail.content, made) == [True, True]


def test_notices_are_signed_as_they_were_written(press: Press) -> None:
    made = keys(press)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        queue_many(press, 3)
        _send(press, signatory())
        mails = [mail.content for mail in relay.messages]
    assert [verdicts(mail, made) for mail in mails] == [[True, True]] * 3
    assert opendkim_verdicts(mails[0], made)[:2] == ["pass", "pass"]


def test_notices_that_cannot_be_signed_wait_and_are_not_lost(
    press: Press, capsys: pytest.CaptureFixture[str]
) -> None:
    keys(press)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        queue_many(press, 5)
        _send(press, signatory(LOST))
        assert relay.messages == []
    with press.database.reading() as session:
        notices = session.query(Notice).all()
        assert {each.state for each in notices} == {NoticeState.QUEUED}
        assert {each.attempts for each in notices} == {0}, "it was no try of theirs"
        assert all("put the key back" in (each.reply or "") for each in notices)
    said = capsys.readouterr()
    assert (said.out + said.err).count("put the key back") <= 1, "one line for all of them"
    assert "Traceback" not in said.out + said.err


def test_a_key_that_takes_over_signs_the_next_notice(press: Press) -> None:
    keys(press)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        queue_many(press, 1)
        _send(press, signatory())
        again = keys(press)
        queue_many(press, 1, first=1)
        _send(press, signatory())
        _, second = (mail.content for mail in relay.messages)
    assert verdicts(second, again) == [True, True]


def test_a_test_mail_is_signed_as_it_is_marked(press: Press) -> None:
    made = keys(press)
    issue_id = press.frozen_issue("robin@example.org")
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        with press.database.reading() as session:
            written = preview_issue(
                session,
                session.get_one(Issue, issue_id),
                "joss@example.org",
                links=press.links,
                now=NOW,
                signatory=signatory(),
            )
        send_preview(written, press.settings)
        [mail] = relay.messages
    assert b"\r\nSubject: [Test] " in mail.content
    assert verdicts(mail.content, made) == [True, True]


def test_a_preview_is_shown_all_the_same_where_it_cannot_be_signed_and_not_sent(
    press: Press,
) -> None:
    keys(press)
    issue_id = press.frozen_issue("robin@example.org")
    written = preview(press, issue_id, "joss@example.org", signatory(LOST))
    assert written.subject == "The story of the port"
    with pytest.raises(RefusedError, match="DIGEST_KEYS"):
        send_preview(written, press.settings)


def test_a_test_mail_to_an_address_beyond_ascii_is_signed(press: Press) -> None:
    made = keys(press)
    issue_id = press.frozen_issue("robin@example.org")
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        send_preview(preview(press, issue_id, "jürgen@example.org", signatory()), press.settings)
        [mail] = relay.messages
    assert verdicts(mail.content, made) == [True, True]


def preview(press: Press, issue_id: int, to: str, signing: Signatory) -> Preview:
    with press.database.reading() as session:
        issue = session.get_one(Issue, issue_id)
        return preview_issue(session, issue, to, links=press.links, now=NOW, signatory=signing)


def test_a_key_retired_elsewhere_signs_for_seconds_at_most(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys(press)
    signing = signatory()
    with press.database.reading() as session:
        assert len(signing.keys_for(session, f"digest@{DOMAIN}")) == 2
    with press.database.transaction() as session:
        for key in list_keys(session):
            retire_key(session, DOMAIN, key.selector, NOW + timedelta(1), leaves_unsigned=True)
    monkeypatch.setattr(signing, "_until", 0.0)
    with press.database.reading() as session:
        assert signing.keys_for(session, f"digest@{DOMAIN}") == ()


def _send(press: Press, signing: Signatory) -> None:
    send_notices(
        press.database,
        settings=press.settings,
        links=press.links,
        stopping=press.stopping,
        signatory=signing,
    )
