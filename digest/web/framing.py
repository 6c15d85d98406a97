"""A mail's markup in a frame of a page of ours."""

import re

HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)


def with_links_in_new_tabs(html: str) -> str:
    """Have a mail's links open beside the page that holds its frame; where it may not, nowhere."""
    base = '<base target="_blank">'
    head = HEAD.search(html)
    if head is None:
        return f"<!doctype html><head>{base}</head>{html}"
    return html[: head.end()] + base + html[head.end() :]
