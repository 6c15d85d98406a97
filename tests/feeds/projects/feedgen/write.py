# mypy: ignore-errors
# Its library is in an environment of its own.
"""Writes posts.json as Atom and RSS, by feedgen."""

import json
from pathlib import Path

from feedgen.feed import FeedGenerator

given = json.loads(Path("posts.json").read_text())
feed = FeedGenerator()
feed.id(given["site"])
feed.title(given["name"])
feed.link(href=given["site"], rel="alternate")
feed.description(given["name"])
for post in given["posts"]:
    entry = feed.add_entry(order="append")
    entry.id(f"{given['site']}{post['slug']}/")
    entry.title(post["title"])
    entry.link(href=f"{given['site']}{post['slug']}/")
    entry.author([{"name": name, "email": "desk@example.com"} for name in post["authors"]])
    entry.category([{"term": name} for name in post["categories"]])
    entry.published(post["written_at"])
    entry.updated(post["written_at"])
    if post["summary"]:
        entry.summary(post["summary"])
    entry.content(post["html"], type="html")
    if post["picture"]:
        entry.enclosure(post["picture"], 9000, "image/jpeg")
feed.atom_file("atom.xml")
feed.rss_file("rss.xml")
