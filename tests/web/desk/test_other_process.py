"""What one process of the web server changes, as another one shows it."""

from collections.abc import Callable
from typing import Any

import pytest

from digest.database.transactions import Database
from digest.models import Publication
from digest.newsroom.finding import find_newsletter
from digest.newsroom.palette import palette
from digest.web import create_app
from tests.web.conftest import hidden
from tests.web.desk.conftest import Colleague

# Nothing here is the database's own.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PAPER, NEWSLETTER = "/desk/paper", "/desk/newsletters/1"


def head(page: str) -> str:
    """Return what stands before a page's own content: the paper's name, and its colours."""
    return page[: page.index("<main")]


def test_a_page_that_says_it_is_saved_has_the_new_name_and_colour_in_its_head(
    imara: Colleague, database: Database, make_runtime: Callable[..., Any]
) -> None:
    other = Colleague(create_app(make_runtime()), imara.email)
    other.let_in(database)
    old = head(other.get(NEWSLETTER).text)
    words = {"name": "The Mainsail", "site_url": "https://mainsail.example", "privacy_url": ""}
    saved = imara.press(PAPER, PAPER, stamp=hidden(imara.get(PAPER).text, "stamp"), **words)
    assert saved.location == f"{PAPER}?done=saved"
    for shown in (imara, other):
        assert "The Mainsail" in head(shown.get(saved.location).text)
    with database.transaction() as session:
        session.get_one(Publication, 1).name = "The Halyard"
        find_newsletter(session, "editors-digest").palette = palette("#7A1FA2")
    new = head(other.get(NEWSLETTER).text)
    assert "The Halyard" in new
    assert "/style/editors-digest/" in new
    assert new != old, "its style sheet is another one"
