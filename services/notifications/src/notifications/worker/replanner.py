"""Planning anew: a task of the worker that does what changes of settings ask for."""

from dataclasses import dataclass

from notifications.usecases.replanning import replan_next
from notifications.worker.sender import Sender


@dataclass(frozen=True, slots=True)
class Replanner:
    """Plans anew what a change asks for, a few appointments at a time, beside the sender that sends it."""

    sender: Sender

    async def step(self) -> bool:
        """Whether there may be more to do."""
        sender = self.sender
        changed = await replan_next(database=sender.database, channels=sender.channels, now=sender.clock())
        if changed is None:
            return False
        sender.wake.set()
        return True
