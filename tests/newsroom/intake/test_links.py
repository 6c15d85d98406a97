"""Addresses: what a reader gets is what was given; keys tell whether two are one page."""

import re
from urllib.parse import unquote_to_bytes, urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from digest.newsroom.intake.links import (
    TRACKING_KEYS,
    canonical_url,
    fragment_key,
    guid_key,
    page_key,
    site_of,
    web_url,
)

ANY_TEXT = st.text(st.characters(exclude_categories=()))
SITE = "https://halyard.example"


@pytest.mark.parametrize(
    "url",
    [
        "/a/port",
        "/a/port/",
        "/a//b///c",
        "/go/https://other.example/a",
        "/#!/story/5",
        "/a#top",
        "/a?",
        "/?story17",
        "/a?x=1&x=2&y&z=",
        "/a?b=2&a=1",
        "/a?a=1;b=2&&c",
        "/a?q=one+two%20three",
        "/a?sig=aB%2f%7E%3D&e=",
        "/a?a[]=1&b={x}|y^z",
        "/a?it's",
        "/a?url=https://other.example/?x=1",
        "/100%",
        "/a%2Fb",
        "/;v=1,2/@me:x",
        "/a?X-Amz-Signature=0f&utm_source=x",
    ],
)
def test_an_address_stays_as_it_was_given(url: str) -> None:
    assert canonical_url(SITE + url) == web_url(SITE + url) == SITE + url


@pytest.mark.parametrize(
    ("typed", "got"),
    [
        ("HTTPS://Halyard.Example:443/a/./x/../port", "https://halyard.example/a/port"),
        ("http://halyard.example:80", "http://halyard.example/"),
        ("http://halyard.example:443/a", "http://halyard.example:443/a"),
        ("http://127.0.0.1:8000/a", "http://127.0.0.1:8000/a"),
        ("http://[::1]:8000/a", "http://[::1]:8000/a"),
        ("https://halyard.example/%7euser/%c3%bc/%2f", "https://halyard.example/~user/%C3%BC/%2F"),
        ("https://halyard.example/a/%2e%2e/b", "https://halyard.example/b"),
        ("https://halyard.example/100%/%7e", "https://halyard.example/100%/%7e"),
        ("https://halyard.example/%%6565", "https://halyard.example/%%6565"),
        # Blanks.
        (" \n\thttps://halyard.example/a \u00a0\n", "https://halyard.example/a"),
        ("https://halyard.example/a b?c d#e f", "https://halyard.example/a%20b?c%20d#e%20f"),
        ("https://halyard.example/a\u00a0b", "https://halyard.example/a%C2%A0b"),
        # What could leave an attribute, or end a link in a plain text part.
        (
            'https://halyard.example/"<>`?"<>`#"<>`',
            "https://halyard.example/%22%3C%3E%60?%22%3C%3E%60#%22%3C%3E%60",
        ),
        (r"https://halyard.example/a\b", "https://halyard.example/a/b"),
        # Hosts as the DNS has them.
        ("https://hälyard.example/ü?ü#ü", "https://xn--hlyard-bua.example/%C3%BC?%C3%BC#%C3%BC"),
        ("https://faß.example/", "https://xn--fa-hia.example/"),
        ("https://i❤.example/", "https://xn--i-7iq.example/"),
        ("https://ｈalyard。example/", "https://halyard.example/"),
        ("https://a_b.halyard.example./x", "https://a_b.halyard.example./x"),
    ],
)
def test_only_what_changes_nothing_is_written_in_one_way(typed: str, got: str) -> None:
    assert canonical_url(typed) == got
    assert canonical_url(got) == got


@pytest.mark.parametrize(
    ("typed", "got"),
    [
        ("/a?utm_source=x&utm_medium=y", "/a"),
        ("/a?story17&utm_source=x", "/a?story17"),
        ("/a?utm_source=x&story17", "/a?story17"),
        ("/a?id=7&fbclid=abc&e=&q=a+b%2f#top", "/a?id=7&e=&q=a+b%2f#top"),
        ("/a?b=2&gclid=1&a=1&&c", "/a?b=2&a=1&&c"),
        ("/a?UTM_Source=x&%75tm_medium=y", "/a"),
        ("/a#utm_source=x&xtor=RSS-1", "/a"),
        ("/a#utm_source=x&chapter=2", "/a#utm_source=x&chapter=2"),
        ("/a?not_utm_source=x&utm=1", "/a?not_utm_source=x&utm=1"),
    ],
)
def test_tracking_keys_go_and_the_rest_stays_byte_for_byte(typed: str, got: str) -> None:
    assert canonical_url(SITE + typed) == SITE + got


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "/a/port",
        "halyard.example/a",
        "//halyard.example/a",
        "javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,x",
        "mailto:imara@halyard.example",
        "file:///etc/passwd",
        "https://",
        "https:///a",
        "https:halyard.example",
        "https://halyard.example/\r\nBcc: x",
        "https://halyard.example/a\tb",
        "https://halyard example/a",
        "https:// halyard.example/a",
        "https://user:secret@halyard.example/",
        "https://halyard.example\\@evil.example/",
        r"https://halyard.example\.evil.example/",
        "https://halyard.example:99999/",
        "https://halyard..example/",
        "https://.../",
        "http://[",
        "http://[::1%25eth0]/",
        "https://halyard.example/\ud83d",
        "https://halyard.example/?\ud83d",
        "https://" + "a" * 300 + ".example/",
        "https://" + "a." * 200 + "example/",
        "https://halyard.example/" + "a" * 2000,
        "https://halyard.example/" + "ü" * 500,
    ],
)
def test_what_is_no_page_is_refused_with_a_sentence(typed: str) -> None:
    with pytest.raises(ValueError, match=r"^[A-Z].*\.$"):
        canonical_url(typed)


