"""Many rings in a moment are few, and none that asks for new work is lost."""

import threading
import time

from digest.web.bell import CalmBell


class Ledger:
    """A bell that remembers when it was rung."""

    def __init__(self) -> None:
        self.rings: list[tuple[str, tuple[int, ...], float]] = []

    def ring(self, task: str, *ids: int) -> None:
        self.rings.append((task, ids, time.monotonic()))


def wait_for_calm() -> None:
    deadline = time.monotonic() + 10
    while any(isinstance(each, threading.Timer) for each in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_first_is_rung_at_once_and_all_others_of_a_moment_by_one_ring() -> None:
    heard = Ledger()
    bell = CalmBell(heard, seconds=0.3)
    bell.ring("notices")
    assert len(heard.rings) == 1
    threads = [threading.Thread(target=bell.ring, args=["notices"]) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    last_asked = time.monotonic()
    wait_for_calm()

    assert len(heard.rings) == 2
    assert heard.rings[-1][2] > last_asked, "a ring before it would not find their work"


def test_one_that_is_alone_is_rung_once_and_the_next_at_once_again() -> None:
    heard = Ledger()
    bell = CalmBell(heard, seconds=0.05)
    bell.ring("notices")
    wait_for_calm()
    assert len(heard.rings) == 1
    bell.ring("notices")
    assert len(heard.rings) == 2
    wait_for_calm()


def test_other_work_has_a_ring_of_its_own() -> None:
    heard = Ledger()
    bell = CalmBell(heard, seconds=0.05)
    bell.ring("deliver", 1)
    bell.ring("deliver", 2)
    bell.ring("notices")
    assert [ring[:2] for ring in heard.rings] == [
        ("deliver", (1,)),
        ("deliver", (2,)),
        ("notices", ()),
    ]
    wait_for_calm()
