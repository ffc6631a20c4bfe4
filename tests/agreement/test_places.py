"""Booking and availability settle the same question alike: who fills which place of an appointment."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from availability import domain as offering
from booking.domain import catalogue as booked
from booking.domain.policy import Policy
from slotstream_scheduling import ServiceRules

ORGANIZATION, BUSINESS, OTHER, SERVICE = (UUID(int=number) for number in range(1, 5))
HOUR = timedelta(hours=1)
START = datetime(2026, 6, 1, 9, tzinfo=UTC)
ENTRY: dict[str, Any] = {"organization_id": ORGANIZATION, "created_at": START, "updated_at": START}
resource_ids = st.sampled_from([UUID(int=number) for number in range(10, 15)])
requirements = st.lists(st.lists(resource_ids, min_size=1, max_size=3, unique=True).map(tuple), max_size=3).map(tuple)


@st.composite
def resources(draw: st.DrawFn) -> dict[UUID, booked.Resource]:
    return {
        UUID(int=number): booked.Resource(
            **ENTRY,
            id=UUID(int=number),
            name="Somebody",
            kind=draw(st.sampled_from(("staff", "staff", "room", "business"))),
            zone="UTC",
            business_ids=draw(st.sampled_from(((BUSINESS,), (BUSINESS, OTHER), (OTHER,)))),
        )
        for number in range(10, 15)
    }


@given(resources(), st.one_of(st.none(), requirements), st.lists(resource_ids, unique=True, max_size=4))
def test_offering_and_booking_take_the_same_resources(
    known: dict[UUID, booked.Resource], requires: tuple[tuple[UUID, ...], ...] | None, named: list[UUID]
) -> None:
    """A custom service (`requires` None) with several named resources included."""
    policy = Policy(
        organization_id=ORGANIZATION,
        version=1,
        businesses={
            BUSINESS: booked.Business(
                **ENTRY, id=BUSINESS, name="Salon", zone="UTC", locale="en", phone_region="DE", currency="EUR"
            )
        },
        resources=known,
        services={
            SERVICE: booked.Service(
                **ENTRY, id=SERVICE, business_id=BUSINESS, name="Cut", duration=HOUR, requires=requires or ()
            )
        },
    )
    directory = offering.Directory(
        businesses={str(BUSINESS): offering.Business(str(BUSINESS), "Salon", "UTC")},
        resources={
            str(resource.id): offering.Resource(
                str(resource.id), resource.name, resource.kind, resource.zone, tuple(map(str, resource.business_ids))
            )
            for resource in known.values()
        },
        services={
            str(SERVICE): offering.Service(
                str(SERVICE),
                "Cut",
                str(BUSINESS),
                ServiceRules(duration=HOUR),
                tuple(tuple(map(str, place)) for place in requires or ()),
            )
        },
    )

    wanted = policy.wanted(
        business_id=BUSINESS,
        service_id=None if requires is None else SERVICE,
        starts_at=START,
        duration=HOUR,
        resource_ids=named,
    )
    terms = offering.settle_terms(
        directory,
        service_id=None if requires is None else str(SERVICE),
        business_id=str(BUSINESS),
        resource_ids=[str(resource_id) for resource_id in named],
        duration=HOUR,
    )

    assert wanted.staffing == terms.staffing
