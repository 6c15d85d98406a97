"""Plays one round: an issue goes out, faults strike while it does, and the end is awaited."""

import time
from dataclasses import dataclass, field
from itertools import islice
from random import Random

from tests.chaos.faults import Fault
from tests.chaos.installation import REPLY_SECONDS, Installation
from tests.chaos.scene import Scene, wait_until
from tests.chaos.schedule import DEFERRED, REFUSED, Plan, Strike
from tests.chaos.sign_ups import Crowd, Visitor, visitors

# Far more than a round takes, for a machine that is busy with other things.
START_SECONDS = 240
END_SECONDS = 240
# A strike waits so long for a row to be on the wire; else it strikes all the same.
AIM_SECONDS = 0.7
# No message for so long: the send stands still, so what was to come later comes now.
STILL_SECONDS = 3.0
HURRY_EVERY = 0.3
HUNG_UP_SECONDS = 0.3
# A worker that wakes says what it knows of its window: that a message was taken, or never left. The
# issue, closed meanwhile, is opened again.
WAKING_SECONDS = 1.5


@dataclass
class Played:
    """What happened in a round, before it is reckoned up. `hits`: faults by whether they struck
    while rows were `sending`."""

    plan: Plan
    scene: Scene
    issue_id: int
    audience: list[str]
    release: int
    frozen: dict[int, bytes]
    refused: set[str]
    visitors: list[Visitor] = field(default_factory=list)
    hits: list[tuple[str, bool]] = field(default_factory=list)
    seconds: float = 0.0


def play(installation: Installation, plan: Plan) -> Played:
    """Play a round, to the end of its issue or of our patience."""
    installation.settle()
    draw = Random(plan.seed)
    audience = installation.add_readers(plan.readers)
    issue_id = installation.make_issue()
    odd = draw.sample(audience, REFUSED * 2 + DEFERRED * 2)
    refused = set(odd[: REFUSED * 2])
    early = [each.email for each in islice(visitors(plan.seed, plan.number), DEFERRED * 2)]
    installation.relay.behave(
        refuse_rcpt=set(odd[:REFUSED]),
        refuse_dot=set(odd[REFUSED : REFUSED * 2]),
        defer_rcpt={*odd[REFUSED * 2 : REFUSED * 2 + DEFERRED], *early[:DEFERRED]},
        defer_dot={*odd[REFUSED * 2 + DEFERRED :], *early[DEFERRED:]},
    )
    with Crowd(installation.door, installation.relay, plan.seed, plan.number) as crowd:
        scene = Scene(installation, issue_id, draw, audience, crowd=crowd)
        played = _send(scene, plan, refused)
        _break(scene, plan, played)
        if not _ended(scene):
            state = scene.issue_state()
            scene.complain(f"the issue is {state} {END_SECONDS} s after the last fault")
        _see_off(scene)
    played.visitors = crowd.came
    played.seconds = time.monotonic() - scene.began
    return played


def _send(scene: Scene, plan: Plan, refused: set[str]) -> Played:
    """Let the issue go, and return once the first message has left."""
    installation, issue_id = scene.installation, scene.issue_id
    release = installation.release
    installation.send(issue_id)
    if not wait_until(lambda: scene.copies() > 0, START_SECONDS):
        scene.complain(f"no message left in {START_SECONDS} s")
    frozen = installation.stencils(issue_id)
    return Played(plan, scene, issue_id, scene.audience, release, frozen, refused)


def _break(scene: Scene, plan: Plan, played: Played) -> None:
    """Let every fault strike in its turn, and be healed in its own time."""
    waiting, lasting = list(plan.strikes), list[tuple[float, Fault]]()
    copies, moved_at, hurried_at = 0, time.monotonic(), 0.0
    while waiting or lasting:
        now = time.monotonic()
        if (count := scene.copies()) > copies:
            copies, moved_at = count, now
        for healing in [each for each in lasting if each[0] <= now]:
            lasting.remove(healing)
            healing[1].heal(scene)
            scene.note(f"healed: {healing[1].name}")
            moved_at = time.monotonic()
        if now > hurried_at + HURRY_EVERY:
            scene.hurry()
            scene.look_after()
            hurried_at = now
        still = not lasting and now > moved_at + STILL_SECONDS
        away = any(fault.takes_database for _, fault in lasting)
        may_strike = waiting and not (away and waiting[0].fault.needs_database)
        if may_strike and (copies >= waiting[0].at * len(scene.audience) or still):
            fault = _strike(scene, waiting.pop(0), played)
            lasting.append((time.monotonic() + fault.lasts, fault))
        time.sleep(0.01)


def _strike(scene: Scene, strike: Strike, played: Played) -> Fault:
    scene.draw = Random(strike.seed)
    fault = strike.fault.drawn(scene.draw)
    wait_until(lambda: scene.on_the_wire() > 0, AIM_SECONDS, every=0.002)
    on_the_wire = scene.on_the_wire()
    scene.note(f"strikes, with {on_the_wire} on the wire: {fault.name}, for {fault.lasts:.1f} s")
    played.hits.append((fault.name, on_the_wire > 0))
    fault.strike(scene)
    return fault


def _ended(scene: Scene) -> bool:
    """Return whether the issue is closed in time, and nobody holds a row of it any more."""
    scene.note("no more faults")
    until = time.monotonic() + END_SECONDS
    while not (_all_is_said(scene) and scene.is_over and not _held(scene)):
        if time.monotonic() > until:
            return False
        scene.hurry()
        scene.look_after()
        time.sleep(0.1)
    scene.note("the issue is closed")
    return True


def _see_off(scene: Scene) -> None:
    """Let nobody sign up any more, and wait for all links to be mailed."""
    crowd = scene.crowd
    crowd.shut()
    in_time = wait_until(lambda: crowd.is_empty, END_SECONDS)
    # Who has hung up is read none the less.
    time.sleep(HUNG_UP_SECONDS)
    if not (in_time and wait_until(lambda: _is_mailed(scene), END_SECONDS, every=0.1)):
        scene.complain(f"links are still to be mailed {END_SECONDS} s after the last sign-up")
    scene.note("all links are mailed")


def _is_mailed(scene: Scene) -> bool:
    """Return whether no notice is open any more."""
    scene.hurry()
    scene.look_after()
    [(count,)] = scene.installation.ask(
        "SELECT count(*) FROM notice WHERE state IN ('queued', 'sending')"
    )
    return not count


def _all_is_said(scene: Scene) -> bool:
    return time.monotonic() > scene.woke_at + WAKING_SECONDS


def _held(scene: Scene) -> bool:
    # Who still waited for an answer when their lease ended says afterwards what became of the rest.
    [(count,)] = scene.installation.ask(
        """
        SELECT count(*) FROM delivery WHERE issue_id = %s
        AND (state IN ('queued', 'claimed', 'sending')
             OR state = 'in_doubt' AND lease_until > now() - make_interval(secs => %s))
        """,
        scene.issue_id,
        REPLY_SECONDS + 1,
    )
    return bool(count)
