"""What imports hears: the catalogue, and booking's answers."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from imports.storage.catalogue import apply_states
from imports.storage.tables import PROJECTION_TABLES
from imports.usecases.answers import Answer, apply_answers
from slotstream_contracts.catalogue import BusinessState, ResourceState, ServiceState
from slotstream_contracts.commands import (
    BookAppointment,
    CheckAppointment,
    CommandRefused,
    CommandSucceeded,
    UndoBatch,
)
from slotstream_contracts.topics import BOOKING_RESULTS, CATALOGUE
from slotstream_servicekit.clock import Clock
from slotstream_servicekit.consumer import Consumers, Handler, Received
from slotstream_servicekit.errors import Reason
from slotstream_servicekit.rebuild import Projection

CATALOGUE_TYPES = frozenset({BusinessState.type, ServiceState.type, ResourceState.type})
RESULT_TYPES = frozenset({CommandSucceeded.type, CommandRefused.type})

_VERBS: dict[str, Any] = {CheckAppointment.type: "check", BookAppointment.type: "book", UndoBatch.type: "undo"}


def register(consumers: Consumers, *, clock: Clock) -> None:
    # Both handlers are safe to run twice: states go by version, answers by the command that is still awaited.
    consumers.subscribe(CATALOGUE.name, on_catalogue, types=CATALOGUE_TYPES, dedupe=False)
    consumers.subscribe(BOOKING_RESULTS.name, results_handler(clock), types=RESULT_TYPES, dedupe=False)


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
            _answer(received.event.organization, received.event.data)
            for received in batch
            if received.event is not None and received.event.data.command_type in _VERBS
        ]
        await apply_answers(session, answers=answers, now=clock())

    return on_results


def _answer(organization_id: Any, result: CommandSucceeded | CommandRefused) -> Answer:
    verb = _VERBS[result.command_type]
    if isinstance(result, CommandSucceeded):
        return Answer(
            command_id=result.command_id,
            organization_id=organization_id,
            batch_id=result.batch_id,
            verb=verb,
            succeeded=True,
            already_done=result.outcome == "already_done",
            kept_ids=result.kept_ids,
        )
    reasons = tuple(Reason(each.code, each.detail, each.conflicts_with) for each in result.reasons)
    return Answer(
        command_id=result.command_id,
        organization_id=organization_id,
        batch_id=result.batch_id,
        verb=verb,
        succeeded=False,
        reasons=reasons or (Reason(result.code, result.detail),),
    )
