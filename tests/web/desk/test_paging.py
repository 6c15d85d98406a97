"""Lists of which there may be hundreds: a page of them at a time, and a way to the others."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import insert

from digest.database.transactions import Database
from digest.models import Newsletter, Role, Source
from digest.web.desk import newsletters, sources, this_week
from digest.web.site import issues
from tests.factories import NOW, make_newsletter
from tests.web.desk.conftest import Colleague, Join

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def add_newsletters(database: Database, count: int) -> None:
    with database.transaction() as session:
        for number in range(count):
            make_newsletter(session, f"letter-{number}", name=f"Letter {number}.")


def add_sources(database: Database, count: int) -> None:
    with database.transaction() as session:
        session.execute(
            insert(Source),
            [
                {
                    "url": f"https://halyard.example/{number}.xml",
                    "name": f"Feed {number:03}.",
                    "next_fetch_at": NOW + timedelta(days=1),
                    "created_at": NOW,
                }
                for number in range(count)
            ],
        )


def read_all(visitor: Colleague, path: str, name: str) -> list[list[str]]:
    """Return what is listed on each page, by the links from one to the next."""
    pages = []
    following: str | None = path
    while following:
        page = visitor.get(following).text
        pages.append(list(dict.fromkeys(re.findall(name, page))))
        after = re.search(r'href="([^"]+)">More of them', page)
        following = after[1].replace("&amp;", "&") if after else None
    return pages


@pytest.mark.parametrize(
    ("path", "size"),
    [
        ("/desk/", this_week.NEWSLETTERS_SHOWN),
        ("/desk/newsletters", newsletters.A_PAGE),
        ("/issues/", issues.SHELVES),
    ],
)
def test_each_newsletter_is_on_one_page(
    join: Join, newsletter: Newsletter, database: Database, path: str, size: int
) -> None:
    add_newsletters(database, size + 2)
    pages = read_all(join("Imara", Role.OWNER), path, r"Letter \d+\.")
    # One more stands first: that which is always there.
    assert [len(page) for page in pages] == [size - 1, 3]
    assert len({each for page in pages for each in page}) == size + 2


def test_each_source_is_on_one_page(join: Join, newsletter: Newsletter, database: Database) -> None:
    add_sources(database, sources.A_PAGE + 2)
    first, second = read_all(join("Imara", Role.OWNER), "/desk/sources?all=1", r"Feed \d+\.")
    assert len(first) == sources.A_PAGE
    assert [*first, *second] == [f"Feed {number:03}." for number in range(sources.A_PAGE + 2)]


@pytest.mark.parametrize("asked", ["0", "-1", "two", "99999", "1.5", "٢"])
def test_what_is_no_page_is_the_first_and_none_is_beyond_the_last(
    join: Join, newsletter: Newsletter, asked: str
) -> None:
    answer = join("Imara", Role.OWNER).get("/desk/", query_string={"page": asked})
    assert answer.status_code == 200
    assert "Editor’s Digest" in answer.text
