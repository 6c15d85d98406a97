"""The desk's page of domains: what `digest doctor DOMAIN` says, for owners."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from digest.models import Newsletter, Role, Wording
from digest.web import create_app
from tests.checkup.domain.zones import zone
from tests.servers.dns import DnsServer
from tests.web.conftest import words
from tests.web.desk.conftest import Colleague, Join

DOMAINS = "/desk/health/domain"

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def dns() -> Iterator[DnsServer]:
    with DnsServer(zone=zone(dmarc=[])) as server:
        yield server


@pytest.fixture
def app(make_runtime: Any, newsletter: Newsletter, wording: Wording, dns: DnsServer) -> Flask:
    # Nobody answers at port 1 of this machine.
    return create_app(make_runtime(resolver=dns.resolver, public_url="http://127.0.0.1:1"))


def test_a_domain_is_looked_at_when_asked_and_what_to_publish_is_shown(
    imara: Colleague, dns: DnsServer
) -> None:
    asked = imara.get(DOMAINS)
    assert 'name="domain" value="halyard.example"' in asked.text
    assert dns.asked == []
    said = imara.press(
        DOMAINS, DOMAINS, domain="halyard.example", sends_from="198.51.100.25, 198.51.100.26"
    )
    assert said.status_code == 200
    told = words(said)
    assert "SPF It lets mail from 198.51.100.25 through." in told
    assert "SPF To mend. It does not let mail from 198.51.100.26 through" in told
    assert "DMARC To mend. There is no DMARC record" in told
    assert "_dmarc.halyard.example. IN TXT" in told
    assert "By RFC 9989 4.8 and 4.10" in told


def test_what_is_typed_wrongly_is_kept_and_said(imara: Colleague, dns: DnsServer) -> None:
    no_domain = imara.press(DOMAINS, DOMAINS, domain="halyard", sends_from="")
    assert no_domain.status_code == 422
    assert "is no domain" in words(no_domain)
    no_address = imara.press(DOMAINS, DOMAINS, domain="halyard.example", sends_from="here")
    assert no_address.status_code == 422
    assert 'value="here"' in no_address.text
    assert "is no IP address" in words(no_address)
    assert dns.asked == []


def test_an_editor_has_no_such_page(join: Join) -> None:
    editor = join("Joss", Role.EDITOR)
    assert editor.get(DOMAINS).status_code in (403, 404)
    assert "Domains" not in words(editor.get("/desk/settings"))
