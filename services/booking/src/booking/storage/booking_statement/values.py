"""The values of the statement's parameters, in the order in which its text names them."""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Final

import orjson

from booking.domain.appointments import Appointment
from booking.storage.booking_statement.columns import (
    APPOINTMENT,
    CLIENTS,
    EVENTS,
    RESOURCES,
    ROW,
    ROW_OF_MANY,
    TAKES,
)
from booking.storage.booking_statement.rows import BookingRow


def booking_values(rows: Sequence[BookingRow], *, with_clients: bool) -> list[object]:
    """The values from $4 on, in the order of `booking_text`."""
    alone = len(rows) == 1
    lines_of = _lines if alone else _columns
    fields_of = _APPOINTMENT_VALUES if alone else _id_alone
    values = lines_of(
        ((*fields_of(row.appointment), *_beside(row)) for row in rows), len(ROW if alone else ROW_OF_MANY)
    )
    values += lines_of(
        (
            (row.appointment.id, take.resource_id, take.session_id, take.seat, *row.appointment.blocked, row.forced)
            for row in rows
            for take in row.takes
        ),
        len(TAKES),
    )
    values += lines_of(
        (
            (row.appointment.id, place, resource.id, resource.seat)
            for row in rows
            for place, resource in enumerate(row.appointment.resources, start=1)
        ),
        len(RESOURCES),
    )
    values += lines_of(
        (
            (
                record.id,
                row.appointment.id,
                record.lane,
                record.topic,
                record.key,
                record.aggregatetype,
                record.aggregateid,
                record.type,
                record.payload,
                orjson.dumps(dict(record.headers)).decode(),
            )
            for row in rows
            for record in row.records
        ),
        len(EVENTS),
    )
    if with_clients:
        values += lines_of((_client(row) for row in rows if row.new_client is not None), len(CLIENTS))
        if alone and rows[0].contact_locks:
            values.append(list(rows[0].contact_locks))
    if alone and rows[0].entered:
        values += _entered(rows[0])
    return values


def _lines(lines: Iterable[Sequence[object]], _width: int) -> list[object]:
    """The values of all lines, one after the other."""
    return [value for line in lines for value in line]


def _columns(lines: Iterable[Sequence[object]], width: int) -> list[object]:
    """Lines turned into columns; as many empty ones where there is no line.

    A column of nothing but NULL is given as an empty array: unnest fills it up.
    """
    turned: list[object] = [
        [] if column.count(None) == len(column) else list(column) for column in zip(*lines, strict=True)
    ]
    return turned or [[] for _ in range(width)]


def _beside(row: BookingRow) -> list[object]:
    """What a line has beside the appointment's own fields."""
    actor, change, override, claim = row.actor, row.change, row.change.override, row.claim
    return [
        len(row.takes),
        row.appointment.client_id if row.new_client is None else None,
        actor.type,
        actor.id,
        actor.call_id,
        actor.on_behalf_of,
        change.reason,
        row.changed_fields.decode(),
        row.state.decode(),
        override and override.reason,
        override and _list(override.rules),
        override and _list(override.conflicts_with),
        claim and claim.caller,
        claim and claim.key,
        claim and claim.fingerprint,
        claim and row.answer and row.answer.status,
        claim and row.answer and orjson.dumps(dict(row.answer.headers)).decode(),
        claim and row.answer and row.answer.body,
    ]


_APPOINTMENT_VALUES: Final = attrgetter(*APPOINTMENT)


def _id_alone(appointment: Appointment) -> tuple[object, ...]:
    return (appointment.id,)


def _client(row: BookingRow) -> list[object]:
    client = row.new_client
    if client is None:
        return []
    return [
        row.appointment.id,
        client.id,
        client.name,
        client.phone,
        client.email,
        client.locale,
        client.zone,
        None if client.consent is None else _list(client.consent),
        client.search,
        client.sort_name,
        client.created_at,
    ]


def _entered(row: BookingRow) -> list[object]:
    return [
        [take.resource_id for take in row.entered],
        [take.session_id for take in row.entered],
        *row.appointment.blocked,
        row.forced,
        list(row.beside or ()),
    ]


def _list(values: Sequence[str]) -> str:
    return orjson.dumps(list(values)).decode()
