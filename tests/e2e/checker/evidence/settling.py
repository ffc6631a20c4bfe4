"""What is still to be done after a run, by whom, and waiting until it is nothing."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from harness.platform import Platform

from checker.evidence import booking, services, topics
from checker.history import History

LOOK_EVERY = 0.5
Question = Callable[[], Awaitable[Sequence[str]]]
"""Answered by a sentence for each thing that is still open."""


async def settle(
    platform: Platform, organizations: Sequence[UUID], history: History, *, within: float = 300.0
) -> list[str]:
    """Wait until nobody has anything left to do, or time is up; what is left then, for an invariant to tell."""
    return await until_nothing_is_open(_questions(platform, organizations, history), within=within)


async def until_nothing_is_open(questions: Sequence[Question], *, within: float) -> list[str]:
    """What is open when time is up. Until then, nobody is asked anything after the first question that is open."""
    deadline = asyncio.get_running_loop().time() + within
    while asyncio.get_running_loop().time() < deadline:
        if not await _is_any_open(questions):
            return []
        await asyncio.sleep(LOOK_EVERY)
    return [left for ask in questions for left in await ask()]


async def _is_any_open(questions: Sequence[Question]) -> bool:
    for ask in questions:
        if await ask():
            return True
    return False


def _questions(platform: Platform, organizations: Sequence[UUID], history: History) -> Sequence[Question]:
    """Cheap ones first."""
    return (
        lambda: booking.read_waiting(platform, organizations),
        lambda: services.read_unsettled_messages(platform, organizations),
        lambda: services.read_imports_at_work(platform, organizations),
        lambda: _behind(platform),
        lambda: _not_ready(platform),
        lambda: _unanswered(platform, organizations, history),
        lambda: _differing_projections(platform, organizations),
        lambda: _unread_calendars(platform, organizations, history),
    )


async def _behind(platform: Platform) -> list[str]:
    return [
        f"{name}: {records} records are not read" for name, records in (await topics.count_behind(platform)).items()
    ]


async def _not_ready(platform: Platform) -> list[str]:
    return [f"{name} is not ready: {why}" for name, why in (await services.read_not_ready(platform)).items()]


async def _unanswered(platform: Platform, organizations: Sequence[UUID], history: History) -> list[str]:
    ours = frozenset(str(organization) for organization in organizations)
    open_ = history.commands.keys() - await topics.read_results(platform, ours)
    return [f"{len(open_)} commands are not answered"] if open_ else []


async def _differing_projections(platform: Platform, organizations: Sequence[UUID]) -> list[str]:
    wanted = {
        appointment.id: (appointment.version, appointment.status)
        for appointment in (await booking.read_appointments(platform, organizations)).values()
    }
    projections = await services.read_projections(platform, organizations)
    differing = {service: len(wanted.items() ^ shown.items()) for service, shown in projections.items()}
    return [f"{service} differs from booking in {count} appointments" for service, count in differing.items() if count]


async def _unread_calendars(platform: Platform, organizations: Sequence[UUID], history: History) -> list[str]:
    """A state is not enough: it may be of the reading before, and the last one is still to come."""
    states = {calendar.id: calendar.state for calendar in await services.read_calendars(platform)}
    busy = await services.read_busy(platform, organizations)
    read = Counter(row.connection for row in busy["calendar-sync"])
    unread = [
        f"calendar {connection} is {states.get(connection)}, with {read[connection]} of {events} events"
        for connection, events in history.calendars.items()
        if states.get(connection) != "ok" or read[connection] != events
    ]
    differing = {keeper: len(rows ^ busy["calendar-sync"]) for keeper, rows in busy.items()}
    return unread + [
        f"{keeper} differs from calendar-sync in {count} times" for keeper, count in differing.items() if count
    ]
