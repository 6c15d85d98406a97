"""Another site, on another origin, with a strict policy: its pages hold our sign-up boxes."""

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from digest.models import ConsentDetail, SignUp, SignUpChoice
from digest.settings.values import origin_of
from tests.servers.web import WebServer
from tests.web.gallery import Gallery
from tests.web.looking import Scheme

VARIANTS = ("card", "inline", "footer")
SCREENS: tuple[tuple[int, Scheme], ...] = ((375, "light"), (1280, "dark"))

HOWTO = Path(__file__).parents[2] / "docs" / "howto" / "embed.md"
DOCS_HOME = "https://digest.example.org"

# Nothing but the host's own; docs/howto/embed.md says what has to be named beside it.
POLICY = (
    "default-src 'none'; base-uri 'none'; style-src 'self'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)

# A page as sites have them: it sets rem to 10 px, and means its own fields by its rules.
STYLE = """
:root { color-scheme: light dark; font-size: 62.5%; }
:root.light { color-scheme: light; }
body { margin: 0; background: light-dark(#fff, #141d23); color: light-dark(#2b3944, #d5deda);
  font: 1.9rem/1.65 Georgia, serif; }
main { max-width: 680px; margin-inline: auto; padding: 24px 20px 40px; }
h1 { margin: 6px 0 20px; color: light-dark(#14212b, #f1f5f3); font: 700 2.9rem/1.2 Georgia, serif; }
p { margin: 0 0 20px; }
.section { margin: 0; }
.section, .byline { color: light-dark(#566570, #9dadb1); font: 1.4rem/1.43 Helvetica, sans-serif; }
.section { color: light-dark(#006b5e, #67bbab); font: 700 1.2rem/1.5 Helvetica, sans-serif;
  letter-spacing: .09em; text-transform: uppercase; }
digest-signup, iframe { display: block; margin-block: 32px; }
@media (max-width: 480px) { main > digest-signup[variant=card] { margin-inline: -20px; } }
footer { background: light-dark(#f3f6f5, #0e1519); }
footer digest-signup { max-width: 736px; margin: 0 auto; }
.narrow { max-width: 300px; }
.narrow digest-signup { margin-inline: 0; }
:root:not(.plain) :is(h2, input, button, section, form) {
  all: unset; color: red; text-transform: uppercase;
}
"""

PAGE = """<!doctype html>
<html lang="en" class="{scheme}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Two countries, one lighthouse</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/host.css">{head}</head>
<body><main><p class="section">World</p>
<h1>Two countries, one lighthouse and a hundred years of paperwork</h1>
<p class="byline">Caspian Rhee · 14 November 2026</p>{card}
<p>The lamp on Sorrel Rock has been lit every night since 1926, and for every one of those nights
two governments have disagreed, politely and in triplicate, about who should buy the oil.</p>
<p>It stands eleven metres inside one country’s waters at low tide, and four metres inside the
other’s at high. The keeper, who is paid by both, keeps two sets of books and one kettle.</p>
{inline}</main>
<footer>{footer}</footer></body></html>"""


class Host:
    """The Halyard's website, on a name of its own, so that nothing is same-origin or same-site."""

    def __init__(self, server: WebServer, home: str) -> None:
        self.server = server
        self.home = home
        self.url = server.url.replace("127.0.0.1", "localhost")
        self.headers = {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Security-Policy": self._policy(),
        }
        [frames] = re.findall(r"^\.digest-frame .*$", HOWTO.read_text(), re.MULTILINE)
        style = f"{STYLE}{frames}\n"
        server.route("/host.css", style.encode(), headers={"Content-Type": "text/css"})

    def _policy(self) -> str:
        text = HOWTO.read_text() + HOWTO.with_name("form.md").read_text()
        named = re.findall(rf"`([a-z]+-(?:src|action)) (?:'self' )?{DOCS_HOME}`", text)
        assert named == ["script-src", "connect-src", "img-src", "frame-src", "form-action"]
        sources = {name: f"{name} {origin_of(self.home)}" for name in named}
        # The host's own listener to frames, and the empty icon of its pages.
        sources["script-src"] += " 'self'"
        sources["img-src"] += " data:"
        own = [rule for rule in POLICY.split("; ") if rule.split()[0] not in sources]
        return "; ".join([*own, *sources.values()])

    def hold(self, variant: str, box: str, *, scheme: str = "", head: str | None = None) -> str:
        """Make a page that holds a box at the variant's place; return its address."""
        places = dict.fromkeys(("card", "inline", "footer"), "") | {variant: box}
        head = self.script() if head is None else head
        page = PAGE.format(head=head, scheme=scheme, **places)
        self.server.route(f"/{variant}", page.encode(), headers=self.headers)
        return f"{self.url}/{variant}"

    def script(self) -> str:
        return self.pasted('script type="module"')

    def listener(self) -> str:
        """Return the script that makes frames as high as what they hold, as a file of the host."""
        script = re.sub(r"</?script[^>]*>", "", self.pasted("script>\n?addEventListener"))
        script = script.replace(f'"{self.home}"', f'"{origin_of(self.home)}"')
        self.server.route(
            "/listener.js", script.encode(), headers={"Content-Type": "text/javascript"}
        )
        return '<script type="module" src="/listener.js"></script>'

    def element(self, variant: str, **attributes: str) -> str:
        """Return the element as docs/howto/embed.md has it for this variant, or with changes."""
        tag = self.pasted(f'digest-signup[^>]* variant="{variant}"')
        for name, value in attributes.items():
            tag = re.sub(rf' {name}="[^"]*"', "", tag)
            tag = tag.replace("<digest-signup", f'<digest-signup {name}="{value}"')
        return tag

    def pasted(self, what: str) -> str:
        """Return the lines of the documentation that begin with this tag."""
        found = re.search(rf"^<{what}.*?</[a-z-]+>$", HOWTO.read_text(), re.MULTILINE | re.DOTALL)
        assert found, what
        return found[0].replace(DOCS_HOME, self.home)


def show(page: Page, address: str) -> Locator:
    """Open a page, and wait for the box that stands in it."""
    page.goto(address)
    page.locator("digest-signup").scroll_into_view_if_needed()
    expect(page.locator("digest-signup")).to_have_attribute("state", "ready")
    return page.locator("digest-signup")


def fill(page: Page, email: str) -> None:
    page.get_by_label("Email address").fill(email)
    page.get_by_label("I have read and agree").check()


def asked(paper: Gallery, email: str) -> tuple[SignUp, list[str], ConsentDetail]:
    """Return what is on record of a sign-up."""
    with paper.runtime.database.reading() as session:
        found = session.scalars(select(SignUp).where(SignUp.email == email)).one()
        choice = session.scalars(
            select(SignUpChoice).where(SignUpChoice.sign_up_id == found.id)
        ).one()
        detail = session.scalars(select(ConsentDetail).where(ConsentDetail.email == email)).one()
        return found, choice.topics, detail


def assert_it_fits(page: Page) -> None:
    """At each width, and in text of twice the size, a reader scrolls in one direction only."""
    for size, widths in (("medium", (1280, 375, 320)), ("32px", (768, 375))):
        page.locator("digest-signup").evaluate("(box, size) => { box.style.fontSize = size }", size)
        for width in widths:
            page.set_viewport_size({"width": width, "height": 900})
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{wide} px on a screen of {width}, text at {size}"
