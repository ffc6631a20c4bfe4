"""What imports hears: the catalogue, and booking's answers."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from imports.storage.catalogue import apply_states
from imports.storage.tables import PROJECTION_TABLES
from imports.usecases.answers import Answer, apply_answers
from slotstream_contracts.catalogue import BusinessState, ResourceState, ServiceState
from slotstream_contracts.commands import (
    BookAppointment,
    BookAppointments,
    CheckAppointment,
    CheckAppointments,
    CommandRefused,
    CommandSucceeded,
    ItemResult,
    UndoBatch,
    appointments_in,
)
from slotstream_contracts.topics import BOOKING_RESULTS, CATALOGUE
from slotstream_servicekit.clock import Clock
from slotstream_servicekit.consumer import Consumers, Handler, Received
from slotstream_servicekit.errors import Reason
from slotstream_servicekit.rebuild import Projection

CATALOGUE_TYPES = frozenset({BusinessState.type, ServiceState.type, ResourceState.type})
RESULT_TYPES = frozenset({CommandSucceeded.type, CommandRefused.type})

_VERBS: dict[str, Any] = {
    CheckAppointments.type: "check",
    BookAppointments.type: "book",
    UndoBatch.type: "undo",
    CheckAppointment.type: "check",
    BookAppointment.type: "book",
}
"""What is ours, by the command's type.

The commands for one appointment are no longer sent; the version that sent them may still be answered during a
rolling deployment.
"""


def register(consumers: Consumers, *, clock: Clock) -> None:
    # Both handlers are safe to run twice: states go by version, answers by the command that is still awaited.
    consumers.subscribe(CATALOGUE.name, on_catalogue, types=CATALOGUE_TYPES, dedupe=False)
    consumers.subscribe(
        BOOKING_RESULTS.name,
        results_handler(clock),
        types=RESULT_TYPES,
        dedupe=False,
        weigh=appointments_in,
    )


def projections() -> Sequence[Projection]:
    return (
        Projection(
            name="catalogue",
            topics=(CATALOGUE.name,),
            handler=on_catalogue,
            tables=PROJECTION_TABLES,
            types=CATALOGUE_TYPES,
        ),
    )


async def on_catalogue(session: AsyncSession, batch: Sequence[Received[Any]]) -> None:
    newest: dict[str, dict[Any, dict[str, Any]]] = {"business": {}, "service": {}, "resource": {}}
    for received in batch:
        if received.event is None:
            continue
        state = received.event.data
        kind, row = _row_of(state)
        seen = newest[kind].get((state.organization_id, state.id))
        if seen is None or seen["version"] <= state.version:
            newest[kind][state.organization_id, state.id] = row
    for kind, rows in newest.items():
        await apply_states(session, kind, list(rows.values()))


def _row_of(state: BusinessState | ServiceState | ResourceState) -> tuple[str, dict[str, Any]]:
    row: dict[str, Any] = {
        "organization_id": state.organization_id,
        "id": state.id,
        "name": state.name,
        "archived": state.archived,
        "version": state.version,
    }
    match state:
        case BusinessState():
            return "business", {**row, "zone": state.zone, "phone_region": state.phone_region}
        case ServiceState():
            return "service", {
                **row,
                "business_id": state.business_id,
                "duration_minutes": state.duration_minutes,
            }
        case _:
            return "resource", {**row, "business_ids": list(state.business_ids), "kind": state.kind}


def results_handler(clock: Clock) -> Handler:
    async def on_results(session: AsyncSession, batch: Sequence[Received[Any]]) -> None:
        answers = [
            answer
            for received in batch
            if received.event is not None and received.event.data.command_type in _VERBS
            for answer in _answers(received.event.organization, received.event.data)
        ]
        await apply_answers(session, answers=answers, now=clock())

    return on_results


def _answers(organization_id: Any, result: CommandSucceeded | CommandRefused) -> Sequence[Answer]:
    """One for every item; one for the whole command where the result has none."""
    answer = partial(
        Answer,
        command_id=result.command_id,
        organization_id=organization_id,
        batch_id=result.batch_id,
        verb=_VERBS[result.command_type],
    )
    if isinstance(result, CommandRefused):
        return [answer(succeeded=False, reasons=_reasons(result))]
    if not result.items:
        already_done = result.outcome == "already_done"
        return [answer(succeeded=True, already_done=already_done, kept_ids=result.kept_ids)]
    return [
        answer(appointment_id=item.appointment_id, succeeded=False, reasons=_reasons(item))
        if item.outcome == "refused"
        else answer(appointment_id=item.appointment_id, succeeded=True, already_done=item.outcome == "already_done")
        for item in result.items
    ]


def _reasons(refused: CommandRefused | ItemResult) -> tuple[Reason, ...]:
    """All of them; at least one, for a refusal without a reason would pass for none."""
    reasons = tuple(Reason(each.code, each.detail, each.conflicts_with) for each in refused.reasons)
    return reasons or (Reason(refused.code or "refused", refused.detail or "Booking gave no reason"),)
