from pathlib import Path

import pytest
from PIL import Image

from digest.database.transactions import Database
from digest.models import LeavingReason, Media, Newsletter, Publication
from digest.readers.preferences.farewells import tell_reason
from digest.readers.preferences.leaving import leave
from tests.cli.conftest import NEWSLETTER, CommandLine, Said
from tests.factories import NOW, make_reader


def with_option(option: str, value: str) -> list[str]:
    arguments = list(NEWSLETTER)
    if option in arguments:
        arguments[arguments.index(option) + 1] = value
        return arguments
    return [*arguments, option, value]


def test_a_newsletter_is_created_and_shown(command_line: CommandLine) -> None:
    created = command_line(*NEWSLETTER)

    assert created.exit_code == 0
    assert "Editor’s Digest comes on Saturdays at 07:00 (Europe/London)" in created.out
    shown = command_line("newsletter", "show", "editors-digest", "--json").json
    assert shown["editor_name"] == "Imara Vance-Oduya"
    assert shown["from_name"] == "Imara at The Halyard"
    assert (shown["weekday"], shown["local_time"]) == ("Saturday", "07:00")
    assert shown["palette"]["text"] == "#006B5E"
    assert "Saturday" in command_line("newsletter", "show", "editors-digest").out


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_colour_that_had_to_be_changed_is_said(command_line: CommandLine) -> None:
    created = command_line(*with_option("--accent", "#FFD400"))

    assert "Your yellow is too light for text, so links use #735F00." in created.out


def test_newsletters_are_listed(paper: CommandLine) -> None:
    listed = paper("newsletter", "list")

    assert "editors-digest" in listed.out
    assert [found["slug"] for found in paper("newsletter", "list", "--json").json] == [
        "editors-digest"
    ]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_list_has_an_end_and_says_that_there_is_more(paper: CommandLine) -> None:
    another = ["brief" if each == "editors-digest" else each for each in NEWSLETTER]
    assert paper(*another).exit_code == 0
    said = paper("newsletter", "list", "--limit", "1", "--json")
    assert [found["slug"] for found in said.json] == ["brief"]
    assert "2 in all. More of them: --limit 2" in said.err
    assert paper("newsletter", "list").err == ""


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_no_newsletters_says_how_to_make_one(command_line: CommandLine) -> None:
    assert "digest newsletter create" in command_line("newsletter", "list").out
    assert command_line("newsletter", "list", "--json").json == []


def test_editing_changes_what_is_named_and_nothing_else(paper: CommandLine) -> None:
    edited = paper("newsletter", "edit", "editors-digest", "--weekday", "fri", "--accent", "990F3D")

    assert edited.exit_code == 0
    shown = paper("newsletter", "show", "editors-digest", "--json").json
    assert (shown["weekday"], shown["accent"]) == ("Friday", "#990F3D")
    assert shown["name"] == "Editor’s Digest"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--accent", "green"),
        ("--zone", "London"),
        ("--time", "7 o'clock"),
        ("--time", "25:00"),
        ("--weekday", "someday"),
        ("--weekday", "s"),
        ("--editor-email", "imara"),
        ("--story-min", "9"),
        ("--approval", "perhaps"),
        ("--site", "halyard.example"),
    ],
)
def test_a_wrong_value_exits_2_and_names_its_option(
    command_line: CommandLine, option: str, value: str
) -> None:
    said = command_line(*with_option(option, value))

    assert said.exit_code == 2
    assert option in said.err
    assert command_line("newsletter", "list", "--json").json == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_missing_is_said_at_once(command_line: CommandLine) -> None:
    said = command_line("newsletter", "create", "editors-digest", "--name", "Editor’s Digest")

    assert said.exit_code == 2
    for option in ("--promise", "--editor-name", "--weekday", "--time", "--zone"):
        assert option in said.err


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_first_newsletter_asks_for_the_paper(command_line: CommandLine) -> None:
    said = command_line(*NEWSLETTER[:-4])

    assert said.exit_code == 2
    assert "--publication: Give the paper's name" in said.err


