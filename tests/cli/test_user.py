from sqlalchemy import select

from digest.database.transactions import Database
from digest.models import AuditEvent, Passkey, User, UserLink
from tests.cli.conftest import CommandLine
from tests.factories import make_newsletter

IMARA = ("imara@example.org", "--name", "Imara")


def state_of(database: Database) -> list[bool]:
    """Return of each link, in order, whether it still opens something."""
    with database.reading() as session:
        return [link.spent_at is None for link in session.scalars(select(UserLink))]


def test_the_first_user_is_made_and_given_a_link(command_line: CommandLine) -> None:
    said = command_line("user", "list")
    assert "digest user create --help" in said.out
    made = command_line("user", "create", *IMARA, "--role", "owner")
    assert made.exit_code == 0
    assert "good once, for three days" in made.out
    assert "/desk/password/1l" in made.out
    [found] = command_line("user", "list", "--json").json
    assert (found["name"], found["roles"]) == ("Imara", ["owner"])
    assert (found["has_password"], found["second_factor"]) == (False, False)


def test_roles_may_be_for_one_newsletter(command_line: CommandLine, database: Database) -> None:
    with database.transaction() as session:
        make_newsletter(session)
    command_line("user", "create", *IMARA, "--role", "owner")
    joss = ("joss@example.org", "--name", "Joss", "--role", "editor:editors-digest")
    command_line("user", "create", *joss, "--role", "readers")
    [_, found] = command_line("user", "list", "--json").json
    assert sorted(found["roles"]) == ["editor:editors-digest", "readers"]
    assert command_line("user", "edit", "joss@example.org", "--role", "viewer").exit_code == 0
    [_, found] = command_line("user", "list", "--json").json
    assert found["roles"] == ["viewer"]
    again = command_line("user", "edit", "joss@example.org", "--role", "viewer")
    assert "Nothing had to be changed." in again.out


def test_what_is_typed_wrongly_is_named(command_line: CommandLine) -> None:
    command_line("user", "create", *IMARA, "--role", "owner")
    wrong: list[tuple[tuple[str, ...], str]] = [
        (("create", *IMARA), "--role: say what they may do"),
        (("create", "j@example.org", "--name", "J", "--role", "king"), "'king' is no role"),
        (("create", *IMARA, "--role", "owner"), "EMAIL: There is a user with this address"),
        (("create", "joss", "--name", "Joss", "--role", "owner"), "EMAIL:"),
        (("edit", "imara@example.org"), "--name, --role or --enable"),
    ]
    for arguments, words in wrong:
        said = command_line("user", *arguments)
        assert said.exit_code == 2, arguments
        assert words in said.err
    refused: list[tuple[str, ...]] = [
        ("edit", "nobody@example.org", "--enable"),
        ("create", "j@example.org", "--name", "J", "--role", "editor:nowhere"),
        ("disable", "imara@example.org"),
    ]
    for arguments in refused:
        assert command_line("user", *arguments).exit_code == 1, arguments
    assert len(command_line("user", "list", "--json").json) == 1


def test_somebody_leaves_and_comes_back(command_line: CommandLine) -> None:
    command_line("user", "create", *IMARA, "--role", "owner")
    command_line("user", "create", "joss@example.org", "--name", "Joss", "--role", "owner")
    assert "cannot sign in any more" in command_line("user", "disable", "joss@example.org").out
    assert "disabled already" in command_line("user", "disable", "joss@example.org").out
    refused = command_line("user", "reset", "joss@example.org")
    assert (refused.exit_code, "--enable" in refused.err) == (1, True)
    command_line("user", "edit", "joss@example.org", "--enable")
    assert command_line("user", "list", "--json").json[1]["disabled_at"] is None


def test_a_reset_gives_another_link_and_only_if_told_takes_the_second_factor(
    command_line: CommandLine, database: Database
) -> None:
    command_line("user", "create", *IMARA, "--role", "owner")
    with database.transaction() as session:
        user = session.get_one(User, 1)
        user.totp_secret, user.totp_since = b"sealed", user.created_at
        user.password_hash = "known to somebody"
    command_line("user", "reset", "imara@example.org")
    assert state_of(database) == [False, True]
    assert command_line("user", "list", "--json").json[0]["second_factor"]
    [found] = command_line("user", "list", "--json").json
    assert found["has_password"], "it is good until the link is used"
    command_line("user", "reset", "imara@example.org", "--second-factor")
    [found] = command_line("user", "list", "--json").json
    assert not found["second_factor"]
    assert not found["has_password"], "it would be enough by itself now"
    with database.reading() as session:
        verbs = list(session.scalars(select(AuditEvent.verb).order_by(AuditEvent.id)))
    assert verbs == [
        "user create",
        "user link",
        "user reset",
        "user reset",
        "user switch second factor off",
    ]


def test_who_lost_a_device_has_its_passkeys_removed(
    command_line: CommandLine, database: Database
) -> None:
    command_line("user", "create", *IMARA, "--role", "owner")
    with database.transaction() as session:
        user = session.scalars(select(User)).one()
        key = {"credential_id": b"k", "public_key": b"k", "sign_count": 0, "transports": []}
        kept = {"syncs": False, "backed_up": False, "name": "Phone", "created_at": user.created_at}
        session.add(Passkey(user_id=user.id, **key, **kept))
    assert command_line("user", "reset", "imara@example.org").exit_code == 0
    [found] = command_line("user", "list", "--json").json
    assert found["passkeys"] == 1, "they stay unless it is asked for"
    reset = command_line("user", "reset", "imara@example.org", "--passkeys")
    assert "/desk/password/1l" in reset.out
    [found] = command_line("user", "list", "--json").json
    assert found["passkeys"] == 0
