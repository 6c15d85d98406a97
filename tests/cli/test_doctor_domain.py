"""`digest doctor DOMAIN` as its user sees it."""

from dataclasses import replace

from digest.database.transactions import Database
from tests.checkup.domain.zones import DOMAIN, zone
from tests.cli.conftest import CommandLine
from tests.servers.dns import DnsServer
from tests.servers.web import WebServer


def asking(command_line: CommandLine, server: DnsServer, **settings: str) -> CommandLine:
    host = f"{server.resolver.host}:{server.resolver.port}"
    environment = {**command_line.environment, "DIGEST_RESOLVER": host, **settings}
    return replace(command_line, environment=environment)


def test_it_says_what_to_publish_by_which_rule_and_ends_with_one(
    command_line: CommandLine, database: Database
) -> None:
    records = zone(dmarc=[])
    with DnsServer(zone=records) as server:
        digest = asking(command_line, server)
        said = digest("doctor", "Halyard.example.", "--sends-from", "198.51.100.25")
        as_json = digest("doctor", DOMAIN, "--json", "--sends-from", "198.51.100.26")
    assert said.exit_code == 1
    assert "✓ SPF              It lets mail from 198.51.100.25 through." in said.out
    assert "To mend. There is no DMARC record for halyard.example." in said.out
    assert '_dmarc.halyard.example. IN TXT "v=DMARC1; p=none; rua=mailto:' in said.out
    assert "(RFC 9989 4.8 and 4.10; Gmail, Yahoo and Outlook ask for one; read 2026-12-01)" in (
        said.out
    )
    assert said.out.splitlines()[-1].split()[1] == "things"
    assert as_json.exit_code == 1
    assert as_json.json["status"] == "failure"
    [relay] = [each for each in as_json.json["checks"] if each["rule"] == "spf-relay"]
    assert relay["level"] == "failure"
    assert relay["record"].startswith("halyard.example. IN TXT")
    assert relay["read"] == "2026-12-01"


def test_the_address_of_a_relay_that_is_here_is_not_guessed(
    command_line: CommandLine, database: Database
) -> None:
    with DnsServer(zone=zone()) as server:
        said = asking(command_line, server, SMTP_URL="smtp://127.0.0.1:25")("doctor", DOMAIN)
    assert "The relay 127.0.0.1 is on this machine or network" in said.out
    assert f"digest doctor {DOMAIN} --sends-from ADDRESS" in said.out


def test_a_public_relay_of_the_same_house_is_looked_up(
    command_line: CommandLine, database: Database
) -> None:
    records = {
        **zone(),
        ("mail.halyard.example", "A"): ["93.184.215.14"],
        ("smtp.provider.example", "A"): ["93.184.215.15"],
    }
    with DnsServer(zone=records) as server:
        digest = asking(command_line, server, SMTP_URL="smtp://mail.halyard.example:25")
        ours = digest("doctor", DOMAIN).out
        theirs = asking(digest, server, SMTP_URL="smtp://smtp.provider.example:25")
        others = theirs("doctor", DOMAIN).out
    assert "does not let mail from 93.184.215.14 through" in ours
    assert "93.184.215.14 has no name by reverse DNS" in ours
    assert "smtp.provider.example is somebody else’s" in others
    assert "93.184.215.15" not in others


def test_neighbours_under_a_suffix_are_not_of_one_house(
    command_line: CommandLine, database: Database
) -> None:
    records = {
        ("paper.co.example", "TXT"): ['"v=spf1 -all"'],
        ("_dmarc.paper.co.example", "TXT"): ['"v=DMARC1; p=none"'],
        ("mail.other.co.example", "A"): ["93.184.215.16"],
    }
    with DnsServer(zone=records) as server:
        digest = asking(command_line, server, SMTP_URL="smtp://mail.other.co.example:25")
        said = digest("doctor", "paper.co.example").out
    assert "mail.other.co.example is somebody else’s" in said


def test_the_one_click_is_pressed_once_and_the_envelope_has_its_own_records(
    command_line: CommandLine, database: Database
) -> None:
    web = WebServer()
    try:
        with DnsServer(zone=zone()) as server:
            changed = {"DIGEST_PUBLIC_URL": web.url, "DIGEST_INBOUND_DOMAIN": "in.halyard.example"}
            said = asking(command_line, server, **changed)("doctor", DOMAIN)
    finally:
        web.close()
    assert [request.method for request in web.requests] == ["POST"]
    assert "The one click is answered by 404" in said.out
    assert "in.halyard.example has no SPF record" in said.out
    assert "Mail to in.halyard.example has nowhere to go" in said.out


def test_what_is_typed_wrongly_is_said(command_line: CommandLine, database: Database) -> None:
    assert "is no domain" in command_line("doctor", "halyard").err
    assert "is no IP address" in command_line("doctor", DOMAIN, "--sends-from", "here").err
    assert "goes with a DOMAIN" in command_line("doctor", "--sends-from", "192.0.2.1").err
    assert "--sends-from and --json" in command_line("doctor", DOMAIN, "--mail").err
