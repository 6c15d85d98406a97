"""Keys by which articles are compared; what was the same under two addresses becomes one

Revision ID: 0008
Revises: 0007
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from alembic import op

from digest.newsroom.intake.links import guid_key, page_key, web_url

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

KEY = sa.String(2000).with_variant(sa.String(2000, collation="C"), "postgresql")
OUT = {"frozen", "sending", "paused", "parked", "sent"}
AT_ONCE = 500


def _table(name: str, columns: str) -> sa.TableClause:
    return sa.table(name, *map(sa.column, columns.split()))


article = _table(
    "article",
    "id source_id guid guid_key url key first_seen_at "
    "image_url image_alt image_due_at lead_image thumbnail",
)
story = _table("story", "id issue_id article_id blurb")
issue = _table("issue", "id state frozen_at")


def upgrade() -> None:
    op.add_column("article", sa.Column("key", KEY, nullable=True))
    op.add_column("article", sa.Column("guid_key", KEY, nullable=True))
    connection = op.get_bind()
    rows = _keyed(connection)
    _write_keys(connection, rows)
    _fold(connection, rows)
    # One step, for SQLite writes the whole table anew.
    with op.batch_alter_table("article") as batch:
        batch.drop_constraint("uq_article_url", type_="unique")
        batch.drop_index("uq_article_source_id_guid")
        batch.alter_column("key", existing_type=KEY, nullable=False)
        batch.create_unique_constraint("uq_article_key", ["key"])
        batch.create_index("uq_article_guid_key_source_id", ["guid_key", "source_id"], unique=True)
        batch.create_index("ix_article_source_id", ["source_id"])


def downgrade() -> None:
    _part(op.get_bind())
    with op.batch_alter_table("article") as batch:
        batch.drop_index("ix_article_source_id")
        batch.drop_index("uq_article_guid_key_source_id")
        batch.drop_constraint("uq_article_key", type_="unique")
        batch.drop_column("guid_key")
        batch.drop_column("key")
        batch.create_unique_constraint("uq_article_url", ["url"])
        batch.create_index("uq_article_source_id_guid", ["source_id", "guid"], unique=True)


def _keyed(connection: sa.Connection) -> list[dict[str, Any]]:
    columns = (article.c.id, article.c.source_id, article.c.guid, article.c.url)
    rows = connection.execute(sa.select(*columns).order_by(article.c.id)).mappings()
    return [{**row, "key": _page(row["url"]), "guid_key": _guid(row["guid"])} for row in rows]


def _page(url: str) -> str:
    try:
        return page_key(web_url(url))
    except ValueError:
        # An older version took it; it is compared as it stands.
        return page_key(url)


def _guid(guid: str | None) -> str | None:
    return guid_key(guid) if guid else None


def _write_keys(connection: sa.Connection, rows: list[dict[str, Any]]) -> None:
    values = [{"at": row["id"], "k": row["key"], "g": row["guid_key"]} for row in rows]
    if not values:
        return
    connection.execute(
        sa.update(article)
        .where(article.c.id == sa.bindparam("at"))
        .values(key=sa.bindparam("k"), guid_key=sa.bindparam("g")),
        values,
    )


# Twins: the same article under two addresses, or from one source under two ways to write its GUID


def _fold(connection: sa.Connection, rows: list[dict[str, Any]]) -> None:
    groups = _twins(rows)
    ids = [row["id"] for group in groups for row in group]
    stories, known = _stories(connection, ids), _known(connection, ids)
    gone: list[int] = []
    changed: dict[int, dict[str, Any]] = {}
    for group in groups:
        order = sorted((row["id"] for row in group), key=lambda id_: (_rank(stories[id_]), id_))
        stays = known[order[0]]
        for twin in (known[id_] for id_ in order[1:]):
            if _move_stories(connection, stays, twin, stories):
                _set_aside(connection, twin)
                continue
            gone.append(twin["id"])
            if values := _handed_over(stays, twin):
                stays |= values
                changed.setdefault(stays["id"], {}).update(values)
    # First they go: until the end of this step an address may be there once only.
    for some in _some(gone):
        connection.execute(sa.delete(article).where(article.c.id.in_(some)))
    for id_, values in changed.items():
        connection.execute(sa.update(article).where(article.c.id == id_).values(**values))


def _twins(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    leader: dict[int, int] = {}

    def led_by(id_: int) -> int:
        while leader.setdefault(id_, id_) != id_:
            leader[id_] = leader[leader[id_]]
            id_ = leader[id_]
        return id_

    first: dict[tuple[Any, ...], int] = {}
    for row in rows:
        marks: list[tuple[Any, ...]] = [(row["key"],)]
        if row["guid_key"] is not None and row["source_id"] is not None:
            marks.append((row["source_id"], row["guid_key"]))
        for mark in marks:
            leader[led_by(row["id"])] = led_by(first.setdefault(mark, row["id"]))
    groups = defaultdict(list)
    for row in rows:
        groups[led_by(row["id"])].append(row)
    return [group for group in groups.values() if len(group) > 1]


def _stories(connection: sa.Connection, ids: list[int]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    columns = (*story.c, issue.c.state, issue.c.frozen_at)
    query = sa.select(*columns).join_from(story, issue, story.c.issue_id == issue.c.id)
    for some in _some(ids):
        for row in connection.execute(query.where(story.c.article_id.in_(some))).mappings():
            found[row["article_id"]].append(dict(row))
    return found


def _known(connection: sa.Connection, ids: list[int]) -> dict[int, dict[str, Any]]:
    query = sa.select(article)
    return {
        row["id"]: dict(row)
        for some in _some(ids)
        for row in connection.execute(query.where(article.c.id.in_(some))).mappings()
    }


def _rank(stories: list[dict[str, Any]]) -> int:
    if any(told["state"] in OUT for told in stories):
        return 0
    return 1 if stories else 2


def _move_stories(
    connection: sa.Connection,
    stays: dict[str, Any],
    twin: dict[str, Any],
    stories: dict[int, list[dict[str, Any]]],
) -> bool:
    """Let an article stand for its twin in issues; tell whether one was frozen with both."""
    in_issue = {told["issue_id"]: told for told in stories[stays["id"]]}
    frozen_with_both = False
    for told in stories.pop(twin["id"], []):
        beside = in_issue.get(told["issue_id"])
        by_id = story.c.id == told["id"]
        if beside is None:
            connection.execute(sa.update(story).where(by_id).values(article_id=stays["id"]))
            in_issue[told["issue_id"]] = told
            stories[stays["id"]].append(told)
        elif told["frozen_at"] is not None or told["state"] in OUT:
            frozen_with_both = True
        else:
            connection.execute(sa.delete(story).where(by_id))
            if told["blurb"] and not beside["blurb"]:
                words = sa.update(story).where(story.c.id == beside["id"])
                connection.execute(words.values(blurb=told["blurb"]))
    return frozen_with_both


def _set_aside(connection: sa.Connection, twin: dict[str, Any]) -> None:
    # A tab is in no page's key: nothing is ever found to be this one.
    aside = {"key": f"{twin['key']}\ttwin {twin['id']}", "guid_key": None}
    connection.execute(sa.update(article).where(article.c.id == twin["id"]).values(**aside))


def _handed_over(kept: dict[str, Any], gone: dict[str, Any]) -> dict[str, Any]:
    """Return what the twin alone has: https, a source, a GUID, a picture, the first sight."""
    values: dict[str, Any] = {}
    if gone["first_seen_at"] < kept["first_seen_at"]:
        values["first_seen_at"] = gone["first_seen_at"]
    if kept["url"].startswith("http:") and gone["url"].startswith("https:"):
        values |= {"url": gone["url"], "key": gone["key"]}
    if kept["guid"] is None and kept["source_id"] in {None, gone["source_id"]}:
        values |= {name: gone[name] for name in ("source_id", "guid", "guid_key")}
    if kept["lead_image"] is None and kept["thumbnail"] is None:
        pictured = gone["lead_image"] or gone["thumbnail"] or not kept["image_url"]
        names = ("image_url", "image_alt", "lead_image", "thumbnail", "image_due_at")
        values |= {name: gone[name] for name in names} if pictured else {}
    return values


def _some(ids: list[int]) -> Iterable[list[int]]:
    return (ids[first : first + AT_ONCE] for first in range(0, len(ids), AT_ONCE))


# Back


def _part(connection: sa.Connection) -> None:
    """Tell articles apart as the older version does: by their addresses as they stand."""
    urls: set[str] = set()
    guids: set[tuple[int, str]] = set()
    columns = (article.c.id, article.c.url, article.c.source_id, article.c.guid)
    for row in connection.execute(sa.select(*columns).order_by(article.c.id)).all():
        values: dict[str, str | None] = {}
        if row.url in urls:
            values["url"] = f"{row.url.partition('#')[0][:1970]}#{row.id}"
        if row.guid is not None and (row.source_id, row.guid) in guids:
            values["guid"] = None
        if values:
            connection.execute(sa.update(article).where(article.c.id == row.id).values(**values))
        urls.add(values.get("url") or row.url)
        guids.add((row.source_id, row.guid))
