"""Choosing who performs an appointment, and on which seat: one way for listing, booking and moving."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from booking.domain.appointments import AssignedResource
from booking.domain.calendars import Calendars, Held
from booking.domain.policy import Policy, Wanted
from slotstream_scheduling.assignment import assign
from slotstream_scheduling.rules import ResourceCalendar, Taken
from slotstream_scheduling.spans import to_epoch, to_epoch_up
from slotstream_servicekit.errors import Reason
from slotstream_servicekit.ids import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A resource's time to be taken: in which session, on which seat."""

    resource_id: UUID
    session_id: UUID
    seat: int = 0
    starts_session: bool = False
    """Whether the session is a new one. Its id is always made here: an id that a caller may use again never is one,
    or two appointments that overlap could come to share it.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Seating:
    """The seats found, or the reasons why there are none. With reasons, `seats` is what an override would take.

    `free` are those among whom there was a choice.
    """

    seats: tuple[Seat, ...]
    reasons: tuple[Reason, ...] = ()
    free: tuple[UUID, ...] = ()


def seat(
    policy: Policy,
    wanted: Wanted,
    *,
    calendars: Calendars,
    holder_id: UUID,
    now: datetime,
    ignore: Collection[UUID] = (),
    spread: bool = False,
) -> Seating:
    """Finds a free resource for every place, or says everything that is in the way.

    Of a group's free seats the lowest is taken; with `spread` any, so that those who lost a race do not all go for
    the same one again.
    """
    if wanted.is_recorded:
        return Seating(seats=tuple(new_session(resource_id) for resource_id in _performers(policy, wanted)))
    blocked, choice = wanted.blocked, tuple[UUID, ...]()
    if all(len(place) == 1 for place in wanted.places):
        chosen = tuple(policy.ids[place[0]] for place in wanted.places)
        near = _near(policy, calendars, chosen, blocked)
        reasons = policy.judge(wanted, resource_ids=chosen, now=now, calendars=near, ignore=ignore)
    else:
        near = _near(policy, calendars, wanted.candidates, blocked)
        free, reasons = policy.free(wanted, now=now, calendars=near, ignore=ignore)
        assigned = _assigned(policy, wanted, calendars, free if not reasons else wanted.places)
        if assigned is None:
            return Seating(seats=(), reasons=reasons)
        chosen = assigned
        choice = tuple(sorted({policy.ids[resource_id] for place in free for resource_id in place}))
    seats = tuple(
        _seat_at(wanted, calendars, resource_id, holder_id=holder_id, spread=spread) for resource_id in chosen
    )
    return Seating(seats=seats, reasons=reasons, free=() if reasons else choice)


def _performers(policy: Policy, wanted: Wanted) -> tuple[UUID, ...]:
    """Who performed what is over already: those who were named, else where only one could. Nobody else is known."""
    chosen = wanted.staffing.named or [place[0] for place in wanted.places if len(place) == 1]
    return tuple(dict.fromkeys(policy.ids[resource_id] for resource_id in chosen))


def _near(
    policy: Policy, calendars: Calendars, resource_ids: Sequence[UUID], blocked: tuple[datetime, datetime]
) -> dict[UUID, ResourceCalendar]:
    return {
        resource_id: calendars.near(
            resource_id, policy.schedules.get(resource_id), blocked, name=policy.resources[resource_id].name
        )
        for resource_id in resource_ids
    }


def _assigned(
    policy: Policy, wanted: Wanted, calendars: Calendars, free: tuple[tuple[str, ...], ...]
) -> tuple[UUID, ...] | None:
    candidates = {candidate for place in free for candidate in place}
    ids, turns = policy.ids, calendars.last_taken
    start, zone = to_epoch(wanted.starts_at), policy.schedule_of(wanted.business).zone
    chosen = assign(
        policy=wanted.business.assignment,
        free=free,
        named=wanted.staffing.named,
        loads={candidate: calendars.load(ids[candidate], start, zone) for candidate in candidates},
        last_assigned={candidate: turns[ids[candidate]] for candidate in candidates if ids[candidate] in turns},
        priorities={candidate: policy.resources[ids[candidate]].priority for candidate in candidates},
    )
    return None if chosen is None else tuple(ids[candidate] for candidate in chosen)


def new_session(resource_id: UUID) -> Seat:
    return Seat(resource_id=resource_id, session_id=new_id(), starts_session=True)


def _seat_at(wanted: Wanted, calendars: Calendars, resource_id: UUID, *, holder_id: UUID, spread: bool) -> Seat:
    """In a group's running session a free seat; else the first of a session of its own."""
    if wanted.service is None or wanted.rules.capacity == 1:
        return new_session(resource_id)
    mates = calendars.session(
        resource_id,
        starts_at=to_epoch(wanted.starts_at),
        ends_at=to_epoch(wanted.ends_at),
        service_id=wanted.service.id,
    )
    if not mates:
        return new_session(resource_id)
    used = {mate.seat for mate in mates}
    free = [number for number in range(max(wanted.rules.capacity, len(used) + 1)) if number not in used]
    return Seat(
        resource_id=resource_id,
        session_id=mates[0].session_id,
        seat=free[holder_id.int % len(free)] if spread else free[0],
    )


def occupy(calendars: Calendars, wanted: Wanted, seating: Seating, *, holder_id: UUID) -> None:
    """Notes what was just seated, so that the next of the same batch sees it."""
    begins, ends = wanted.blocked
    taken = Taken(
        id=str(holder_id),
        blocked_from=to_epoch(begins),
        blocked_to=to_epoch_up(ends),
        starts_at=to_epoch(wanted.starts_at),
        ends_at=to_epoch(wanted.ends_at),
        service_id=str(wanted.service.id) if wanted.service else None,
    )
    for seat_taken in seating.seats:
        held = Held(taken=taken, session_id=seat_taken.session_id, seat=seat_taken.seat)
        calendars.add(seat_taken.resource_id, held)
        calendars.take_turn(seat_taken.resource_id)


def assigned_resources(policy: Policy, seats: tuple[Seat, ...], *, limit: int) -> tuple[AssignedResource, ...]:
    """The resources as an appointment shows them; seats beyond the group's own are an override's."""
    return tuple(
        AssignedResource(id=resource.id, kind=resource.kind, name=resource.name, seat=number if number < limit else 0)
        for resource, number in ((policy.resources[taken.resource_id], taken.seat) for taken in seats)
    )
