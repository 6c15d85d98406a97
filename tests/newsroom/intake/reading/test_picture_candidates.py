import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.newsroom.intake.articles import GivenPicture
from digest.newsroom.intake.reading.picture_candidates import Declared, candidates

BASE = "https://halyard.example/2026/port/"
QUAY = "https://halyard.example/media/quay.jpg"


def urls(declared: list[Declared], content: str = "") -> list[str]:
    return [picture.url for picture in candidates(declared, content, BASE)]


@pytest.mark.parametrize(
    "picture",
    [
        Declared(QUAY, kind="image/jpeg", origin="enclosure"),
        Declared(QUAY, kind="IMAGE/JPEG", origin="enclosure"),
        Declared(QUAY, kind="image/jpg; charset=binary", origin="enclosure"),
        Declared(QUAY, origin="enclosure"),
        Declared(QUAY, kind="application/octet-stream", origin="enclosure"),
        Declared(QUAY, kind="image", origin="media:content"),
        Declared(QUAY, origin="media:content", width=1200, height=800),
        Declared(QUAY, origin="media:thumbnail", width=480),
        Declared(QUAY, origin="itunes:image"),
        Declared(QUAY, origin="image"),
        Declared(QUAY, origin="banner_image"),
        Declared("/media/quay.jpg", origin="image"),
        Declared("//halyard.example/media/quay.jpg", origin="image"),
        Declared(" HTTPS://Halyard.example/media/quay.jpg\n", origin="image"),
    ],
)
def test_what_a_feed_declares_is_found(picture: Declared) -> None:
    assert urls([picture]) == [QUAY]


@pytest.mark.parametrize(
    "picture",
    [
        Declared("https://halyard.example/port.mp3", kind="audio/mpeg", origin="enclosure"),
        Declared("https://halyard.example/port.mp3", origin="enclosure"),
        Declared("https://halyard.example/port", origin="enclosure"),
        Declared("https://halyard.example/port.jpg", kind="video/mp4", origin="enclosure"),
        Declared("https://halyard.example/port.svg", origin="image"),
        Declared("https://halyard.example/port", kind="image/svg+xml", origin="enclosure"),
        Declared("data:image/png;base64,AAAA", origin="image"),
        Declared("javascript:alert(1)", origin="image"),
        Declared("ftp://halyard.example/port.jpg", origin="image"),
        Declared("https://ada:secret@halyard.example/port.jpg", origin="image"),
        Declared(QUAY, origin="media:content", width=1),
        Declared(QUAY, origin="media:content", height=1),
        Declared(QUAY, origin="media:thumbnail", width=75, height=75),
        Declared("https://0.gravatar.com/avatar/9a?s=96", kind="image", origin="media:content"),
        Declared("", origin="image"),
        Declared("https://[", origin="image"),
    ],
)
def test_what_is_no_storys_picture_is_left_out(picture: Declared) -> None:
    assert urls([picture]) == []


@pytest.mark.parametrize(
    "content",
    [
        f'<img src="{QUAY}">',
        f"<IMG SRC='{QUAY}' WIDTH=640>",
        f"<img src={QUAY} />",
        '<p><a href="/x"><img src="/media/quay.jpg" width="100%"></a></p>',
        f'<img src="data:image/gif;base64,R0lG" data-src="{QUAY}">',
        f'<img src="/blank.gif" data-lazy-src="{QUAY}">',
        f'<img data-original="{QUAY}" src="/img/placeholder.svg">',
        f'<img src="data:image/svg+xml,x" ><noscript><img src="{QUAY}"></noscript>',
        f'<img src="/media/other.jpg" srcset="/small.jpg 320w, {QUAY} 1280w, /big.jpg 4000w">',
        f'<img srcset="/media/small.jpg 320w,{QUAY} 900w">',
        f'<img srcset="/media/small.jpg, {QUAY} 2x">',
        f'<img data-srcset="{QUAY} 1600w" src="data:,">',
        f'<picture><source type="image/webp" srcset="{QUAY} 1200w"><img src="/m/s.jpg"></picture>',
        f'<picture><source srcset="{QUAY}"></source><img alt="x"></picture>',
        f'<video poster="{QUAY}"><source src="/a.mp4"></video>',
        f'<amp-img src="{QUAY}"></amp-img>',
        f"<figure><img src='{QUAY}'><figcaption>The quay</figcaption></figure>",
    ],
)
def test_a_picture_in_the_text_is_found_in_its_best_size(content: str) -> None:
    assert urls([], content) == [QUAY]
    assert urls([], f'<img src="/pixel" width="1">{content}') == [QUAY]


