"""What is broken at the door: who answers those who sign up, and who mails them their link."""

import signal
from functools import partial

from tests.chaos.company import signal_all
from tests.chaos.faults import Fault
from tests.chaos.installation import LEASE_SECONDS, REPLY_SECONDS
from tests.chaos.scene import Scene, wait_until

# Come at once when the fault strikes, so that it finds somebody.
AT_ONCE = 30
AIM_SECONDS = 2.0


class KillWeb(Fault):
    """One of gunicorn's workers, which is replaced; or all of it."""

    name = "kill -9 the web"

    def strike(self, scene: Scene) -> None:
        company = scene.installation.company
        scene.crowd.surge(AT_ONCE)
        # Some are answered, and some being answered.
        known = len(scene.crowd.came)
        wait_until(lambda: len(scene.crowd.came) > known + 2, AIM_SECONDS, every=0.002)
        if not company.is_running("web"):
            scene.note("no web to kill")
            return
        workers = company.pool("web")
        if workers and scene.draw.random() < 0.5:
            signal_all([scene.draw.choice(workers)], signal.SIGKILL)
        else:
            company.kill("web", 1)
        scene.kills += 1


class KillNotices(Fault):
    """In the midst of a window."""

    name = "kill -9 the notices"

    def strike(self, scene: Scene) -> None:
        company = scene.installation.company
        with scene.installation.relay.slow():
            scene.crowd.surge(AT_ONCE)
            # Several by preference, as what came of them is written down together.
            for least in (2, 1):
                aimed = partial(_are_sending, scene, least)
                if wait_until(aimed, AIM_SECONDS, every=0.005):
                    break
            if not company.is_running("notices"):
                scene.note("no notices to kill")
                return
            company.kill("notices", 1)
            scene.kills += 1
            scene.notices_were_killed()


def _are_sending(scene: Scene, least: int) -> bool:
    return len(scene.notices_sending()) >= least


class StopNotices(Fault):
    """SIGSTOP to the process that mails the links, for longer than its lease, then SIGCONT."""

    name = "SIGSTOP the notices past the lease"
    shortest = LEASE_SECONDS + REPLY_SECONDS + 0.3
    longest = shortest + 1.0
    stopped: list[int]

    def strike(self, scene: Scene) -> None:
        company = scene.installation.company
        scene.crowd.surge(AT_ONCE)
        wait_until(lambda: bool(scene.notices_sending()), AIM_SECONDS, every=0.005)
        self.stopped = [company.pid("notices")] if company.is_running("notices") else []
        signal_all(self.stopped, signal.SIGSTOP)

    def heal(self, scene: Scene) -> None:
        signal_all(self.stopped, signal.SIGCONT)
        super().heal(scene)