def test_a_second_newsletter_does_not_ask_again(paper: CommandLine) -> None:
    arguments = ["another" if word == "editors-digest" else word for word in NEWSLETTER[:-4]]

    assert paper(*arguments).exit_code == 0


def test_a_slug_that_is_taken_exits_2(paper: CommandLine) -> None:
    said = paper(*NEWSLETTER)

    assert said.exit_code == 2
    assert "SLUG: There is a newsletter called editors-digest already." in said.err


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_editing_nothing_exits_2(paper: CommandLine) -> None:
    assert paper("newsletter", "edit", "editors-digest").exit_code == 2


def test_a_newsletter_that_is_not_there_exits_1(paper: CommandLine) -> None:
    said = paper("newsletter", "show", "weekly")

    assert said.exit_code == 1
    assert "There are: editors-digest." in said.err


def test_a_portrait_and_a_mark_are_kept_as_squares(
    command_line: CommandLine, database: Database, tmp_path: Path
) -> None:
    Image.new("RGB", (400, 600), "green").save(tmp_path / "imara.png")
    Image.new("RGB", (100, 100), "green").save(tmp_path / "mark.png")
    files = ("--portrait", str(tmp_path / "imara.png"), "--mark", str(tmp_path / "mark.png"))
    assert command_line(*NEWSLETTER, *files).exit_code == 0

    with database.reading() as session:
        newsletter = session.query(Newsletter).one()
        portrait = session.get_one(Media, newsletter.editor_portrait)
        mark = session.get_one(Media, session.get_one(Publication, 1).mark)
    assert (portrait.width, portrait.height) == (288, 288)
    assert (mark.width, mark.height) == (96, 96)


def test_a_portrait_that_is_no_picture_creates_nothing(
    command_line: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "imara.jpg").write_text("<html>not a picture</html>")
    said = command_line(*NEWSLETTER, "--portrait", str(tmp_path / "imara.jpg"))

    assert said.exit_code == 1
    assert "We cannot read that picture" in said.err
    assert command_line("newsletter", "list", "--json").json == []


def test_what_becomes_of_doubt_is_the_newsletters_to_say(command_line: CommandLine) -> None:
    assert command_line(*with_option("--in-doubt-policy", "resend")).exit_code == 0
    shown = command_line("newsletter", "show", "editors-digest", "--json").json
    assert shown["in_doubt_policy"] == "resend"
    edited = command_line("newsletter", "edit", "editors-digest", "--in-doubt-policy", "hold")
    assert edited.exit_code == 0
    shown = command_line("newsletter", "show", "editors-digest", "--json").json
    assert shown["in_doubt_policy"] == "hold"
    wrong = command_line("newsletter", "edit", "editors-digest", "--in-doubt-policy", "forget")
    assert wrong.exit_code == 2


def test_topics_and_languages_are_offered_and_counted(paper: CommandLine) -> None:
    chosen = ("--topics", "sea=The sea, chinese-economy = Chinese economy", "--also-in", "de, fr")
    assert paper("newsletter", "edit", "editors-digest", *chosen).exit_code == 0
    shown = paper("newsletter", "show", "editors-digest", "--json").json
    assert shown["topics"] == {"sea": "The sea", "chinese-economy": "Chinese economy"}
    assert shown["languages"] == ["de", "fr"]
    assert shown["readers_by_topic"] == shown["reasons_for_leaving"] == {}

    assert paper("newsletter", "edit", "editors-digest", "--topics", "").exit_code == 0
    shown = paper("newsletter", "show", "editors-digest", "--json").json
    assert (shown["topics"], shown["languages"]) == ({}, ["de", "fr"])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("option", "typed", "complaint"),
    [
        ("--topics", "sea", "has no name"),
        ("--topics", "The Sea=sea", "--topics: Use a-z"),
        ("--topics", "sea=", "--topics: This cannot be empty."),
        ("--topics", ",".join(f"t{n}=T" for n in range(21)), "at most 20 topics"),
        ("--also-in", "german!", "--also-in: Give a language tag"),
    ],
)
def test_a_topic_or_language_that_cannot_be_exits_2(
    paper: CommandLine, option: str, typed: str, complaint: str
) -> None:
    said = paper("newsletter", "edit", "editors-digest", option, typed)

    assert said.exit_code == 2
    assert complaint in said.err


