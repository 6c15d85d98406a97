"""`digest dkim`: from nothing to signed mail, and to another key."""

from dataclasses import replace

from digest.database.transactions import Database
from digest.delivery.signing.keys import list_keys
from digest.delivery.signing.records import record_name, record_text
from tests.cli.conftest import NEWSLETTER, CommandLine
from tests.servers.dns import DnsServer

DOMAIN = "halyard.example"


def asking(command_line: CommandLine, server: DnsServer) -> CommandLine:
    host = f"{server.resolver.host}:{server.resolver.port}"
    return replace(command_line, environment={**command_line.environment, "DIGEST_RESOLVER": host})


def test_keys_are_made_published_put_to_use_and_retired(
    command_line: CommandLine, database: Database
) -> None:
    made = command_line("dkim", "create", "Halyard.example", "--json").json
    assert [key["algorithm"] for key in made] == ["rsa", "ed25519"]
    assert {key["state"] for key in made} == {"waiting"}
    with DnsServer() as server:
        digest = asking(command_line, server)
        refused = digest("dkim", "sign", DOMAIN)
        assert refused.exit_code == 1
        assert refused.err.count("There is no TXT record at") == 2
        with database.reading() as session:
            for key in list_keys(session):
                text = record_text(key)
                server.texts[record_name(key)] = [f'"{text[:250]}" "{text[250:]}"']
        signing = digest("dkim", "sign", DOMAIN)
    assert signing.exit_code == 0
    assert f"Mail from {DOMAIN} is signed by {made[0]['selector']} and" in signing.out
    assert "signing" in command_line("dkim", "list").out
    kept = command_line("dkim", "retire", DOMAIN, made[0]["selector"])
    assert kept.exit_code == 1
    assert "--leaves-unsigned" in kept.err
    gone = command_line("dkim", "retire", DOMAIN, made[0]["selector"], "--leaves-unsigned")
    assert "leave its record for 7 days" in gone.out
    states = [key["state"] for key in command_line("dkim", "list", DOMAIN, "--json").json]
    assert states == ["retired", "signing"]


def test_the_doctor_says_whose_mail_is_signed_and_which_key_does_not_open(
    command_line: CommandLine, database: Database
) -> None:
    command_line(*NEWSLETTER)
    command_line("dkim", "create", DOMAIN)
    assert f"digest dkim sign {DOMAIN}" in words(command_line("doctor").out)
    command_line("dkim", "sign", DOMAIN, "--unchecked")
    assert f"Digest signs the mail from {DOMAIN}." in words(command_line("doctor").out)
    with database.transaction() as session:
        first, second = list_keys(session)
        first.secret, second.secret = second.secret, first.secret
    assert "A DKIM key cannot be opened with DIGEST_KEYS" in words(command_line("doctor").out)
    assert "There are no keys of other.example" in command_line("dkim", "list", "other.example").out


def words(text: str) -> str:
    return " ".join(text.split())


def test_the_records_are_printed_for_a_zone_file_and_for_a_form(command_line: CommandLine) -> None:
    said = command_line("dkim", "create", DOMAIN)
    assert said.exit_code == 0
    assert f"._domainkey.{DOMAIN}. IN TXT ( " in said.out
    assert "Value: v=DKIM1; h=sha256; k=ed25519; p=" in said.out
    assert f"digest dkim sign {DOMAIN}" in said.out
    assert said.out.split("Once they")[0] in command_line("dkim", "list", "--records").out


def test_no_secret_is_ever_printed(command_line: CommandLine) -> None:
    said = [
        command_line("dkim", "create", DOMAIN),
        command_line("dkim", "list", "--json"),
        command_line("dkim", "list", "--records"),
    ]
    assert not any("secret" in each.out or "PRIVATE" in each.out for each in said)


def test_who_may_not_ask_the_dns_says_so(command_line: CommandLine) -> None:
    command_line("dkim", "create", DOMAIN, "--algorithm", "ed25519")
    assert command_line("dkim", "sign", DOMAIN, "--unchecked").exit_code == 0


def test_what_was_typed_wrongly_exits_2_and_what_is_not_there_1(command_line: CommandLine) -> None:
    wrong = command_line("dkim", "create", "halyard")
    assert wrong.exit_code == 2
    assert "DOMAIN: 'halyard' is no domain" in wrong.err
    assert command_line("dkim", "sign", DOMAIN).exit_code == 1
    assert command_line("dkim", "retire", DOMAIN, "x").exit_code == 1
    assert "digest dkim create" in command_line("dkim", "list").out
