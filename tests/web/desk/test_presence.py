"""Each editor sees who else is in an issue, and since when."""

from sqlalchemy import select, update

from digest.database.transactions import Database
from digest.models import IssuePresence, Newsletter, Role
from tests.factories import NOW
from tests.web.conftest import words
from tests.web.desk.conftest import Join
from tests.web.desk.test_compose import Desk


def test_who_is_in_is_seen_by_the_others_for_a_minute(
    database: Database, newsletter: Newsletter, join: Join
) -> None:
    imara, joss = join("Imara", Role.EDITOR), join("Joss", Role.EDITOR)
    table = Desk(database, newsletter, imara)

    def rows() -> list[tuple[object, object]]:
        with database.reading() as session:
            found = session.execute(select(IssuePresence.since, IssuePresence.until))
            return [(since, until) for since, until in found]

    theirs = joss.get(table.path).text
    assert "Also in this issue" not in words(table.look())
    assert rows() == [], "looking alone writes nothing"
    alone = table.press("here", theirs, joss)
    assert "Also in" not in alone.text, "nobody is told of themselves"
    seen = words(table.look())
    assert "Also in this issue: Joss, since " in seen
    assert f"({newsletter.zone})." in seen, "by whose clock"
    [(since, until)] = rows()
    table.press("here", theirs, joss)
    assert rows() == [(since, until)], "staying is no second coming"
    # A button says it as well, without scripts.
    assert "“The story of the moon” is in" in table.follow(
        table.press("pick", article=table.articles["moon"])
    )
    assert "Also in this issue: Imara, since " in words(joss.get(table.path))
    assert table.issue().version == 1, "being in is no change"
    with database.transaction() as session:
        session.execute(update(IssuePresence).values(until=NOW))
    assert "Also in this issue" not in words(table.look()), "nothing was heard for a minute"
    table.press("here")
    assert len(rows()) == 1, "who left is not kept"
    viewer = join("Vera", Role.VIEWER)
    assert table.press("here", theirs, viewer).status_code in {400, 403}
    assert imara.client.post(f"{table.path}/here").status_code in {400, 403}, "without proof"
    assert len(rows()) == 1
