"""Time for an appointment that exists: taken again after it was given up, or of other resources."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from booking.domain.appointments import Appointment
from booking.domain.changes import Override
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
    return await _take(
        connection,
        policies,
        context,
        old,
        resource_ids=[resource.id for resource in old.resources],
        kept=frozenset(),
        override_reason=override_reason,
    )


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
    occupancy = OccupancyStore(connection, context.organization_id)
    had = {resource.id for resource in old.resources}
    kept = frozenset(resource_ids)
    if old.occupies:
        policy = await policies.current(connection, context.organization_id)
        kept = frozenset(had) if wanted_again(policy, old).blocked == old.blocked else frozenset()
        given_up = sorted(had - set(resource_ids)) if kept else sorted(had)
        if not kept:
            await occupancy.free(old.id)
    values, override = await _take(
        connection, policies, context, old, resource_ids=resource_ids, kept=kept, override_reason=override_reason
    )
    if old.occupies and kept:
        await occupancy.free(old.id, resource_ids=given_up)
    return values, override


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
    resource_ids: Sequence[UUID],
    kept: frozenset[UUID],
    override_reason: str | None,
) -> tuple[dict[str, Any], Override | None]:
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

    # A correction of what has begun or passed is not a new booking: only the slot itself is checked again.
    policy = await policies.of(connection, context.organization_id)
    notice = wanted_again(policy, old).rules.minimum_notice
    seated = await claim_one(
        connection=connection,
        policies=policies,
        organization_id=context.organization_id,
        claim=TimeClaim(
            holder_id=old.id,
            plan=lambda policy: PlannedTime(wanted=wanted_again(policy, old, resource_ids=resource_ids)),
            now=min(context.now, old.starts_at - notice),
            ignore=(old.id,),
            kept=kept,
            override_reason=override_reason,
        ),
        take=take,
    )
    rules = seated.plan.wanted.rules
    values: dict[str, Any] = {
        "resources": assigned_resources(seated.policy, seated.seats, limit=rules.capacity),
        "buffer_before_minutes": rules.buffer_before // _MINUTE,
        "buffer_after_minutes": rules.buffer_after // _MINUTE,
    }
    return values, seated.override
