"""However many readers and deliveries there are, no report reads them, nor does a quiet tick."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import text, update

from digest.database.transactions import Database
from digest.delivery.ledger import partitions
from digest.delivery.ledger.totals import count_issues
from digest.desk.reports.issue import report_issue
from digest.desk.reports.newsletter import report_newsletter
from digest.models import Issue, IssueState, Newsletter
from digest.newsroom.terms import publish_terms
from digest.readers.data.day_counts import count_days
from tests.delivery.ledger.test_plans import add_rows, plan, statements
from tests.factories import NOW, make_article, make_issue, make_newsletter

MANY = 20_000
# So many readers over half a year, all of whom signed up by a form. A tenth has left.
READERS = """
    INSERT INTO subscriber (id, subject, language, created_at)
    SELECT n, decode(md5(n::text), 'hex'), 'en', CAST(:now AS timestamptz)
    FROM generate_series(1, :many) n
"""
PERIODS = """
    INSERT INTO subscription
        (token_id, subscriber_id, newsletter_id, topics, site, started_at, ended_at, ended_reason)
    SELECT decode(md5(n::text), 'hex'), n, 1, '[]', 'halyard.example', at,
        CASE WHEN n % 10 = 0 THEN at + interval '1 day' END, CASE WHEN n % 10 = 0 THEN 'left' END
    FROM generate_series(1, :many) n,
        LATERAL (SELECT CAST(:now AS timestamptz) - n * interval '10 minutes' AS at) _
"""
SIGN_UPS = """
    INSERT INTO sign_up
        (id, token_id, subject, form, site, wording_id, requested_at, expires_at, confirmed_at)
    SELECT n, decode(md5(n::text), 'hex'), decode(md5(n::text), 'hex'), 'footer',
        'halyard.example', :wording, at, at + interval '2 days', at
    FROM generate_series(1, :many) n,
        LATERAL (SELECT CAST(:now AS timestamptz) - n * interval '10 minutes' AS at) _
"""
CHOICES = """
    INSERT INTO sign_up_choice (sign_up_id, newsletter_id, topics)
    SELECT n, 1, '[]' FROM generate_series(1, :many) n
"""
EVERYBODY = re.compile(r"Seq Scan on (delivery|subscri|sign_up|consent)")


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_no_report_reads_a_reader_or_a_delivery_and_no_quiet_tick_all_of_them(
    database: Database,
) -> None:
    with database.transaction() as session:
        newsletter = make_newsletter(session, id=1, count_clicks=True)
        articles = [make_article(session, slug) for slug in ("port", "cold")]
        issue = make_issue(session, newsletter, articles, occurrence_on=None, number=7)
        partitions.add(session, issue.id)
        add_rows(session, "delivery", issue.id, 1, MANY)
        sent = {"state": IssueState.SENT, "frozen_at": NOW, "audience": MANY}
        session.execute(
            update(Issue).values(sent_at=NOW - timedelta(hours=1), watched_until=NOW, **sent)
        )
        wording = publish_terms(session, "# Terms", NOW)[1].id
        for statement in (READERS, PERIODS, SIGN_UPS, CHOICES):
            values = {"now": NOW, "many": MANY, "wording": wording}
            named = {name: values[name] for name in re.findall(r"(?<!:):(\w+)", statement)}
            session.execute(text(statement), named)
        session.execute(text("ANALYZE"))
    count_days(database, NOW)
    count_issues(database, NOW)
    with database.transaction() as session:
        session.execute(text("ANALYZE"))

    with statements(database) as seen, database.reading() as session:
        issue, newsletter = session.get_one(Issue, issue.id), session.get_one(Newsletter, 1)
        told = report_newsletter(session, newsletter, NOW)
        about = report_issue(session, issue, NOW)
    assert [each.value for each in told.numbers] == [0, MANY, MANY // 10, MANY - MANY // 10]
    assert about is not None
    assert about.numbers[1].value == MANY
    # Of bounces, those of the issue: by their key.
    read = {table for statement, _ in seen for table in re.findall(r"FROM (\w+)", statement)}
    assert not read & {"delivery", "subscriber", "subscription", "sign_up", "consent"}
    with statements(database) as minute:
        later = NOW + timedelta(minutes=1)
        count_days(database, later)
        count_issues(database, later)
    looked = [statement for statement, _ in minute if "FROM subscription" in statement]
    assert len(looked) == 2
    for statement, parameters in [*seen, *minute]:
        if statement.startswith("SELECT"):
            assert not EVERYBODY.search(plan(database, statement, parameters)), statement
