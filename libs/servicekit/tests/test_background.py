"""A background task goes on whatever its work raises, and waits longer after each failure in a row."""

import asyncio
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slotstream_servicekit import background
from slotstream_servicekit.background import LONGEST_PAUSE_SECONDS, pause_after, repeatedly
from slotstream_servicekit.errors import DatabaseUnavailableError


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that the task asked for; none is waited out."""
    asked: list[float] = []

    async def note_pause(seconds: float, _stop: asyncio.Event) -> None:
        asked.append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr(background, "pause_for", note_pause)
    return asked


async def run_through(outcomes: list[object], *, every: float = 1.0) -> int:
    """How many of the outcomes were reached: each is raised or returned by one run of the task."""
    stop = asyncio.Event()
    left: Iterator[object] = iter(outcomes)
    runs = 0

    async def work() -> object:
        nonlocal runs
        outcome = next(left, None)
        if outcome is None:
            stop.set()
            return False
        runs += 1
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    await repeatedly("work", work, every=every)(stop)
    return runs


async def test_no_error_ends_the_task(pauses: list[float]) -> None:
    errors = [DatabaseUnavailableError(), ValueError("unforeseen"), RuntimeError("unforeseen too")]

    assert await run_through([*errors, True]) == 4


async def test_failures_in_a_row_are_waited_out_longer_and_success_forgets_them(pauses: list[float]) -> None:
    await run_through([ValueError(), ValueError(), ValueError(), True, ValueError()])

    assert pauses[:4] == [1.0, 2.0, 4.0, 1.0]


async def test_work_that_found_something_is_done_again_at_once(pauses: list[float]) -> None:
    await run_through([True, True, True])

    assert pauses == [1.0]


async def test_being_cancelled_ends_the_task() -> None:
    async def work() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await repeatedly("work", work, every=1.0)(asyncio.Event())


@given(every=st.floats(0.001, 100_000))
def test_without_a_failure_the_pause_is_the_one_asked_for(every: float) -> None:
    assert pause_after(0, every) == every


@given(failures=st.integers(1, 10_000), every=st.floats(0.001, 100_000))
def test_after_a_failure_the_pause_is_five_minutes_at_most_and_not_shorter_than_asked_below_that(
    failures: int, every: float
) -> None:
    assert min(every, LONGEST_PAUSE_SECONDS) <= pause_after(failures, every) <= LONGEST_PAUSE_SECONDS


async def test_daily_work_that_failed_is_tried_again_within_five_minutes(pauses: list[float]) -> None:
    await run_through([ValueError(), True], every=86_400.0)

    assert pauses[0] == LONGEST_PAUSE_SECONDS


def test_a_task_bears_the_name_of_its_work() -> None:
    task: Callable[..., object] = repeatedly("sweeping", lambda: asyncio.sleep(0), every=1.0)

    assert getattr(task, "__name__", None) == "sweeping"
