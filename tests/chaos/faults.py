"""What is broken in a round: each fault strikes, lasts, and is healed."""

import signal
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from random import Random
from typing import ClassVar

import redis

from tests.chaos.company import ALL, signal_all
from tests.chaos.installation import LEASE_SECONDS, REPLY_SECONDS
from tests.chaos.scene import Scene

ANSWER_OCTETS = len("250 2.0.0 Ok: kept\r\n")


@dataclass
class Fault(ABC):
    """One fault in one round. `lasts`: seconds from the strike to the healing."""

    name: ClassVar[str] = ""
    longest: ClassVar[float] = 1.5
    shortest: ClassVar[float] = 0.2
    needs_database: ClassVar[bool] = False
    """Whether striking waits for workers to stop, who wait 45 s for a database that is away: it
    would not be back within that, as whoever brings it back is this one."""
    takes_database: ClassVar[bool] = False
    lasts: float

    @classmethod
    def drawn(cls, draw: Random) -> "Fault":
        return cls(draw.uniform(cls.shortest, cls.longest))

    @abstractmethod
    def strike(self, scene: Scene) -> None:
        """Break something."""

    def heal(self, scene: Scene) -> None:
        """Undo it, as whoever runs the place would."""
        scene.installation.company.ensure(ALL)


class KillWorker(Fault):
    """One of the pool's processes, which is replaced; or the main one, which takes all along."""

    name = "kill -9 a worker"

    def strike(self, scene: Scene) -> None:
        company = scene.installation.company
        pool = company.pool()
        if not pool:
            scene.note("no worker to kill")
        elif scene.draw.random() < 0.6:
            scene.killed += signal_all([scene.draw.choice(pool)], signal.SIGKILL)
            scene.kills += 1
        else:
            # Celery has the kernel kill the pool when its parent is gone.
            company.kill_parent("worker")
            scene.killed += len(pool)
            scene.kills += 1


class KillAll(Fault):
    name = "kill -9 all workers"

    def strike(self, scene: Scene) -> None:
        company = scene.installation.company
        pool = len(company.pool())
        if company.is_running("worker"):
            company.kill("worker", 1)
        if company.is_running("notices"):
            company.kill("notices", 1)
            scene.notices_were_killed()
        scene.kills += pool
        scene.killed += pool


class TerminateAll(Fault):
    name = "SIGTERM all"
    needs_database = True

    def strike(self, scene: Scene) -> None:
        for name, code in scene.installation.company.stop_all(ALL).items():
            if code is None:
                scene.complain(f"{name} went on after SIGTERM")
            elif code not in (0, -signal.SIGTERM):
                # The latter: it had only just been started, and held nothing yet.
                scene.complain(f"{name} ended with {code} on SIGTERM")


class StopWorker(Fault):
    """SIGSTOP for longer than the lease: one of the pool's processes, or the whole worker."""

    name = "SIGSTOP past the lease"
    shortest = LEASE_SECONDS + 0.7
    longest = LEASE_SECONDS + 1.7
    stopped: list[int]

    def strike(self, scene: Scene) -> None:
        company = scene.installation.company
        self.stopped = company.pool()
        if self.stopped and scene.draw.random() < 0.6:
            self.stopped = [scene.draw.choice(self.stopped)]
        elif company.is_running("worker"):
            self.stopped.append(company.pid("worker"))
        signal_all(self.stopped, signal.SIGSTOP)

    def heal(self, scene: Scene) -> None:
        signal_all(self.stopped, signal.SIGCONT)
        scene.woke_at = time.monotonic()
        super().heal(scene)


class WipeRedis(Fault):
    name = "wipe and restart Redis"

    def strike(self, scene: Scene) -> None:
        with redis.Redis.from_url(scene.installation.redis.url) as broker:
            broker.flushall()
        if scene.draw.random() < 0.5:
            scene.installation.redis.stop()
        else:
            scene.installation.redis.kill()

    def heal(self, scene: Scene) -> None:
        if not scene.installation.redis.is_running:
            scene.installation.redis.start()
        super().heal(scene)


