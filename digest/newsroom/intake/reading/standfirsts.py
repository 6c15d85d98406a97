"""Stand-in: helper "fields" has the real one."""

from digest.newsroom.intake.sanitising import plain_text


def standfirst(summary: str, content: str, title: str = "") -> str:
    return plain_text(summary or content, 600)
