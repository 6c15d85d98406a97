"""A composed draft, and two editors who change it."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from digest.database.transactions import Database
from digest.models import Issue, IssueChange, IssueState, Newsletter
from digest.newsroom.issues.composing import compose
from digest.newsroom.issues.history import Editor, Outcome, list_changes
from tests.factories import NOW, make_issue, make_newsletter
from tests.newsroom.issues.test_composing import SLUGS, make_articles

IMARA, JOSS = Editor("Imara"), Editor("Joss")


class Draft:
    """An issue of four stories (port leads), and two more articles that could be in it."""

    def __init__(self, database: Database, *, composed: bool = True, **newsletter: Any) -> None:
        self.database = database
        with database.transaction() as session:
            made = make_newsletter(session, story_count=4, **newsletter)
            self.articles = {
                slug: article.id
                for slug, article in zip(SLUGS[:6], make_articles(session, *SLUGS[:6]), strict=True)
            }
            issue = make_issue(session, made, [], IssueState.DRAFT)
            if composed:
                compose(session, issue, NOW)
            self.id = issue.id

    def do(self, verb: Callable[..., Outcome], *arguments: Any, **options: Any) -> Outcome:
        """Call one of the verbs, in a transaction; a slug stands for its article."""
        given = [self.articles.get(each, each) if isinstance(each, str) else each
                 for each in arguments]  # fmt: skip
        by = options.pop("by", IMARA)
        with self.database.transaction() as session:
            return verb(session, session.get_one(Issue, self.id), *given, by, NOW, **options)

    def put(self, **values: Any) -> None:
        with self.database.transaction() as session:
            session.execute(update(Issue).where(Issue.id == self.id).values(values))

    def change(self, act: Callable[[Session, Issue], object]) -> None:
        with self.database.transaction() as session:
            act(session, session.get_one(Issue, self.id))

    def newsletter(self, **values: Any) -> None:
        with self.database.transaction() as session:
            session.execute(update(Newsletter).values(values))

    def issue(self) -> Issue:
        with self.database.reading() as session:
            issue = session.get_one(Issue, self.id)
            for story in issue.stories:
                assert story.article is not None
            assert issue.newsletter is not None
            return issue

    def stories(self) -> list[str]:
        """Return the slugs in order, the lead's with an asterisk, a brief's with a dot."""
        marks = {"lead": "*", "story": "", "brief": "."}
        slugs = {id_: slug for slug, id_ in self.articles.items()}
        return [f"{slugs[each.article_id]}{marks[each.role]}" for each in self.issue().stories]

    def history(self) -> list[IssueChange]:
        """Return the changes, the oldest first, but for the composing."""
        return [each for each in self.all_changes() if each.by != "Digest"]

    def all_changes(self) -> list[IssueChange]:
        """Return the changes, the oldest first; the rule's, too."""
        with self.database.reading() as session:
            found = list_changes(session, session.get_one(Issue, self.id), 1000)
            return list(reversed(found))

    def said(self) -> list[str]:
        return [change.words for change in self.history()]
