"""Bodies of articles: held to be clean where they come out of the child.

The sanitiser takes quadratic time over deep markup, so the child calls it, within its limits; what
it returns is shallow, and whatever cleans it again has little to do.
"""

import re

from digest.newsroom.intake.reading.markup import SAFE_TAGS

# `safe_html` leaves 30; the rest is room for a parser that mends a tag or two in another way.
DEPTH_AT_MOST = 40
# As the sanitiser writes them, and no other way.
TAG = re.compile(r'<(?:(/)([a-z0-9]{1,10})|([a-z0-9]{1,10})(?: (?:href|rel)="[^"<>]*")*)>')
EMPTY = "br"


def is_clean(body: str) -> bool:
    """Tell whether a body is one that `safe_html` may have made; takes time in proportion to it."""
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
