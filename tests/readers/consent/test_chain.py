"""The bytes of a link: chains that any release sealed go on verifying."""

from datetime import timedelta, timezone

from digest.models import Consent, ConsentKind, Wording
from digest.readers.consent.chain import find_head, seal_hash, write_link
from tests.factories import NOW
from tests.readers.conftest import ReadersDesk
from tests.readers.consent.sealed import make_chain


def test_a_link_is_the_bytes_that_it_always_was() -> None:
    # A moment is written in UTC, wherever its clock hangs.
    at = NOW.astimezone(timezone(timedelta(hours=9))).replace(microsecond=42)
    consent = Consent(
        id=12, subject=b"s" * 16, kind=ConsentKind.CONFIRMED, newsletter_id=3,
        wording_id=2, terms_id=1, at=at, mac=b"m" * 32,
    )  # fmt: skip
    bare = Consent(id=1, subject=b"s" * 16, kind=ConsentKind.ERASED, at=at, mac=b"m" * 32)

    assert write_link(7, b"p" * 32, consent, "ab" * 32).decode() == (
        '{"at":"2026-11-14T06:00:00.000042+00:00","id":12,"kind":"confirmed",'
        f'"mac":"{"6d" * 32}","newsletter":3,"previous":"{"70" * 32}","sequence":7,'
        f'"subject":"{"73" * 16}","terms":1,"wording":2,"words":"{"ab" * 32}"}}'
    )
    assert seal_hash(7, b"p" * 32, consent, "ab" * 32).hex() == (
        "142129148eeabbad09a0c72f0def27f0fdef12507f135e78246a3685323118d8"
    )
    assert write_link(1, bytes(32), bare, None).decode() == (
        '{"at":"2026-11-14T06:00:00.000042+00:00","id":1,"kind":"erased",'
        f'"mac":"{"6d" * 32}","newsletter":null,"previous":"{"00" * 32}","sequence":1,'
        f'"subject":"{"73" * 16}","terms":null,"wording":null,"words":null}}'
    )


def test_a_chain_ends_in_the_head_that_it_always_had(desk: ReadersDesk, wording: Wording) -> None:
    make_chain(desk.database, wording, 50)

    with desk.database.reading() as session:
        assert str(find_head(session)) == (
            "50 94430ada5106d361498c7e84031a7b539b7fecf8781c0feb42cc09ada60092af"
        )
