from digest.database.transactions import Database
from digest.newsroom.api_tokens import find_token
from tests.cli.conftest import CommandLine


def test_a_token_is_shown_once_and_works(command_line: CommandLine, database: Database) -> None:
    made = command_line("token", "create", "the site", "--scope", "articles", "--json").json

    with database.reading() as session:
        found = find_token(session, made["token"])
    assert found is not None
    assert found.name == "the site"


def test_a_person_is_told_how_to_use_it(command_line: CommandLine) -> None:
    said = command_line("token", "create", "the site", "--scope", "articles")

    assert said.exit_code == 0
    assert "not shown again" in said.out
    assert "Authorization: Bearer dgst_" in said.out


def test_a_name_that_is_taken_exits_2(command_line: CommandLine) -> None:
    command_line("token", "create", "the site", "--scope", "articles")
    said = command_line("token", "create", "the site", "--scope", "articles")

    assert said.exit_code == 2
    assert "NAME: There is a token called the site already." in said.err


def test_tokens_are_listed_and_revoked_by_name(
    command_line: CommandLine, database: Database
) -> None:
    made = command_line("token", "create", "the shop", "--scope", "sign-ups", "--json").json
    assert made["scope"] == "sign-ups"
    shown = command_line("token", "list")
    assert "the shop" in shown.out
    assert "sign-ups" in shown.out
    assert made["token"] not in shown.out

    assert command_line("token", "revoke", "the shop").out == "It is revoked.\n"
    assert command_line("token", "revoke", "the shop").out == "It was revoked already.\n"
    [listed] = command_line("token", "list", "--json").json
    assert listed["revoked_at"]
    with database.reading() as session:
        assert find_token(session, made["token"]) is None


def test_revoking_what_is_not_there_names_what_is(command_line: CommandLine) -> None:
    command_line("token", "create", "the site", "--scope", "articles")
    said = command_line("token", "revoke", "teh site")

    assert said.exit_code == 1
    assert "There are: the site." in said.err


def test_without_a_scope_it_says_which_there_are(command_line: CommandLine) -> None:
    said = command_line("token", "create", "the site")

    assert said.exit_code == 2
    assert "articles" in said.err
    assert "sign-ups" in said.err
