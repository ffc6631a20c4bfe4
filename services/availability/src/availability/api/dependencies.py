"""What the endpoints work with, made once in main."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final, TypeVar, cast
from uuid import UUID

from fastapi import Depends, Request

from availability.api.slot_answers import AnswerCache
from availability.domain import StateVersion, UnknownOwnerError
from availability.storage import AvailabilityReader
from slotstream_servicekit.clock import Clock
from slotstream_servicekit.context import Context
from slotstream_servicekit.database import Database
from slotstream_servicekit.http import Principal, Right, requires, requires_any
from slotstream_servicekit.http.callers import context_of
from slotstream_servicekit.projections import wait_until

ResultT = TypeVar("ResultT")

_STATE_POLL: Final = timedelta(milliseconds=10)

ScheduleReader = Annotated[Principal, requires(Right.READ_SCHEDULES)]
ScheduleWriter = Annotated[Principal, requires_any(Right.WRITE_SCHEDULES, Right.WRITE_OWN_SCHEDULE)]
ScheduleManager = Annotated[Principal, requires(Right.WRITE_SCHEDULES)]
SlotReader = Annotated[Principal, requires(Right.READ_SLOTS)]
OfferReader = Annotated[Principal, requires_any(Right.READ_SLOTS, Right.USE_PORTAL, Right.USE_PUBLIC_BOOKING)]
"""Clients and visitors too, within bounds: when they could come."""
FreeBusyReader = Annotated[Principal, requires_any(Right.READ_SLOTS, Right.READ_SCHEDULES)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """A request waits at most `catalogue_wait` for what was created a moment ago, `state_wait` for a state."""

    database: Database
    reader: AvailabilityReader
    answers: AnswerCache
    clock: Clock
    catalogue_wait: timedelta
    state_wait: timedelta

    def now(self) -> datetime:
        return self.clock()

    def context(self, principal: Principal) -> Context:
        return context_of(principal, now=self.clock())

    async def when_known(self, action: Callable[[], Awaitable[ResultT]]) -> ResultT:
        """Does `action`, again for a while where it names something that the catalogue's projection may yet bring.

        A client that creates a service and asks for its slots at once is milliseconds ahead of the events.
        """
        results: list[ResultT] = []

        async def is_known() -> bool:
            try:
                results.append(await action())
            except UnknownOwnerError:
                return False
            return True

        await wait_until(is_known, within=self.catalogue_wait)
        return results[0] if results else await action()

    async def when_applied(self, organization_id: UUID, tokens: Sequence[str]) -> bool:
        """Waits until the projections know the states that the tokens name, within bounds; whether they do."""
        if not tokens:
            return True
        states = [StateVersion.parse(token) for token in tokens]
        applied = False

        async def is_applied() -> bool:
            nonlocal applied
            applied = await self.reader.has_applied(organization_id, states)
            return applied

        await wait_until(is_applied, within=self.state_wait, every=_STATE_POLL)
        return applied


def dependencies_of(request: Request) -> Dependencies:
    return cast("Dependencies", request.app.state.dependencies)


async def _dependencies(request: Request) -> Dependencies:
    return dependencies_of(request)


CurrentDependencies = Annotated[Dependencies, Depends(_dependencies)]
"""`dependencies: CurrentDependencies` in an endpoint."""
