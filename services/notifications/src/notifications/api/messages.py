"""/v1/messages: the ledger."""

from dataclasses import dataclass, replace
from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.api.dependencies import CurrentDependencies, Dependencies, Reader, Sender
from notifications.domain.messages import Channel, Decision, Kind, Message, Status
from notifications.schemas.messages import (
    AppointmentMessageCountsOut,
    AppointmentMessagesOut,
    CostOut,
    DecisionOut,
    MessageCountsOut,
    MessageOut,
)
from notifications.storage import Ledger, MessageFilter, MessageStore
from notifications.usecases.decisions import decide_message
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.auth import Principal
from slotstream_servicekit.http.etags import IfMatch
from slotstream_servicekit.http.idempotency import IdempotencyKey, idempotent
from slotstream_servicekit.http.models import InstantIn
from slotstream_servicekit.http.pagination import DEFAULT_LIMIT, Cursor, Limit, Page, id_in, page_by_id
from slotstream_servicekit.http.responses import model_response
from slotstream_servicekit.ranges import check_range

router = Router(prefix="/v1/messages", tags=["messages"])

_SCOPE = "messages:-id"


_MOST_APPOINTMENTS: Final = 100
"""Named in one request: more would make its address longer than proxies let through."""


async def _filter(
    *,
    client_id: Annotated[list[UUID] | None, Query()] = None,
    order_id: Annotated[list[UUID] | None, Query(description="of bulk orders of booking's")] = None,
    status: Annotated[list[Status] | None, Query()] = None,
    kind: Annotated[list[Kind] | None, Query()] = None,
    channel: Annotated[list[Channel] | None, Query()] = None,
    due_from: Annotated[InstantIn | None, Query(alias="from", description="due at or after")] = None,
    due_to: Annotated[InstantIn | None, Query(alias="to", description="due before")] = None,
    starts_from: Annotated[InstantIn | None, Query(description="of appointments that begin then or later")] = None,
) -> MessageFilter:
    check_range(due_from, due_to)
    return MessageFilter(
        client_ids=client_id or (),
        order_ids=order_id or (),
        statuses=status or (),
        kinds=kind or (),
        channels=channel or (),
        due_from=due_from,
        due_to=due_to,
        starts_from=starts_from,
    )


CurrentFilter = Annotated[MessageFilter, Depends(_filter)]
Appointments = Annotated[list[UUID] | None, Query(alias="appointment_id")]


