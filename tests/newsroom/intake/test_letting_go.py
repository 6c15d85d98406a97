"""Old articles lose their bodies and pictures, and are known for ever."""

import threading
from datetime import datetime, timedelta

import pytest
from sqlalchemy import event, func, select, update

from digest.database.transactions import Database
from digest.models import Article, Issue, IssueState, Media, Newsletter, Publication
from digest.newsroom.intake.articles import Change, GivenPicture, NewArticle, bring_in
from digest.newsroom.intake.fetching_pictures import pictures_due
from digest.newsroom.intake.letting_go import MARGIN, UNUSED, has_something_to_let_go, let_go
from digest.newsroom.intake.media import store_media
from digest.newsroom.intake.pictures import Encoded
from digest.newsroom.intake.sources import add_source
from digest.newsroom.issues.history import Editor
from digest.newsroom.issues.ordering import drop_story
from digest.newsroom.issues.picturing import drawn, set_picture
from tests.factories import NOW, make_article, make_issue, make_newsletter
from tests.newsroom.intake.test_pictures import file_of, photograph

DAY = timedelta(days=1)
OLD = timedelta(days=14) + MARGIN + DAY
LATER = NOW + UNUSED + DAY


def picture(name: str) -> Encoded:
    return Encoded(name.encode(), "image/jpeg", 10, 10)


class Archive:
    """An old article and a young one, each with a body and pictures."""

    def __init__(self, database: Database) -> None:
        self.database = database
        with database.transaction() as session:
            self.newsletter_id = make_newsletter(session).id
        self.old = self.add("old", NOW - OLD)
        self.young = self.add("young", NOW - OLD + 2 * DAY)

    def add(self, slug: str, at: datetime) -> int:
        with self.database.transaction() as session:
            lead, thumbnail = (
                store_media(session, picture(f"{slug} {shape}"), at)
                for shape in ("lead", "thumbnail")
            )
            return make_article(
                session, slug, body=f"<p>The {slug} one.</p>", lead_image=lead,
                thumbnail=thumbnail, published_at=at, first_seen_at=at, updated_at=at,
                image_url=f"https://halyard.example/i/{slug}.jpg", guid=slug,
            ).id  # fmt: skip

    def let_go(self, now: datetime = NOW) -> bool:
        return let_go(self.database, now=now, go_on=lambda: True)

    def article(self, article_id: int) -> Article:
        with self.database.reading() as session:
            return session.get_one(Article, article_id)

    def pictures(self) -> list[str]:
        with self.database.reading() as session:
            found = session.execute(select(Media.content).order_by(Media.content)).scalars()
            return [content.decode() for content in found]


@pytest.fixture
def archive(database: Database) -> Archive:
    return Archive(database)


def test_what_no_issue_can_take_loses_body_and_pictures_and_is_still_known(
    archive: Archive,
) -> None:
    before = archive.article(archive.old)
    assert archive.let_go()
    old = archive.article(archive.old)
    assert (old.body, old.lead_image, old.thumbnail, old.let_go_at) == ("", None, None, NOW)
    assert (old.url, old.guid) == (before.url, before.guid)
    assert (old.first_seen_at, old.published_at) == (before.first_seen_at, before.published_at)
    assert (old.title, old.updated_at) == (before.title, before.updated_at)
    young = archive.article(archive.young)
    assert (young.body, young.let_go_at) == ("<p>The young one.</p>", None)
    assert young.lead_image is not None


def test_a_picture_that_nothing_shows_goes_a_day_later(archive: Archive) -> None:
    archive.let_go()
    assert len(archive.pictures()) == 4
    archive.let_go(NOW + UNUSED - timedelta(minutes=1))
    assert len(archive.pictures()) == 4
    archive.let_go(NOW + UNUSED)
    assert archive.pictures() == ["young lead", "young thumbnail"]


def test_a_longer_story_age_keeps_articles_longer(archive: Archive) -> None:
    with archive.database.transaction() as session:
        session.execute(update(Newsletter).values(story_max_age_days=20))
    archive.let_go()
    assert archive.article(archive.old).let_go_at is None


@pytest.mark.parametrize("state", [IssueState.DRAFT, IssueState.SCHEDULED, IssueState.HELD])
def test_what_a_waiting_issue_has_is_kept(archive: Archive, state: IssueState) -> None:
    with archive.database.transaction() as session:
        newsletter = session.get_one(Newsletter, archive.newsletter_id)
        make_issue(session, newsletter, [session.get_one(Article, archive.old)], state)
    archive.let_go()
    archive.let_go(LATER)
    assert archive.article(archive.old).lead_image is not None


def test_a_dropped_storys_own_picture_is_kept_for_as_long_as_it_may_come_back(
    archive: Archive,
) -> None:
    own = drawn("picture", file_of(photograph(1000, 900)))
    with archive.database.transaction() as session:
        newsletter, old = (
            session.get_one(Newsletter, archive.newsletter_id),
            session.get_one(Article, archive.old),
        )
        issue = make_issue(session, newsletter, [old], IssueState.DRAFT)
        editor = Editor("Imara")
        before = set(session.scalars(select(Media.hash)))
        set_picture(session, issue, old.id, own, None, editor, LATER)
        drop_story(session, issue, old.id, editor, LATER)
        added = set(session.scalars(select(Media.hash))) - before
    assert len(added) == 3

    def kept() -> set[str]:
        archive.let_go()
        archive.let_go(LATER)
        with archive.database.reading() as session:
            return added & set(session.scalars(select(Media.hash)))

    assert kept() == added
    with archive.database.transaction() as session:
        session.execute(update(Issue).values(state=IssueState.CANCELLED))
    assert kept() == set()


