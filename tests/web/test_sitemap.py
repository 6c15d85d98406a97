"""What search engines are told of: every page that anybody may find, and no other."""

from datetime import timedelta
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import pytest
from flask.testing import FlaskClient

from digest.database.transactions import Database
from digest.models import Correction, IssueState, Newsletter
from tests.factories import NOW, make_article, make_issue, make_newsletter
from tests.web.test_atom import OURS, publish

PROTOCOL = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


def listed(client: FlaskClient, path: str, item: str = "url") -> dict[str, str | None]:
    """Return the paths that a sitemap lists, with when each was changed."""
    answer = client.get(path)
    assert (answer.status_code, answer.mimetype) == (200, "application/xml")
    pages = ET.fromstring(answer.data).findall(f"{PROTOCOL}{item}")
    found = {}
    for page in pages:
        address = page.findtext(f"{PROTOCOL}loc") or ""
        assert address.startswith(f"{OURS}/")
        found[urlsplit(address).path] = page.findtext(f"{PROTOCOL}lastmod")
    assert len(found) == len(pages)
    return found


def test_a_robot_finds_every_issue_from_the_root(
    client: FlaskClient, database: Database, newsletter: Newsletter
) -> None:
    issue_id = publish(database, newsletter, 1)
    publish(database, newsletter, 2)
    with database.transaction() as session:
        # Neither a draft, nor one that was cancelled, nor a newsletter that had none yet.
        article = make_article(session, "later")
        make_issue(session, newsletter, [article], IssueState.DRAFT, occurrence_on=None)
        make_issue(
            session, newsletter, [article], IssueState.CANCELLED, number=3, occurrence_on=None
        )
        make_newsletter(session, slug="brief", name="The Brief")
        corrected = NOW + timedelta(days=30)
        session.add(Correction(issue_id=issue_id, edition=2, at=corrected, by="Joss", words="A."))

    robots = client.get("/robots.txt")
    assert robots.mimetype == "text/plain"
    [root] = [line[9:] for line in robots.text.splitlines() if line.startswith("Sitemap: ")]
    assert root == f"{OURS}/sitemap.xml"
    assert "Disallow: /" not in robots.text
    sitemaps = listed(client, "/sitemap.xml", "sitemap")
    assert sitemaps == {
        "/sitemap-site.xml": None,
        "/issues/editors-digest/sitemap.xml": "2026-11-28T06:00:00Z",
    }
    issues = listed(client, "/issues/editors-digest/sitemap.xml")
    assert issues == {
        "/issues/editors-digest/": None,
        "/issues/editors-digest/2": "2026-11-28T06:00:00Z",
        "/issues/editors-digest/1": "2026-12-14T06:00:00Z",
    }
    site = listed(client, "/sitemap-site.xml")
    for path in (*issues, *site):
        page = client.get(path)
        assert page.status_code == 200, path
        assert "noindex" not in page.text + page.headers.get("X-Robots-Tag", ""), path
        if path != "/issues/":
            assert f'<link rel="canonical" href="{OURS}{path}">' in page.text, path


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_before_anything_is_set_up_there_is_little_to_list(client: FlaskClient) -> None:
    assert listed(client, "/sitemap.xml", "sitemap") == {"/sitemap-site.xml": None}
    assert set(listed(client, "/sitemap-site.xml")) == {"/", "/issues/", "/terms/1", "/privacy"}
    assert client.get("/issues/nobodys/sitemap.xml").status_code == 404
