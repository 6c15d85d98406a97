"""Articles' pictures, fetched over HTTP after the articles are in."""

import struct
import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from digest.database.transactions import Database
from digest.models import Article, Media
from digest.newsroom.intake.articles import GivenPicture, NewArticle, add_article
from digest.newsroom.intake.candidates import PICTURES_AT_MOST
from digest.newsroom.intake.fetching import PRIVATE_NETWORKS, Fetcher
from digest.newsroom.intake.fetching_pictures import (
    CLAIM,
    TRIES,
    fetch_picture,
    fetch_pictures,
    pictures_due,
)
from digest.newsroom.intake.letting_go import MARGIN
from digest.newsroom.intake.media import article_pictures, set_by_hand
from tests.factories import NOW, make_newsletter
from tests.newsroom.intake.test_fetching_sources import at_once, meet_before_update
from tests.newsroom.intake.test_pictures import file_of, huge_png, photograph
from tests.servers.web import Body, Reply, Request, WebServer

FETCHER = Fetcher("https://halyard.example", PRIVATE_NETWORKS)
PAGE = "https://halyard.example/a/port"
HOUR = timedelta(hours=1)
PHOTO = file_of(photograph(1200, 900))
SMALL = file_of(photograph(100, 100))
# Wide enough for a thumbnail, and not for a lead.
MIDDLING = file_of(photograph(400, 300))
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Picture:
    """An article with a picture on a server."""

    def __init__(self, database: Database, server: WebServer) -> None:
        self.database = database
        self.server = server
        self.url = server.route("/i/port.jpg", PHOTO, headers={"Content-Type": "image/jpeg"})
        self.bring_in(self.url)

    def bring_in(self, image_url: str | None, *others: str, alt: str = "") -> None:
        new = NewArticle(
            url=PAGE,
            title="The port",
            image_url=image_url,
            image_alt=alt,
            other_pictures=tuple(GivenPicture(url, _alt(url)) for url in others),
        )
        with self.database.transaction() as session:
            self.id = add_article(session, new, NOW).id

    def serve(self, name: str, content: Body = PHOTO, status: int = 200) -> str:
        return self.server.route(f"/i/{name}.jpg", content, status=status)

    def taken(self) -> tuple[str | None, str, bool, bool]:
        """Which picture it has and what that shows; whether it does as a lead, as a thumbnail."""
        article = self.article()
        name = _alt(article.image_url) if article.image_url else None
        has = article.lead_image is not None, article.thumbnail is not None
        return name, article.image_alt, *has

    def asked(self) -> list[str]:
        return [_alt(request.path) for request in self.server.requests]

    def fetch(self, now: datetime = NOW) -> bool:
        return fetch_picture(self.database, self.id, fetcher=FETCHER, now=now)

    def article(self) -> Article:
        with self.database.reading() as session:
            return session.get_one(Article, self.id)

    def due(self, now: datetime = NOW) -> list[int]:
        with self.database.reading() as session:
            return pictures_due(session, now)


def _alt(url: str) -> str:
    """Name a picture of ours as its text does."""
    return url.rpartition("/")[2].removesuffix(".jpg")


@pytest.fixture
def picture(database: Database, http_server: WebServer) -> Picture:
    return Picture(database, http_server)


def test_a_picture_is_fetched_cropped_and_kept(picture: Picture) -> None:
    assert picture.due() == [picture.id]
    assert picture.fetch()

    article = picture.article()
    assert article.lead_image is not None
    with picture.database.reading() as session:
        lead = session.get_one(Media, article.lead_image)
        thumbnail = session.get_one(Media, article.thumbnail)
    assert (lead.width, lead.height) == (1072, 603)
    assert (thumbnail.width, thumbnail.height) == (332, 249)
    assert picture.due(NOW + HOUR) == []
    assert not picture.fetch()
    assert len(picture.server.requests) == 1


def test_a_picture_that_is_too_small_is_not_set_and_not_asked_for_again(picture: Picture) -> None:
    picture.server.route("/i/port.jpg", SMALL)

    assert not picture.fetch()
    assert (picture.article().lead_image, picture.article().thumbnail) == (None, None)
    assert picture.due(NOW + HOUR) == []


def endless() -> Iterator[bytes]:
    while True:
        yield b"x" * 1_000_000


