"""The models: each is found by its name, and loaded when it is asked for."""

import subprocess
import sys

import digest.models
from digest.database.tables import Base

# A change of an issue names a user, and `desk_user` is a table of a module that nobody asked for.
WRITE = """
import sys
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from digest.models import PageCheck
assert "digest.models.delivery" not in sys.modules
session = Session(create_engine("sqlite://"))
session.add(PageCheck(article_id=1))
try:
    session.flush()
except OperationalError as error:
    print(error.orig)
assert "digest.models.delivery" in sys.modules
"""


def test_every_name_is_found_where_the_table_says_that_it_is() -> None:
    assert sorted(digest.models._MODULES) == sorted(digest.models.__all__)
    for name in digest.models.__all__:
        assert getattr(digest.models, name) is not None
    digest.models.load_all()
    mapped = {mapper.class_.__name__ for mapper in Base.registry.mappers}
    assert mapped <= set(digest.models.__all__)


def test_whoever_writes_has_all_tables() -> None:
    done = subprocess.run([sys.executable, "-c", WRITE], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "no such table: page_check"
