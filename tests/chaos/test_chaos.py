"""A minute of chaos: some rounds of `make chaos`, always by the same schedule."""

from itertools import islice
from pathlib import Path

from rich.console import Console

from tests.chaos import door_faults, faults, operating
from tests.chaos.deck import DECK
from tests.chaos.readers_leaving import ReadersLeave
from tests.chaos.results import show
from tests.chaos.running import run
from tests.chaos.schedule import plan, plans
from tests.chaos.sign_ups import visitors
from tests.servers.run import Run

SEED = 4
# Begun until then, and three at least: a slow machine plays fewer of them.
SECONDS, AT_LEAST = 36, 3
HANDS: tuple[tuple[type[faults.Fault], ...], ...] = (
    (door_faults.KillWeb, faults.KillAll, faults.DropReplies, ReadersLeave),
    (faults.WipeRedis, faults.CrashPostgres, door_faults.KillNotices),
    (faults.StopWorker, faults.KillWorker),
    (faults.MoveClock, faults.Storm, faults.NoNotices),
    (faults.Deploy, ReadersLeave),
    (faults.TwoNotices, faults.StopPostgres, faults.RefuseConnections),
    (operating.PauseAndResume, faults.DripReplies),
    (faults.TerminateAll, faults.KillWorker, door_faults.StopNotices),
    (operating.Restore,),
)


def test_the_schedule_is_the_seeds_alone() -> None:
    drawn = plans(SEED, 50, DECK)
    assert drawn[:20] == plans(SEED, 20, DECK)
    assert drawn != plans(SEED + 1, 50, DECK)
    assert {strike.fault for plan in drawn for strike in plan.strikes} == set(DECK)


def test_who_signs_up_is_the_seeds_alone() -> None:
    drawn = list(islice(visitors(f"{SEED}/1", 1), 200))
    assert drawn[:20] == list(islice(visitors(f"{SEED}/1", 1), 20))
    others = list(islice(visitors(f"{SEED}/2", 2), 200))
    assert [each.confirms for each in drawn] != [each.confirms for each in others]
    networks = {each.ip.rpartition(".")[0] for each in [*drawn, *others]}
    assert len(networks) == 400, "two come from one network, whose limit would refuse them"


def test_nobody_is_lost_and_nobody_mailed_twice(test_run: Run, tmp_path: Path) -> None:
    results = run(
        test_run,
        tmp_path,
        SEED,
        [plan(f"{SEED}/{number}", number, hand) for number, hand in enumerate(HANDS, start=1)],
        seconds=SECONDS,
        at_least=AT_LEAST,
        console=Console(soft_wrap=True),
    )
    show(results, Console(soft_wrap=True))
    assert not results.broken
    assert len(results.rounds) >= AT_LEAST
    assert any(sending for _, sending in results.hits.values()), "nothing was broken in mid-send"
    assert results.door["answered"], "nobody signed up"
    assert results.door["confirmed"], "nobody used the link"