@router.get("")
async def list_messages(
    *,
    dependencies: CurrentDependencies,
    principal: Reader,
    wanted: CurrentFilter,
    appointment_ids: Appointments = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[MessageOut]:
    """Newest first."""
    after = id_in(cursor, scope=_SCOPE)
    wanted = replace(wanted, appointment_ids=appointment_ids or ())
    async with dependencies.database.transaction(principal) as session:
        rows = await Ledger(session, principal.organization_id).page(wanted, after=after, limit=limit + 1)
    items, next_cursor = page_by_id(rows, limit=limit, scope=_SCOPE)
    return Page[MessageOut](items=[_out(message) for message in items], next_cursor=next_cursor)


@router.get("/counts")
async def count_messages(
    *,
    dependencies: CurrentDependencies,
    principal: Reader,
    wanted: CurrentFilter,
    appointment_ids: Appointments = None,
) -> MessageCountsOut:
    """How many there are in which state."""
    wanted = replace(wanted, appointment_ids=appointment_ids or ())
    async with dependencies.database.transaction(principal) as session:
        counts = await Ledger(session, principal.organization_id).counts(wanted)
    return MessageCountsOut(total=sum(counts.values()), by_status=dict(counts))


@router.get("/by-appointment")
async def count_messages_by_appointment(
    *,
    dependencies: CurrentDependencies,
    principal: Reader,
    wanted: CurrentFilter,
    appointment_ids: Annotated[list[UUID], Query(alias="appointment_id", min_length=1, max_length=_MOST_APPOINTMENTS)],
) -> AppointmentMessagesOut:
    """The same for each of these appointments that has any: for what stands on a screen, in one request."""
    wanted = replace(wanted, appointment_ids=appointment_ids)
    async with dependencies.database.transaction(principal) as session:
        counts = await Ledger(session, principal.organization_id).counts_by_appointment(wanted)
    return AppointmentMessagesOut(
        items=[
            AppointmentMessageCountsOut(
                appointment_id=appointment_id, total=sum(of_one.values()), by_status=dict(of_one)
            )
            for appointment_id, of_one in sorted(counts.items())
        ]
    )


@router.get("/{message_id}", response_model=MessageOut)
async def get_message(message_id: UUID, dependencies: CurrentDependencies, principal: Reader) -> Response:
    async with dependencies.database.transaction(principal) as session:
        message = await MessageStore(session).get(principal.organization_id, message_id)
    return model_response(_out(message), version=message.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What each decision is asked for with, besides who asks."""

    request: Request
    dependencies: Dependencies
    message_id: UUID
    expected_version: int | None

    async def decide(self, principal: Principal, decision: Decision) -> Response:
        async def action(session: AsyncSession) -> Response:
            message = await decide_message(
                session=session,
                context=self.dependencies.context_of(principal),
                message_id=self.message_id,
                decision=decision,
                expected_version=self.expected_version,
                channels=self.dependencies.channels,
                numbers=self.dependencies.numbers,
            )
            return model_response(_out(message), version=message.version)

        return await idempotent(self.request, database=self.dependencies.database, principal=principal, action=action)


async def _call(
    *,
    request: Request,
    dependencies: CurrentDependencies,
    message_id: UUID,
    expected_version: IfMatch,
    idempotency_key: IdempotencyKey = None,  # `idempotent` reads it; here for OpenAPI
) -> Call:
    return Call(
        request=request,
        dependencies=dependencies,
        message_id=message_id,
        expected_version=expected_version,
    )


CurrentCall = Annotated[Call, Depends(_call)]


@router.post("/{message_id}/confirm-sent", response_model=MessageOut)
async def confirm_message_sent(call: CurrentCall, principal: Sender) -> Response:
    """Say of a message that is `unknown` that it was sent. What the provider says later stands above it."""
    return await call.decide(principal, Decision.CONFIRM_SENT)


@router.post("/{message_id}/send-again", response_model=MessageOut)
async def send_message_again(call: CurrentCall, principal: Sender) -> Response:
    """Have a message that is `unknown` sent once more, as a new attempt, whether the first has arrived or not.

    Refused (`send_again_refused`, with the reason) where it would not be sent: too late, another time, an opt-out, no
    address. If the provider says before the new attempt begins that the first one went out, nothing is sent.
    """
    return await call.decide(principal, Decision.SEND_AGAIN)


@router.post("/{message_id}/give-up", response_model=MessageOut)
async def give_message_up(call: CurrentCall, principal: Sender) -> Response:
    """Say of a message that is `unknown` that it was not sent, and leave it: `failed`. What the provider says later
    stands above it.
    """
    return await call.decide(principal, Decision.GIVE_UP)


def _out(message: Message) -> MessageOut:
    return MessageOut(
        id=message.id,
        appointment_id=message.about,
        client_id=message.client_id,
        resource_id=message.resource_id,
        user_id=message.user_id,
        audience=message.audience,
        channel=message.channel,
        kind=message.kind,
        status=message.status,
        reason=message.reason,
        code=message.code,
        detail=message.detail,
        recipient_name=message.recipient_name,
        address=message.address,
        due_at=message.due_at,
        next_attempt_at=message.next_attempt_at if message.status is Status.PLANNED else None,
        attempts=message.attempts,
        sent_at=message.sent_at,
        text=message.sent_text,
        segments=message.segments,
        cost=_cost(message),
        decision=_decision(message),
        reminder_id=message.reminder_id,
        order_id=message.order_id,
        created_at=message.created_at,
        updated_at=message.updated_at,
        version=message.version,
    )


def _decision(message: Message) -> DecisionOut | None:
    if message.decision is None or message.decided_by is None or message.decided_at is None:
        return None
    return DecisionOut(decision=message.decision, user_id=message.decided_by, at=message.decided_at)


def _cost(message: Message) -> CostOut | None:
    if message.cost_amount is None or message.cost_currency is None:
        return None
    return CostOut(amount=f"{message.cost_amount:f}", currency=message.cost_currency)