@pytest.mark.parametrize(
    "other",
    [
        '<img src="https://secure.gravatar.com/avatar/9a?s=96">',
        '<img class="avatar avatar-96 photo" src="/ada.jpg">',
        '<div class="author-box"><div><img src="/ada.jpg"></div></div>',
        '<img src="https://s.w.org/images/core/emoji/15/72x72/26f5.png" class="wp-smiley">',
        '<img class="wp-emoji" src="/26f5.png" style="height: 1em">',
        '<a href="https://www.facebook.com/sharer/sharer.php?u=x"><img src="/f.png"></a>',
        '<a href="https://twitter.com/intent/tweet?x"><img src="/t.png"></a>',
        '<a class="share-icon" href="/x"><img src="/t.png"></a>',
        '<img src="/count.gif" width="1">',
        '<img src="/count.gif" height="1">',
        '<img src="/count.gif" width="0" height="0">',
        '<img src="/count.gif" style="width:1px">',
        '<img src="/count.gif" style="border:0;display:none">',
        '<img src="/icon.png" width="32">',
        '<img src="https://pixel.wp.com/b.gif?host=halyard.example">',
        '<img src="https://feeds.feedburner.com/~r/halyard/~4/x">',
        '<img src="https://medium.com/_/stat?event=post.clientViewed&amp;x=1">',
        '<img src="https://blogger.googleusercontent.com/tracker/1-2">',
        '<img src="https://vg07.met.vgwort.de/na/9a">',
        '<img src="/spacer.gif">',
        '<img src="/port.svg">',
        '<img src="data:image/png;base64,AAAA">',
        "<svg><image href='/x.png'></image></svg>",
        "<img>",
        "<img src>",
    ],
)
def test_faces_emoji_buttons_and_pixels_do_not_come_before_the_photo(other: str) -> None:
    assert urls([], f'{other}<p>Text</p><img src="{QUAY}">') == [QUAY]


def test_a_doubtful_name_comes_last() -> None:
    content = f'<img src="/media/logo.png"><img src="{QUAY}">'

    assert urls([], content) == [QUAY, "https://halyard.example/media/logo.png"]


def test_the_candidates_are_kept_in_their_order() -> None:
    declared = [
        Declared("/thumb.jpg", origin="media:thumbnail", width=150),
        Declared("/small.jpg", kind="image", origin="media:content", width=460),
        Declared("/wide.jpg", kind="image", origin="media:content", width=1200),
        Declared("/enclosed.jpg", kind="image/jpeg", origin="enclosure"),
    ]
    content = "".join(f'<img src="/body{number}.jpg">' for number in range(20))

    found = [url.rpartition("/")[2] for url in urls(declared, content)]

    assert found == [
        *("wide.jpg", "small.jpg", "enclosed.jpg"),
        *(f"body{number}.jpg" for number in range(5)),
    ]


def test_a_small_thumbnail_comes_behind_the_text_and_is_better_than_nothing() -> None:
    declared = [Declared("/thumb.jpg", origin="media:thumbnail", width=240)]

    assert urls(declared, f'<img src="{QUAY}">')[0] == QUAY
    assert urls(declared) == ["https://halyard.example/thumb.jpg"]


