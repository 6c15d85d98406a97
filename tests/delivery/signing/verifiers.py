"""Signatures judged by programs that we did not write: dkimpy, and OpenDKIM from Debian."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import dkim

from digest.delivery.signing.keys import generate
from digest.delivery.signing.records import record_name, record_text
from digest.delivery.signing.signer import SigningKey, open_key
from digest.models import DkimAlgorithm, DkimKey, DkimState
from tests.factories import NOW, VAULT

DOMAIN = "halyard.example"


def make_key(algorithm: DkimAlgorithm, domain: str = DOMAIN) -> tuple[SigningKey, DkimKey]:
    """Make a key ready to sign, and the row that its record is published by."""
    secret, public = generate(algorithm)
    selector = f"test-{algorithm.value}"
    row = DkimKey(
        domain=domain,
        selector=selector,
        algorithm=algorithm,
        state=DkimState.SIGNING,
        public_key=public,
        secret=VAULT.seal(secret, "test"),
        created_at=NOW,
    )
    return open_key(domain, selector, secret), row


RSA, RSA_ROW = make_key(DkimAlgorithm.RSA)
ED25519, ED25519_ROW = make_key(DkimAlgorithm.ED25519)
BOTH, BOTH_ROWS = (RSA, ED25519), (RSA_ROW, ED25519_ROW)


def verdicts(message: bytes, rows: Iterable[DkimKey] = BOTH_ROWS) -> list[bool]:
    """Return what dkimpy says of each signature of a message, in their order.

    Raises:
        dkim.DKIMException: one of them is malformed.
    """
    published = {f"{record_name(row)}.".encode(): record_text(row).encode() for row in rows}
    looking = dkim.DKIM(message)
    count = sum(name.lower() == b"dkim-signature" for name, _ in looking.headers)
    return [_holds(looking, index, published) for index in range(count)]


def _holds(looking: dkim.DKIM, index: int, published: Mapping[bytes, bytes]) -> bool:
    try:
        return bool(looking.verify(idx=index, dnsfunc=lambda name, **_: published.get(name)))
    except dkim.ValidationError:
        return False


def opendkim_verdicts(message: bytes, rows: Iterable[DkimKey] = BOTH_ROWS) -> list[str]:
    """Return OpenDKIM's word on each signature, such as "pass"; its keys are read from a file."""
    program = shutil.which("opendkim", path="/usr/sbin:/usr/bin")
    assert program is not None, "OpenDKIM is missing: apt-get install opendkim"
    with tempfile.TemporaryDirectory() as folder:
        keys, mail, conf = (Path(folder, name) for name in ("keys", "mail", "conf"))
        keys.write_text("".join(f"{record_name(row)} {record_text(row)}\n" for row in rows))
        mail.write_bytes(message)
        conf.write_text(f"Mode v\nTestPublicKeys {keys}\n")
        command = [program, "-x", str(conf), "-vvv", "-t", str(mail)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    return re.findall(r"\bdkim=(\w+)", done.stdout)