def test_why_readers_left_and_what_they_choose_is_shown(
    paper: CommandLine, database: Database
) -> None:
    with database.transaction() as session:
        newsletter = session.query(Newsletter).one()
        for email in ("robin@example.org", "mina@example.com", "joss@example.com"):
            make_reader(session, newsletter, email).topics = ["sea"]
        gone = make_reader(session, newsletter, "odile@example.com")
        leave(session, gone.token_id, now=NOW)
        assert tell_reason(session, gone.token_id, LeavingReason.NO_TIME, now=NOW)
    shown = paper("newsletter", "show", "editors-digest", "--json").json
    assert shown["readers_by_topic"] == {"sea": 3}
    assert shown["reasons_for_leaving"] == {"2026-11": {"no_time": 1}}
    words = paper("newsletter", "show", "editors-digest").out
    assert "sea: 3" in words
    assert "2026-11: no_time: 1" in words


def test_a_new_time_moves_the_draft_and_says_so(composed: CommandLine) -> None:
    edited = composed("newsletter", "edit", "editors-digest", "--time", "09:00")

    [issue] = composed("issue", "list", "--json").json
    assert f"{issue['issue']} moves with it: it goes out on Sat" in edited.out
    assert "09:00." in edited.out
    assert issue["send_at"][11:16] in {"08:00", "09:00"}, "British or Greenwich time"


def test_what_keeps_its_time_is_named(composed: CommandLine) -> None:
    assert composed("issue", "approve", "editors-digest").exit_code == 0
    edited = composed("newsletter", "edit", "editors-digest", "--time", "09:00", "--json").json
    told = composed("newsletter", "edit", "editors-digest", "--time", "10:00")

    [kept] = edited["issues"]
    assert kept["kept_because"] == "it is approved"
    assert (
        f"{kept['issue']} keeps its time, {kept['goes_out']}, because it is approved." in told.out
    )


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_time_that_the_clocks_skip_is_said(paper: CommandLine) -> None:
    edited = paper("newsletter", "edit", "editors-digest", "--weekday", "sun", "--time", "01:30")

    assert "The clocks of Europe/London skip 01:30 on Sunday " in edited.out
    assert "it goes out at 02:00, right after." in edited.out


# What feeds it


@pytest.fixture
def fed(paper: CommandLine) -> CommandLine:
    """A paper with two sources, and a story added by hand in World and one in Science."""
    paper("source", "add", "https://halyard.example/wire.xml", "--name", "The Wire")
    paper("source", "add", "https://halyard.example/sea.xml", "--name", "The Sea")
    for section in ("World", "Science"):
        url = f"https://halyard.example/a/{section}"
        paper("article", "add", "--title", section, "--url", url, "--section", section)
    return paper


def edit(line: CommandLine, *options: str) -> Said:
    return line("newsletter", "edit", "editors-digest", *options)


def test_sources_and_sections_are_named_shown_and_given_up_again(fed: CommandLine) -> None:
    show = ("newsletter", "show", "editors-digest")
    before = fed(*show, "--json").json
    assert (before["sources"], before["sections"], before["troubles"]) == ([], [], [])
    assert "all" in fed("newsletter", "list").out

    said = edit(fed, "--source", "the wire", "--source", "api", "--section", "WORLD")
    assert said.exit_code == 0, said.err
    takes = "from The Wire (source 1) and what has no source in the section World"
    assert f"It takes articles {takes}." in said.out
    for shown in (fed(*show, "--json").json, fed("newsletter", "list", "--json").json[0]):
        assert shown["sources"] == [{"id": 1, "name": "The Wire"}, {"id": None, "name": "api"}]
        assert shown["sections"] == ["World"]
    assert "The Wire (source 1), what has no source" in fed(*show).out

    # Another edit leaves them, and what is named replaces what was named.
    edit(fed, "--promise", "Eight stories.")
    edit(fed, "--source", "2")
    shown = fed(*show, "--json").json
    assert (shown["sources"], shown["sections"]) == ([{"id": 2, "name": "The Sea"}], ["World"])

    assert edit(fed, "--all-sources").exit_code == 0
    assert fed(*show, "--json").json["sources"] == []
    assert fed(*show, "--json").json["sections"] == ["World"]
    assert edit(fed, "--all-sections").exit_code == 0
    assert fed(*show, "--json").json["sections"] == []


