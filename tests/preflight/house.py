"""An issue of three stories whose pages are on a server of the test's own."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from digest.database.transactions import Database
from digest.models import Article, Issue, IssueState, Newsletter, Notice, Story
from digest.newsroom.intake.fetching import PRIVATE_NETWORKS, Fetcher
from digest.preflight.asking import ask_links_of
from digest.preflight.checking import look_over
from digest.preflight.findings import Preflight
from tests.factories import NOW, make_article, make_issue, make_newsletter
from tests.servers.web import WebServer

FETCHER = Fetcher("https://halyard.example", PRIVATE_NETWORKS)
PUBLIC_URL = "https://mail.halyard.example"
SLUGS = ("salt", "reef", "tide")
TITLES = {"salt": "Where the salt goes", "reef": "A reef comes back", "tide": "The tide table"}


class House:
    """The issue, and what is found of it at `now`."""

    def __init__(
        self, database: Database, server: WebServer, *, state: IssueState = IssueState.DRAFT
    ) -> None:
        self.database, self.server, self.now = database, server, NOW
        self.send_at = NOW + timedelta(hours=2)
        with database.transaction() as session:
            articles = [
                make_article(
                    session, slug, title=TITLES[slug], url=server.route(f"/a/{slug}", b"<p>Here.")
                )
                for slug in SLUGS
            ]
            issue = make_issue(
                session,
                make_newsletter(session),
                articles,
                state,
                composed_at=NOW - timedelta(hours=1),
                send_at=self.send_at,
            )
            self.id = issue.id
            self.articles = dict(zip(SLUGS, (each.id for each in articles), strict=True))

    def ask(self, **options: Any) -> None:
        given: dict[str, Any] = {"fetcher": FETCHER, "public_url": PUBLIC_URL, "now": self.now}
        ask_links_of(self.database, self.id, **(given | options))

    def look(self) -> Preflight:
        with self.database.reading() as session:
            issue = session.get_one(Issue, self.id)
            return look_over(session, issue, public_url=PUBLIC_URL, now=self.now)

    def said(self) -> list[str]:
        return [each.sentence for each in self.look().findings]

    def blocked(self) -> list[str]:
        return [each.sentence for each in self.look().blockers]

    def put(self, **values: Any) -> None:
        with self.database.transaction() as session:
            session.execute(update(Issue).where(Issue.id == self.id).values(values))

    def put_newsletter(self, **values: Any) -> None:
        with self.database.transaction() as session:
            session.execute(update(Newsletter).values(values))

    def put_article(self, slug: str, **values: Any) -> None:
        with self.database.transaction() as session:
            article = Article.id == self.articles[slug]
            session.execute(update(Article).where(article).values(values))

    def put_story(self, slug: str, **values: Any) -> None:
        with self.database.transaction() as session:
            mine = (Story.issue_id == self.id) & (Story.article_id == self.articles[slug])
            session.execute(update(Story).where(mine).values(values))

    def answer(self, slug: str, status: int, **headers: str) -> None:
        self.server.route(f"/a/{slug}", b"", status=status, headers=headers)

    def asked(self, slug: str) -> list[str]:
        return [each.method for each in self.server.requests if each.path == f"/a/{slug}"]

    def issue(self) -> Issue:
        with self.database.reading() as session:
            return session.get_one(Issue, self.id)

    def notices(self) -> list[Notice]:
        with self.database.reading() as session:
            return list(session.scalars(select(Notice).order_by(Notice.id)))
