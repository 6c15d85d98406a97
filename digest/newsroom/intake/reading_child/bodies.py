"""Bodies of articles: cleaned in the child, and held to be so where they come out of it.

The sanitiser takes quadratic time over deep markup: 200 KB of `<ul><li>`, all of it allowed, took
it nine seconds each time. So the child cleans once, within its limits, and makes flat what is
deep; whatever cleans it again has little to do.
"""

import re

from digest.newsroom.intake.reading.markup import SAFE_TAGS, safe_html

DEPTH_AT_MOST = 40
# As the sanitiser writes them, and no other way.
TAG = re.compile(r'<(?:(/)([a-z0-9]{1,10})|([a-z0-9]{1,10})(?: (?:href|rel)="[^"<>]*")*)>')
EMPTY = "br"


def clean(body: str) -> str:
    """Return a body as safe HTML of bounded depth; the text of what lies deeper stays."""
    html = safe_html(body)
    if html.count("<") <= DEPTH_AT_MOST:
        return html
    kept: list[bool] = []
    depth = 0

    def shallow(tag: re.Match[str]) -> str:
        nonlocal depth
        if tag[3] == EMPTY:
            return tag[0]
        if tag[3]:
            stays = depth < DEPTH_AT_MOST
            kept.append(stays)
            depth += stays
        else:
            stays = kept.pop() if kept else False
            depth -= stays
        return tag[0] if stays else " "

    return TAG.sub(shallow, html)


def is_clean(body: str) -> bool:
    """Tell whether a body is one that `clean` may have made; takes time in proportion to it."""
    depth, tags = 0, 0
    for tag in TAG.finditer(body):
        tags += 1
        name = tag[2] or tag[3]
        if name not in SAFE_TAGS:
            return False
        if name != EMPTY:
            depth += -1 if tag[1] else 1
        if not 0 <= depth <= DEPTH_AT_MOST:
            return False
    return tags == body.count("<")