def test_what_an_issue_has_shown_stays(archive: Archive) -> None:
    with archive.database.transaction() as session:
        newsletter = session.get_one(Newsletter, archive.newsletter_id)
        old = session.get_one(Article, archive.old)
        issue = make_issue(session, newsletter, [old], IssueState.SENT, number=1)
        issue.stories[0].image, issue.stories[0].title = old.lead_image, old.title
    archive.let_go()
    archive.let_go(LATER)
    assert archive.article(archive.old).lead_image is None
    assert "old lead" in archive.pictures()
    assert "old thumbnail" not in archive.pictures()


def test_portraits_and_marks_stay_also_those_of_mails_long_ago(archive: Archive) -> None:
    with archive.database.transaction() as session:
        stored = {
            name: store_media(session, picture(name), NOW, lasting=lasting)
            for name, lasting in (
                ("portrait", False), ("mark", False), ("an old portrait", True), ("orphan", False)
            )
        }  # fmt: skip
        session.get_one(Newsletter, archive.newsletter_id).editor_portrait = stored["portrait"]
        session.get_one(Publication, 1).mark = stored["mark"]
    archive.let_go()
    archive.let_go(LATER)
    kept = archive.pictures()
    assert {"portrait", "mark", "an old portrait"} <= set(kept)
    assert "orphan" not in kept


def test_a_picture_that_is_stored_again_in_time_stays(archive: Archive) -> None:
    archive.let_go()
    with archive.database.transaction() as session:
        key = store_media(session, picture("old lead"), NOW)
        make_article(session, "again", lead_image=key)
    archive.let_go(LATER)
    assert "old lead" in archive.pictures()


def test_the_same_entry_again_brings_nothing_back(archive: Archive) -> None:
    with archive.database.transaction() as session:
        source = add_source(session, "https://halyard.example/feed.xml", NOW)
        session.execute(update(Article).values(source_id=source.id))
        known = session.get_one(Article, archive.old)
        known.guid = known.guid_key = "old"
    archive.let_go()
    entry = NewArticle(
        url="https://halyard.example/a/old",
        title="The story of the old",
        standfirst="A fact, then a turn.",
        byline="Joss Penhallow",
        section="World",
        body="<p>The old one.</p>",
        minutes=5,
        image_url="https://halyard.example/i/another.jpg",
        other_pictures=(GivenPicture("https://halyard.example/i/third.jpg"),),
        published_at=NOW - OLD,
        guid="old",
    )
    with archive.database.transaction() as session:
        source = session.get_one(Article, archive.old).source  # type: ignore[assignment]
        article, change = bring_in(session, entry, NOW, source)
        assert (article.id, change) == (archive.old, Change.UNCHANGED)
    old = archive.article(archive.old)
    assert (old.body, old.lead_image, old.first_seen_at) == ("", None, NOW - OLD)
    with archive.database.reading() as session:
        assert archive.old not in pictures_due(session, NOW)
        assert session.scalar(select(func.count()).select_from(Article)) == 2


def test_it_stops_when_it_is_time_to_and_goes_on_later(archive: Archive) -> None:
    assert not let_go(archive.database, now=NOW, go_on=lambda: False)
    assert archive.article(archive.old).let_go_at is None
    assert archive.let_go()
    assert archive.article(archive.old).let_go_at == NOW


def test_it_is_known_whether_there_is_anything_to_do(database: Database) -> None:
    with database.reading() as session:
        assert not has_something_to_let_go(session, NOW)
    with database.transaction() as session:
        make_newsletter(session)
        make_article(session, "young", first_seen_at=NOW)
    with database.reading() as session:
        assert not has_something_to_let_go(session, NOW)
        assert has_something_to_let_go(session, NOW + OLD)


def test_a_picture_stored_while_it_is_being_deleted_is_there_after(archive: Archive) -> None:
    archive.let_go()
    at_delete, stored = threading.Event(), threading.Event()

    def hold(*arguments: object) -> None:
        if str(arguments[2]).startswith("DELETE FROM media"):
            at_delete.set()
            # It cannot be stored on SQLite while we write, and it may not be on PostgreSQL.
            stored.wait(0.5)

    event.listen(archive.database.engine, "before_cursor_execute", hold)

    def store() -> None:
        at_delete.wait(10)
        with archive.database.transaction() as session:
            key = store_media(session, picture("old lead"), LATER)
            stored.set()
            make_article(session, "again", lead_image=key)

    storing = threading.Thread(target=store)
    storing.start()
    archive.let_go(LATER)
    storing.join()
    assert "old lead" in archive.pictures()


def test_a_picture_that_is_deleted_while_it_is_stored_is_stored_anew(archive: Archive) -> None:
    archive.let_go()
    deleted, waiting = threading.Event(), threading.Event()

    def hold(*arguments: object) -> None:
        if str(arguments[2]).startswith("DELETE FROM media"):
            deleted.set()
            waiting.wait(0.3)

    event.listen(archive.database.engine, "after_cursor_execute", hold)

    def store() -> None:
        deleted.wait(10)
        with archive.database.transaction() as session:
            make_article(
                session, "again", lead_image=store_media(session, picture("old lead"), LATER)
            )

    storing = threading.Thread(target=store)
    storing.start()
    archive.let_go(LATER)
    storing.join()
    assert "old lead" in archive.pictures()
