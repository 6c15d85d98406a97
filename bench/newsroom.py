"""What an editor's desk has to find its way in: articles of a year, a draft, and its editors."""

from datetime import UTC, datetime, timedelta

from bench.paper import Site
from bench.rig import opened
from digest.cli.halyard import THIS_WEEK
from digest.desk.audit import OPERATOR
from digest.desk.sessions import Browser, open_session
from digest.desk.users import Granted, create_user
from digest.models import Issue, Role
from digest.newsroom.intake.articles import NewArticle, add_article
from digest.newsroom.issues.editing import edit_issue
from digest.newsroom.issues.history import Editor

DAYS = 300
AT_ONCE = 500
CHANGES = 20
# Some 5 KB, as a feed has that brings whole articles.
BODY = "<p>What the harbour said, and what it did, are two things to its neighbours.</p>" * 64


def publish_year(site: Site, articles: int) -> None:
    """Add articles, as many a day, as the paper's feed would have brought them in 300 days."""
    now = datetime.now(UTC)
    with opened(site.database_url) as database:
        for first in range(0, articles, AT_ONCE):
            with database.transaction() as session:
                for number in range(first, min(first + AT_ONCE, articles)):
                    at = now - timedelta(days=DAYS) * (number + 1) / articles
                    story = THIS_WEEK[number % len(THIS_WEEK)]
                    new = NewArticle(
                        url=f"https://halyard.example/year/{number}",
                        title=f"{story.title}, {number}",
                        standfirst=story.standfirst,
                        body=BODY,
                        byline=story.byline,
                        section=story.section,
                        minutes=story.minutes,
                        published_at=at,
                        first_seen_at=at,
                    )
                    add_article(session, new, now)


def draft(site: Site) -> int:
    """Compose an issue, and have its note changed a few times. Return its id."""
    issue_id = site.compose()
    with opened(site.database_url) as database:
        for number in range(CHANGES):
            with database.transaction() as session:
                issue = session.get_one(Issue, issue_id)
                words = {"subject": f"The week in {number} stories"}
                edit_issue(session, issue, words, Editor("Imara"), datetime.now(UTC))
    return issue_id


def sign_in(site: Site, editors: int) -> list[str]:
    """Make users who are signed in; return their sessions' secrets."""
    now = datetime.now(UTC)
    with opened(site.database_url) as database, database.transaction() as session:
        secrets = []
        for number in range(editors):
            email, grants = f"editor{number}@example.org", [Granted(Role.OWNER)]
            user = create_user(session, OPERATOR, email, f"Editor {number}", grants, now=now)
            browser = Browser("127.0.0.1", "Mozilla/5.0 (bench)")
            secrets.append(open_session(session, user, browser, now=now, proved=True)[1])
    return secrets