@pytest.mark.parametrize(
    ("declared", "within", "kept"),
    [
        (QUAY, QUAY, QUAY),
        (QUAY, QUAY.replace("quay", "quay-1024x683"), QUAY),
        (QUAY.replace("quay", "quay-150x150"), QUAY.replace("quay", "quay-1024x683"), "1024x683"),
        (QUAY.replace("quay", "quay-scaled"), QUAY.replace("quay", "quay-300x200"), "scaled"),
        (QUAY + "?w=300", QUAY, QUAY),
        (QUAY, QUAY.replace("/media/", "/media/size/w600/"), QUAY),
        (QUAY.replace("/media/", "/styles/thumbnail/public/media/") + "?itok=x", QUAY, QUAY),
        ("https://m.example/max/400/1*q.jpeg", "https://m.example/max/1024/1*q.jpeg", "1024"),
        (QUAY, "https://i0.wp.com/halyard.example/media/quay.jpg?resize=300%2C200&amp;ssl=1", QUAY),
        (
            "https://blogger.googleusercontent.com/img/b/R29/AVv/s72-c/quay.jpg",
            "https://blogger.googleusercontent.com/img/b/R29/AVv/s1600/quay.jpg",
            "s1600",
        ),
        (
            "https://cdn.example/image/fetch/h_600,c_limit/https%3A%2F%2Fm.example%2Fquay.jpeg",
            "https://cdn.example/image/fetch/w_1456,c_limit/https%3A%2F%2Fm.example%2Fquay.jpeg",
            "h_600",
        ),
    ],
)
def test_a_picture_in_two_sizes_is_one_with_the_words_of_either(
    declared: str, within: str, kept: str
) -> None:
    found = candidates(
        [Declared(declared, kind="image/jpeg", origin="enclosure")],
        f'<p><img src="{within}" alt="The quay &amp; its ships"></p>',
        BASE,
    )

    assert [picture.alt for picture in found] == ["The quay & its ships"]
    assert kept in found[0].url


def test_two_pictures_of_one_program_are_two() -> None:
    others = ("/show.php?id=1", "/show.php?id=2", "/a/1.jpg", "/b/1.jpg")
    content = "".join(f'<img src="{url}">' for url in others)

    assert len(urls([], content)) == 4


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("/media/the quay.jpg", "/media/the%20quay.jpg"),
        ("/media/the%20quay.jpg", "/media/the%20quay.jpg"),
        ("/media/über.jpg", "/media/%C3%BCber.jpg"),
        ("/show?a=1&copy=2&amp;b=3", "/show?a=1&copy=2&b=3"),
        ("/quay.jpg?sig=a%2Fb%2B", "/quay.jpg?sig=a%2Fb%2B"),
        ("../quay.jpg", "/2026/quay.jpg"),
        ("/quay.jpg#top", "/quay.jpg"),
    ],
)
def test_an_address_is_written_as_a_url(written: str, url: str) -> None:
    assert urls([], f'<img src="{written}">') == [f"https://halyard.example{url}"]


def test_the_words_of_a_picture_are_one_bounded_line() -> None:
    found = candidates([], f'<img src="/q.jpg" alt="The\n quay {"and " * 500}">', BASE)

    assert len(found[0].alt) <= 300
    assert found[0].alt.startswith("The quay and")


def test_no_pictures_are_none() -> None:
    assert candidates([], "", "") == ()
    assert candidates([], "<img src='/x.jpg'>", "") == ()


TAGS = st.lists(
    st.sampled_from(
        "<img src=/a.jpg srcset=' data-src=\"/b.png\" 640w, > </a> <a href='mailto:'> <picture>"
        " <source alt='x' style='width: 1px' ' \" <div class='avatar'> </div> width=200 %".split(
            " "
        )
    )
).map(" ".join)
ANY = st.text(st.characters(exclude_categories=()))


@given(
    st.lists(
        st.builds(
            Declared,
            url=ANY | st.just(QUAY) | ANY.map(lambda text: f"https://{text}.example/{text}.jpg"),
            alt=ANY,
            kind=st.sampled_from(["", "image", "IMAGE/PNG", "video/mp4"]),
            width=st.none() | st.integers(),
            origin=st.sampled_from(["", "media:content", "media:thumbnail", "enclosure"]),
        )
    ),
    ANY | TAGS,
    ANY | st.just(BASE),
)
def test_anything_makes_a_few_absolute_addresses(
    declared: list[Declared], content: str, base: str
) -> None:
    found = candidates(declared, content, base)

    assert len(found) <= 8
    for picture in found:
        assert isinstance(picture, GivenPicture)
        assert picture.url.startswith(("https://", "http://"))
        assert " " not in picture.url
        picture.url.encode()
        assert len(picture.alt) <= 300


@pytest.mark.parametrize(
    "piece",
    [
        "<img src=/a.jpg>",
        "<img ",
        "<img srcset='",
        "<a><picture><source srcset=x>",
        "<div class='avatar'>",
    ],
)
def test_hostile_markup_is_read_to_its_end(piece: str) -> None:
    assert len(urls([Declared(QUAY, origin="image")] * 5000, piece * (190_000 // len(piece)))) <= 8
    urls([], f"<img srcset='{'a.jpg 1w,' * 20_000}' style='{'width: ' * 20_000}'>")
