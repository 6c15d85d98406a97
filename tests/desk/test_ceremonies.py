"""Where passkeys can work at all."""

import pytest

from digest.desk.ceremonies import site_of


@pytest.mark.parametrize(
    ("url", "host", "origin"),
    [
        ("https://news.example.org", "news.example.org", "https://news.example.org"),
        ("https://example.org:8443/news", "example.org", "https://example.org:8443"),
        ("http://localhost:8000", "localhost", "http://localhost:8000"),
    ],
)
def test_they_are_for_a_host_by_https_and_for_localhost(url: str, host: str, origin: str) -> None:
    site = site_of(url, "The Halyard")
    assert site is not None
    assert (site.host, site.origin, site.name) == (host, origin, "The Halyard")


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8000", "https://192.0.2.7", "https://[2001:db8::1]", "http://[::1]:8000"],
)
def test_no_browser_makes_them_for_a_bare_ip(url: str) -> None:
    assert site_of(url, "The Halyard") is None


def test_nor_without_https() -> None:
    assert site_of("http://news.example.org", "The Halyard") is None