def test_a_newsletter_is_created_with_what_feeds_it(fed: CommandLine) -> None:
    arguments = ["science" if word == "editors-digest" else word for word in NEWSLETTER[:-4]]
    made = fed(*arguments, "--section", "science", "--source", "api", "--story-min", "1", "--json")
    assert (made.json["sources"], made.json["sections"]) == (
        [{"id": None, "name": "api"}],
        ["Science"],
    )
    assert fed("issue", "compose", "science").exit_code == 0
    folder = fed.environment["DIGEST_DATA_DIR"]
    [issue] = fed("issue", "list", "--json").json
    previewed = fed("issue", "preview", str(issue["id"]), "--to", folder)
    assert "Science" in previewed.out
    assert "World" not in previewed.out


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--source", "Wier"), "--source: There is no source called Wier. There are: The Sea"),
        (("--source", "3"), "The Wire (source 1). For what has no source, say api."),
        (("--section", "Wold"), "--section: There is no section called Wold. There are: Science,"),
        (("--section", " "), "--section: There is no section called"),
        (("--source", "api", "--all-sources"), "Give either --source or --all-sources."),
        (("--section", "World", "--all-sections"), "Give either --section or --all-sections."),
    ],
)
def test_what_does_not_exist_exits_2_with_what_does(
    fed: CommandLine, options: tuple[str, ...], complaint: str
) -> None:
    said = edit(fed, *options)

    assert said.exit_code == 2
    assert complaint in " ".join(said.err.split())
    shown = fed("newsletter", "show", "editors-digest", "--json").json
    assert (shown["sources"], shown["sections"]) == ([], [])


def test_a_newsletter_that_nothing_feeds_says_so_everywhere(fed: CommandLine) -> None:
    edit(fed, "--source", "The Sea")
    retired = fed("source", "retire", "2")
    sentence = "Nothing feeds it. The Sea (source 2) is retired."
    assert "Nothing feeds Editor’s Digest now. Choose what feeds it:" in retired.out

    assert fed("newsletter", "show", "editors-digest", "--json").json["troubles"] == [
        "Nothing feeds it.",
        "The Sea (source 2) is retired.",
    ]
    shown = " ".join(fed("newsletter", "show", "editors-digest").out.split())
    assert sentence in shown
    assert "digest newsletter edit editors-digest with --source NAME" in shown
    assert "nothing" in fed("newsletter", "list").out
    assert sentence in fed("issue", "compose", "editors-digest").out
    # Whoever changes something else is not made to mend it.
    assert edit(fed, "--promise", "Eight stories.").exit_code == 0
    assert sentence not in edit(fed, "--all-sources").out


def test_articles_are_listed_for_a_newsletter(fed: CommandLine) -> None:
    edit(fed, "--section", "Science")
    listed = fed("article", "list", "--for", "editors-digest", "--json").json
    assert [found["title"] for found in listed] == ["Science"]
    assert len(fed("article", "list", "--json").json) == 2

    edit(fed, "--source", "The Sea")
    none = fed("article", "list", "--for", "editors-digest").out
    assert "digest newsletter show editors-digest" in none
    assert fed("article", "list", "--for", "another").exit_code == 1


def test_an_issue_that_is_composed_keeps_its_stories_and_is_named(composed: CommandLine) -> None:
    [issue] = composed("issue", "list", "--json").json
    said = edit(composed, "--source", "api")
    assert f"{issue['issue']} keeps its stories." in said.out
    again = f"digest issue compose {issue['issue']} --again"
    assert again in said.out
    assert composed(*again.split()[1:]).exit_code == 0
    assert "keeps its stories" not in edit(composed, "--story-min", "2").out
