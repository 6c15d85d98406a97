"""What a relay was found to be like, so that no second is lost on it twice."""

from dataclasses import dataclass


@dataclass
class Habits:
    """Of one relay; shared by all connections of a task, which learn as they go.

    `dot_alone`: what comes in one packet with the final dot is lost on it (against RFC 2920 3.2),
    so the next message waits for the answer to the dot. `refusals_at_most`: so many refused
    readers does it bear in one connection, before it counts them as errors of ours and hangs up,
    or makes us wait; None where no such limit was met. `learnt`: something of this is news.
    """

    dot_alone: bool = False
    refusals_at_most: int | None = None
    learnt: bool = False

    def learn_dot_alone(self) -> None:
        self.dot_alone = self.learnt = True

    def learn_limit(self, refused: int) -> None:
        """It had refused so many readers when it ended a connection, or began to make us wait."""
        borne = max(1, refused - 1)
        if self.refusals_at_most is None or borne < self.refusals_at_most:
            self.refusals_at_most = borne
            self.learnt = True
