"""From a frozen issue to the relay's 250."""

import re
from email import message_from_bytes, policy

from digest.models import DeliveryState, IssueState
from tests.delivery.conftest import Press, readers
from tests.scripted_smtp import ScriptedRelay


def test_everyone_in_the_audience_gets_the_issue_once(press: Press) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(120))
        assert press.deliver(issue_id) is False
        recipients = [recipient for mail in relay.messages for recipient in mail.recipients]
    assert sorted(recipients) == sorted(readers(120))
    assert set(press.states(issue_id)) == {DeliveryState.ACCEPTED}
    issue = press.issue(issue_id)
    assert (issue.state, issue.number, issue.audience) == (IssueState.SENT, 1, 120)


def test_a_message_says_who_why_and_how_to_leave(press: Press) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue("robin@example.org")
        press.deliver(issue_id)
        [mail] = relay.messages
    message = message_from_bytes(mail.content, policy=policy.SMTP.clone(raise_on_defect=True))
    assert message["To"] == "Robin <robin@example.org>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "/u/" in message["List-Unsubscribe"]
    assert message["Subject"] == "The story of the port"
    for part in message.iter_parts():
        assert "halyard.example on 13 November 2026 with robin@example.org" in " ".join(
            re.sub("<[^>]+>", "", part.get_content()).split()
        )


def test_the_day_of_the_sign_up_is_that_of_the_newsletters_zone(press: Press) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        press.deliver(press.frozen_issue("robin@example.org", zone="America/Los_Angeles"))
        [mail] = relay.messages
    # It was seven in the morning of the 13th, in London.
    text = message_from_bytes(mail.content, policy=policy.SMTP).get_body(("plain",))
    assert text is not None
    assert "on 12 November 2026" in " ".join(text.get_content().split())
