"""The faults that there are, in the order of the table."""

from tests.chaos import door_faults, faults, operating, readers_leaving

DECK: tuple[type[faults.Fault], ...] = (
    faults.KillWorker,
    faults.KillAll,
    faults.TerminateAll,
    faults.StopWorker,
    faults.WipeRedis,
    faults.StopPostgres,
    faults.CrashPostgres,
    faults.TwoNotices,
    faults.NoNotices,
    faults.MoveClock,
    faults.RefuseConnections,
    faults.Storm,
    faults.DropReplies,
    faults.DripReplies,
    readers_leaving.ReadersLeave,
    operating.PauseAndResume,
    faults.Deploy,
    operating.Restore,
    door_faults.KillWeb,
    door_faults.KillNotices,
    door_faults.StopNotices,
)
