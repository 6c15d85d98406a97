"""A flood small enough for the suite, with the real mails counted in a real inbox."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from digest.delivery.notices.sending import send_notices
from digest.runtime import Runtime
from digest.settings.loading import parse_relay
from digest.tick import links
from digest.web import create_app
from tests.bombing.flood import Damage, Shot, bomb
from tests.readers.conftest import ReadersDesk
from tests.servers.smtp import SmtpSink
from tests.web.conftest import (
    RecordingBell,
    bell,
    clock,
    desk,
    logged,
    make_runtime,
    newsletter,
    wording,
)

__all__ = ["bell", "clock", "desk", "logged", "make_runtime", "newsletter", "wording"]

COUNT, VICTIMS, NETWORKS = 360, 6, 60


@pytest.fixture
def attack(
    make_runtime: Callable[..., Runtime], desk: ReadersDesk, smtp_sink: SmtpSink
) -> Callable[..., Damage]:
    """Call it with changed settings: the first victim is a reader already."""

    def attacked(**changes: Any) -> Damage:
        runtime = make_runtime(relay=parse_relay(smtp_sink.url), **changes)
        client = create_app(runtime).test_client(use_cookies=False)

        def send(shot: Shot) -> int:
            fields = {"email": shot.email, "newsletter": "editors-digest", "consent": "on"}
            return client.post(
                "/subscribe",
                data=fields | {"wording": "1"},
                environ_base={"REMOTE_ADDR": shot.ip},
            ).status_code

        desk.subscribe("victim0@example.org")
        damage = bomb(send, count=COUNT, victims=VICTIMS, networks=NETWORKS)
        send_notices(
            runtime.database,
            settings=runtime.settings,
            links=links(runtime),
            stopping=threading.Event(),
        )
        damage.mails = Counter(mail.recipients[0].lower() for mail in smtp_sink.messages)
        return damage

    return attacked


def test_without_a_surge_nobody_gets_more_than_two_mails(attack: Callable[..., Damage]) -> None:
    damage = attack()

    assert damage.answers[200] == VICTIMS * 10, damage.told()
    assert damage.answers[429] == COUNT - VICTIMS * 10
    # The reader's own confirmation was moot: they had confirmed. What came is "already signed up".
    assert damage.mails == {
        "victim0@example.org": 1,
        **{f"victim{number}@example.org": 2 for number in range(1, VICTIMS)},
    }


def test_a_surge_stops_it_after_the_first_few(
    attack: Callable[..., Damage], bell: RecordingBell
) -> None:
    damage = attack(surge=5)

    assert damage.answers == {200: 5, 403: COUNT - 5}, damage.told()
    assert max(damage.mails.values()) == 1
    assert len(bell.rung) == 5