@pytest.mark.parametrize(
    "body",
    [huge_png(30_000, 30_000), SVG, b"<!DOCTYPE html><p>Not found", b"", PHOTO[:5000], endless],
    ids=["30,000 x 30,000", "SVG", "HTML called .jpg", "nothing", "half", "endless"],
)
def test_what_is_no_picture_leaves_the_article_without(picture: Picture, body: Body) -> None:
    picture.server.route("/i/port.jpg", body, headers={"Content-Type": "image/jpeg"})

    assert not picture.fetch()
    article = picture.article()
    assert (article.lead_image, article.thumbnail, article.image_due_at) == (None, None, None)
    assert picture.due(NOW + 100 * HOUR) == []
    with picture.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Media)) == 0


def test_a_picture_of_few_bytes_and_many_pixels_is_refused(picture: Picture) -> None:
    rows = zlib.compress(b"\x00" * (30_000 * 10), 9)
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    body = b"\x89PNG\r\n\x1a\n"
    for name, data in ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")):
        crc = zlib.crc32(name + data)
        body += struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc)
    picture.server.route("/i/port.jpg", body)

    assert not picture.fetch()
    assert picture.due(NOW + 100 * HOUR) == []


def test_a_site_that_fails_is_asked_three_times(picture: Picture) -> None:
    picture.server.route("/i/port.jpg", status=503)
    now = NOW
    for _ in range(TRIES - 1):
        assert not picture.fetch(now)
        assert picture.due(now) == []
        now += 2 * HOUR
        assert picture.due(now) == [picture.id]
    picture.fetch(now)

    assert picture.due(now + 100 * HOUR) == []
    assert len(picture.server.requests) == TRIES


def test_a_site_that_comes_back_is_forgiven(picture: Picture) -> None:
    picture.server.route("/i/port.jpg", status=503)
    picture.fetch()
    picture.server.route("/i/port.jpg", PHOTO)

    assert picture.fetch(NOW + HOUR)
    assert picture.article().image_failures == 0


@SQLITE
def test_a_picture_inside_our_network_is_refused_for_good(picture: Picture) -> None:
    public = Fetcher("https://halyard.example")
    fetch_picture(picture.database, picture.id, fetcher=public, now=NOW)

    assert picture.due(NOW + 100 * HOUR) == []
    assert picture.server.requests == []


def test_a_new_address_is_fetched_anew_and_the_old_picture_goes(picture: Picture) -> None:
    picture.fetch()
    old = picture.article().lead_image
    other = file_of(photograph(1200, 900).rotate(180))
    picture.bring_in(picture.server.route("/i/new.jpg", other))

    assert picture.article().lead_image is None
    assert picture.fetch()
    assert picture.article().lead_image not in (None, old)


def test_the_same_address_is_not_fetched_again(picture: Picture) -> None:
    picture.fetch()
    picture.bring_in(picture.url)

    assert picture.due(NOW + HOUR) == []
    assert picture.article().lead_image is not None


def test_a_picture_given_by_hand_stays(picture: Picture) -> None:
    with picture.database.transaction() as session:
        article = session.get_one(Article, picture.id)
        set_by_hand(session, article, article_pictures(PHOTO), NOW)
        given = article.lead_image
    picture.bring_in(picture.url)
    picture.bring_in(picture.serve("another"))

    assert picture.due(NOW + HOUR) == []
    assert picture.article().lead_image == given


def test_what_arrives_for_an_old_address_is_thrown_away(picture: Picture) -> None:
    def changes_meanwhile(_: Request) -> Reply:
        picture.bring_in(f"{picture.server.url}/i/new.jpg")
        return Reply(PHOTO)

    picture.server.route_to("/i/port.jpg", changes_meanwhile)

    assert not picture.fetch()
    assert picture.article().lead_image is None
    assert picture.due() == [picture.id]


def test_of_two_workers_one_fetches(picture: Picture) -> None:
    def another_worker(_: Request) -> Reply:
        assert not picture.fetch()
        return Reply(PHOTO)

    picture.server.route_to("/i/port.jpg", another_worker)

    assert picture.fetch()
    assert len(picture.server.requests) == 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_of_two_workers_who_saw_the_same_one_fetches(picture: Picture) -> None:
    meet_before_update(picture.database, "article")

    assert sorted(at_once(2, picture.fetch), key=bool) == [False, True]
    assert len(picture.server.requests) == 1


def test_a_worker_that_died_gives_its_picture_back(picture: Picture) -> None:
    class DeathError(BaseException):
        pass

    class Mortal(Fetcher):
        def fetch(self, *_: object, **__: object) -> object:  # type: ignore[override]
            raise DeathError

    with pytest.raises(DeathError):
        fetch_picture(picture.database, picture.id, fetcher=Mortal("x"), now=NOW)

    assert picture.due(NOW + CLAIM - timedelta(seconds=1)) == []
    assert picture.fetch(NOW + CLAIM)


