"""Who gets an issue is counted by the statement that freezes."""

from datetime import timedelta

from digest.delivery.ledger.audience import Audience, count_audience
from digest.models import Issue, Suppression, SuppressionReason
from tests.delivery.conftest import Press
from tests.factories import NOW, make_article, make_issue, make_newsletter, make_reader


def test_as_many_are_counted_as_the_freeze_writes_down(press: Press) -> None:
    with press.database.transaction() as session:
        newsletter = make_newsletter(session)
        issue = make_issue(session, newsletter, [make_article(session, "port")])
        make_reader(session, make_newsletter(session, slug="other"), "other@example.org")
        periods = {
            name: make_reader(session, newsletter, f"{name}@example.org")
            for name in ("ada", "bob", "back", "away", "gone", "bounced", "both", "erased")
        }
        periods["away"].paused_until = NOW + timedelta(days=1)
        periods["back"].paused_until = NOW - timedelta(days=1)
        periods["gone"].ended_at = NOW
        for name, reason in (
            ("bounced", SuppressionReason.BOUNCED),
            ("both", SuppressionReason.BOUNCED),
            ("both", SuppressionReason.COMPLAINED),
            # It blocks imports only.
            ("erased", SuppressionReason.ERASED),
        ):
            mac = periods[name].subscriber.suppression_mac
            assert mac is not None
            session.add(Suppression(mac=mac, reason=reason, created_at=NOW))
        session.flush()
        counted = count_audience(session, newsletter.id, NOW)
        issue_id = issue.id
    assert counted == Audience(4, {"bounced": 2, "paused": 1})
    assert press.freeze(issue_id)
    with press.database.reading() as session:
        assert session.get_one(Issue, issue_id).audience == counted.readers
    assert len(press.rows(issue_id)) == counted.readers
