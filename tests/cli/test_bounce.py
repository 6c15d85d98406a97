import base64
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from digest.cli import digest
from digest.models import EndedReason, Newsletter, Subscription
from digest.tokens import Purpose
from tests.cli.conftest import CommandLine
from tests.factories import KEYS, RING, SUPPRESSION_KEY
from tests.readers.conftest import ReadersDesk, clock, desk, newsletter, wording

__all__ = ["clock", "desk", "newsletter", "wording"]

Process = Callable[..., Result]


@pytest.fixture
def process(command_line: CommandLine) -> Process:
    keys = base64.b64encode(KEYS[0].secret).decode()
    environment = {
        **command_line.environment,
        "DIGEST_KEYS": f"{KEYS[0].id}:{keys}",
        "DIGEST_SUPPRESSION_KEY": base64.b64encode(SUPPRESSION_KEY.secret).decode(),
    }

    def run(mail: bytes, *arguments: str) -> Result:
        return CliRunner(env=environment).invoke(
            digest, ["bounce", "process", *arguments], input=mail
        )

    return run


def leaving_address(period: Subscription) -> str:
    return f"{RING.sign_local_part(Purpose.LEAVE_BY_MAIL, period.token_id)}@in.halyard.example"


def test_a_mail_to_the_unsubscribe_address_is_acted_on(process: Process, desk: ReadersDesk) -> None:
    address = leaving_address(desk.subscribe())
    first = process(f"To: {address}\r\n\r\n".encode())
    assert (first.exit_code, first.stdout) == (0, "The reader has left, as the mail asked.\n")
    assert desk.rows(Subscription)[0].ended_reason is EndedReason.LEFT
    again = process(f"To: {address}\r\n\r\n".encode())
    assert (again.exit_code, again.stdout) == (
        0,
        "The reader had left before: nothing was changed.\n",
    )


def test_the_mail_server_may_say_whom_it_was_for(process: Process, desk: ReadersDesk) -> None:
    address = leaving_address(desk.subscribe())
    done = process(b"Subject: unsubscribe\r\n\r\n", "--recipient", address, "--json")
    assert done.exit_code == 0
    assert '"what": "left"' in done.stdout


def test_a_mail_for_nobody_is_not_sent_back(process: Process, newsletter: Newsletter) -> None:
    done = process(b"To: someone@example.org\r\n\r\nhello\r\n")
    assert done.exit_code == 0
    assert "is one of ours: nothing was changed." in done.stdout


def test_a_mail_without_end_is_read_so_far_and_no_further(
    process: Process, newsletter: Newsletter
) -> None:
    done = process(b"To: someone@example.org\r\n\r\n" + b"x" * 3_000_000)
    assert done.exit_code == 0


def test_no_mail_at_all_is_a_failure(process: Process, newsletter: Newsletter) -> None:
    done = process(b"")
    assert done.exit_code == 1
    assert "There is no mail on standard input." in done.stderr
