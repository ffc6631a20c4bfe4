"""The text of the statement, for one booking of some shape or for many."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from booking.storage.booking_statement.columns import (
    APPOINTMENT,
    CLIENTS,
    ENTERED,
    EVENTS,
    RESOURCES,
    ROW,
    TAKES,
    shared_columns,
)
from booking.storage.booking_statement.rows import BookingRow

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
    def of(cls, rows: Sequence[BookingRow]) -> "Shape | None":
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
    """The lines of one kind: what the statement reads them from, and each of their columns as an array.

    Of many lines, a column that is the same in all is given once, beside an empty array: most are, and each value of an
    array costs the driver and the statement as much as a single one.
    """

    def __init__(self, parameters: _Parameters, columns: Mapping[str, str], lines: int | None) -> None:
        self._columns = columns
        self._lines = None if lines is None else [parameters.line(columns) for _ in range(lines)]
        self._arrays = parameters.arrays(columns) if lines is None else {}
        self._shared = parameters.line(shared_columns(columns)) if lines is None else {}

    def array(self, column: str) -> str:
        if self._lines is None:
            return self._arrays[column]
        return f"ARRAY[{', '.join(line[column] for line in self._lines)}]::{self._columns[column]}[]"

    def only(self, column: str) -> str:
        """A column of the one line there is."""
        [line] = self._lines or [{}]
        return line[column]

    def named(self, alias: str) -> str:
        """For a FROM; `n` numbers the lines."""
        names = f"{alias}({', '.join(self._columns)}, n)"
        if self._lines is None:
            arrays, columns = ", ".join(self._arrays.values()), ", ".join(self._columns)
            values = ", ".join(map(self._value, self._columns))
            return f"(SELECT {values}, n FROM unnest({arrays}) WITH ORDINALITY AS given({columns}, n)) AS {names}"
        if not self._lines:
            nothing = ", ".join(f"NULL::{type_}" for type_ in self._columns.values())
            return f"(SELECT {nothing}, 0 WHERE false) AS {names}"
        lines = (f"({', '.join(line.values())}, {n})" for n, line in enumerate(self._lines, start=1))
        return f"(VALUES {', '.join(lines)}) AS {names}"

    def _value(self, column: str) -> str:
        return f"coalesce({column}, {self._shared[column]})" if column in self._shared else column


@cache
def booking_text(shape: Shape | None, *, with_clients: bool) -> str:
    """The statement for one booking of this shape, or for many; `with_clients` where some are made with them."""
    parameters = _Parameters()
    rows = _Relation(parameters, ROW, 1 if shape else None)
    takes = _Relation(parameters, TAKES, shape.takes if shape else None)
    resources = _Relation(parameters, RESOURCES, shape.resources if shape else None)
    events = _Relation(parameters, EVENTS, shape.events if shape else None)
    clients = _Relation(parameters, CLIENTS, shape.clients if shape else None) if with_clients else None
    guards = []
    if shape and clients and shape.guards_client:
        guards.append(
            _GUARDS_CLIENT.format(
                locks=parameters.next("integer[]"), phone=clients.only("phone"), email=clients.only("email")
            )
        )
    if shape and shape.guards_sessions:
        guards.append(_GUARDS_SESSIONS.format_map(parameters.line(ENTERED)))
    return _TEXT.format(
        guard=_GUARD.format(guards=" AND ".join(guards)) if guards else "",
        columns=", ".join(APPOINTMENT),
        row_ids=rows.array("id"),
        row_clients=rows.array("known_client_id"),
        rows=rows.named("r"),
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
