"""Appointments: creating, listing, reading and editing them."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Query
from starlette.responses import Response

from booking.api.answers import appointment_response, tells_versions
from booking.api.dependencies import (
    AppointmentReader,
    AppointmentWriter,
    CurrentDependencies,
    Dependencies,
    override_reason,
    sees_internal_notes,
)
from booking.api.filters import CurrentFilter, within_limits
from booking.domain.appointments import FIELDS
from booking.domain.lifecycle import TRANSITIONS, Verb
from booking.domain.messages import MessageOutcome
from booking.domain.policy import Policy
from booking.schemas.appointments import (
    AppointmentOut,
    ClientSummaryOut,
    CountsOut,
    EditAppointmentIn,
    ListedAppointmentOut,
    TransitionOut,
    VerbsOut,
    appointment_out,
)
from booking.schemas.history import (
    ActorOut,
    ChainLinkOut,
    HistoryEntryOut,
    HistoryOut,
    MessageHistoryOut,
    MessageOutcomeOut,
    OverrideOut,
)
from booking.storage.appointments import AppointmentStore
from booking.storage.connections import connection_of
from booking.storage.listing import (
    AppointmentFilter,
    ListedAppointment,
    Order,
    Sort,
    count_appointments,
    list_appointments,
)
from booking.storage.messages import MessageStore
from booking.usecases.lifecycle import edit_appointment, verbs_now
from slotstream_servicekit.context import Context
from slotstream_servicekit.database import Connection
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
from slotstream_servicekit.http.rights import Right

router = Router(tags=["appointments"])

SortBy = Annotated[
    str,
    Query(
        pattern=f"^-?({'|'.join(Sort)})$",
        description=f"{', '.join(Sort)}; with - the other way. What has no price comes last either way",
    ),
]


@router.get("/v1/appointments", response_model=Page[ListedAppointmentOut])
async def search_appointments(
    dependencies: CurrentDependencies,
    principal: AppointmentReader,
    wanted: CurrentFilter,
    sort: SortBy = "-starts_at",
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Appointments across businesses, with their clients; pages neither skip nor repeat."""
    order = Order(by=Sort(sort.removeprefix("-")), descending=sort.startswith("-"))
    scope = f"appointments:{sort}"
    after = decode_cursor(cursor, *order.key_types, scope=scope, nullable=order.nullable) if cursor else None
    async with dependencies.database.transaction(principal) as session:
        connection = await connection_of(session)
        rows = await list_appointments(
            connection,
            organization_id=principal.organization_id,
            wanted=within_limits(wanted, principal.limits),
            order=order,
            after=after,
            limit=limit + 1,
        )
        policy = await _policy_for(dependencies, connection, principal)
    page, next_cursor = page_of(rows, limit=limit, cursor_of=lambda row: encode_cursor(*row.key, scope=scope))
    context = dependencies.context_of(principal)
    items = [_listed(row, principal, policy, context) for row in page]
    return model_response(Page[ListedAppointmentOut](items=items, next_cursor=next_cursor))


def _listed(row: ListedAppointment, principal: Principal, policy: Policy, context: Context) -> ListedAppointmentOut:
    appointment = row.appointment
    return ListedAppointmentOut(
        **dict(appointment_out(appointment, staff=sees_internal_notes(principal))),
        client=ClientSummaryOut(
            id=appointment.client_id, name=row.client_name, phone=row.client_phone, email=row.client_email
        ),
        verbs=_verbs(row, principal, policy, context),
    )


async def _policy_for(dependencies: Dependencies, connection: Connection, principal: Principal) -> Policy:
    """The policy that decides what the caller can do: of the newest version for an agent, who is bound by notice."""
    policies, organization_id = dependencies.policies, principal.organization_id
    if principal.actor_type == "ai_agent":
        return await policies.current(connection, organization_id)
    return await policies.of(connection, organization_id)


_OF_BOOKERS: Final = frozenset({Verb.CONFIRM, Verb.CANCEL, Verb.RESCHEDULE})
"""What a right to book is enough for; the others need the right to change appointments."""


def _verbs(row: ListedAppointment, principal: Principal, policy: Policy, context: Context) -> list[str]:
    """What this caller can do with the appointment now."""
    return [
        verb
        for verb in verbs_now(policy, row.appointment, context=context, client_erased=row.client_erased)
        if principal.can(Right.BOOK if verb in _OF_BOOKERS else Right.WRITE_APPOINTMENTS)
    ]


@router.get("/v1/appointments/counts")
async def get_appointment_counts(
    dependencies: CurrentDependencies, principal: AppointmentReader, wanted: CurrentFilter
) -> CountsOut:
    """How many appointments of each status the same filters find."""
    async with dependencies.database.transaction(principal) as session:
        counts = await count_appointments(
            await connection_of(session),
            organization_id=principal.organization_id,
            wanted=within_limits(wanted, principal.limits),
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
            limit=1,
        )
        if not rows:
            await store.get(appointment_id)
        policy = await _policy_for(dependencies, connection, principal)
    shown = _listed(rows[0], principal, policy, dependencies.context_of(principal))
    return model_response(shown, version=rows[0].appointment.version)


@router.patch("/v1/appointments/{appointment_id}", response_model=AppointmentOut, responses=tells_versions(200))
async def change_appointment(
    dependencies: CurrentDependencies,
    principal: AppointmentWriter,
    appointment_id: UUID,
    body: EditAppointmentIn,
    expected_version: IfMatch,
) -> Response:
    """Notes, action, prices, sharing; another staff member is checked as a booking is.

    Of an open appointment also the client, the service and the length, where they are wrong: its time is taken anew by
    the rules of the right service, at the same start. A merged client's id stands for the one they were merged into.
    Nothing of an erased client's appointment is edited: `client_erased`.
    """
    reason = override_reason(principal, body.override)
    async with dependencies.database.transaction(principal) as session:
        recorded = await edit_appointment(
            session=session,
            policies=dependencies.policies,
            context=dependencies.context_of(principal),
            appointment_id=appointment_id,
            values=body.values(),
            resource_ids=body.resource_ids,
            correction=body.correction,
            override_reason=reason,
            expected_version=expected_version,
            tell_client=body.tell_client,
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
            tell_client=entry.tell_client,
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
