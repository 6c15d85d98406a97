from digest.database.transactions import Database
from digest.newsroom.api_tokens import find_token
from tests.cli.conftest import CommandLine


def test_a_token_is_shown_once_and_works(command_line: CommandLine, database: Database) -> None:
    made = command_line("token", "create", "the site", "--json").json

    with database.reading() as session:
        found = find_token(session, made["token"])
    assert found is not None
    assert found.name == "the site"


def test_a_person_is_told_how_to_use_it(command_line: CommandLine) -> None:
    said = command_line("token", "create", "the site")

    assert said.exit_code == 0
    assert "not shown again" in said.out
    assert "Authorization: Bearer dgst_" in said.out


def test_a_name_that_is_taken_exits_2(command_line: CommandLine) -> None:
    command_line("token", "create", "the site")
    said = command_line("token", "create", "the site")

    assert said.exit_code == 2
    assert "NAME: There is a token called the site already." in said.err
