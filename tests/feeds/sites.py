"""The posts as files that site generators build from, each with its own front matter."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime

from tests.feeds.posts import POSTS, Post

Files = Mapping[str, str]


def plain() -> Files:
    """Return no files: a program reads posts.json."""
    return {}


def front_matter(path: str, fields: Callable[[Post], Mapping[str, object]]) -> Files:
    """Return a Markdown file for each post, with YAML before its text.

    `path` may hold {slug} and {day}. Values are written as JSON, which is YAML too, and moments
    as YAML has them.
    """
    files = {}
    for post in POSTS:
        given = {name: value for name, value in fields(post).items() if value}
        yaml = "\n".join(f"{name}: {_yaml(value)}" for name, value in given.items())
        at = path.format(slug=post.slug, day=f"{post.written_at:%Y-%m-%d}")
        files[at] = f"---\n{yaml}\n---\n\n{post.markdown}"
    return files


def _yaml(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False)


def hugo() -> Files:
    return front_matter(
        "content/{slug}.md",
        lambda post: {
            "title": post.title,
            "date": post.written_at.isoformat(),
            "summary": post.summary,
            "categories": post.categories,
            "author": post.authors[0],
        },
    )


def jekyll() -> Files:
    return front_matter(
        "_posts/{day}-{slug}.md",
        lambda post: {
            "title": post.title,
            "date": post.written_at.isoformat(sep=" "),
            "description": post.summary,
            "categories": post.categories,
            "author": post.authors[0],
            "image": post.picture,
            "permalink": f"/{post.slug}/",
        },
    )


def eleventy() -> Files:
    return front_matter(
        "{slug}.md",
        lambda post: {
            "title": post.title,
            "date": post.written_at.isoformat(),
            "tags": ["posts", *post.categories],
            "permalink": f"/{post.slug}/",
        },
    )


def pelican() -> Files:
    """Return Markdown files with Pelican's own metadata before the text."""
    files = {}
    for post in POSTS:
        fields = {
            "Title": post.title,
            "Date": post.written_at.isoformat(),
            "Authors": "; ".join(post.authors),
            "Category": post.categories[0],
            "Tags": ", ".join(post.categories[1:]),
            "Slug": post.slug,
            "Summary": post.summary,
        }
        head = "\n".join(f"{name}: {value}" for name, value in fields.items() if value)
        files[f"content/{post.slug}.md"] = f"{head}\n\n{post.markdown}"
    return files


def mkdocs() -> Files:
    pages = front_matter(
        "docs/{slug}.md",
        lambda post: {
            "title": post.title,
            "date": post.written_at.isoformat(),
            "description": post.summary,
            "authors": post.authors,
            "categories": post.categories,
            "image": post.picture,
        },
    )
    return {"docs/index.md": "# Port\n", **pages}


def docusaurus() -> Files:
    return front_matter(
        "blog/{day}-{slug}.md",
        lambda post: {
            "title": post.title,
            "date": post.written_at,
            "description": post.summary,
            "authors": [{"name": name} for name in post.authors],
            "tags": post.categories,
            "slug": post.slug,
        },
    )


def hexo() -> Files:
    return front_matter(
        "source/_posts/{slug}.md",
        lambda post: {
            "title": post.title,
            "date": post.written_at.isoformat(),
            "description": post.summary,
            "author": post.authors[0],
            "categories": post.categories,
        },
    )


def ablog() -> Files:
    """Return MyST pages, whose title is a heading."""
    pages = {}
    for post in POSTS:
        fields = {
            "date": f"{post.written_at:%Y-%m-%d}",
            "author": ", ".join(post.authors),
            "category": ", ".join(post.categories),
        }
        yaml = "\n".join(f"{name}: {json.dumps(value)}" for name, value in fields.items())
        title = post.title.replace("<", "\\<")
        pages[f"{post.slug}.md"] = (
            f"---\nblogpost: true\n{yaml}\n---\n\n# {title}\n\n{post.markdown}"
        )
    return {"index.md": "# Port\n", **pages}
