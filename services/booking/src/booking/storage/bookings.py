"""The one statement that books: appointment, occupancy, history, outbox and idempotency key, or nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from booking.domain.model import Actor, Appointment, Change
from booking.domain.seating import Seat
from slotstream_servicekit.outbox import OutboxRecord

ROWS_PER_STATEMENT = 250
"""A message of one megabyte. From two on, sending and reading it costs each row half as much again."""

_BOOK = "SELECT book_appointments($1, $2, $3::booking_row[], $4::booking_event[])"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyClaim:
    """The key that the answer is stored under, in the same statement."""

    caller: str
    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingRow:
    """Everything that one booking writes, computed before the statement."""

    appointment: Appointment
    takes: tuple[Seat, ...]
    snapshot: bytes
    state: bytes
    actor: Actor
    change: Change
    records: tuple[OutboxRecord, ...]
    claim: IdempotencyClaim | None = None


class StalePolicyError(Exception):
    """The catalogue or a schedule changed since the rows were judged; nothing was written."""


async def insert_bookings(
    connection: Any, *, organization_id: UUID, policy_version: int, rows: Sequence[BookingRow]
) -> frozenset[UUID]:
    """Writes the rows whose time is free, each whole or not at all; returns the ids of those.

    A row is left out whose slot is taken or externally busy, whose client is unknown, or whose id exists.
    Raises StalePolicyError, and asyncpg's UniqueViolationError where a key or id is being used right now, or an id
    by another organization: then part of the rows may be written, and the caller rolls back.
    """
    booked: set[UUID] = set()
    for part in _parts(rows):
        won = await connection.fetchval(
            _BOOK,
            organization_id,
            policy_version,
            [tuple(typed_row(row).values()) for row in part],
            [_typed_event(row.appointment.id, record) for row in part for record in row.records],
        )
        if won is None:
            raise StalePolicyError
        booked.update(won)
    return frozenset(booked)


def _parts(rows: Sequence[BookingRow]) -> Iterator[Sequence[BookingRow]]:
    """What one statement takes, in an order in which no two batches can come to wait for each other.

    Each statement takes time by resource and start, and so do statements that follow each other, as long as no row
    takes more than one resource. Where one does, a single statement takes all.
    """
    size = ROWS_PER_STATEMENT if all(len(row.takes) <= 1 for row in rows) else len(rows)
    ordered = sorted(rows, key=_place)
    for begin in range(0, len(ordered), size):
        yield ordered[begin : begin + size]


def _place(row: BookingRow) -> tuple[Sequence[UUID], datetime]:
    return [take.resource_id for take in row.takes], row.appointment.blocked[0]


def _typed_event(appointment_id: UUID, record: OutboxRecord) -> tuple[object, ...]:
    """Like the database's type `booking_event`."""
    return (
        record.id,
        appointment_id,
        record.lane,
        record.topic,
        record.key,
        record.aggregatetype,
        record.aggregateid,
        record.type,
        record.payload,
        orjson.dumps(dict(record.headers)).decode(),
    )


def typed_row(row: BookingRow) -> dict[str, object]:
    """Like the database's type `booking_row`, in its order."""
    one, override, claim = row.appointment, row.change.override, row.claim
    return {
        "id": one.id,
        "business_id": one.business_id,
        "zone": one.zone,
        "client_id": one.client_id,
        "service_id": one.service_id,
        "service_name": one.service_name,
        "action_id": one.action_id,
        "action_name": one.action_name,
        "starts_at": one.starts_at,
        "ends_at": one.ends_at,
        "buffer_before_minutes": one.buffer_before_minutes,
        "buffer_after_minutes": one.buffer_after_minutes,
        "status": one.status,
        "source": one.source,
        "origin_kind": one.origin_kind,
        "origin_reference_id": one.origin_reference_id,
        "origin_url": one.origin_url,
        "notes": one.notes,
        "internal_notes": one.internal_notes,
        "share_with_client": one.share_with_client,
        "notify_client": one.notify_client,
        "series_id": one.series_id,
        "rescheduled_from": one.rescheduled_from,
        "previous_starts_at": one.previous_starts_at,
        "reschedule_count": one.reschedule_count,
        "calendar_uid": one.calendar_uid,
        "calendar_sequence": one.calendar_sequence,
        "quoted_amount": one.quoted_amount,
        "quoted_currency": one.quoted_currency,
        "external_id": one.external_id,
        "batch_id": one.batch_id,
        "occupies": one.occupies,
        "created_at": one.created_at,
        "resource_ids": [resource.id for resource in one.resources],
        "seats": [resource.seat for resource in one.resources],
        "blocked": asyncpg.Range(*one.blocked),
        "take_resources": [take.resource_id for take in row.takes],
        "take_sessions": [take.session_id for take in row.takes],
        "take_seats": [take.seat for take in row.takes],
        "actor_type": row.actor.type,
        "actor_id": row.actor.id,
        "call_id": row.actor.call_id,
        "on_behalf_of": row.actor.on_behalf_of,
        "reason": row.change.reason,
        "state": row.state.decode(),
        "override_reason": override and override.reason,
        "override_rules": override and list(override.rules),
        "override_conflicts": override and list(override.conflicts_with),
        "idempotency_caller": claim and claim.caller,
        "idempotency_key": claim and claim.key,
        "idempotency_fingerprint": claim and claim.fingerprint,
        "answer_headers": claim and _answer_headers(one.id),
    }


def _answer_headers(appointment_id: UUID) -> str:
    location = f"/v1/appointments/{appointment_id}"
    return orjson.dumps({"content-type": "application/json", "etag": '"1"', "location": location}).decode()


async def existing_appointments(connection: Any, organization_id: UUID, ids: Sequence[UUID]) -> dict[UUID, bool]:
    """Which of these ids are appointments or live holds already, and whether of this organization."""
    found = await connection.fetch("SELECT id, own FROM existing_appointments($1, $2)", organization_id, list(ids))
    return {row["id"]: row["own"] for row in found}


async def bookable_clients(connection: Any, organization_id: UUID, ids: Sequence[UUID]) -> frozenset[UUID]:
    """Which of these ids are clients who can be booked for: not merged away, not erased."""
    found = await connection.fetch(
        "SELECT id FROM clients WHERE organization_id = $1 AND id = ANY($2) AND merged_into IS NULL AND NOT erased",
        organization_id,
        list(ids),
    )
    return frozenset(row["id"] for row in found)


async def current_client(connection: Any, organization_id: UUID, client_id: UUID) -> UUID | None:
    """The client that this one was merged into, if any; None where they were erased."""
    found: UUID | None = await connection.fetchval(
        """
        WITH RECURSIVE chain AS (
            SELECT id, merged_into, erased FROM clients WHERE organization_id = $1 AND id = $2
            UNION
            SELECT c.id, c.merged_into, c.erased FROM clients c JOIN chain ON c.id = chain.merged_into
            WHERE c.organization_id = $1
        )
        SELECT id FROM chain WHERE merged_into IS NULL AND NOT erased
        """,
        organization_id,
        client_id,
    )
    return found


async def database_now(connection: Any) -> datetime:
    """The database's clock, which decides whether a hold has expired."""
    now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return now
