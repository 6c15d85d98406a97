"""Digest under a path of another site, behind nginx, Caddy and Apache httpd as the guide has them.

Each passes `/newsletters` on in one round, and takes it away in another.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from urllib.parse import urldefrag, urljoin, urlsplit

import httpx
import pytest
from playwright.sync_api import Page, Response, expect
from sqlalchemy import select

from digest.models import ConsentDetail, EndedReason, Subscriber, Subscription
from digest.tokens import Purpose
from digest.web.assets import all_assets
from tests.browser import OpenPage
from tests.servers.proxies import PROXIES, Proxy
from tests.servers.run import Run
from tests.servers.web import WebServer
from tests.web.gallery import ROBIN, Gallery, open_gallery
from tests.web.host import Host, asked, fill, show

ADDRESS = re.compile(r'\b(?:href|src|action|data-worker)="([^"]*)"')
IN_A_SHEET = re.compile(r"url\((?!data:)[\"']?([^\"')]+)")
IN_A_SCRIPT = re.compile(r'(?:\bfrom |\bimport\()"([^"]+)"')
URL = re.compile(r"https?://[^\s<>\"]+")


@dataclass(frozen=True)
class Site:
    """The Halyard's pages behind a proxy, and where other sites are."""

    proxy: Proxy
    gallery: Gallery
    host: Host

    def is_ours(self, url: str) -> bool:
        return f"{url}/".startswith(f"{self.proxy.url}/")

    def is_on_our_host(self, url: str) -> bool:
        return urlsplit(url).netloc == urlsplit(self.proxy.url).netloc


@pytest.fixture(
    scope="module",
    params=[(kind, takes_away) for kind in PROXIES for takes_away in (False, True)],
    ids=lambda given: f"{given[0].program}, {'taken away' if given[1] else 'passed on'}",
)
def site(
    request: pytest.FixtureRequest, test_run: Run, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    kind, takes_away = request.param
    proxy: Proxy = kind(test_run, takes_away=takes_away)
    elsewhere = WebServer()
    origin = elsewhere.url.replace("127.0.0.1", "localhost")
    folder = tmp_path_factory.mktemp("paper")
    try:
        with open_gallery(folder, public_url=proxy.url, embed_origins=(origin,)) as gallery:
            proxy.lead_to(gallery.backend)
            proxy.start()
            yield Site(proxy, gallery, Host(elsewhere, proxy.url))
    finally:
        proxy.discard()
        elsewhere.close()


def test_every_address_that_can_be_followed_is_there_and_within_the_path(site: Site) -> None:
    mails = [mail.read for mail in site.gallery.mailbox.messages() if ROBIN in mail.recipients]
    [issue] = [mail for mail in mails[-1:] if mail.one_click_url]
    to_follow = {f"{site.proxy.url}/", f"{site.proxy.url}/embed/", f"{site.proxy.url}/embed.js"}
    # Some of them are there in a surge only.
    for name, asset in all_assets().items():
        to_follow.add(f"{site.proxy.url}/static/{asset.stamp}/{name}")
    for mail in mails:
        said = "\n".join([mail.text or "", mail.html or "", *(value for _, value in mail.headers)])
        found = {unescape(each).rstrip(".,)") for each in URL.findall(said)}
        ours = {each for each in found if site.is_on_our_host(each)}
        assert ours
        to_follow |= ours
    assert issue.one_click_url in to_follow

    followed: set[str] = set()
    with httpx.Client(trust_env=False) as client:
        while to_follow:
            url = to_follow.pop()
            followed.add(url)
            assert site.is_ours(url), url
            answer = client.get(url)
            found = addresses(answer)
            if answer.has_redirect_location:
                assert urlsplit(answer.headers["Location"]).scheme in {"", "https"}
                found.add(answer.headers["Location"])
            else:
                assert answer.status_code == 200, url
            for each in found:
                leads_to = urldefrag(urljoin(url, each)).url
                if site.is_on_our_host(leads_to) and leads_to not in followed:
                    to_follow.add(leads_to)

    paths = {urlsplit(url).path for url in followed}
    for page in ("issues/editors-digest/42", "terms/1", "preferences", "embed/editors-digest"):
        assert f"/newsletters/{page}" in paths
    kinds = {path.split("/")[2] for path in paths}
    assert {"static", "style", "media", "u", "p", "preferences", "unsubscribe"} <= kinds


def addresses(answer: httpx.Response) -> set[str]:
    """Return what a page, a style sheet or a script leads to. What is sent by POST exists too."""
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    looked_for = {"text/html": ADDRESS, "text/css": IN_A_SHEET, "text/javascript": IN_A_SCRIPT}
    if kind not in looked_for:
        return set()
    found = {unescape(each) for each in looked_for[kind].findall(answer.text)}
    return {each for each in found if not each.startswith(("#", "data:", "mailto:"))}


def test_slashes_are_forgiven_and_what_is_outside_is_not_ours(site: Site) -> None:
    def get(path: str) -> httpx.Response:
        url = f"http://127.0.0.1:{site.proxy.port}{path}"
        return httpx.get(url, follow_redirects=True, trust_env=False)

    for path in ("", "//", "/issues", "//issues///", "/terms/1/", "/healthz"):
        answer = get(f"/newsletters{path}")
        assert answer.status_code == 200, path
        assert site.is_ours(str(answer.url)), path
    missing = get("/newsletters/none")
    assert missing.status_code == 404
    assert 'href="/newsletters/issues/"' in missing.text
    for path in ("/", "/issues/", "/newslettersissues/"):
        assert "Halyard" not in get(path).text, path
    assert httpx.get(f"{site.gallery.backend}/healthz", trust_env=False).text == "ok\n"


def test_a_mail_program_s_own_button_leaves_by_one_post(site: Site) -> None:
    period = site.gallery.reader()
    token = site.gallery.runtime.ring.sign(Purpose.UNSUBSCRIBE, period.token_id)
    for path in (f"/u/{token}", f"//u/{token}/"):
        answer = httpx.post(
            f"{site.proxy.url}{path}", data={"List-Unsubscribe": "One-Click"}, trust_env=False
        )
        assert answer.status_code == 200
    assert ended(site, period) == EndedReason.LEFT


def ended(site: Site, period: Subscription) -> EndedReason | None:
    with site.gallery.runtime.database.reading() as session:
        return session.get_one(Subscription, period.id).ended_reason


def test_a_reader_s_whole_way(site: Site, open_page: OpenPage) -> None:
    tab = open_page(javascript=not site.proxy.takes_away)
    page, gallery = tab.page, site.gallery
    answers: list[Response] = []
    page.context.on("response", lambda answer: answers.append(answer))
    email = "kim@example.org"

    page.goto(f"{site.proxy.url}/")
    page.get_by_label("Email address").fill(email)
    page.get_by_label("I have read and agree").check()
    press(page, "Send me the Digest")
    heads(page, "Now check your email")
    open_newest_mail(site, page)
    press(page, "Yes, start it")
    heads(page, "You are in")
    period = newest_period(site, email)

    page.get_by_role("link", name="Past issues").first.click()
    page.locator(".row-link").first.click()
    heads(page, "Editor’s Digest")
    page.locator(".neighbour").first.click()
    heads(page, "Editor’s Digest")
    assert any(one.url.startswith(f"{site.proxy.url}/media/") for one in answers)

    page.goto(site.proxy.url + gallery.path(Purpose.PREFERENCES, period))
    press(page, "Mail me a fresh link")
    open_newest_mail(site, page)
    press(page, "Yes, open it")
    expect(page.get_by_text(email).first).to_be_visible()
    [cookie] = page.context.cookies()
    assert cookie["path"] == "/newsletters/preferences"
    page.get_by_label("four weeks").check()
    press(page, "Save")
    expect(page.get_by_text("Paused until").first).to_be_visible()
    expect(page.get_by_text(email).first).to_be_visible()

    page.goto(site.proxy.url + gallery.path(Purpose.UNSUBSCRIBE, period))
    press(page, "Unsubscribe")
    heads(page, "You have left the Editor’s Digest")
    press(page, "put me back")
    heads(page, "You are back")
    assert ended(site, period) == EndedReason.LEFT

    with gallery.runtime.database.reading() as session:
        pages = session.scalars(
            select(ConsentDetail.page_url).where(ConsentDetail.email == email)
        ).all()
    assert pages[0] == f"{site.proxy.url}/"
    assert [(one.url, one.status) for one in answers if one.status >= 400] == []
    assert [one.url for one in answers if not site.is_ours(one.url)] == []
    # Pictures that were still on their way when the reader went on count as failed requests.
    assert tab.console_errors == []


def press(page: Page, name: str) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name=name).first.click()


