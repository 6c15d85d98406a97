"""What the years leave: deliveries of issues that went out long ago, and how each reader came."""

from datetime import UTC, datetime

from sqlalchemy import text

from bench.paper import Site
from bench.rig import opened
from digest.delivery.ledger import partitions
from digest.delivery.ledger.totals import count_issue

ISSUES = """
    INSERT INTO issue (newsletter_id, dateline, number, state, compose_at, closes_at, send_at,
                       composed_at, frozen_at, sent_at, watched_until, audience, subject,
                       created_at)
    SELECT (SELECT min(id) FROM newsletter), past::date, CAST(:issues AS bigint) - n + 1, 'sent',
           past, past, past, past, past, past, past + interval '3 days',
           CAST(:readers AS bigint), 'Long ago', past
    FROM generate_series(1, CAST(:issues AS bigint)) n,
         LATERAL (SELECT now() - n * interval '1 day' AS past) moment
    RETURNING id
"""
DELIVERIES = """
    INSERT INTO {place} (issue_id, subscriber_id, rendering_id, state, attempts, released_at,
                         next_attempt_at, claim, final_at, code)
    SELECT issue.id, subscriber.id, 1, 'accepted', 1, issue.sent_at, issue.sent_at,
           decode(md5(issue.id || ' ' || subscriber.id / 200), 'hex'), issue.sent_at, 250
    FROM issue, subscriber WHERE issue.id = :issue ORDER BY subscriber.id LIMIT :readers
"""
# One statement each. They take a number in the order of their readers, and a consent's detail has
# its consent's.
SIGN_UPS = (
    """
    INSERT INTO sign_up (token_id, subject, email, email_key, site, wording_id, requested_at,
                         expires_at, confirmed_at)
    SELECT decode(md5('sign-up ' || id), 'hex'), subject, email, email_key, 'halyard.example',
           (SELECT max(id) FROM wording), created_at, created_at + interval '2 days', created_at
    FROM subscriber ORDER BY id
    """,
    """
    INSERT INTO sign_up_choice (sign_up_id, newsletter_id, topics)
    SELECT id, (SELECT min(id) FROM newsletter), '[]' FROM sign_up
    """,
    """
    INSERT INTO notice (token_id, kind, once, newsletter_id, sign_up_id, state, attempts,
                        created_at, released_at, next_attempt_at, final_at, code)
    SELECT decode(md5('notice ' || id), 'hex'), 'confirmation',
           'confirmation ' || encode(sha256(token_id), 'hex'), (SELECT min(id) FROM newsletter),
           id, 'accepted', 1, requested_at, requested_at, requested_at, requested_at, 250
    FROM sign_up ORDER BY id
    """,
    """
    INSERT INTO consent (subject, kind, newsletter_id, wording_id, terms_id, at, mac)
    SELECT subject, kind, (SELECT min(id) FROM newsletter), wording_id,
           (SELECT max(id) FROM terms), requested_at, sha256(token_id)
    FROM sign_up, (VALUES ('requested'), ('confirmed')) step (kind) ORDER BY sign_up.id
    """,
    """
    INSERT INTO consent_detail (consent_id, salt, email, ip, user_agent, page_url)
    SELECT consent.id, consent.mac, email, '20.0.0.7', 'Mozilla/5.0 (bench)',
           'https://halyard.example/'
    FROM consent JOIN sign_up USING (subject) ORDER BY consent.id
    """,
)


def remember(site: Site, issues: int, readers: int) -> None:
    """Add old issues that went to `readers` each, and do what autovacuum would have done since."""
    with opened(site.database_url) as database:
        with database.transaction() as session:
            made = session.execute(text(ISSUES), {"issues": issues, "readers": readers})
            old = sorted(made.scalars())
        for issue in old:
            with database.transaction() as session:
                # That the issue is there need not be asked for each of its rows.
                session.execute(text("SET LOCAL session_replication_role = replica"))
                place = partitions.make(session, issue).name
                rows = text(DELIVERIES.format(place=place))
                session.execute(rows, {"issue": issue, "readers": readers})
                partitions.attach(session, issue)
            # As the tick did, when they were sent.
            count_issue(database, issue, datetime.now(UTC))
    site.do("VACUUM (ANALYZE)")
    site.do("CHECKPOINT")


def remember_sign_ups(site: Site) -> None:
    """Add how each reader came: the sign-up, its mail, and the evidence of both steps."""
    with opened(site.database_url) as database, database.transaction() as session:
        # That what they point to is there need not be asked for each row.
        session.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in SIGN_UPS:
            session.execute(text(statement))
    site.do("VACUUM (ANALYZE)")
    site.do("CHECKPOINT")
