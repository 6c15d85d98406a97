"""Terms at the desk, published after a look at what changes; forms, their counts and their code."""

from pathlib import Path

import pytest
from sqlalchemy import select

from digest.desk.audit import list_events
from digest.models import Terms, Wording
from digest.newsroom.terms import DEFAULT_LABEL
from tests.cli.conftest import CommandLine
from tests.readers.conftest import ReadersDesk
from tests.web.conftest import Site, hidden, words
from tests.web.desk.conftest import Colleague

PAGE = "/desk/terms"
NEXT = "# Terms\n\nWe send what you asked us for.\n"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_terms_are_published_after_a_look_at_what_changes(
    imara: Colleague, desk: ReadersDesk, command_line: CommandLine, tmp_path: Path
) -> None:
    typed = {"body": NEXT.replace("\n", "\r\n"), "label": DEFAULT_LABEL}
    unseen = imara.press(PAGE, PAGE, **typed, seen="", action="publish")
    assert (unseen.status_code, "not what you looked at" in words(unseen)) == (422, True)
    shown = imara.press(PAGE, PAGE, **typed, action="look")
    assert "<ins>us</ins>" in shown.text
    assert "We send what you asked us for." in shown.text, "what was typed stays"
    seen = hidden(shown.text, "seen")
    other = typed | {"body": NEXT + "Be kind."}
    changed = imara.press(PAGE, PAGE, **other, seen=seen, action="publish")
    assert (changed.status_code, "Be kind.</ins>" in changed.text) == (422, True)
    assert desk.count(Terms) == 1, "nothing is published that was not looked at"
    published = imara.press(PAGE, PAGE, **typed, seen=seen, action="publish")
    assert published.location == f"{PAGE}?published=2"
    file = tmp_path / "terms.md"
    file.write_text(NEXT)
    same = command_line("terms", "publish", str(file))
    assert "version 2" in same.out, "the command finds nothing to change"
    assert "Version 2 is published." in words(imara.get(f"{PAGE}?published=2"))
    again = imara.press(PAGE, PAGE, **typed, seen=seen, action="publish")
    assert again.status_code == 422, "pressed twice"
    for fields, said in (
        ({"body": " "}, "The terms are empty"),
        ({"label": "No link"}, "square brackets"),
        ({"label": f"[{'l' * 301}]"}, "at most 300"),
        ({"body": "漢" * 200_001}, "longer than 200,000"),
    ):
        look = imara.press(PAGE, PAGE, **(typed | fields), action="look")
        sent = typed | fields | {"seen": hidden(look.text, "seen"), "action": "publish"}
        told = imara.press(PAGE, PAGE, **sent)
        assert (told.status_code, said in words(told)) == (422, True), fields
    with desk.database.reading() as session:
        numbers = session.scalars(select(Wording.number).order_by(Wording.number)).all()
        [event] = [each for each in list_events(session, at_most=9) if each.table == "terms"]
    assert (numbers, event.verb, event.row) == ([1, 2], "terms publish", 2)


def test_forms_are_counted_and_their_code_has_their_name(imara: Colleague, site: Site) -> None:
    assert "Nobody has signed up yet" in words(imara.get("/desk/forms"))
    site.subscribe("robin@example.org", form="article foot")
    site.sign_up("sam@example.org", form="article foot")
    site.sign_up("ada@example.org", form="site footer")
    counted = words(imara.get("/desk/forms"))
    assert "article foot Editor’s Digest 2 1 " in counted
    assert "site footer Editor’s Digest 1 0 " in counted
    code = imara.get("/desk/forms?name=Front+page&variant=footer").text
    assert "variant=&#34;footer&#34; form=&#34;Front page&#34;" in code
    assert "name=&#34;form&#34; value=&#34;Front page&#34;" in code
    wrong = imara.get("/desk/forms?name=%22%3E%3Cscript%3E")
    assert (wrong.status_code, "Use at most 60 letters" in words(wrong)) == (422, True)
    assert "<script>" not in wrong.text.partition("<main")[2]
