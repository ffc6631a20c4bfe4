"""Taking resources' time, whoever wants it: a booking, a hold, an approval, another member of staff, a move.

One loop for all: look who takes what, find seats, take them, and where somebody was quicker, look again. What is taken
is judged by the policy version that the taking statement compares, so nothing is taken by rules of a moment ago.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final, Generic, Protocol, TypeVar
from uuid import UUID

from booking.domain.calendars import Calendars
from booking.domain.changes import Override
from booking.domain.errors import BusyBookError
from booking.domain.policy import Policy, Wanted
from booking.domain.seating import Seat, Seating, occupy, seat
from booking.storage.occupancy import OccupancyStore, Window
from booking.storage.policies import Policies, StalePolicyError
from booking.usecases.overriding import SessionsToOpenError, join_sessions, open_sessions, override_of
from slotstream_scheduling.spans import from_epoch, to_epoch
from slotstream_scheduling.wallclock import day_span, local_date
from slotstream_servicekit.database import Connection
from slotstream_servicekit.errors import RefusedError, SlotstreamError

_ATTEMPTS: Final = 40
"""Each attempt that fails means that another's has succeeded: a group of forty fills up before this is reached."""

_Time = tuple[datetime, datetime]


class TimePlan(Protocol):
    """What is wanted, and whether it takes time at all: a request that waits for approval may not."""

    @property
    def wanted(self) -> Wanted: ...

    @property
    def occupies(self) -> bool: ...


PlanT = TypeVar("PlanT", bound=TimePlan)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTime:
    """A plan that is nothing but its time."""

    wanted: Wanted
    occupies: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeClaim(Generic[PlanT]):
    """Time that one holder, an appointment or a hold, is to have. `plan` raises what the policy has against it."""

    holder_id: UUID
    plan: Callable[[Policy], PlanT]
    now: datetime
    ignore: tuple[UUID, ...] = ()
    """Holders whose time is as good as free to this one: the appointment that it replaces."""
    own_sessions: Mapping[UUID, Seat] = field(default_factory=dict)
    """By resource, seats of the replaced appointment whose sessions this one enters, to overlap its old time."""
    kept: frozenset[UUID] = frozenset()
    """Resources that the holder has already."""
    override_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatedClaim(Generic[PlanT]):
    """A claim with its seats; `takes` are those that are still to be taken."""

    claim: TimeClaim[PlanT]
    plan: PlanT
    policy: Policy
    seats: tuple[Seat, ...]
    override: Override | None = None
    beside: frozenset[UUID] | None = None
    """Who was seen in the sessions that are entered. None where nobody can have entered them since."""

    @property
    def takes(self) -> tuple[Seat, ...]:
        if not self.plan.occupies:
            return ()
        return tuple(seat_found for seat_found in self.seats if seat_found.resource_id not in self.claim.kept)


Take = Callable[[Policy, Sequence[SeatedClaim[PlanT]]], Awaitable[frozenset[UUID]]]
"""Takes what is seated, all of a claim's time or none; returns whose was taken. Raises StalePolicyError."""

Explain = Callable[[Sequence[TimeClaim[PlanT]]], Awaitable[Mapping[UUID, SlotstreamError]]]
"""Of claims that took nothing: the errors of those that no further attempt can help."""


async def _nothing_known(_claims: Sequence[object]) -> Mapping[UUID, SlotstreamError]:
    return {}


@dataclass(slots=True, kw_only=True)
class _Round(Generic[PlanT]):
    """One attempt at the claims that are still open."""

    seated: dict[UUID, SeatedClaim[PlanT]] = field(default_factory=dict)
    errors: dict[UUID, SlotstreamError] = field(default_factory=dict)


