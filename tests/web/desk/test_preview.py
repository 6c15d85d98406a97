"""What stands in the preview's frame, in each view, and what it may do."""

from html.parser import HTMLParser

import pytest

from digest.database.transactions import Database
from digest.delivery.ledger.freezing import freeze
from digest.models import Issue, IssueState, Newsletter, Role
from tests.factories import NOW, make_article, make_issue
from tests.web.conftest import hidden, words
from tests.web.desk.conftest import Colleague, Join

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
TITLE = "A reef </pre><script>alert(1)</script> @media (prefers-color-scheme:dark)"
VIEWS = ("desktop", "phone", "dark", "no-images", "text", "source")


def make_draft(database: Database, newsletter: Newsletter) -> str:
    with database.transaction() as session:
        articles = [make_article(session, slug) for slug in ("salt", "reef", "tide")]
        articles[
            1
        ].title = "A reef </pre><script>alert(1)</script> @media (prefers-color-scheme:dark)"
        made = session.get_one(Newsletter, newsletter.id)
        issue = make_issue(session, made, articles, IssueState.DRAFT)
        issue.composed_at = NOW
        return f"/desk/issues/{issue.id}"


class Elements(HTMLParser):
    """The names of a page's elements, as a browser finds them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.found.add(tag)


def freeze_draft(database: Database, issue_id: int) -> None:
    with database.transaction() as session:
        issue = session.get_one(Issue, issue_id)
        issue.state, issue.send_at = IssueState.SCHEDULED, NOW
    assert freeze(
        database, issue_id, now=NOW, public_url="http://127.0.0.1:8000", inbound_domain=None
    )


def test_each_view_is_the_mail_and_can_do_nothing(
    database: Database, newsletter: Newsletter, join: Join
) -> None:
    path, viewer = make_draft(database, newsletter), join("Joss", Role.VIEWER)
    shown = {view: viewer.get(f"{path}/preview?as={view}") for view in VIEWS}
    for view, answer in shown.items():
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy, view
        assert "; sandbox;" in policy, view
        assert "script-src" not in policy, view
        assert "frame-ancestors 'self'" in policy, view
        assert answer.headers["X-Frame-Options"] == "SAMEORIGIN", view
        assert answer.headers["Cache-Control"] == "no-store", view
        assert "script" not in Elements(answer.text).found, view
    assert "img-src 'none'" in shown["no-images"].headers["Content-Security-Policy"]
    assert "img-src 'self'" in shown["phone"].headers["Content-Security-Policy"]
    light, dark = shown["phone"].text, shown["dark"].text
    assert "@media not all{body" in light
    assert 'content="light"' in light
    assert "@media all{body" in dark
    assert 'content="dark"' in dark
    assert "@media (prefers-color-scheme:dark)" in dark, "a headline stays as it is"
    assert '<base target="_blank">' in light, "a link of the mail opens nothing"
    assert "@media not all{body" in shown["desktop"].text
    assert "&lt;/pre&gt;&lt;script&gt;" in shown["text"].text.lower()
    assert "List-Unsubscribe:" in shown["source"].text
    assert "&lt;!doctype html&gt;" in shown["source"].text.lower()
    assert "@media not all{body" in viewer.get(f"{path}/preview?as=hologram").text


def test_the_tabs_are_links_and_one_is_chosen(
    database: Database, newsletter: Newsletter, join: Join
) -> None:
    path, imara = make_draft(database, newsletter), join("Imara", Role.EDITOR)
    page = imara.get(f"{path}?preview=dark&words=reef").text
    assert f'src="{path}/preview?as=dark" sandbox title' in page
    assert f'href="{path}?preview=text&amp;words=reef#preview"' in page
    assert page.count('aria-current="true">Dark</a>') == 1
    assert f"{path}/preview?as=phone" in imara.get(f"{path}?preview=nonsense").text


def test_what_is_typed_is_shown_and_not_kept(
    database: Database, newsletter: Newsletter, join: Join
) -> None:
    path, imara = make_draft(database, newsletter), join("Imara", Role.EDITOR)

    def see(editor: Colleague, **typed: str) -> str:
        page = imara.get(path).text
        data = {"proof": hidden(page, "proof"), **typed}
        answer = editor.client.post(f"{path}/preview?as=phone", data=data)
        return answer.text if answer.status_code == 200 else str(answer.status_code)

    with database.reading() as session:
        article_id = session.get_one(Issue, int(path.rpartition("/")[2])).stories[2].article_id
    typed = {"note": "Good <b>morning</b>.", f"headline-{article_id}": "The tide turns"}
    shown = see(imara, **typed)
    assert "Good &lt;b&gt;morning&lt;/b&gt;." in shown
    assert "The tide turns" in shown
    at = f"{path}/preview?as=phone&at={article_id}"
    _, _, after = imara.get(at).text.partition('<span id="at"')
    assert "a/reef" not in after
    assert "a/tide" in after.partition("</a>")[0]
    assert 'id="at"' not in shown
    assert "Good" not in imara.get(f"{path}/preview").text
    assert "The tide turns" not in imara.get(path).text
    assert "5,000 is the most" in see(imara, note="n" * 5001)
    joss = join("Joss", Role.VIEWER)
    assert joss.client.post(f"{path}/preview", data={"note": "Mine"}).status_code == 403


def test_a_frozen_issue_is_shown_from_its_bytes_in_each_view(
    database: Database, newsletter: Newsletter, join: Join
) -> None:
    path, joss = make_draft(database, newsletter), join("Joss", Role.VIEWER)
    freeze_draft(database, int(path.rpartition("/")[2]))
    page = joss.get(path)
    assert "Source" in words(page)
    assert f"{path}/preview?as=desktop" in page.text
    with database.transaction() as session:
        for story in session.get_one(Issue, int(path.rpartition("/")[2])).stories:
            story.title = "Changed afterwards"
    for view in VIEWS:
        assert "Changed afterwards" not in joss.get(f"{path}/preview?as={view}").text
    assert "/a/reef" in joss.get(f"{path}/preview?as=text").text
