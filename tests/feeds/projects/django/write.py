# mypy: ignore-errors
# Its library is in an environment of its own.
"""Writes posts.json as Atom and RSS, by Django's syndication framework."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.http import HttpRequest
from django.utils.feedgenerator import Atom1Feed, Enclosure

settings.configure(
    ALLOWED_HOSTS=["halyard.example"],
    USE_TZ=True,
)
django.setup()

from django.contrib.syndication.views import Feed  # noqa: E402 - Django is set up first

given = json.loads(Path("posts.json").read_text())
Post = dict[str, Any]


class Rss(Feed):
    """The feed, as Django's documentation shows how to write one."""

    title = given["name"]
    link = "/"
    description = given["name"]

    def items(self) -> list[Post]:
        return given["posts"]

    def item_title(self, item: Post) -> str:
        return item["title"]

    def item_description(self, item: Post) -> str:
        return item["summary"] or item["html"]

    def item_link(self, item: Post) -> str:
        return f"/{item['slug']}/"

    def item_author_name(self, item: Post) -> str:
        return item["authors"][0]

    def item_pubdate(self, item: Post) -> datetime:
        return datetime.fromisoformat(item["written_at"])

    def item_categories(self, item: Post) -> list[str]:
        return item["categories"]

    def item_enclosures(self, item: Post) -> list[Enclosure]:
        return [Enclosure(item["picture"], "9000", "image/jpeg")] if item["picture"] else []


class Atom(Rss):
    """The same in Atom."""

    feed_type = Atom1Feed
    subtitle = given["name"]


request = HttpRequest()
request.META.update(HTTP_HOST="halyard.example", SERVER_NAME="halyard.example", SERVER_PORT="443")
request.META["wsgi.url_scheme"] = "https"
request._get_scheme = lambda: "https"
django.urls.set_urlconf(None)
for name, view in (("rss.xml", Rss()), ("atom.xml", Atom())):
    request.path = f"/{name}"
    Path(name).write_bytes(view(request).content)