async def claim_time(
    *,
    connection: Connection,
    policies: Policies,
    organization_id: UUID,
    claims: Sequence[TimeClaim[PlanT]],
    take: Take[PlanT],
    explain: Explain[PlanT] = _nothing_known,
    look_first: bool = False,
) -> dict[UUID, SeatedClaim[PlanT] | SlotstreamError]:
    """By holder, the seats that were taken or the error; conflicts among the claims are settled in their order.

    The first attempt at claims that name their resources does not look at occupancy: the taking statement itself
    decides. What it refuses is looked at, and either explained with all reasons or tried again.

    Raises SessionsToOpenError where an override needs a transaction and the connection is in none.
    """
    done: dict[UUID, SeatedClaim[PlanT] | SlotstreamError] = {}
    pending = list(claims)
    look = look_first or any(claim.ignore or claim.override_reason for claim in pending)
    policy = await policies.of(connection, organization_id)
    for attempt in range(_ATTEMPTS):
        current = await _seat_all(connection, policy, pending, look=look, spread=attempt > 0)
        try:
            won = await take(policy, list(current.seated.values())) if current.seated else frozenset()
        except StalePolicyError:
            policy = await policies.reload(connection, organization_id)
            continue
        if current.errors and not current.seated:
            # Refused all: no statement has compared the policy's version yet.
            fresh = await policies.current(connection, organization_id)
            if fresh.version != policy.version:
                policy = fresh
                continue
        done |= current.errors
        done |= {holder_id: current.seated[holder_id] for holder_id in won}
        pending = [claim for claim in pending if claim.holder_id not in done]
        if not pending:
            return done
        done |= await explain(pending)
        pending = [claim for claim in pending if claim.holder_id not in done]
        await OccupancyStore(connection, organization_id).drop_expired_holds(_windows(_plans(policy, pending)))
        look = True
    return done | {claim.holder_id: BusyBookError(_BUSY) for claim in pending}


_BUSY: Final = "The slot is changing hands right now; ask again."


async def claim_one(
    *,
    connection: Connection,
    policies: Policies,
    organization_id: UUID,
    claim: TimeClaim[PlanT],
    take: Take[PlanT],
) -> SeatedClaim[PlanT]:
    """The seats that were taken for one claim. Raises what is in the way."""
    done = await claim_time(
        connection=connection,
        policies=policies,
        organization_id=organization_id,
        claims=[claim],
        take=take,
        look_first=True,
    )
    outcome = done[claim.holder_id]
    if isinstance(outcome, SlotstreamError):
        raise outcome
    return outcome


async def _seat_all(
    connection: Connection, policy: Policy, claims: Sequence[TimeClaim[PlanT]], *, look: bool, spread: bool
) -> _Round[PlanT]:
    current = _Round[PlanT]()
    planned: list[tuple[TimeClaim[PlanT], PlanT]] = []
    for claim in claims:
        try:
            planned.append((claim, claim.plan(policy)))
        except SlotstreamError as error:
            current.errors[claim.holder_id] = error
    if connection.is_in_transaction():
        await OccupancyStore(connection, policy.organization_id).lock_entries(_entered(planned))
    plans = [plan for _, plan in planned]
    look = look or not all(plan.wanted.is_settled for plan in plans)
    calendars = await calendars_of(connection, policy, [plan.wanted for plan in plans]) if look else Calendars()
    for claim, plan in planned:
        seating = seat(
            policy,
            plan.wanted,
            calendars=calendars,
            holder_id=claim.holder_id,
            now=claim.now,
            ignore=claim.ignore,
            spread=spread,
        )
        if seating.reasons and not look:
            if len(planned) == 1:
                return await _seat_all(connection, policy, claims, look=True, spread=spread)
            # Looked at in the next round. What comes after it and wants the same time waits for it until then.
            occupy(calendars, plan.wanted, seating, holder_id=claim.holder_id)
            continue
        try:
            seated = await _seated(connection, policy, claim, plan, seating, calendars=calendars, joins=not spread)
        except SlotstreamError as error:
            current.errors[claim.holder_id] = error
            continue
        current.seated[claim.holder_id] = seated
        if plan.occupies and len(planned) > 1:
            occupy(calendars, plan.wanted, seating, holder_id=claim.holder_id)
    return current


