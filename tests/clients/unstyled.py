"""The mails as clients show them that drop every @media block, and in the dark change colours."""

import re
from collections.abc import Sequence

from playwright.sync_api import Page

from tests.clients.sight import Sight
from tests.clients.surroundings import Surroundings

PACKAGES: Sequence[str] = ()
WIDTHS = (600, 390)
PICTURED = 600
MEDIA = re.compile(r"@media[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}")
LEAST_CONTRAST = 3.0

# What such a client does: text and grounds that are too near to the wrong end are turned around,
# where they are said in colours. Borders keep theirs.
LIGHTEN = """() => {
  const parts = colour => colour.match(/[\\d.]+/g).map(Number)
  const turned = ([red, green, blue]) => {
    const shift = 255 - Math.max(red, green, blue) - Math.min(red, green, blue)
    return `rgb(${[red, green, blue].map(part => part + shift).join(", ")})`
  }
  const light = ([red, green, blue]) => (299 * red + 587 * green + 114 * blue) / 255000
  const all = [document.body, ...document.body.querySelectorAll("*")]
  const seen = all.map(element => {
    const style = getComputedStyle(element)
    return [element, parts(style.color), parts(style.backgroundColor)]
  })
  for (const [element, text, ground] of seen) {
    const painted = ground.length == 3 || ground[3] > 0
    const saysColour = element.style.color || element == document.body
    if (painted && light(ground) > 0.5)
      element.style.setProperty("background-color", turned(ground), "important")
    if (saysColour && light(text) < 0.5)
      element.style.setProperty("color", turned(text), "important")
  }
  document.documentElement.style.colorScheme = "dark"
}"""
# The contrast (WCAG 2.2) of each ink line to the paper that it is on.
LINES = """() => {
  const parts = colour => colour.match(/[\\d.]+/g).map(Number)
  const luminance = colour => parts(colour).slice(0, 3).map(part => part / 255)
    .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0)
  return [...document.querySelectorAll(".inkline")].map(line => {
    const style = getComputedStyle(line)
    const paper = getComputedStyle(line.closest(".paper")).backgroundColor
    const [low, high] = [luminance(style.borderTopColor), luminance(paper)].sort((a, b) => a - b)
    return style.borderTopWidth == "0px" ? 0 : (high + 0.05) / (low + 0.05)
  })
}"""


def look(around: Surroundings, sight: Sight) -> None:
    """Show both mails without @media blocks: light, narrow too, and with colours turned around."""
    for mail in around.post.mails:
        html, blocks = MEDIA.subn("", mail.html)
        sight.expect(
            f"{mail.name}: {blocks} @media blocks are gone", blocks > 0 and "@media" not in html
        )
        for width in WIDTHS:
            with around.page(width) as tab:
                tab.page.set_content(html, wait_until="load")
                seen = f"{mail.name}, {width} px"
                wide = tab.page.evaluate("document.documentElement.scrollWidth")
                sight.expect(f"{seen}: nothing is wider than the screen", wide <= width, wide)
                _look_at_lines(tab.page, sight, seen)
                if width == PICTURED:
                    around.keep(tab.page, f"unstyled-{mail.name}-light")
                tab.page.evaluate(LIGHTEN)
                _look_at_lines(tab.page, sight, f"{seen}, lightened")
                if width == PICTURED:
                    around.keep(tab.page, f"unstyled-{mail.name}-lightened")


def _look_at_lines(page: Page, sight: Sight, seen: str) -> None:
    lines = page.evaluate(LINES)
    faint = [round(contrast, 2) for contrast in lines if contrast < LEAST_CONTRAST]
    sight.expect(
        f"{seen}: {len(lines)} ink lines are seen on the paper", bool(lines) and not faint, faint
    )