class StopPostgres(Fault):
    """A fast shutdown, as for an upgrade; or an immediate one, which is a crash."""

    name = "stop and start PostgreSQL"
    takes_database = True
    immediate: ClassVar[bool] = False

    def strike(self, scene: Scene) -> None:
        if self.immediate:
            scene.installation.postgres.crash()
        else:
            scene.installation.postgres.stop()

    def heal(self, scene: Scene) -> None:
        if not scene.installation.postgres.is_running:
            scene.installation.postgres.start()
        super().heal(scene)


class CrashPostgres(StopPostgres):
    name = "crash and start PostgreSQL"
    immediate = True


class TwoNotices(Fault):
    """Two that mail, and two that ring the tick."""

    name = "notices started twice"
    shortest, longest = 2.0, 4.0

    def strike(self, scene: Scene) -> None:
        if not scene.installation.company.is_running("notices", 2):
            scene.installation.company.start("notices", 2)

    def heal(self, scene: Scene) -> None:
        if scene.installation.company.is_running("notices", 2):
            scene.installation.company.kill("notices", 2)
            scene.notices_were_killed()
        super().heal(scene)


class NoNotices(Fault):
    """Nobody rings the tick, either."""

    name = "notices absent"
    shortest, longest = 1.0, 3.0

    def strike(self, scene: Scene) -> None:
        if scene.installation.company.is_running("notices"):
            scene.installation.company.kill("notices", 1)
            scene.kills += 1
            scene.notices_were_killed()


class MoveClock(Fault):
    """An hour forth or back: everywhere, or on the workers' machine alone; to the round's end."""

    name = "clock moved an hour"

    def strike(self, scene: Scene) -> None:
        hours, only_workers = scene.draw.choice((1, -1)), scene.draw.random() < 0.5
        scene.note(f"the clock moves by {hours} h{' for the workers' if only_workers else ''}")
        scene.installation.company.move_clock(3600 * hours, only_workers=only_workers)


class RefuseConnections(Fault):
    name = "relay refuses connections"

    def strike(self, scene: Scene) -> None:
        scene.installation.relay.behave(refuse_connections=True)

    def heal(self, scene: Scene) -> None:
        scene.installation.relay.behave(refuse_connections=False)
        super().heal(scene)


class Storm(Fault):
    name = "421 storm"

    def strike(self, scene: Scene) -> None:
        scene.installation.relay.behave(storm=True)

    def heal(self, scene: Scene) -> None:
        scene.installation.relay.behave(storm=False)
        super().heal(scene)


class DropReplies(Fault):
    """The connection is gone after DATA, before the answer: with the message taken, or not."""

    name = "drop after DATA before the reply"

    def strike(self, scene: Scene) -> None:
        lose = scene.draw.randint(0, 3)
        swallow = scene.draw.randint(0 if lose else 1, 3)
        scene.installation.relay.behave(lose=lose, swallow=swallow)

    def heal(self, scene: Scene) -> None:
        scene.installation.relay.behave(lose=0, swallow=0)
        super().heal(scene)


class DripReplies(Fault):
    """Answers come by the octet: slowly, or too slowly to be waited for."""

    name = "slow-drip replies"
    shortest, longest = 1.0, 2.0

    def strike(self, scene: Scene) -> None:
        too_slow = scene.draw.random() < 0.5
        whole = REPLY_SECONDS * 2 if too_slow else REPLY_SECONDS / 6
        scene.installation.relay.behave(drip=whole / ANSWER_OCTETS)

    def heal(self, scene: Scene) -> None:
        scene.installation.relay.behave(drip=0.0)
        super().heal(scene)


class Deploy(Fault):
    """SIGTERM, and another release: what is frozen must go out as it is."""

    name = "deploy with changed templates"
    needs_database = True

    def strike(self, scene: Scene) -> None:
        TerminateAll(0).strike(scene)
        scene.installation.deploy(1 - scene.installation.release)
