"""A clock that a test drives, and services that go by it: days pass in minutes.

A service takes its clock as a parameter whose default is `system_clock`. Another one gets into a process only by a
patch that is run before its code is imported (`patched.py`): no setting and no variable of a sound process names one.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

STEPS = (
    "before claim",
    "claimed",
    *(
        f"{step} {channel}"
        for step in ("attempted", "accepted", "recorded")
        for channel in ("email", "sms", "voice", "push")
    ),
)
"""Where a sender can die: before and after it claims, when the attempt is recorded, when the provider has said yes, and
when that is recorded."""


@dataclass
class DrivenClock:
    """Runs as any clock does, but for leaps ahead. Whoever goes by it reads `file`, which says how far it is ahead."""

    file: Path
    ahead: timedelta = timedelta()

    def __post_init__(self) -> None:
        self._tell()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def move_to(self, instant: datetime) -> None:
        """Never back."""
        self.ahead = max(self.ahead, instant - datetime.now(UTC))
        self._tell()

    def _tell(self) -> None:
        new = self.file.with_suffix(".new")
        new.write_text(str(self.ahead.total_seconds()))
        new.replace(self.file)

    @property
    def patch(self) -> str:
        return f"""
from datetime import UTC, datetime, timedelta
from pathlib import Path
from slotstream_servicekit import clock
clock.system_clock = lambda file=Path({str(self.file)!r}): datetime.now(UTC) + timedelta(
    seconds=float(file.read_text())
)
"""


@dataclass
class Death:
    """An order to die at one step, which the first sender that comes there carries out: by SIGKILL, by its own hand."""

    file: Path
    step: str = ""

    def order(self, step: str) -> None:
        assert step in STEPS
        self.step = step
        new = self.file.with_suffix(".new")
        new.write_text(step)
        new.replace(self.file)

    def call_off(self) -> None:
        self.file.unlink(missing_ok=True)

    @property
    def is_awaited(self) -> bool:
        return self.file.exists()

    @property
    def patch(self) -> str:
        return _DIES.replace("{file}", repr(str(self.file)))


_DIES = """
import os, signal
from pathlib import Path
from notifications.usecases import delivery

ORDER = Path({file})

def reaches(step):
    try:
        if ORDER.read_text() == step:
            os.rename(ORDER, f"{ORDER}.{os.getpid()}")
            os.kill(os.getpid(), signal.SIGKILL)
    except FileNotFoundError:
        pass

async def claim(*, claimed=delivery.claim_messages, **given):
    reaches("before claim")
    found = await claimed(**given)
    if found:
        reaches("claimed")
    return found

class Watched:
    def __init__(self, channel):
        self.channel = channel

    def __getattr__(self, name):
        return getattr(self.channel, name)

    async def send(self, outgoing, *, may_hand_over):
        async def begun():
            may = await may_hand_over()
            if may:
                reaches(f"attempted {self.channel.name}")
            return may

        receipt = await self.channel.send(outgoing, may_hand_over=begun)
        reaches(f"accepted {self.channel.name}")
        return receipt

async def deliver(*, channel, delivered=delivery.deliver_message, **given):
    status = await delivered(channel=Watched(channel), **given)
    reaches(f"recorded {channel.name}")
    return status

delivery.claim_messages, delivery.deliver_message = claim, deliver
"""

SENDS_ONLY = """
from notifications import consumers
from slotstream_servicekit.consumer import Consumers
consumers.register = lambda subscribed, handlers: None

async def nothing(self, stop):
    await stop.wait()

Consumers.run = nothing
"""
"""A worker that reads no topics: it can be killed without its group waiting for it."""

HEARS_ONLY = """
import asyncio, time
from notifications.worker import Sender
from slotstream_servicekit.background import pause_for

async def idle(self, stop):
    while not stop.is_set():
        self._polled_at = time.monotonic()
        await pause_for(0.5, stop)

Sender.run = idle
"""
"""A worker that reads topics and leaves sending to others."""
