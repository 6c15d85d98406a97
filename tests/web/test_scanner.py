"""A mail scanner opens every link of every mail, and asks for its head first: nothing changes."""

import re
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest

from digest.database.tables import Base
from digest.models import NoticeKind, Subscription
from digest.tokens import Purpose
from tests.web.gallery import Gallery, open_gallery

LINK = re.compile(r"https?://[^\s\"'<>]+")
HREF = re.compile(r"""(?:href|src|action)=["']([^"']+)["']""")


@pytest.fixture
def paper(tmp_path: Path) -> Any:
    with open_gallery(tmp_path) as gallery:
        yield gallery


def dump(gallery: Gallery) -> dict[str, list[Any]]:
    with gallery.runtime.database.reading() as session:
        tables = Base.metadata.sorted_tables
        return {table.name: list(map(tuple, session.execute(table.select()))) for table in tables}


def press(client: httpx.Client, path: str, **fields: str) -> httpx.Response:
    proofs = re.findall(r'name="proof" value="([^"]+)"', client.get(path).text)
    return client.post(path, data={**fields, **({"proof": proofs[0]} if proofs else {})})


def have_every_mail_sent(gallery: Gallery, client: httpx.Client) -> None:
    """One of each kind that a reader can be mailed, on top of the issues that went out."""
    period: Subscription = gallery.reader("scanned@example.org")
    own = gallery.path(Purpose.PREFERENCES, period)
    press(client, own, action="fresh")
    client.post(client.get(gallery.newest_link()).url.path)
    press(client, own, action="address", email="scanned@example.net")
    client.post(client.get(gallery.newest_link()).url.path)
    press(client, "/preferences", email="scanned@example.net")
    sign_up = {"newsletter": "editors-digest", "consent": "yes", "wording": "1"}
    client.post("/subscribe", data={**sign_up, "email": "scanned@example.net"})
    client.post("/subscribe", data={**sign_up, "email": "pending@example.org"})
    client.post(f"{own}/erase")


def test_no_link_of_any_mail_changes_anything(paper: Gallery) -> None:
    with httpx.Client(base_url=paper.url, follow_redirects=True, timeout=30) as client:
        have_every_mail_sent(paper, client)
        mails = [message.read for message in paper.mailbox.messages()]
        subjects = " ".join(mail.subject for mail in mails)
        for words in ("Confirm your subscription", "You already get", "Your link", "new address"):
            assert words in subjects
        assert "another address" in subjects, NoticeKind.ADDRESS_CHANGED
        found = {
            unescape(link).rstrip(".,)")
            for mail in mails
            for text in (mail.text, mail.html, *(value for _, value in mail.headers))
            for link in LINK.findall(text or "")
        }
        ours = {link for link in found if link.startswith(paper.url)}
        folders = {httpx.URL(link).path.split("/")[1] for link in ours}
        assert {"c", "u", "p", "issues"} <= folders
        before = dump(paper)

        # A scanner has no cookie. It looks at what the pages link to as well.
        scanner = httpx.Client(base_url=paper.url, follow_redirects=True, timeout=30)
        beyond: set[str] = set()
        for link in sorted(ours):
            assert scanner.head(link).status_code < 500, link
            page = scanner.get(link)
            assert page.status_code < 500, link
            beyond |= {unescape(each) for each in HREF.findall(page.text)}
        for link in sorted(each for each in beyond if each.startswith("/")):
            assert scanner.get(link).status_code < 500, link
        assert len(beyond) > len(folders)
        assert scanner.cookies.jar._cookies == {}  # type: ignore[attr-defined]
        scanner.close()
        assert dump(paper) == before