async def _seated(
    connection: Connection,
    policy: Policy,
    claim: TimeClaim[PlanT],
    plan: PlanT,
    seating: Seating,
    *,
    calendars: Calendars,
    joins: bool,
) -> SeatedClaim[PlanT]:
    """`joins`: whether an override outside a transaction may join the one session that was seen."""
    beside = None if connection.is_in_transaction() else _beside(calendars, plan.wanted, seating.seats)
    if not seating.reasons:
        seats = _in_own_sessions(seating.seats, claim.own_sessions)
        return SeatedClaim(claim=claim, plan=plan, policy=policy, seats=seats, beside=beside)
    if claim.override_reason is None or not seating.seats:
        raise RefusedError(seating.reasons)
    holder_id, blocked = claim.holder_id, plan.wanted.blocked
    wanted = [seat_found for seat_found in seating.seats if seat_found.resource_id not in claim.kept]
    if connection.is_in_transaction():
        opened = await open_sessions(
            connection, organization_id=policy.organization_id, holder_id=holder_id, blocked=blocked, seats=wanted
        )
    elif joins:
        opened = join_sessions(calendars, holder_id=holder_id, blocked=blocked, seats=wanted)
    else:
        raise SessionsToOpenError
    override = override_of(opened, reasons=seating.reasons, reason=claim.override_reason)
    kept = tuple(seat_found for seat_found in seating.seats if seat_found.resource_id in claim.kept)
    seats = (*(session.seat for session in opened), *kept)
    return SeatedClaim(claim=claim, plan=plan, policy=policy, seats=seats, override=override, beside=beside)


def _beside(calendars: Calendars, wanted: Wanted, seats: Sequence[Seat]) -> frozenset[UUID]:
    return frozenset(
        UUID(held.taken.id)
        for seat_found in seats
        for held in calendars.overlapping(seat_found.resource_id, wanted.blocked)
    )


def _entered(planned: Sequence[tuple[TimeClaim[PlanT], PlanT]]) -> dict[UUID, bool]:
    """The resources whose sessions may be entered, and whether by an override: by it, or by members of a group."""
    entered: dict[UUID, bool] = {}
    for claim, plan in planned:
        forced = claim.override_reason is not None
        if plan.occupies and (forced or plan.wanted.rules.capacity > 1):
            entered |= {candidate: forced or entered.get(candidate, False) for candidate in plan.wanted.candidates}
    return entered


def _in_own_sessions(seats: tuple[Seat, ...], own: Mapping[UUID, Seat]) -> tuple[Seat, ...]:
    return tuple(
        replace(
            seat_found,
            session_id=own[seat_found.resource_id].session_id,
            seat=own[seat_found.resource_id].seat + 1,
            starts_session=False,
        )
        if seat_found.starts_session and seat_found.resource_id in own
        else seat_found
        for seat_found in seats
    )


async def calendars_of(connection: Connection, policy: Policy, wanted: Sequence[Wanted]) -> Calendars:
    """What takes the time of all who could perform what is wanted."""
    turns = any(time.business.assignment == "round_robin" for time in wanted)
    store = OccupancyStore(connection, policy.organization_id)
    windows = _windows(wanted, reach=partial(_looked_at, policy))
    return await store.calendars(windows, with_turns=turns)


def _looked_at(policy: Policy, time: Wanted) -> _Time:
    """What is wanted itself. Where somebody is to be chosen, their whole day: how busy they are decides."""
    if all(len(place) == 1 for place in time.places):
        return time.blocked
    zone = policy.schedule_of(time.business).zone
    begins, ends = day_span(zone, local_date(to_epoch(time.starts_at), zone))
    return min(time.blocked[0], from_epoch(begins)), max(time.blocked[1], from_epoch(ends))


def _plans(policy: Policy, claims: Sequence[TimeClaim[PlanT]]) -> list[Wanted]:
    plans = []
    for claim in claims:
        try:
            plans.append(claim.plan(policy).wanted)
        except SlotstreamError:
            continue
    return plans


def _blocked(time: Wanted) -> _Time:
    return time.blocked


def _windows(wanted: Sequence[Wanted], *, reach: Callable[[Wanted], _Time] = _blocked) -> list[Window]:
    """Windows of one resource that touch are read as one."""
    windows = [Window(candidate, *reach(time)) for time in wanted for candidate in time.candidates]
    merged: list[Window] = []
    for window in sorted(windows, key=lambda time: (time.resource_id, time.begins)):
        last = merged[-1] if merged else None
        if last and last.resource_id == window.resource_id and window.begins <= last.ends:
            merged[-1] = Window(last.resource_id, last.begins, max(last.ends, window.ends))
        else:
            merged.append(window)
    return merged
