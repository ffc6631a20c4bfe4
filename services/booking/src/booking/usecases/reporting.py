"""How much of their working time resources were booked."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from booking.domain.policy import Policy
from booking.storage.policies import PolicyCache
from booking.storage.reports import Range, sum_occupied
from slotstream_scheduling.hours import open_spans
from slotstream_scheduling.spans import Spans, to_epoch, total, union


@dataclass(frozen=True, slots=True)
class Utilisation:
    """Minutes one resource works, by its schedule as it stands, and minutes it was booked, in the range."""

    resource_id: UUID
    name: str
    kind: str
    open_minutes: int
    booked_minutes: int


async def measure_utilisation(*, connection: Any, policies: PolicyCache, span: Range) -> list[Utilisation]:
    """Every resource of the businesses, busiest first. Booked beyond working hours is possible: overrides."""
    policy = await policies.current(connection, span.organization_id)
    booked = await sum_occupied(connection, span)
    found = []
    for resource in policy.resources.values():
        places = [one for one in resource.business_ids if not span.business_ids or one in span.business_ids]
        if not places or (resource.archived and resource.id not in booked):
            continue
        found.append(
            Utilisation(
                resource_id=resource.id,
                name=resource.name,
                kind=resource.kind,
                open_minutes=total(_open(policy, resource.id, places, span)) // 60,
                booked_minutes=booked.get(resource.id, 0) // 60,
            )
        )
    return sorted(found, key=lambda one: (-one.booked_minutes, one.name))


def _open(policy: Policy, resource_id: UUID, business_ids: list[UUID], span: Range) -> Spans:
    begins, ends = to_epoch(span.begins), to_epoch(span.ends)
    return union(
        *(
            open_spans(policy.schedules.get(resource_id), policy.schedule_of(business), begins, ends)
            for business in (policy.businesses.get(one) for one in business_ids)
            if business is not None
        )
    )
