"""The values of the statement's parameters, in the order in which its text names them."""

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Final

import orjson

from booking.storage.booking_statement.columns import (
    APPOINTMENT,
    CLIENTS,
    EVENTS,
    RESOURCES,
    ROW,
    TAKES,
    shared_columns,
)
from booking.storage.booking_statement.rows import BookingRow


def booking_values(rows: Sequence[BookingRow], *, with_clients: bool) -> list[object]:
    """The values from $4 on, in the order of `booking_text`."""
    alone = len(rows) == 1
    lines_of = _lines if alone else _columns
    values = lines_of(((*_appointment_values(row.appointment), *_beside(row)) for row in rows), ROW)
    values += lines_of(
        (
            (row.appointment.id, take.resource_id, take.session_id, take.seat, *row.blocked, row.forced)
            for row in rows
            for take in row.takes
        ),
        TAKES,
    )
    values += lines_of(
        (
            (row.appointment.id, place, resource.id, resource.seat)
            for row in rows
            for place, resource in enumerate(row.appointment.resources, start=1)
        ),
        RESOURCES,
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
        EVENTS,
    )
    if with_clients:
        values += lines_of((_client(row) for row in rows if row.new_client is not None), CLIENTS)
        if alone and rows[0].contact_locks:
            values.append(list(rows[0].contact_locks))
    if alone and rows[0].entered:
        values += _entered(rows[0])
    return values


_appointment_values: Final = attrgetter(*APPOINTMENT)


def _lines(lines: Iterable[Sequence[object]], _columns: Mapping[str, str]) -> list[object]:
    """The values of all lines, one after the other."""
    return [value for line in lines for value in line]


def _columns(lines: Iterable[Sequence[object]], columns: Mapping[str, str]) -> list[object]:
    """The lines turned into one array for each column; after them, what is shared by all lines, or None.

    The array of what is shared, or of nothing but NULL, is empty: unnest fills it up.
    """
    shared, may_be_shared = list[object](), shared_columns(columns)
    arrays = list[object]()
    turned = list(zip(*lines, strict=True)) or [()] * len(columns)
    for name, values in zip(columns, turned, strict=True):
        is_same = bool(values) and values[0] == values[-1] and values.count(values[0]) == len(values)
        arrays.append([] if is_same and (name in may_be_shared or values[0] is None) else values)
        if name in may_be_shared:
            shared.append(values[0] if is_same else None)
    return arrays + shared


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
        *row.blocked,
        row.forced,
        list(row.beside or ()),
    ]


def _list(values: Sequence[str]) -> str:
    return orjson.dumps(list(values)).decode()
