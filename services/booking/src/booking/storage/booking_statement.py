"""The statement that books: appointments with their occupancy, history, outbox and idempotency keys, or nothing.

Its text is this file's. The columns of an appointment come from their one declaration, so versions of the service
that differ by a field run beside each other on one database, each with its own text. What reads tables that grow is in
the database's function `admit_bookings`, which knows no column of an appointment and plans by indexes whatever
statistics say (`storage/functions.py`).

Why it is one statement: a round trip costs as much as the writing. Why parts of it look the way they do:

- `admitted` comes first. It binds the tenant, so nothing may read or write before it: every step draws from it.
- Time is taken with ON CONFLICT DO NOTHING: who loses a race is left out, where a plain INSERT would raise, and under
  contention deadlock. It is taken in the order of resource and start, the same for all batches, so none of two batches
  can hold what the other waits for.
- A single booking that enters a session, a group's or by override, is guarded by `admit_to_sessions`: of two who come
  to overlap there at the same instant, the second is left out, and knows of the first when they look again. Many are
  in a transaction, which has seen to it before it looked.
- A new client of a single booking is guarded by `admit_client`: of two who come with one phone at the same instant,
  the second is left out, and finds the first one's client when they look again.
- A row is booked if all of its resources were taken. A row that got a part of them leaves occupancy without an
  appointment behind: `partial` names it, and the caller deletes it in the same transaction.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Final

import orjson

from booking.domain.appointments import FIELDS, Appointment

if TYPE_CHECKING:
    from booking.storage.bookings import BookingRow

_APPOINTMENT: Final[Mapping[str, str]] = {name: kept.type for name, kept in FIELDS.items()}
_BESIDE: Final[Mapping[str, str]] = {
    "places": "integer",
    "known_client_id": "uuid",
    "actor_type": "text",
    "actor_id": "text",
    "call_id": "text",
    "on_behalf_of": "uuid",
    "reason": "text",
    "changed_fields": "text",
    "state": "text",
    "override_reason": "text",
    "override_rules": "text",
    "override_conflicts": "text",
    "key_caller": "text",
    "key": "text",
    "key_fingerprint": "bytea",
    "answer_status": "smallint",
    "answer_headers": "text",
    "answer_body": "bytea",
}
_ROW: Final = {**_APPOINTMENT, **_BESIDE}
_ROW_OF_MANY: Final = {"id": "uuid", **_BESIDE}
"""The appointment's own fields are read from `state`, which has them all by their names. As JSON they cost the driver a
tenth of what they cost as arrays, whose every value it looks at twice."""
_TAKES: Final = {
    "holder_id": "uuid",
    "resource_id": "uuid",
    "session_id": "uuid",
    "seat": "integer",
    "begins": "timestamptz",
    "ends": "timestamptz",
    "forced": "boolean",
}
_RESOURCES: Final = {"appointment_id": "uuid", "place": "smallint", "resource_id": "uuid", "seat": "integer"}
_EVENTS: Final = {
    "id": "uuid",
    "appointment_id": "uuid",
    "lane": "smallint",
    "topic": "text",
    "key": "text",
    "aggregatetype": "text",
    "aggregateid": "text",
    "type": "text",
    "payload": "bytea",
    "headers": "text",
}
_CLIENTS: Final = {
    "appointment_id": "uuid",
    "id": "uuid",
    "name": "text",
    "phone": "text",
    "email": "text",
    "locale": "text",
    "zone": "text",
    "consent": "text",
    "search": "text",
    "sort_name": "text",
    "created_at": "timestamptz",
}
_ENTERED: Final = {
    "resources": "uuid[]",
    "sessions": "uuid[]",
    "begins": "timestamptz",
    "ends": "timestamptz",
    "forced": "boolean",
    "known": "uuid[]",
}

_TEXT: Final = """
WITH admitted AS MATERIALIZED (
    SELECT id FROM admit_bookings($1, $2, $3, {row_ids}, {row_clients}, {take_holders}, {take_resources},
                                  {take_begins}, {take_ends}, {take_forced}) AS id{guard}
), asked AS MATERIALIZED (
    SELECT r.* FROM admitted JOIN {rows} USING (id)
), taken AS (
    INSERT INTO occupancy (organization_id, resource_id, session_id, seat, blocked, holder_id, forced)
    SELECT $1, t.resource_id, t.session_id, t.seat, tstzrange(t.begins, t.ends), t.holder_id, t.forced
    FROM admitted JOIN {takes} ON t.holder_id = admitted.id
    ORDER BY t.resource_id, t.begins
    ON CONFLICT DO NOTHING RETURNING holder_id
), got AS (
    SELECT holder_id, count(*) AS resources FROM taken GROUP BY holder_id
), booked AS MATERIALIZED (
    SELECT r.* FROM asked r LEFT JOIN got ON got.holder_id = r.id WHERE coalesce(got.resources, 0) = r.places
){new_clients}, new_appointments AS (
    INSERT INTO appointments ({columns}) SELECT {columns} FROM booked
), new_resources AS (
    INSERT INTO appointment_resources (organization_id, appointment_id, place, resource_id, seat, starts_at)
    SELECT $1, b.id, r.place, r.resource_id, r.seat, b.starts_at
    FROM booked b JOIN {resources} ON r.appointment_id = b.id
), new_history AS (
    INSERT INTO history (organization_id, appointment_id, version, verb, at, actor_type, actor_id, call_id,
                         on_behalf_of, reason, fields, state)
    SELECT $1, id, version, 'create', created_at, actor_type, actor_id, call_id, on_behalf_of, reason,
           changed_fields::json, state::json
    FROM booked
){new_overrides}, new_keys AS (
    INSERT INTO idempotency_keys (organization_id, caller, key, fingerprint, status, headers, body)
    SELECT $1, key_caller, key, key_fingerprint, answer_status, answer_headers::jsonb, answer_body
    FROM booked WHERE key IS NOT NULL
), new_events AS (
    INSERT INTO outbox (id, organization_id, lane, topic, key, aggregatetype, aggregateid, type, payload, headers)
    SELECT e.id, $1, e.lane, e.topic, e.key, e.aggregatetype, e.aggregateid, e.type, e.payload, e.headers::jsonb
    FROM booked JOIN {events} ON e.appointment_id = booked.id
    ORDER BY e.n
)
SELECT EXISTS (SELECT FROM admitted WHERE id IS NULL) AS is_stale,
       ARRAY(SELECT id FROM booked) AS booked,
       ARRAY(SELECT holder_id FROM got WHERE NOT EXISTS (SELECT FROM booked WHERE id = holder_id)) AS partial
