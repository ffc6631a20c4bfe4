"""What imports hears: the catalogue, clients that are erased, and booking's answers."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from imports.domain.rows import Stage, contact_digests, name_digest
from imports.storage.projections import (
    BUSINESSES,
    RESOURCES,
    SERVICES,
    BusinessRow,
    ClientContactsRow,
    ClientContactStore,
    ErasedClient,
    ResourceRow,
    ServiceRow,
)
from imports.storage.tables import CATALOGUE_TABLES, CLIENT_TABLES
from imports.usecases.answers import Answer, apply_answers
from imports.usecases.retention import erase_clients
from slotstream_contracts.catalogue import BusinessState, ResourceState, ServiceState
from slotstream_contracts.clients import ClientState
from slotstream_contracts.commands import (
    BookAppointments,
    CheckAppointments,
    CommandRefused,
    CommandSucceeded,
    ItemResult,
    UndoAppointments,
    appointments_in,
)
from slotstream_contracts.envelope import Envelope
from slotstream_contracts.topics import BOOKING_RESULTS, CATALOGUE, CLIENTS
from slotstream_servicekit.clock import Clock
from slotstream_servicekit.consumer import Consumers, Handler, Received
from slotstream_servicekit.errors import Reason
from slotstream_servicekit.projections import newest_by_key
from slotstream_servicekit.rebuild import Projection

CATALOGUE_TYPES = frozenset({BusinessState.type, ServiceState.type, ResourceState.type})
CLIENT_TYPES = frozenset({ClientState.type})
RESULT_TYPES = frozenset({CommandSucceeded.type, CommandRefused.type})

Batch = Sequence[Received[Envelope[Any]]]

_STAGES: Mapping[str, Stage] = {
    CheckAppointments.type: Stage.CHECK,
    BookAppointments.type: Stage.BOOK,
    UndoAppointments.type: Stage.UNDO,
}
"""What is ours, by the command's type."""


def register(consumers: Consumers, *, clock: Clock) -> None:
    # All handlers are safe to run twice: states go by version, answers by the command that is still awaited.
    consumers.subscribe(CATALOGUE.name, on_catalogue, types=CATALOGUE_TYPES, dedupe=False)
    consumers.subscribe(CLIENTS.name, clients_handler(clock), types=CLIENT_TYPES, dedupe=False)
    consumers.subscribe(
        BOOKING_RESULTS.name, results_handler(clock), types=RESULT_TYPES, dedupe=False, weigh=appointments_in
    )


def projections(*, clock: Clock) -> Sequence[Projection]:
    return (
        Projection(
            name="catalogue",
            topics=(CATALOGUE.name,),
            handler=on_catalogue,
            tables=CATALOGUE_TABLES,
            types=CATALOGUE_TYPES,
        ),
        Projection(
            name="clients",
            topics=(CLIENTS.name,),
            handler=clients_handler(clock),
            tables=CLIENT_TABLES,
            types=CLIENT_TYPES,
        ),
    )


async def on_catalogue(session: AsyncSession, batch: Batch) -> None:
    states = [received.event.data for received in newest_by_key(batch).values() if received.event is not None]
    await BUSINESSES.put(session, [business_row(state) for state in states if isinstance(state, BusinessState)])
    await SERVICES.put(session, [service_row(state) for state in states if isinstance(state, ServiceState)])
    await RESOURCES.put(session, [resource_row(state) for state in states if isinstance(state, ResourceState)])


def clients_handler(clock: Clock) -> Handler:
    async def on_clients(session: AsyncSession, batch: Batch) -> None:
        # What a batch says of a client before its tombstone tells by what the client's rows are found.
        states = [received.event.data for received in batch if received.event is not None]
        await ClientContactStore(session).put([contacts_row(state) for state in states])
        erased = [client for received in newest_by_key(batch).values() if (client := _erased(received)) is not None]
        if erased:
            await erase_clients(session=session, erased=erased, now=clock())

    return on_clients


def results_handler(clock: Clock) -> Handler:
    async def on_results(session: AsyncSession, batch: Batch) -> None:
        answers = [
            answer
            for received in batch
            if received.event is not None and received.event.data.command_type in _STAGES
            for answer in _answers(received.event.organization, received.event.data)
        ]
        await apply_answers(session=session, answers=answers, now=clock())

    return on_results


def business_row(state: BusinessState) -> BusinessRow:
    return BusinessRow(
        organization_id=state.organization_id,
        id=state.id,
        name=state.name,
        zone=state.zone,
        phone_region=state.phone_region,
        locale=state.locale,
        archived=state.archived,
        version=state.version,
    )


def service_row(state: ServiceState) -> ServiceRow:
    return ServiceRow(
        organization_id=state.organization_id,
        id=state.id,
        business_id=state.business_id,
        name=state.name,
        duration_minutes=state.duration_minutes,
        buffer_before_minutes=state.buffer_before_minutes,
        buffer_after_minutes=state.buffer_after_minutes,
        capacity=state.capacity,
        requires=state.requires,
        archived=state.archived,
        version=state.version,
    )


def resource_row(state: ResourceState) -> ResourceRow:
    return ResourceRow(
        organization_id=state.organization_id,
        id=state.id,
        business_ids=state.business_ids,
        kind=state.kind,
        name=state.name,
        archived=state.archived,
        version=state.version,
    )


def contacts_row(state: ClientState) -> ClientContactsRow:
    return ClientContactsRow(
        organization_id=state.organization_id,
        id=state.id,
        contacts=(*contact_digests(state.phone, state.email), name_digest(state.name)),
        merged_into=state.merged_into,
        version=state.version,
    )


def _erased(received: Received[Envelope[Any]]) -> ErasedClient | None:
    if received.event is not None or received.organization_id is None or received.sequence is None:
        return None
    return ErasedClient(
        organization_id=received.organization_id,
        id=UUID(received.key),
        version=received.sequence,
        erased_at=received.timestamp,
    )


def _answers(organization_id: UUID, result: CommandSucceeded | CommandRefused) -> Sequence[Answer]:
    """One for every item; one for the whole command where it is refused."""
    answer = partial(
        Answer,
        command_id=result.command_id,
        organization_id=organization_id,
        batch_id=result.batch_id,
        stage=_STAGES[result.command_type],
    )
    if isinstance(result, CommandRefused):
        return [answer(succeeded=False, reasons=_reasons(result))]
    return [
        answer(
            appointment_id=item.appointment_id,
            client_id=item.client_id,
            succeeded=item.outcome != "refused",
            already_done=item.outcome == "already_done",
            free_ids=item.free_resource_ids,
            reasons=_reasons(item) if item.outcome == "refused" else (),
        )
        for item in result.items
    ]


def _reasons(refused: CommandRefused | ItemResult) -> tuple[Reason, ...]:
    """All of them; at least one, for a refusal without a reason would pass for none."""
    reasons = tuple(Reason(reason.code, reason.detail, reason.conflicts_with) for reason in refused.reasons)
    return reasons or (Reason(refused.code or "refused", refused.detail or "Booking gave no reason"),)
