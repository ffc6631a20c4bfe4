"""How much of their working time resources were booked."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.policy import Policy
from booking.domain.reports import Range, Utilisation
from booking.storage.connections import connection_of
from booking.storage.policies import PolicyCache
from booking.storage.reports import ReportStore
from slotstream_scheduling.hours import open_spans
from slotstream_scheduling.spans import Spans, to_epoch, total, union


async def measure_utilisation(*, session: AsyncSession, policies: PolicyCache, span: Range) -> list[Utilisation]:
    """Every resource of the businesses, busiest first. Booked beyond working hours is possible: overrides."""
    policy = await policies.current(await connection_of(session), span.organization_id)
    booked = await ReportStore(session).occupied(span)
    lines = []
    for resource in policy.resources.values():
        business_ids = [
            business_id
            for business_id in resource.business_ids
            if (not span.business_ids or business_id in span.business_ids) and span.limits.has_business(business_id)
        ]
        if (
            not business_ids
            or not span.limits.has_resource(resource.id)
            or (resource.archived and resource.id not in booked)
        ):
            continue
        lines.append(
            Utilisation(
                resource_id=resource.id,
                name=resource.name,
                kind=resource.kind,
                open_minutes=total(_open(policy, resource.id, business_ids, span)) // 60,
                booked_minutes=booked.get(resource.id, 0) // 60,
            )
        )
    return sorted(lines, key=lambda line: (-line.booked_minutes, line.name))


def _open(policy: Policy, resource_id: UUID, business_ids: list[UUID], span: Range) -> Spans:
    begins, ends = to_epoch(span.begins), to_epoch(span.ends)
    return union(
        *(
            open_spans(policy.schedules.get(resource_id), policy.schedule_of(business), begins, ends)
            for business in (policy.businesses.get(business_id) for business_id in business_ids)
            if business is not None
        )
    )
