"""The answer to a booking is written without its model, and is what the model would write."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from booking.domain.appointments import Appointment, AssignedResource
from booking.domain.catalogue import ResourceKind
from booking.domain.clients import ClientNote
from booking.domain.lifecycle import Status
from booking.schemas.appointments import (
    BookedAppointmentOut,
    LocationKind,
    OriginKind,
    Source,
    appointment_out,
    booked_json,
)
from booking.schemas.clients import ClientNoteOut

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
instants = st.timedeltas(min_value=timedelta(), max_value=timedelta(days=230 * 365)).map(lambda since: EPOCH + since)
amounts = st.decimals(min_value=0, max_value=Decimal("9999999999.99"), places=2)
counts = st.integers(min_value=0, max_value=2**31 - 1)
resources = st.builds(
    AssignedResource, id=st.uuids(), kind=st.sampled_from(get_args(ResourceKind)), name=texts, seat=counts
)
appointments = st.builds(
    Appointment,
    id=st.uuids(),
    action_id=st.none() | st.uuids(),
    origin_kind=st.sampled_from(get_args(OriginKind)),
    origin_reference_id=st.none() | texts,
    origin_url=st.none() | texts,
    location_kind=st.sampled_from(get_args(LocationKind)),
    location_text=st.none() | texts,
    location_url=st.none() | texts,
    notes=st.none() | texts,
    internal_notes=st.none() | texts,
    share_with_client=st.booleans(),
    notify_client=st.booleans(),
    quoted_amount=st.none() | amounts,
    quoted_currency=st.just("EUR"),
    status=st.sampled_from(list(Status)),
    source=st.sampled_from(get_args(Source)),
    buffer_before_minutes=counts,
    buffer_after_minutes=counts,
    reschedule_count=counts,
    calendar_sequence=counts,
    version=counts,
    starts_at=instants,
    ends_at=instants,
    previous_starts_at=st.none() | instants,
    created_at=instants,
    updated_at=instants,
    actual_amount=st.none() | amounts,
    actual_currency=st.just("EUR"),
    resources=st.lists(resources, max_size=3).map(tuple),
    calendar_uid=texts,
    service_name=texts,
    zone=st.just("Europe/Berlin"),
)
notes = st.builds(
    ClientNote, code=st.just("differs"), field=st.none() | texts, detail=texts, given=st.none() | texts, kept=texts
)


@given(appointments, st.lists(notes, max_size=2), st.booleans())
def test_the_answer_is_what_its_schema_would_write(
    appointment: Appointment, client_notes: list[ClientNote], staff: bool
) -> None:
    shown = dict(appointment_out(appointment, staff=staff))
    expected = BookedAppointmentOut(**shown, client_notes=[ClientNoteOut.of(note) for note in client_notes])
    assert booked_json(appointment, client_notes, staff=staff) == expected.model_dump_json(by_alias=True).encode()