def read(typed: str) -> tuple[str | None, str]:
    try:
        return web_url(typed), ""
    except ValueError as error:
        return None, str(error)


@given(ANY_TEXT)
def test_any_text_is_a_web_address_or_refused_in_words(text: str) -> None:
    for typed in (text, "https://" + text, SITE + "/" + text, SITE + "/?" + text):
        url, refused = read(typed)
        if url is None:
            assert re.fullmatch(r"[A-Z].*\.", refused)
            continue
        assert re.fullmatch(r"https?://[!-~]+", url)
        assert not re.search(r'["<>`\\]', url)
        assert web_url(url) == url
        canonical = canonical_url(typed)
        assert canonical_url(canonical) == canonical
        for key in (page_key(url), page_key(url, with_fragment=True)):
            assert re.fullmatch(r"[!-~]{1,1000}", key)


PIECES = st.lists(
    st.text("aB%27f+;=[]|~!$'()*,:@/?-._0", max_size=8) | st.sampled_from(sorted(TRACKING_KEYS)),
    max_size=6,
)


@given(PIECES)
def test_a_query_loses_whole_pieces_and_nothing_else(pieces: list[str]) -> None:
    query = "&".join(pieces)

    written = canonical_url(f"{SITE}/a?{query}").partition("?")[2]

    kept = [piece for piece in pieces if piece.partition("=")[0].lower() not in TRACKING_KEYS]
    assert written == "&".join(kept)
    assert web_url(f"{SITE}/a?{query}") == f"{SITE}/a?{query}"


@given(st.text("ab/.%2eE7~F", max_size=30))
def test_a_server_is_asked_for_the_same_path(path: str) -> None:
    # Dot segments are walked along by the browser (RFC 3986 5.2.4).
    assume(not re.search(r"(^|/)(\.|%2e){1,2}(/|$)", path, re.IGNORECASE))
    asked = urlsplit(web_url(f"{SITE}/{path}")).path

    assert unquote_to_bytes(asked) == unquote_to_bytes(f"/{path}")
    assert asked.count("/") == path.count("/") + 1


# Keys


@pytest.mark.parametrize(
    "twin",
    [
        "http://halyard.example/a/port",
        "https://www.halyard.example/a/port",
        "http://www.halyard.example:80/a/port/",
        "https://halyard.example./a/port",
        "https://halyard.example/a//port",
        "https://halyard.example/%61/port",
        "https://halyard.example/a/port?utm_source=x",
        "https://halyard.example/a/port#top",
        "https://halyard.example/a/port?",
    ],
)
def test_one_page_has_one_key(twin: str) -> None:
    assert page_key(web_url(twin)) == page_key("https://halyard.example/a/port")


@pytest.mark.parametrize(
    ("one", "same"),
    [
        ("/a?q=x%20y", "/a?q=x+y"),
        ("/a?e=", "/a?e"),
        ("/?p=1", "?p=1"),
        ("/a?u=a%2fb", "/a?u=a/b"),
        ("/a|b", "/a%7Cb"),
        ("/a%2Cb", "/a,b"),
    ],
)
def test_ways_to_write_one_page_have_one_key(one: str, same: str) -> None:
    assert page_key(web_url(SITE + one)) == page_key(web_url(SITE + same))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/a", "/A"),
        ("/a", "/b"),
        ("/a?id=1", "/a?id=2"),
        ("/a?id=1", "/a"),
        ("/a?x=1&y=2", "/a?y=2&x=1"),
        ("/a%2Fb", "/a/b"),
        ("/a?u=1%262", "/a?u=1&2"),
        ("/#!/a", "/#!/b"),
        ("/#/a", "/"),
    ],
)
def test_two_pages_have_two_keys(one: str, other: str) -> None:
    assert page_key(web_url(SITE + one)) != page_key(web_url(SITE + other))


def test_sites_and_ports_count() -> None:
    urls = ("https://halyard.example/", "https://blog.halyard.example/", "https://www.example/")
    keys = [page_key(web_url(url)) for url in (*urls, "https://halyard.example:8443/")]

    assert keys == ["halyard.example", "blog.halyard.example", "www.example", keys[3]]
    assert [site_of(key + "/a?b") for key in keys] == keys


def test_a_guid_that_is_an_address_is_compared_as_one() -> None:
    assert guid_key("http://www.halyard.example/a/") == guid_key("https://halyard.example/a")
    assert guid_key("https://halyard.example/a#1") != guid_key("https://halyard.example/a#2")
    assert guid_key("tag:halyard.example,2026:1") == "tag:halyard.example,2026:1"
    assert guid_key("7") == "7"


def test_keys_fit_into_an_index() -> None:
    long = [web_url(f"{SITE}/?{'/' * 1900}{end}") for end in "ab"]
    guids = ["標" * 2000, "標" * 1999 + "x"]

    assert len({page_key(url) for url in long}) == 2
    assert len({guid_key(guid) for guid in guids}) == 2
    assert all(len(page_key(url)) <= 1000 for url in long)
    assert all(len(guid_key(guid).encode()) <= 500 for guid in guids)


def test_fragments_that_only_track_are_none() -> None:
    assert fragment_key("https://halyard.example/a#e1") == "#e1"
    assert fragment_key("https://halyard.example/a#utm_source=rss") == ""
    assert fragment_key("https://halyard.example/a") == ""
