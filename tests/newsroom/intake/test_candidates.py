from hypothesis import given
from hypothesis import strategies as st

from digest.models import Article
from digest.newsroom.intake.candidates import (
    PICTURES_AT_MOST,
    Candidate,
    update_pictures,
    usable_pictures,
)
from tests.factories import NOW

SITE = "https://halyard.example/i"


def test_a_picture_that_comes_twice_is_kept_once_with_the_words_that_one_of_them_has() -> None:
    given = [(f"{SITE}/port.jpg", ""), (f"{SITE}/port.jpg", "A full quay"), (f"{SITE}/b.jpg", "B")]

    assert usable_pictures(given) == ((f"{SITE}/port.jpg", "A full quay"), (f"{SITE}/b.jpg", "B"))


def test_what_is_no_address_is_left_out_and_a_few_of_the_others_are_kept() -> None:
    bad = ["javascript:alert(1)", "", "/i/port.jpg", f"{SITE}/{'x' * 3000}", "http://["]
    good = [f"{SITE}/{number}.jpg" for number in range(9)]
    kept = usable_pictures((url, "") for url in (*bad, *good))

    assert [url for url, _ in kept] == good[:PICTURES_AT_MOST]


def test_thousands_of_them_are_not_looked_through() -> None:
    looked_at = []

    class Address(str):
        __slots__ = ()

        def strip(self, chars: str | None = None, /) -> str:
            looked_at.append(self)
            return super().strip(chars)

    usable_pictures((Address("x"), "") for _ in range(5000))
    assert len(looked_at) <= 100


PICTURES = st.lists(
    st.tuples(st.sampled_from([f"{SITE}/{name}.jpg" for name in "abcdefg"]), st.text(max_size=3)),
    max_size=PICTURES_AT_MOST,
    unique_by=lambda candidate: candidate[0],
).map(tuple)
# What the next candidate turns out to be, in the order in which they are tried.
FOUND = st.lists(st.sampled_from(["lead", "thumbnail", "nothing"]), max_size=PICTURES_AT_MOST)


def try_some(article: Article, found: list[str]) -> None:
    """Try the next candidates as `fetching_pictures` does."""
    for each in found:
        if article.image_due_at is None:
            return
        candidate = article.picture_candidates[article.pictures_tried]
        article.pictures_tried += 1
        if each == "lead" or (each == "thumbnail" and article.thumbnail is None):
            article.thumbnail = candidate[0]
            article.lead_image = candidate[0] if each == "lead" else None
            article.image_url, article.image_alt = candidate
        if article.lead_image or article.pictures_tried == len(article.picture_candidates):
            article.image_due_at = None


@given(st.lists(st.tuples(PICTURES, FOUND), max_size=6))
def test_whatever_a_feed_changes_what_is_shown_is_one_of_its_pictures_with_its_own_words(
    changes: list[tuple[tuple[Candidate, ...], list[str]]],
) -> None:
    article = Article(picture_candidates=[], pictures_tried=0, image_alt="")
    latest: tuple[Candidate, ...] = ()
    for candidates, found in changes:
        update_pictures(article, candidates, NOW)
        try_some(article, found)
        latest = candidates or latest

        assert [tuple(each) for each in article.picture_candidates] == list(latest)
        assert article.pictures_tried <= PICTURES_AT_MOST
        if not latest:
            assert (article.image_url, article.image_due_at) == (None, None)
            continue
        assert article.image_url in dict(latest)
        assert article.image_alt or not dict(latest)[article.image_url]
        if article.thumbnail:
            assert article.thumbnail == article.image_url, "shown is what was taken"
        if article.image_due_at is not None:
            assert article.pictures_tried < len(latest)
        elif article.lead_image is None:
            assert article.pictures_tried >= len(latest), "all have been tried"


@given(PICTURES, FOUND, FOUND)
def test_the_same_again_changes_nothing(
    candidates: tuple[Candidate, ...], found: list[str], more: list[str]
) -> None:
    article, untouched = (
        Article(picture_candidates=[], pictures_tried=0, image_alt="") for _ in range(2)
    )
    for each in (article, untouched):
        update_pictures(each, candidates, NOW)
        try_some(each, found)
    update_pictures(article, candidates, NOW)
    for each in (article, untouched):
        try_some(each, more)

    for name in ("image_url", "image_alt", "image_due_at", "pictures_tried", "thumbnail"):
        assert getattr(article, name) == getattr(untouched, name)