"""

_NEW_CLIENTS: Final = """, new_clients AS (
    INSERT INTO clients (organization_id, id, name, phone, email, locale, zone, consent, search, sort_name, created_at,
                         updated_at)
    SELECT $1, c.id, c.name, c.phone, c.email, c.locale, c.zone,
           CASE WHEN c.consent IS NOT NULL THEN ARRAY(SELECT json_array_elements_text(c.consent::json)) END,
           c.search, c.sort_name, c.created_at, c.created_at
    FROM booked JOIN {clients} ON c.appointment_id = booked.id
)"""

_NEW_OVERRIDES: Final = """, new_overrides AS (
    INSERT INTO overrides (organization_id, appointment_id, version, at, actor_type, actor_id, reason, rules,
                           conflicts_with)
    SELECT $1, id, version, created_at, actor_type, actor_id, override_reason,
           ARRAY(SELECT json_array_elements_text(override_rules::json)),
           ARRAY(SELECT json_array_elements_text(override_conflicts::json))
    FROM booked WHERE override_reason IS NOT NULL
)"""

_GUARD: Final = """
    WHERE CASE WHEN id IS NULL THEN true ELSE {guards} END"""
_GUARDS_CLIENT: Final = "admit_client($1, {locks}, {phone}, {email})"
_GUARDS_SESSIONS: Final = """admit_to_sessions($1, {resources}, {sessions}, {begins}, {ends}, {forced}, {known})"""


class _Parameters:
    """Numbers parameters in the order in which they are named, from $4 on, as `booking_values` gives them."""

    def __init__(self) -> None:
        self.count = 3

    def next(self, type_: str) -> str:
        self.count += 1
        return f"${self.count}::{type_}"

    def line(self, columns: Mapping[str, str]) -> dict[str, str]:
        """A plain parameter for each column."""
        return {name: self.next(type_) for name, type_ in columns.items()}

    def arrays(self, columns: Mapping[str, str]) -> dict[str, str]:
        return {name: self.next(f"{type_}[]") for name, type_ in columns.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How many lines a single booking writes of each kind, since its values are plain parameters.

    Many bookings have no shape: each of their columns is an array. A function that unnests sixty arrays costs as much
    as the rest of one booking, and so does the driver that looks through them; for many it is shared.
    """

    takes: int
    resources: int
    events: int
    clients: int
    overrides: bool = False
    guards_client: bool
    """Whether the statement itself sees to it that nobody else has made the client."""
    guards_sessions: bool = False
    """Whether it sees to it that nobody has entered the sessions since they were looked at."""

    @classmethod
    def of(cls, rows: Sequence["BookingRow"]) -> "Shape | None":
        if len(rows) != 1:
            return None
        row = rows[0]
        return cls(
            takes=len(row.takes),
            resources=len(row.appointment.resources),
            events=len(row.records),
            clients=int(row.new_client is not None),
            overrides=row.forced,
            guards_client=bool(row.contact_locks),
            guards_sessions=bool(row.entered),
        )


