"""A record is written so that it can be published, and looked for where it should be."""

import base64
import re

import pytest

from digest.delivery.signing.records import (
    UnpublishedError,
    check_published,
    record_name,
    record_text,
    zone_line,
)
from digest.models import DkimKey
from digest.settings.loading import Resolver
from tests.delivery.signing.verifiers import BOTH_ROWS, ED25519_ROW, RSA_ROW
from tests.servers.dns import DnsServer


def quoted(text: str) -> str:
    """Return a record's text as a zone file has it, cut after 200 characters."""
    return " ".join(f'"{text[at : at + 200]}"' for at in range(0, len(text), 200))


@pytest.mark.parametrize("key", BOTH_ROWS, ids=["rsa", "ed25519"])
def test_a_record_that_was_published_is_found(key: DkimKey) -> None:
    with DnsServer({record_name(key): [quoted(record_text(key))]}) as server:
        check_published(key, server.resolver)
    assert server.asked == [record_name(key)]


def test_the_line_of_a_zone_file_is_read_by_the_dns_as_the_text() -> None:
    line = zone_line(RSA_ROW)
    assert all(len(string) <= 255 for string in re.findall('"([^"]*)"', line))
    assert line.startswith("test-rsa._domainkey.halyard.example. IN TXT ( ")
    assert "(" not in zone_line(ED25519_ROW)
    strings = line.partition("( ")[2].removesuffix(" )")
    with DnsServer({record_name(RSA_ROW): [strings]}) as server:
        check_published(RSA_ROW, server.resolver)


def test_a_record_that_somebody_wrote_in_their_own_way_is_the_same() -> None:
    public = base64.b64encode(RSA_ROW.public_key).decode()
    spaced = f" v = DKIM1 ; p = {public[:100]} {public[100:]} ; t=s ;"
    with DnsServer({record_name(RSA_ROW): [quoted(spaced)]}) as server:
        check_published(RSA_ROW, server.resolver)


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ([], "There is no TXT record at test-rsa._domainkey.halyard.example yet"),
        (['"v=DKIM1; k=rsa; p="'], "holds another key than ours"),
        (['"v=DKIM1; k=rsa; p=AAAA"'], "holds another key than ours"),
        (['"v=DKIM1; k=rsa; p=!"'], "holds another key than ours"),
        ([quoted(record_text(RSA_ROW).replace("k=rsa", "k=ed25519"))], "another key than ours"),
        ([quoted(record_text(RSA_ROW)[:255])], "some forms cut it at 255 characters"),
        (['"v=spf1 -all"'], "is no DKIM record"),
        (['"v=DKIM2; p=AAAA"'], "is no DKIM record"),
        (['"a"', '"b"'], "There are 2 TXT records"),
    ],
)
def test_what_is_wrong_is_told_with_what_to_do(texts: list[str], words: str) -> None:
    published = {record_name(RSA_ROW): texts} if texts else {}
    with DnsServer(published) as server, pytest.raises(UnpublishedError, match=re.escape(words)):
        check_published(RSA_ROW, server.resolver)


def test_a_server_that_fails_proves_nothing() -> None:
    with DnsServer(fails=True) as server, pytest.raises(UnpublishedError, match="--unchecked"):
        check_published(RSA_ROW, server.resolver)


def test_no_server_at_all_is_told_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digest.delivery.signing.records.LOOK_SECONDS", 0.3)
    with pytest.raises(UnpublishedError, match="could not be asked"):
        check_published(RSA_ROW, Resolver("127.0.0.1", 9))
