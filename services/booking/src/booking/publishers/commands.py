"""Results of commands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from booking.publishers.states import SOURCE
from slotstream_contracts.commands import CommandRefused, CommandSucceeded
from slotstream_contracts.envelope import record_headers, schema_uri
from slotstream_contracts.topics import BOOKING_RESULTS
from slotstream_servicekit.context import Cause
from slotstream_servicekit.errors import Reason, SlotstreamError
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.outbox import OutboxRecord

_OPTIONS = orjson.OPT_UTC_Z


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandAnswer:
    """The result of a command, as it is stored and said: its CloudEvents type and its data as JSON."""

    type: str
    data: bytes


def succeeded(
    *,
    command_id: UUID,
    command_type: str,
    appointment_id: UUID | None = None,
    batch_id: UUID | None = None,
    outcome: str = "done",
    snapshot: bytes | None = None,
    affected: int = 1,
    items: Sequence[Mapping[str, Any]] = (),
) -> CommandAnswer:
    """`items`: of a batch, what became of each, as `item_result` says it."""
    data = {
        "command_id": command_id,
        "command_type": command_type,
        "appointment_id": appointment_id,
        "batch_id": batch_id,
        "outcome": outcome,
        "appointment": None if snapshot is None else orjson.Fragment(snapshot),
        "affected": affected,
        "items": list(items),
    }
    return CommandAnswer(type=CommandSucceeded.type, data=orjson.dumps(data))


def refused(
    *,
    command_id: UUID,
    command_type: str,
    code: str,
    detail: str,
    reasons: Sequence[Reason] = (),
    appointment_id: UUID | None = None,
    batch_id: UUID | None = None,
    verb: str | None = None,
) -> CommandAnswer:
    data = {
        "command_id": command_id,
        "command_type": command_type,
        "appointment_id": appointment_id,
        "batch_id": batch_id,
        "verb": verb,
        "code": code,
        "detail": detail,
        "reasons": _reasons_json(reasons),
    }
    return CommandAnswer(type=CommandRefused.type, data=orjson.dumps(data))


_CONFLICTS_OF_ITEM = 20


def item_result(
    appointment_id: UUID,
    outcome: str,
    *,
    client_id: UUID | None = None,
    error: SlotstreamError | None = None,
    free_resource_ids: Sequence[UUID] = (),
) -> dict[str, Any]:
    """The contract's ItemResult. `error` says why it is refused, each reason with the first of what is in its way:
    a hundred items share one message.
    """
    result: dict[str, Any] = {"appointment_id": appointment_id, "outcome": outcome, "client_id": client_id}
    if free_resource_ids:
        result["free_resource_ids"] = list(free_resource_ids)
    if error is not None:
        reasons = [
            replace(reason, conflicts_with=reason.conflicts_with[:_CONFLICTS_OF_ITEM]) for reason in error.reasons
        ]
        result |= {"code": error.code, "detail": error.detail, "reasons": _reasons_json(reasons)}
    return result


def _reasons_json(reasons: Sequence[Reason]) -> list[dict[str, Any]]:
    return [
        {"code": reason.code, "detail": reason.detail, "conflicts_with": list(reason.conflicts_with)}
        for reason in reasons
    ]


def result_record(
    answer: CommandAnswer, *, organization_id: UUID, key: str, now: datetime, cause: Cause
) -> OutboxRecord:
    """The answer to a command, keyed as the command was."""
    identity = new_id()
    envelope = {
        "specversion": "1.0",
        "id": identity,
        "source": SOURCE,
        "type": answer.type,
        "subject": key,
        "time": now,
        "datacontenttype": "application/json",
        "dataschema": schema_uri(answer.type),
        "organization": organization_id,
        "partitionkey": key,
        "sequence": 1,
        "correlationid": cause.correlation_id,
        "causationid": cause.causation_id,
        "data": orjson.Fragment(answer.data),
    }
    headers = record_headers(
        id=identity, type=answer.type, organization=organization_id, sequence=1, traceparent=cause.traceparent
    )
    if cause.traceparent is not None:
        envelope["traceparent"] = cause.traceparent
    return OutboxRecord(
        id=identity,
        organization_id=organization_id,
        topic=BOOKING_RESULTS.name,
        key=key,
        aggregatetype="command",
        aggregateid=key,
        type=answer.type,
        payload=orjson.dumps(envelope, option=_OPTIONS),
        headers=headers,
    )