class _Relation:
    """The lines of one kind: what the statement reads them from, and each of their columns as an array."""

    def __init__(self, parameters: _Parameters, columns: Mapping[str, str], lines: int | None) -> None:
        self._columns = columns
        self._lines = None if lines is None else [parameters.line(columns) for _ in range(lines)]
        self._arrays = parameters.arrays(columns) if lines is None else {}

    def array(self, column: str) -> str:
        if self._lines is None:
            return self._arrays[column]
        return f"ARRAY[{', '.join(line[column] for line in self._lines)}]::{self._columns[column]}[]"

    def only(self, column: str) -> str:
        """A column of the one line there is."""
        [line] = self._lines or [{}]
        return line[column]

    def with_appointments(self, alias: str) -> str:
        """For a FROM: lines whose `state` holds the fields of their appointment."""
        if self._lines is not None:
            return self.named(alias)
        columns = ", ".join([*(f"appointment.{name}" for name in _APPOINTMENT), *(f"line.{name}" for name in _BESIDE)])
        fields = ", ".join(f"{name} {type_}" for name, type_ in _APPOINTMENT.items())
        return (
            f"(SELECT {columns} FROM {self.named('line')}"
            f" CROSS JOIN LATERAL json_to_record(line.state::json) AS appointment({fields})) AS {alias}"
        )

    def named(self, alias: str) -> str:
        """For a FROM; `n` numbers the lines."""
        names = f"{alias}({', '.join(self._columns)}, n)"
        if self._lines is None:
            return f"unnest({', '.join(self._arrays.values())}) WITH ORDINALITY AS {names}"
        if not self._lines:
            nothing = ", ".join(f"NULL::{type_}" for type_ in self._columns.values())
            return f"(SELECT {nothing}, 0 WHERE false) AS {names}"
        lines = (f"({', '.join(line.values())}, {n})" for n, line in enumerate(self._lines, start=1))
        return f"(VALUES {', '.join(lines)}) AS {names}"


@cache
def booking_text(shape: Shape | None, *, with_clients: bool) -> str:
    """The statement for one booking of this shape, or for many; `with_clients` where some are made with them."""
    parameters = _Parameters()
    rows = _Relation(parameters, _ROW, 1) if shape else _Relation(parameters, _ROW_OF_MANY, None)
    takes = _Relation(parameters, _TAKES, shape.takes if shape else None)
    resources = _Relation(parameters, _RESOURCES, shape.resources if shape else None)
    events = _Relation(parameters, _EVENTS, shape.events if shape else None)
    clients = _Relation(parameters, _CLIENTS, shape.clients if shape else None) if with_clients else None
    guards = []
    if shape and clients and shape.guards_client:
        guards.append(
            _GUARDS_CLIENT.format(
                locks=parameters.next("integer[]"), phone=clients.only("phone"), email=clients.only("email")
            )
        )
    if shape and shape.guards_sessions:
        guards.append(_GUARDS_SESSIONS.format_map(parameters.line(_ENTERED)))
    return _TEXT.format(
        guard=_GUARD.format(guards=" AND ".join(guards)) if guards else "",
        columns=", ".join(_APPOINTMENT),
        row_ids=rows.array("id"),
        row_clients=rows.array("known_client_id"),
        rows=rows.with_appointments("r"),
        take_holders=takes.array("holder_id"),
        take_resources=takes.array("resource_id"),
        take_begins=takes.array("begins"),
        take_ends=takes.array("ends"),
        take_forced=takes.array("forced"),
        takes=takes.named("t"),
        resources=resources.named("r"),
        events=events.named("e"),
        # Each table that a statement may write costs it, also where nothing is written.
        new_overrides=_NEW_OVERRIDES if shape is None or shape.overrides else "",
        new_clients=_NEW_CLIENTS.format(clients=clients.named("c")) if clients else "",
    )


def booking_values(rows: Sequence["BookingRow"], *, with_clients: bool) -> list[object]:
    """The values from $4 on, in the order of `booking_text`."""
    alone = len(rows) == 1
    lines_of = _lines if alone else _columns
    fields_of = _APPOINTMENT_VALUES if alone else _id_alone
    values = lines_of(
        ((*fields_of(row.appointment), *_beside(row)) for row in rows), len(_ROW if alone else _ROW_OF_MANY)
    )
    values += lines_of(
        (
            (row.appointment.id, take.resource_id, take.session_id, take.seat, *row.appointment.blocked, row.forced)
            for row in rows
            for take in row.takes
        ),
        len(_TAKES),
    )
    values += lines_of(
        (
            (row.appointment.id, place, resource.id, resource.seat)
            for row in rows
            for place, resource in enumerate(row.appointment.resources, start=1)
        ),
        len(_RESOURCES),
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
        len(_EVENTS),
    )
    if with_clients:
        values += lines_of((_client(row) for row in rows if row.new_client is not None), len(_CLIENTS))
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


def _beside(row: "BookingRow") -> list[object]:
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


_APPOINTMENT_VALUES: Final = attrgetter(*_APPOINTMENT)


def _id_alone(appointment: Appointment) -> tuple[object, ...]:
    return (appointment.id,)


def _client(row: "BookingRow") -> list[object]:
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


def _entered(row: "BookingRow") -> list[object]:
    return [
        [take.resource_id for take in row.entered],
        [take.session_id for take in row.entered],
        *row.appointment.blocked,
        row.forced,
        list(row.beside or ()),
    ]


def _list(values: Sequence[str]) -> str:
    return orjson.dumps(list(values)).decode()
