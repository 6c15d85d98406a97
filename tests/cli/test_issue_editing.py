"""Editing an issue from the command line: the same verbs as at the desk."""

from pathlib import Path

from sqlalchemy import select

from digest.database.transactions import Database
from digest.models import Article, AuditEvent
from tests.cli.conftest import CommandLine
from tests.newsroom.intake.test_pictures import file_of, photograph
from tests.servers.web import WebServer


def article(database: Database, slug: str) -> str:
    with database.reading() as session:
        found = select(Article.id).where(Article.url.endswith(f"/{slug}"))
        return str(session.scalars(found).one())


def test_picking_moving_and_dropping(composed: CommandLine, database: Database) -> None:
    composed.add_articles("bat")
    bat = article(database, "bat")
    picked = composed("issue", "pick", "editors-digest", bat, "--by", "imara", "--json").json
    assert [each["title"] for each in picked["stories"]][-1] == "The bat"
    assert picked["stories"][-1]["why"] == "Picked by imara."
    again = composed("issue", "pick", "editors-digest", bat)
    assert (again.exit_code, again.err) == (1, "digest: “The bat” is in already: fourth of four.")
    moved = composed("issue", "move", "editors-digest", bat, "2")
    assert moved.out == "“The bat” is now second of four.\n"
    dropped = composed("issue", "drop", "editors-digest", bat)
    assert dropped.out == "“The bat” is out.\n"
    with database.reading() as session:
        events = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc()).limit(3)).all()
        assert [(each.verb, each.user_id, each.fields) for each in events] == [
            ("issue edit", None, ["stories"]),
            ("issue edit", None, ["position"]),
            ("issue edit", None, ["stories"]),
        ]


def test_editing_words(composed: CommandLine, database: Database) -> None:
    said = composed("issue", "edit", "editors-digest", "--subject", "The port", "--note", "Hello.")
    assert said.out == "The subject is changed. The note is changed.\n"
    cold = article(database, "cold")
    edited = composed(
        *("issue", "edit", "editors-digest", "--story", cold, "--headline", "Who owns the cold?"),
        *("--role", "lead", "--json"),
    ).json
    assert edited["stories"][0]["title"] == "Who owns the cold?"
    assert (edited["subject"], edited["note"]) == ("The port", "Hello.")
    back = composed("issue", "edit", "editors-digest", "--story", cold, "--headline", "")
    assert back.out == "“The cold” has the article’s own headline.\n"


def test_what_is_typed_wrongly_says_what_to_do(composed: CommandLine) -> None:
    for arguments, sentence in (
        (("--subject", "a" * 301), "--subject: The subject has 301 characters, and 300 is the"),
        (("--headline", "a"), "Say which story: --story ARTICLE."),
        ((), "Say what to change"),
    ):
        refused = composed("issue", "edit", "editors-digest", *arguments)
        assert refused.exit_code == 2
        assert sentence in refused.err
    refused = composed("issue", "drop", "editors-digest", "999")
    assert (refused.exit_code, refused.err) == (1, "digest: That story is not in this issue.")


def test_a_text_that_was_changed_since_is_kept_and_brought_back(composed: CommandLine) -> None:
    seen = composed("issue", "edit", "editors-digest", "--subject", "First", "--json").json
    version = str(seen["version"])
    composed("issue", "edit", "editors-digest", "--note", "Joss’s", "--by", "joss")
    lost = composed(
        *("issue", "edit", "editors-digest", "--note", "Imara’s", "--version", version),
        *("--by", "imara"),
    )
    assert lost.exit_code == 1
    assert "joss had changed the note first" in lost.err
    assert "It stands: Joss’s" in lost.err
    [change] = [
        each
        for each in composed("issue", "history", "editors-digest", "--json").json
        if each["after"] == "Imara’s"
    ]
    assert (change["taken"], change["by"]) == (False, "imara")
    assert f"--bring-back {change['change']}" in lost.err
    back = composed("issue", "edit", "editors-digest", "--bring-back", str(change["change"]))
    assert back.out == "The note is changed.\n"
    listed = composed("issue", "history", "editors-digest").out
    assert "When (Europe/London)" in listed
    assert "Imara’s" in listed


def test_adding_by_address(composed: CommandLine, http_server: WebServer) -> None:
    allowed = CommandLine({**composed.environment, "DIGEST_FETCH_PRIVATE": "true"})
    url = http_server.route("/ice", b"<title>The ice is open</title>")
    added = allowed("issue", "add", "editors-digest", url, "--by", "imara", "--json").json
    assert (added["stories"][-1]["title"], added["stories"][-1]["url"]) == ("The ice is open", url)
    for given, sentence in (
        ("ice", "URL: Give the whole address, beginning with https://"),
        (f"{http_server.url}/other", "URL: Only the ports 80 and 443"),
    ):
        refused = composed("issue", "add", "editors-digest", given)
        assert refused.exit_code == 2
        assert sentence in refused.err
    assert composed("issue", "cancel", "editors-digest").exit_code == 0
    late = allowed("issue", "add", added["issue"], f"{http_server.url}/late")
    assert (late.exit_code, "It is too late to change" in late.err) == (1, True)
    assert [each.path for each in http_server.requests] == ["/ice"]


def test_changing_a_picture(composed: CommandLine, database: Database, tmp_path: Path) -> None:
    file, cold = tmp_path / "quay.png", article(database, "cold")
    file.write_bytes(file_of(photograph(1200, 900)))
    change = ("issue", "picture", "editors-digest", cold)
    changed = composed(*change, "--file", str(file), "--alt", "The quay")
    assert changed.out.startswith("“The cold” has another picture in this issue. The picture’s")
    assert "goes without a picture" in composed(*change, "--none").out
    assert "the article’s picture again" in composed(*change, "--own").out
    about = composed(*change, "--file", str(file), "--focus", "30,100")
    assert about.out.endswith("It is cropped about 30,100.\n")
    again = composed(*change, "--focus", "0,0", "--json").json["changes"]
    assert [(each["before"], each["after"]) for each in again] == [("30,100", "0,0")]
    for arguments, said in (
        ((), "Give one of --file"),
        (("--own", "--none"), "Give one of --file"),
        (("--none", "--focus", "1,1"), "there is nothing to crop"),
        (("--focus", "1"), "--focus: Give two whole percentages"),
    ):
        refused = composed(*change, *arguments)
        assert (refused.exit_code, said in refused.err) == (2, True), refused.err
