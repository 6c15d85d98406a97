"""An issue to be looked at: whole, and as it is now."""

from sqlalchemy import update

from digest.database.transactions import Database
from digest.models import Issue, LeftOut, Newsletter
from digest.newsroom.issues.looking import look_at_issue
from tests.factories import NOW, make_article, make_issue, make_newsletter


def test_an_issue_comes_with_all_that_its_page_shows(database: Database) -> None:
    with database.transaction() as session:
        newsletter = make_newsletter(session)
        articles = [make_article(session, slug) for slug in ("salt", "reef")]
        made = make_issue(session, newsletter, articles)
        made.left_out = [LeftOut(article_id=articles[0].id, title="Gone", by_hand=True, at=NOW)]
    with database.reading() as session:
        seen, none = look_at_issue(session, made.id), look_at_issue(session, made.id + 1)
        loaded = session.get_one(Issue, made.id)
        assert none is None
        assert seen is not None
        assert seen is look_at_issue(session, made.id)
        assert seen.newsletter.name == loaded.newsletter.name
        assert [
            (story.position, story.headline, story.issue is seen) for story in seen.stories
        ] == [(story.position, story.headline, True) for story in loaded.stories]
        assert [gone.title for gone in seen.left_out] == ["Gone"]
    with database.transaction() as session:
        session.execute(update(Newsletter).values(name="The Brief"))
    with database.reading() as session:
        again = look_at_issue(session, made.id)
    assert again is not None
    assert (seen.newsletter.name, again.newsletter.name) == ("Editor’s Digest", "The Brief")
