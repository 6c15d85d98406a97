"""A frozen message whose links lead straight to their stories: an editor's look is no click."""

import html
import re
from collections.abc import Callable, Mapping

from digest.delivery.rendering.encoding import SOFT_BREAK, quoted_line

# A soft break may stand anywhere within a link (RFC 2045 6.7 (5)).
BREAK = rb"(?:=\r\n)?"
RICH = b"Content-Type: text/html"


def with_direct_links(eml: bytes, public_url: str, targets: Mapping[int, str]) -> bytes:
    """Return a message of a stencil's with its counted links replaced by `targets`, by story.

    What is no counted link, or of no story in `targets`, stays as it is, to the byte.
    """
    plain, mark, rich = eml.partition(RICH)
    # A dot that a break has put at the start of a line is written as =2E.
    prefix = BREAK.join(
        b"(?:%b|=%02X)" % (re.escape(bytes([octet])), octet)
        for octet in f"{public_url}/s/".encode()
    )
    link = re.compile(prefix + BREAK + rb"((?:[0-9]" + BREAK + rb")+)")

    def straight(escaped: Callable[[str], str]) -> Callable[[re.Match[bytes]], bytes]:
        def replaced(found: re.Match[bytes]) -> bytes:
            target = targets.get(int(found[1].replace(SOFT_BREAK, b"")))
            if target is None:
                return found[0]
            # As a slot's value is written: with a break on either side no line becomes too long.
            return SOFT_BREAK + quoted_line(escaped(target)) + SOFT_BREAK

        return replaced

    return link.sub(straight(str), plain) + mark + link.sub(straight(html.escape), rich)
