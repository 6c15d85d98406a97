"""Stand-in: helper "fields" has the real one."""

from digest.newsroom.intake.sanitising import plain_text, safe_html

__all__ = ["html_from_unknown", "plain", "plain_from_unknown", "safe_html"]

plain = plain_from_unknown = plain_text


def html_from_unknown(text: str) -> str:
    return text