def heads(page: Page, words: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(words)


def open_newest_mail(site: Site, page: Page) -> None:
    page.goto(site.proxy.url + site.gallery.newest_link())


def newest_period(site: Site, email: str) -> Subscription:
    with site.gallery.runtime.database.reading() as session:
        return session.scalars(
            select(Subscription)
            .join(Subscriber)
            .where(Subscriber.email == email)
            .order_by(Subscription.id.desc())
        ).first() or pytest.fail("no such reader")


def test_the_element_signs_up_on_another_site(site: Site, open_page: OpenPage) -> None:
    tab = open_page()
    page, host = tab.page, site.host
    email = "element@example.org"
    show(page, host.hold("card", host.element("card")))
    fill(page, email)
    page.get_by_role("button", name="Sign up").click()

    expect(page.get_by_role("heading", name="Now check your email")).to_be_focused()
    assert asked(site.gallery, email)[2].page_url == f"{host.url}/card"
    assert (tab.console_errors, tab.failed_requests) == ([], [])


def test_the_frame_signs_up_on_another_site(site: Site, open_page: OpenPage) -> None:
    tab = open_page()
    page, host = tab.page, site.host
    email = "frame@example.org"
    page.goto(host.hold("card", host.pasted("iframe"), head=host.listener()))
    held = page.frame_locator("iframe")
    # It is as high as what it holds: the host took its word, and from nobody else.
    expect(page.locator("iframe")).not_to_have_attribute("height", "420")
    held.get_by_label("Email address").fill(email)
    held.get_by_label("I have read and agree").check()
    held.get_by_role("button", name="Sign up").click()

    expect(held.get_by_role("heading", name="Now check your email")).to_be_visible()
    assert asked(site.gallery, email)[2].page_url == f"{host.url}/"
    assert (tab.console_errors, tab.failed_requests) == ([], [])


def test_no_token_is_in_the_proxy_s_log(site: Site) -> None:
    token = site.gallery.runtime.ring.sign(Purpose.UNSUBSCRIBE, site.gallery.reader().token_id)
    httpx.get(f"{site.proxy.url}/u/{token}", trust_env=False)
    httpx.get(f"{site.proxy.url}/terms/1", trust_env=False)
    logs = [path.read_text(errors="replace") for path in site.proxy.directory.glob("*log")]
    assert any("/terms/1" in each for each in logs) == (site.proxy.name != "Caddy")
    assert not any(token in each for each in logs)
