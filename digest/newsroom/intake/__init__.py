"""From a feed to an article with its picture.

Entered by `fetching_sources`, `fetching_pictures`, `articles.add_article` and `sources.add_source`;
whoever reads a feed without keeping it, by `reading_child.asking.read_apart`.
"""

import sys

# httpx loads its own command, and that brings rich along, of 5 MB. It does without, as where rich
# is not installed. What it is to anybody who has loaded it already stays.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
