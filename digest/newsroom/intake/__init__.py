"""From a feed to an article with its picture.

Entered by `fetching_sources`, `fetching_pictures`, `articles.add_article` and `sources.add_source`;
whoever reads a feed without keeping it, by `reading_child.asking.read_apart`.
"""
