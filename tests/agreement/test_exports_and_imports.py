"""What booking exports, imports reads back as it was, however it was guarded against spreadsheets."""

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from booking.adapters.exports import CsvWriter
from booking.domain.appointments import Appointment
from booking.domain.exports import ExportedAppointment
from booking.domain.lifecycle import Status
from imports.adapters.csv.reader import CsvReader
from imports.adapters.phones import find_phones, read_phone
from imports.domain.catalogue import Business, Catalogue, OfferedService
from imports.domain.dates import DateOrder
from imports.domain.mapping import ColumnMapping, suggest
from imports.domain.rows import RequestedAppointment
from imports.domain.validation import Judging, RowRules, judge
from imports.usecases.reading import values_by_field
from slotstream_scheduling.places import Performer, Roster
from slotstream_servicekit.spreadsheets import defused, restored

NOW = datetime(2026, 11, 28, 9, tzinfo=UTC)
COLUMNS = ("starts_at", "ends_at", "service", "client_name", "client_phone", "client_email", "notes", "external_id")
BUSINESS, SERVICE = UUID(int=1), UUID(int=2)
APPOINTMENT = Appointment(
    id=UUID(int=3),
    organization_id=UUID(int=4),
    business_id=BUSINESS,
    zone="Europe/Berlin",
    client_id=UUID(int=5),
    service_id=SERVICE,
    service_name="Haircut",
    action_name=None,
    starts_at=NOW + timedelta(days=10),
    ends_at=NOW + timedelta(days=10, minutes=45),
    buffer_before_minutes=0,
    buffer_after_minutes=0,
    status=Status.SCHEDULED,
    source="manual",
    series_id=None,
    rescheduled_from=None,
    rescheduled_to=None,
    previous_starts_at=None,
    reschedule_count=0,
    calendar_uid="3@slotstream",
    calendar_sequence=0,
    actual_amount=None,
    actual_currency=None,
    external_id=None,
    batch_id=None,
    archived=False,
    occupies=True,
    created_at=NOW,
    updated_at=NOW,
    version=1,
)
CATALOGUE = Catalogue(
    business=Business(id=BUSINESS, name="Mitte", zone="Europe/Berlin", phone_region="DE"),
    services={"haircut": OfferedService(id=SERVICE, name="Haircut", duration_minutes=30)},
    resources={},
    roster=Roster([Performer(str(UUID(int=6)), "staff")]),
)
NAMED_BY_HAND = ("- allergic to nuts", "'=x", "''=x", "'quoted", "\ttab", "'\ttab", "\rreturn", "=1+1", "@home", "-5 %")


def exported(*rows: ExportedAppointment) -> bytes:
    writer = CsvWriter(COLUMNS)
    return b"".join([*writer.begin(), *writer.add(rows), *writer.finish()])


def imported(content: bytes) -> list[RequestedAppointment]:
    """The file as imports would take it, with the mapping that it suggests."""
    reader = CsvReader()
    table = reader.inspect(content, chosen={}, language="de")
    mapping = ColumnMapping(columns=suggest(table.headers), date_order=DateOrder.YEAR_FIRST)
    rules = RowRules(
        catalogue=CATALOGUE, mapping=mapping, judging=Judging(read_phone=read_phone, find_phones=find_phones), now=NOW
    )
    rows = reader.rows(content, reading=table.reading)
    judgements = [judge(values, rules) for _, values in values_by_field(rows, table.headers, mapping)]
    requested = [judgement.requested for judgement in judgements if judgement.requested is not None]
    assert len(requested) == len(judgements), [judgement.reasons for judgement in judgements]
    return requested


def as_booked(requested: RequestedAppointment) -> ExportedAppointment:
    appointment = replace(
        APPOINTMENT,
        starts_at=requested.starts_at,
        ends_at=requested.ends_at,
        notes=requested.notes,
        external_id=requested.external_id,
    )
    return ExportedAppointment(
        appointment=appointment,
        business_name="Mitte",
        client_name=requested.client_name,
        client_phone=requested.phone,
        client_email=requested.email,
        shows_internal_notes=False,
    )


def with_notes(notes: str | None, *, name: str = "Ada Lovelace") -> ExportedAppointment:
    return ExportedAppointment(
        appointment=replace(APPOINTMENT, notes=notes),
        business_name="Mitte",
        client_name=name,
        client_phone="+4930901820",
        client_email="ada@example.com",
        shows_internal_notes=False,
    )


# A database holds neither NUL nor half a surrogate pair.
TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=60)
SHORT = st.text(st.sampled_from("'=+-@\t\r\n 1a,;\""), max_size=8)


@given(st.one_of(TEXTS, SHORT))
def test_a_cell_is_restored_exactly_and_never_runs(cell: str) -> None:
    assert restored(defused(cell)) == cell
    assert defused(cell)[:1] not in set("=@\t\r")


@given(st.one_of(TEXTS, SHORT).filter(str.strip))
@example("'=x")
@example("\t\r0\t\r\t")
@example("'quoted")
@example(" \t- blanks and tabs \t")
def test_an_export_that_is_imported_is_exported_the_same(notes: str) -> None:
    first = exported(with_notes(notes))
    [requested] = imported(first)
    assert requested.notes == notes
    assert exported(as_booked(requested)) == first


@pytest.mark.parametrize("text", NAMED_BY_HAND)
def test_notes_and_names_that_look_like_formulas_come_back(text: str) -> None:
    first = exported(with_notes(text), with_notes(None, name=text.strip()))
    noted, named = imported(first)
    assert (noted.notes, named.notes, named.client_name) == (text, None, text.strip())
    assert exported(as_booked(noted), as_booked(named)) == first


def test_a_note_as_long_as_booking_takes_one_comes_back_whole() -> None:
    notes = "-" * 10_000
    [requested] = imported(exported(with_notes(notes)))
    assert requested.notes == notes


def test_a_spreadsheet_never_sees_a_formula() -> None:
    content = exported(*map(with_notes, NAMED_BY_HAND)).decode("utf-8-sig")
    cells = [row[6] for row in csv.reader(io.StringIO(content, newline=""))][1:]
    assert {cell[0] for cell in cells} == {"'"}
