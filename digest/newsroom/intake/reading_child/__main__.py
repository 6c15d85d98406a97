"""The reading child, as a program: `python -I …/reading_child/__main__.py`.

By its path and not by `-m`, for with -I Python finds no checkout that is only on PYTHONPATH.
"""

import os
import sys


def main() -> None:
    """Read feeds and pages; the arguments are limits, in the order of `serve`'s."""
    checkout = os.path.abspath(__file__)  # noqa: PTH100 - pathlib is not needed for the rest
    for _ in range(5):
        checkout = os.path.dirname(checkout)  # noqa: PTH120
    if checkout not in sys.path:
        sys.path.insert(0, checkout)
    from digest.newsroom.intake.feeds import read_feed
    from digest.newsroom.intake.reading_child.serving import serve
    from digest.newsroom.intake.web_pages import read_page

    memory_bytes, answer_bytes, idle_seconds = sys.argv[1:]
    serve(
        read_feed,
        read_page,
        memory_bytes=int(memory_bytes),
        answer_bytes=int(answer_bytes),
        idle_seconds=float(idle_seconds),
    )


if __name__ == "__main__":
    main()
