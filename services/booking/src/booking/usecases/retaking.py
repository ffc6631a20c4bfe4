"""Time for an appointment that exists: taken again after it was given up, of other resources, or for another length."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from booking.domain.appointments import Appointment, takes_time
from booking.domain.changes import Override
from booking.domain.corrections import Correction, price_after
from booking.domain.policy import Policy, Wanted
from booking.domain.seating import assigned_resources
from booking.storage.occupancy import OccupancyStore
from booking.storage.policies import Policies
from booking.usecases.claiming import PlannedTime, SeatedClaim, TimeClaim, claim_one
from slotstream_servicekit.context import Context
from slotstream_servicekit.database import Connection

_MINUTE: Final = timedelta(minutes=1)


async def take_again(
    connection: Connection,
    policies: Policies,
    context: Context,
    old: Appointment,
    *,
    override_reason: str | None,
) -> tuple[dict[str, Any], Override | None]:
    """Takes the time that the appointment gave up, or raises what is in the way by now.

    Returns the values that follow from it: a group's seat may differ, and the buffers are the service's of today.
    """
    seated = await _take(
        connection,
        policies,
        context,
        old,
        wanted=lambda policy: wanted_again(policy, old),
        kept=frozenset(),
        override_reason=override_reason,
    )
    return _values_of(seated), seated.override


async def assign_resources(
    connection: Connection,
    policies: Policies,
    context: Context,
    old: Appointment,
    resource_ids: Sequence[UUID],
    *,
    override_reason: str | None,
) -> tuple[dict[str, Any], Override | None]:
    """Takes the resources that are new, gives back those that are left; returns the values that follow from it.

    What takes no time yet is judged all the same; its approval takes the time. Where the service's buffers have
    changed, what the appointment has is taken anew as well: all of its time is blocked alike.
    """
    had = frozenset(resource.id for resource in old.resources)
    kept, gives_up = frozenset(resource_ids), False
    if old.occupies:
        policy = await policies.current(connection, context.organization_id)
        gives_up = wanted_again(policy, old).blocked != old.blocked
        kept = frozenset() if gives_up else had
    seated = await _take(
        connection,
        policies,
        context,
        old,
        wanted=lambda policy: wanted_again(policy, old, resource_ids=resource_ids),
        kept=kept,
        gives_up=gives_up,
        override_reason=override_reason,
    )
    if old.occupies and not gives_up:
        occupancy = OccupancyStore(connection, context.organization_id)
        await occupancy.free(old.id, resource_ids=sorted(had - set(resource_ids)))
    return _values_of(seated), seated.override


async def correct_time(
    connection: Connection,
    policies: Policies,
    context: Context,
    old: Appointment,
    correction: Correction,
    *,
    resource_ids: Sequence[UUID] | None,
    override_reason: str | None,
) -> tuple[dict[str, Any], Override | None]:
    """Gives the appointment's time back and takes what the right service and length need, by all their rules.

    For whoever holds `take_turns`: two that give up time first would wait for each other. Returns the values that
    follow from it; a request whose service keeps no time for requests takes none.
    """
    seated = await _take(
        connection,
        policies,
        context,
        old,
        wanted=lambda policy: correction.wanted(policy, old, resource_ids),
        kept=frozenset(),
        gives_up=True,
        override_reason=override_reason,
        occupies=lambda wanted: takes_time(old.status, pending_occupies=_pending_occupies(wanted)),
    )
    wanted = seated.plan.wanted
    named = correction.service_name or old.service_name
    values = {
        "service_id": wanted.service.id if wanted.service else None,
        "service_name": wanted.service.name if wanted.service else named,
        "ends_at": wanted.ends_at,
        "occupies": seated.plan.occupies,
        **price_after(seated.policy, old, wanted.service),
    }
    return _values_of(seated) | values, seated.override


def _pending_occupies(wanted: Wanted) -> bool:
    return wanted.service.pending_occupies if wanted.service else True


def wanted_again(policy: Policy, old: Appointment, *, resource_ids: Sequence[UUID] | None = None) -> Wanted:
    """The appointment's own time, by the rules of today."""
    return policy.wanted(
        business_id=old.business_id,
        service_id=old.service_id,
        starts_at=old.starts_at,
        duration=old.duration,
        resource_ids=resource_ids or [resource.id for resource in old.resources],
    )


async def _take(
    connection: Connection,
    policies: Policies,
    context: Context,
    old: Appointment,
    *,
    wanted: Callable[[Policy], Wanted],
    kept: frozenset[UUID],
    override_reason: str | None,
    gives_up: bool = False,
    occupies: Callable[[Wanted], bool] = lambda _: True,
) -> SeatedClaim[PlannedTime]:
    """`gives_up`: whether the appointment's own time is given back first, once nobody can enter its sessions."""

    def plan(policy: Policy) -> PlannedTime:
        time = wanted(policy)
        return PlannedTime(wanted=time, occupies=occupies(time))

    async def take(policy: Policy, claims: Sequence[SeatedClaim[PlannedTime]]) -> frozenset[UUID]:
        [seated] = claims
        taken = await OccupancyStore(connection, context.organization_id).take(
            policy_version=policy.version,
            holder_id=old.id,
            blocked=seated.plan.wanted.blocked,
            takes=seated.takes,
            forced=seated.override is not None,
        )
        return frozenset([old.id] if taken else [])

    wanted_now = wanted(await policies.current(connection, context.organization_id))
    if gives_up:
        occupancy = OccupancyStore(connection, context.organization_id)
        entered = {*(resource.id for resource in old.resources), *wanted_now.candidates}
        await occupancy.lock_entries(dict.fromkeys(entered, override_reason is not None))
        await occupancy.free(old.id)
    # A correction of what has begun or passed is not a new booking: only the slot itself is checked again.
    notice = wanted_now.rules.minimum_notice
    return await claim_one(
        connection=connection,
        policies=policies,
        organization_id=context.organization_id,
        claim=TimeClaim(
            holder_id=old.id,
            plan=plan,
            now=min(context.now, old.starts_at - notice),
            ignore=(old.id,),
            kept=kept,
            override_reason=override_reason,
        ),
        take=take,
    )


def _values_of(seated: SeatedClaim[PlannedTime]) -> dict[str, Any]:
    rules = seated.plan.wanted.rules
    return {
        "resources": assigned_resources(seated.policy, seated.seats, limit=rules.capacity),
        "buffer_before_minutes": rules.buffer_before // _MINUTE,
        "buffer_after_minutes": rules.buffer_after // _MINUTE,
    }
