"""A dead part is noticed, said and started again; leftovers of a killed supervisor are ended."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from slotstream_local.layout import Layout
from slotstream_local.signals import set_on_signals
from slotstream_local.supervision import end_leftovers, keep_alive, note_children
from slotstream_servicekit.infrastructure.processes import InfrastructureError, command_of


class SleepingPart:
    """A real process that does nothing, until somebody kills it."""

    def __init__(self, log: Path) -> None:
        self.name, self.log, self.starts = "sleeper", log, 0
        self.fails = False
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process else None

    def start(self) -> None:
        if self.fails:
            raise InfrastructureError("it would not\nwith details")
        self.process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        self.starts += 1

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None


@pytest.fixture
def part(tmp_path: Path) -> Iterator[SleepingPart]:
    part = SleepingPart(tmp_path / "sleeper.log")
    part.start()
    yield part
    part.stop()


def wait_for(condition: Callable[[], bool], *, within: float = 60.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def watched(part: SleepingPart) -> Iterator[list[str]]:
    said: list[str] = []
    stop = threading.Event()
    watcher = threading.Thread(
        target=keep_alive,
        args=(part,),
        kwargs={"stop": stop, "say": said.append, "started": lambda: None, "poll": 0.02},
    )
    watcher.start()
    yield said
    stop.set()
    watcher.join(60)


def test_a_killed_part_is_started_again_and_both_are_said(part: SleepingPart, watched: list[str]) -> None:
    assert part.pid is not None
    os.kill(part.pid, signal.SIGKILL)
    wait_for(lambda: part.starts == 2 and len(watched) == 2)
    assert "sleeper has died; starting it again in 1 s" in watched[0]
    assert str(part.log) in watched[0]
    assert watched[1] == "sleeper is back."


def test_a_part_that_does_not_come_back_is_tried_later_each_time(part: SleepingPart, watched: list[str]) -> None:
    part.fails = True
    part.stop()
    wait_for(lambda: len(watched) >= 3)
    assert watched[1] == "sleeper did not come back: it would not"
    assert "again in 2 s" in watched[2]


def test_what_a_killed_supervisor_left_is_ended_by_the_next(part: SleepingPart, tmp_path: Path) -> None:
    layout = Layout(tmp_path / "state")
    layout.make()
    assert part.pid is not None
    wait_for(lambda: "sleep" in (command_of(part.pid or 0) or ""))
    note_children(layout, [part])
    reaper = threading.Thread(target=part.process.wait if part.process else print)
    reaper.start()
    assert end_leftovers(layout) == ["sleeper"]
    reaper.join(60)
    assert not part.running()
    assert end_leftovers(layout) == []


def test_a_process_that_only_has_the_same_number_is_left_alone(part: SleepingPart, tmp_path: Path) -> None:
    layout = Layout(tmp_path / "state")
    layout.make()
    layout.children_file.write_text(f'[{{"name": "booking", "pid": {part.pid}, "command": "slotstream-booking"}}]')
    assert end_leftovers(layout) == []
    assert part.running()


class WhoSets(threading.Event):
    """Notes which threads set it."""

    def __init__(self) -> None:
        super().__init__()
        self.by: list[threading.Thread] = []

    def set(self) -> None:
        self.by.append(threading.current_thread())
        super().set()


def test_signals_that_come_together_stop_it_and_never_from_within_what_they_interrupt() -> None:
    before = signal.getsignal(signal.SIGUSR1)
    stop = WhoSets()
    try:
        set_on_signals(stop, signal.SIGUSR1)
        for _ in range(3):
            signal.raise_signal(signal.SIGUSR1)
        assert stop.wait(30)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert stop.by
    assert threading.main_thread() not in stop.by