@pytest.mark.parametrize("days", [10, 90])
def test_what_is_too_old_for_any_issue_needs_no_picture(picture: Picture, days: int) -> None:
    ids = []
    with picture.database.transaction() as session:
        make_newsletter(session, story_max_age_days=days)
        for slug, age in (("young", days - 1), ("old", days + MARGIN.days + 1)):
            url = f"https://halyard.example/a/{slug}"
            seen = NOW - timedelta(days=age)
            new = NewArticle(url, slug, image_url=picture.url, first_seen_at=seen)
            ids.append(add_article(session, new, NOW).id)

    assert picture.due() == [picture.id, ids[0]]


def test_pictures_are_fetched_until_it_is_time_to_stop(picture: Picture) -> None:
    with picture.database.transaction() as session:
        for slug in ("cold", "rain"):
            url = f"https://halyard.example/a/{slug}"
            add_article(session, NewArticle(url, slug, image_url=picture.url), NOW)
    turns = iter([True, True, False])
    stopped = fetch_pictures(picture.database, fetcher=FETCHER, now=NOW, go_on=lambda: next(turns))

    assert stopped is False
    assert picture.due() == [picture.id]
    assert fetch_pictures(picture.database, fetcher=FETCHER, now=NOW, go_on=lambda: True)
    assert picture.due() == []


# Where an article may have several.


@pytest.mark.parametrize(
    "unusable",
    [SMALL, SVG, b"", PHOTO[:5000], None],
    ids=["small", "SVG", "nothing", "half", "404"],
)
def test_where_one_cannot_be_used_the_next_is_taken_with_its_own_words(
    picture: Picture, unusable: bytes | None
) -> None:
    avatar = picture.serve("avatar", unusable or b"", 404 if unusable is None else 200)
    picture.bring_in(avatar, picture.serve("quay"), picture.serve("share"), alt="The author")

    assert picture.fetch()
    assert picture.taken() == ("quay", "quay", True, True)
    assert picture.asked() == ["avatar", "quay"]
    assert picture.due(NOW + 100 * HOUR) == []


def test_the_first_that_does_is_taken_and_the_others_are_not_asked_for(picture: Picture) -> None:
    picture.bring_in(picture.serve("quay"), picture.serve("share"), alt="A full quay")

    assert picture.fetch()
    assert picture.taken() == ("quay", "A full quay", True, True)
    assert picture.asked() == ["quay"]


def test_where_none_can_be_used_the_article_goes_without(picture: Picture) -> None:
    picture.bring_in(picture.serve("one", SMALL), picture.serve("two", SVG), alt="The first")

    assert not picture.fetch()
    assert picture.taken() == ("one", "The first", False, False)
    assert picture.asked() == ["one", "two"]
    assert picture.due(NOW + 100 * HOUR) == []


def test_a_thumbnail_gives_way_to_the_next_that_does_as_a_lead(picture: Picture) -> None:
    middling = [picture.serve(name, MIDDLING) for name in ("one", "two")]
    picture.bring_in(*middling, picture.serve("quay"), alt="The first")

    assert picture.fetch()
    assert picture.taken() == ("quay", "quay", True, True)


def test_without_a_lead_the_first_thumbnail_stays(picture: Picture) -> None:
    others = (picture.serve("two", MIDDLING), picture.serve("three", SMALL))
    picture.bring_in(picture.serve("one", SMALL), *others, picture.serve("four", MIDDLING))

    assert picture.fetch()
    assert picture.taken() == ("two", "two", False, True)
    assert picture.asked() == ["one", "two", "three", "four"]
    assert picture.due(NOW + 100 * HOUR) == []


def test_no_more_are_kept_and_tried_than_are_worth_it(picture: Picture) -> None:
    many = [picture.serve(str(number), SMALL) for number in range(20)]
    picture.bring_in(many[0], *many)

    assert not picture.fetch()
    assert picture.asked() == [str(number) for number in range(PICTURES_AT_MOST)]


def test_a_site_that_fails_is_tried_again_and_then_passed_over(picture: Picture) -> None:
    down = [picture.serve(name, status=503) for name in ("one", "two")]
    picture.bring_in(*down, picture.serve("quay"))
    now = NOW
    for _ in range(TRIES - 1):
        assert not picture.fetch(now)
        assert picture.due(now) == []
        now += 2 * HOUR

    assert picture.fetch(now)
    assert picture.taken() == ("quay", "quay", True, True)
    assert picture.asked() == ["one"] * TRIES + ["two", "quay"]


