"""Appointments: creating, listing, reading and editing them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from starlette.responses import Response

from booking.api.answers import appointment_response, tells_versions
from booking.api.dependencies import (
    AppointmentReader,
    AppointmentWriter,
    CurrentDependencies,
    override_reason,
    sees_internal_notes,
)
from booking.api.filters import CurrentFilter
from booking.domain.appointments import FIELDS
from booking.domain.lifecycle import TRANSITIONS, verbs_from
from booking.domain.messages import MessageOutcome
from booking.schemas.appointments import (
    ActorOut,
    AppointmentOut,
    ChainLinkOut,
    ClientSummaryOut,
    CountsOut,
    EditAppointmentIn,
    HistoryEntryOut,
    HistoryOut,
    ListedAppointmentOut,
    MessageHistoryOut,
    MessageOutcomeOut,
    OverrideOut,
    TransitionOut,
    VerbsOut,
    appointment_out,
)
from booking.storage.appointments import AppointmentStore
from booking.storage.connections import connection_of
from booking.storage.listing import (
    AppointmentFilter,
    ListedAppointment,
    count_appointments,
    list_appointments,
)
from booking.storage.messages import MessageStore
from booking.usecases.lifecycle import edit_appointment
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.etags import IfMatch
from slotstream_servicekit.http.models import InstantIn
from slotstream_servicekit.http.pagination import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    Page,
    decode_cursor,
    encode_cursor,
    page_of,
)
from slotstream_servicekit.http.principal import Principal
from slotstream_servicekit.http.responses import model_response

router = Router(tags=["appointments"])

Sort = Annotated[str, Query(pattern="^-?starts_at$", description="starts_at or -starts_at")]


@router.get("/v1/appointments", response_model=Page[ListedAppointmentOut])
async def search_appointments(
    dependencies: CurrentDependencies,
    principal: AppointmentReader,
    wanted: CurrentFilter,
    sort: Sort = "-starts_at",
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Appointments across businesses, with their clients; pages neither skip nor repeat."""
    scope = f"appointments:{sort}"
    after = decode_cursor(cursor, datetime, UUID, scope=scope) if cursor else None
    async with dependencies.database.transaction(principal) as session:
        rows = await list_appointments(
            await connection_of(session),
            organization_id=principal.organization_id,
            wanted=wanted,
            descending=sort.startswith("-"),
            after=after,
            limit=limit + 1,
        )
    page, next_cursor = page_of(
        rows,
        limit=limit,
        cursor_of=lambda row: encode_cursor(row.appointment.starts_at, row.appointment.id, scope=scope),
    )
    items = [_listed(row, principal) for row in page]
    return model_response(Page[ListedAppointmentOut](items=items, next_cursor=next_cursor))


def _listed(row: ListedAppointment, principal: Principal) -> ListedAppointmentOut:
    appointment = row.appointment
    return ListedAppointmentOut(
        **dict(appointment_out(appointment, staff=sees_internal_notes(principal))),
        client=ClientSummaryOut(
            id=appointment.client_id, name=row.client_name, phone=row.client_phone, email=row.client_email
        ),
        verbs=list(verbs_from(appointment.status)),
    )


@router.get("/v1/appointments/counts")
async def get_appointment_counts(
    dependencies: CurrentDependencies, principal: AppointmentReader, wanted: CurrentFilter
) -> CountsOut:
    """How many appointments of each status the same filters find."""
    async with dependencies.database.transaction(principal) as session:
        counts = await count_appointments(
            await connection_of(session), organization_id=principal.organization_id, wanted=wanted
        )
    return CountsOut(total=sum(counts.values()), by_status=counts)


@router.get("/v1/verbs")
async def get_verbs(_principal: AppointmentReader) -> VerbsOut:
    """The transition table: which verb leads from which statuses to which."""
    return VerbsOut(
        items=[
            TransitionOut(
                verb=row.verb,
                sources=sorted(row.sources),
                to=row.to,
                needs_reason=row.needs_reason,
                only_after_start=row.only_after_start,
                rechecks_slot=row.rechecks_slot,
            )
            for row in TRANSITIONS.values()
        ]
    )


