"""What happened to appointments, over HTTP: who did what, what was set aside, which messages went out."""

from typing import Any
from uuid import UUID

from booking.schemas.appointments import Status
from slotstream_servicekit.context import ActorType
from slotstream_servicekit.http.models import InstantOut, ResponseModel


class WorkFailureOut(ResponseModel):
    """That the worker could not do it, and when; it tries again by itself."""

    code: str
    failed_at: InstantOut


class ActorOut(ResponseModel):
    type: ActorType
    id: str
    call_id: str | None
    on_behalf_of: UUID | None


class OverrideOut(ResponseModel):
    reason: str
    rules: list[str]
    conflicts_with: list[str]


class HistoryEntryOut(ResponseModel):
    version: int
    verb: str
    at: InstantOut
    actor: ActorOut
    reason: str | None
    fields: dict[str, Any]
    override: OverrideOut | None
    tell_client: bool | None
    """Whether the client was told of this change; null where that went by the appointment's `notify_client`."""


class MessageOutcomeOut(ResponseModel):
    outcome: str
    at: InstantOut
    detail: str | None


class MessageHistoryOut(ResponseModel):
    """One message about the appointment; `outcomes` in their order, the last is how it stands."""

    message_id: UUID
    channel: str
    kind: str
    client_id: UUID | None
    resource_id: UUID | None
    """One of the two: to whom it went, the client or a member of staff."""
    due_at: InstantOut
    outcomes: list[MessageOutcomeOut]


class ChainLinkOut(ResponseModel):
    id: UUID
    starts_at: InstantOut
    ends_at: InstantOut
    status: Status


class HistoryOut(ResponseModel):
    """`chain` has the appointment among those it was moved from and to, each with a history of its own."""

    chain: list[ChainLinkOut]
    items: list[HistoryEntryOut]
    messages: list[MessageHistoryOut]


class OverrideEntryOut(ResponseModel):
    """One verb that went beyond the rules; `conflicts_with` names appointments, holds and busy times."""

    appointment_id: UUID
    version: int
    verb: str
    business_id: UUID
    service_name: str
    starts_at: InstantOut
    at: InstantOut
    actor_type: str
    actor_id: str
    reason: str
    rules: list[str]
    conflicts_with: list[str]