def test_however_its_sites_fail_an_article_costs_few_requests(picture: Picture) -> None:
    down = [picture.serve(str(number), status=503) for number in range(4)]
    picture.bring_in(picture.serve("thumbnail", MIDDLING), *down)
    now = NOW
    while picture.article().image_due_at is not None:
        picture.fetch(now)
        now += HOUR

    assert picture.taken() == ("thumbnail", "", False, True)
    assert len(picture.asked()) <= PICTURES_AT_MOST + TRIES - 1


def test_a_picture_that_is_not_there_yet_is_waited_for_where_it_is_the_last(
    picture: Picture,
) -> None:
    picture.bring_in(picture.serve("one", status=404), picture.serve("two", status=404))
    assert not picture.fetch()
    picture.serve("two")

    assert picture.fetch(NOW + HOUR)
    assert picture.taken() == ("two", "two", True, True)


def test_the_same_again_from_the_feed_does_not_start_over(picture: Picture) -> None:
    given = picture.serve("avatar", SMALL), picture.serve("quay")
    picture.bring_in(*given, alt="The author")
    picture.fetch()
    picture.bring_in(*given, alt="The author")

    assert picture.due(NOW + HOUR) == []
    assert picture.taken() == ("quay", "quay", True, True)


def test_the_same_again_does_not_start_over_half_way(picture: Picture) -> None:
    given = picture.serve("avatar", SMALL), picture.serve("quay", status=503)
    picture.bring_in(*given)
    picture.fetch()
    picture.bring_in(*given)
    picture.serve("quay")

    assert picture.due(NOW) == []
    assert picture.fetch(NOW + HOUR)
    assert picture.asked() == ["avatar", "quay", "quay"]


def test_new_words_for_the_picture_that_was_taken_are_taken_too(picture: Picture) -> None:
    quay = picture.serve("quay")
    picture.bring_in(quay, alt="A quay")
    picture.fetch()
    picture.bring_in(quay, alt="A full quay")

    assert picture.due(NOW + HOUR) == []
    assert picture.taken() == ("quay", "A full quay", True, True)


def test_other_pictures_behind_the_one_that_was_taken_change_nothing(picture: Picture) -> None:
    quay = picture.serve("quay")
    picture.bring_in(quay)
    picture.fetch()
    picture.bring_in(quay, picture.serve("share"))

    assert picture.due(NOW + HOUR) == []
    assert picture.taken() == ("quay", "", True, True)


def test_other_pictures_are_tried_where_none_has_been_taken(picture: Picture) -> None:
    small = picture.serve("avatar", SMALL)
    picture.bring_in(small)
    picture.fetch()
    picture.bring_in(small, picture.serve("quay"))

    assert picture.fetch()
    assert picture.taken() == ("quay", "quay", True, True)


def test_a_picture_that_comes_before_the_one_that_was_taken_starts_over(picture: Picture) -> None:
    quay = picture.serve("quay")
    picture.bring_in(quay, alt="A quay")
    picture.fetch()
    picture.bring_in(picture.serve("new"), quay, alt="New")

    assert picture.taken() == ("new", "New", False, False)
    assert picture.fetch()
    assert picture.taken() == ("new", "New", True, True)


def test_a_picture_that_is_gone_from_the_feed_is_kept(picture: Picture) -> None:
    picture.fetch()
    picture.bring_in(None)

    assert picture.taken() == ("port", "", True, True)


def test_what_is_no_address_is_left_out_and_the_next_comes_first(picture: Picture) -> None:
    picture.bring_in("javascript:alert(1)", "data:image/png;base64,x", picture.serve("quay"))

    assert picture.fetch()
    assert picture.taken() == ("quay", "quay", True, True)


def test_of_several_one_is_tried_at_a_time_until_it_is_time_to_stop(picture: Picture) -> None:
    picture.bring_in(
        picture.serve("one", SMALL), picture.serve("two", SMALL), picture.serve("quay")
    )
    turns = iter([True, True, False])
    stopped = fetch_pictures(picture.database, fetcher=FETCHER, now=NOW, go_on=lambda: next(turns))

    assert stopped is False
    assert picture.asked() == ["one", "two"]
    assert picture.due() == [picture.id]
    assert fetch_pictures(picture.database, fetcher=FETCHER, now=NOW, go_on=lambda: True)
    assert picture.taken() == ("quay", "quay", True, True)
    assert picture.asked() == ["one", "two", "quay"]