@router.get("/v1/appointments/{appointment_id}", response_model=ListedAppointmentOut | AppointmentOut)
async def get_appointment(
    dependencies: CurrentDependencies,
    principal: AppointmentReader,
    appointment_id: UUID,
    as_of: Annotated[InstantIn | None, Query(description="As it was known at this instant")] = None,
) -> Response:
    """One appointment with its client now, or exactly as it was known at an instant."""
    organization_id = principal.organization_id
    async with dependencies.database.transaction(principal) as session:
        connection = await connection_of(session)
        store = AppointmentStore(connection, organization_id)
        if as_of is not None:
            known = await store.as_of(appointment_id, as_of)
            return model_response(appointment_out(known, staff=sees_internal_notes(principal)))
        rows = await list_appointments(
            connection,
            organization_id=organization_id,
            wanted=AppointmentFilter(ids=[appointment_id], archived=None),
            descending=False,
            after=None,
            limit=1,
        )
        if not rows:
            await store.get(appointment_id)
    return model_response(_listed(rows[0], principal), version=rows[0].appointment.version)


@router.patch("/v1/appointments/{appointment_id}", response_model=AppointmentOut, responses=tells_versions(200))
async def change_appointment(
    dependencies: CurrentDependencies,
    principal: AppointmentWriter,
    appointment_id: UUID,
    body: EditAppointmentIn,
    expected_version: IfMatch,
) -> Response:
    """Notes, action, prices, sharing; another staff member is checked as a booking is."""
    reason = override_reason(principal, body.override)
    async with dependencies.database.transaction(principal) as session:
        recorded = await edit_appointment(
            session=session,
            policies=dependencies.policies,
            context=dependencies.context_of(principal),
            appointment_id=appointment_id,
            values=body.values(),
            resource_ids=body.resource_ids,
            override_reason=reason,
            expected_version=expected_version,
        )
    return appointment_response(recorded.appointment, principal)


@router.get("/v1/appointments/{appointment_id}/history", response_model=HistoryOut)
async def get_appointment_history(
    dependencies: CurrentDependencies, principal: AppointmentReader, appointment_id: UUID
) -> Response:
    """The audit trail: when, who (and in which call), which verb, old and new values, why; and every message."""
    organization_id = principal.organization_id
    async with dependencies.database.transaction(principal) as session:
        store = AppointmentStore(await connection_of(session), organization_id)
        await store.get(appointment_id)
        entries = await store.history(appointment_id)
        chain = [ChainLinkOut.model_validate(link) for link in await store.chain(appointment_id)]
        outcomes = await MessageStore(session).of_appointment(organization_id, appointment_id)
    items = [
        HistoryEntryOut(
            version=entry.version,
            verb=entry.verb,
            at=entry.at,
            actor=ActorOut.model_validate(entry.actor),
            reason=entry.reason,
            fields=_visible(entry.fields, principal),
            override=OverrideOut.model_validate(entry.override) if entry.override else None,
        )
        for entry in entries
    ]
    return model_response(HistoryOut(chain=chain, items=items, messages=_messages(outcomes)))


def _messages(outcomes: Sequence[MessageOutcome]) -> list[MessageHistoryOut]:
    """Events in the order of their messages, put together by message."""
    by_message = [list(group) for _, group in groupby(outcomes, key=lambda outcome: outcome.message_id)]
    return [
        MessageHistoryOut(
            message_id=newest.message_id,
            channel=newest.channel,
            kind=newest.kind,
            client_id=newest.client_id,
            resource_id=newest.resource_id,
            due_at=newest.due_at,
            outcomes=[
                MessageOutcomeOut(outcome=event.outcome, at=event.occurred_at, detail=event.detail) for event in events
            ],
        )
        for events in by_message
        for newest in events[-1:]
    ]


def _visible(fields: Mapping[str, Mapping[str, object]], principal: Principal) -> dict[str, object]:
    """What changed, by the names that the API has: what belongs together, such as a price, under one."""
    shown: dict[str, dict[str, Any]] = {}
    for name, change in fields.items():
        whole = FIELDS[name].part_of if name in FIELDS else None
        if whole is None:
            shown[name] = dict(change)
            continue
        # `quoted_amount` is the amount of the quoted price, `location_text` the text of the location.
        part = name.removeprefix(f"{whole.removesuffix('_price')}_")
        for side, value in change.items():
            shown.setdefault(whole, {}).setdefault(side, {})[part] = value
    if not sees_internal_notes(principal):
        shown.pop("internal_notes", None)
    return {name: {side: _or_none(value) for side, value in change.items()} for name, change in shown.items()}


def _or_none(value: object) -> object:
    """A price of which there is no amount is no price."""
    return None if isinstance(value, dict) and not any(value.values()) else value
