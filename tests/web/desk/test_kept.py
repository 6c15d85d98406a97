"""What is kept of composing: never another’s proof, and never what is not so any more."""

import re
from datetime import timedelta
from functools import partial

from markupsafe import Markup
from sqlalchemy import update

from digest.database.transactions import Database
from digest.models import Article, Issue, Newsletter, Role, Source
from digest.web.desk.kept import LONGEST, Kept
from tests.factories import NOW, make_article
from tests.web.conftest import words
from tests.web.desk.conftest import Colleague, Join
from tests.web.desk.test_compose import Desk


def proofs(page: str) -> set[str]:
    return set(re.findall(r'name="proof" value="([^"]*)"', page))


def test_each_editor_has_forms_of_their_own(
    database: Database, newsletter: Newsletter, join: Join
) -> None:
    imara, joss = join("Imara", Role.EDITOR), join("Joss", Role.EDITOR)
    table = Desk(database, newsletter, imara)
    hers, his = imara.get(table.path).text, joss.get(table.path).text
    assert len(proofs(hers)) == len(proofs(his)) == 1
    assert proofs(hers) != proofs(his)
    sent = {"article": table.articles["moon"]}
    for page, status in ((hers, 403), (his, 303)):
        [proof] = proofs(page)
        answer = joss.client.post(f"{table.path}/pick", data={"proof": proof, **sent})
        assert answer.status_code == status


def test_whatever_changes_is_seen_at_the_next_look(
    database: Database, newsletter: Newsletter, join: Join
) -> None:
    imara: Colleague = join("Imara", Role.EDITOR)
    table = Desk(database, newsletter, imara)
    moon, reef = table.articles["moon"], table.articles["reef"]
    changes = (
        (update(Article).where(Article.id == moon).values(title="A paper moon"), "A paper moon"),
        (update(Article).where(Article.id == moon).values(section="Sky"), "Sky"),
        (update(Article).where(Article.id == moon).values(withdrawn_at=NOW), "Withdrawn"),
        (update(Article).where(Article.id == reef).values(title="A reef"), "A reef"),
        (update(Article).where(Article.id == reef).values(minutes=31), "31 min"),
        (update(Issue).values(note="Lorem ipsum"), "The note still has “Lorem ipsum”."),
        (update(Newsletter).values(story_min=8), "needs at least eight"),
        (update(Newsletter).values(zone="Asia/Tokyo"), "Times are in Asia/Tokyo."),
        (update(Source).values(name="The Evening Bell"), "The Evening Bell"),
    )
    with database.transaction() as session:
        for name in ("One", "Two"):
            source = Source(
                url=f"https://{name}.example/", name=name, next_fetch_at=NOW, created_at=NOW
            )
            session.add(source)
        session.flush()
        make_article(session, "bell", source_id=source.id, published_at=NOW - timedelta(hours=1))
    for change, said in changes:
        assert said not in words(table.look()), said
        with database.transaction() as session:
            session.execute(change)
        assert said in words(table.look())


def test_what_is_very_long_is_not_kept() -> None:
    made: list[int] = []

    def make(length: int) -> Markup:
        made.append(length)
        return Markup("x" * length)

    kept = Kept()
    for _ in range(2):
        for length in (LONGEST, LONGEST + 1):
            assert len(kept.page(length, partial(make, length))) == length
    assert made == [LONGEST, LONGEST + 1, LONGEST + 1]
