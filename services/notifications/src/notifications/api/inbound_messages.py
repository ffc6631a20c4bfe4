"""/v1/inbound-messages: what clients wrote back, and what came of it."""

from collections.abc import Mapping, Sequence
from typing import Annotated
from uuid import UUID

from fastapi import Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.api.dependencies import CurrentDependencies, Reader, Sender
from notifications.domain.answers import InboundMessage, InboundStatus, Meaning
from notifications.schemas.inbound_messages import InboundMessageOut, ReadIn, UnreadOut
from notifications.storage import ClientStore, InboundFilter, InboundStore
from notifications.usecases.answers import read_inbound
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.pagination import DEFAULT_LIMIT, Cursor, Limit, Page, id_in, page_by_id
from slotstream_servicekit.http.responses import model_response

router = Router(prefix="/v1/inbound-messages", tags=["messages"])

_SCOPE = "inbound-messages:-id"


@router.get("")
async def list_inbound_messages(
    *,
    dependencies: CurrentDependencies,
    principal: Reader,
    appointment_id: Annotated[list[UUID] | None, Query()] = None,
    client_id: Annotated[list[UUID] | None, Query()] = None,
    status: Annotated[list[InboundStatus] | None, Query()] = None,
    meaning: Annotated[list[Meaning] | None, Query()] = None,
    unread: Annotated[bool, Query(description="Only those that somebody still has to read")] = False,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[InboundMessageOut]:
    """Newest first. With `status=for_staff` those that nothing has come of by itself."""
    after = id_in(cursor, scope=_SCOPE)
    wanted = InboundFilter(
        appointment_ids=appointment_id or (),
        client_ids=client_id or (),
        statuses=status or (),
        meanings=meaning or (),
        unread=unread,
    )
    async with dependencies.database.transaction(principal) as session:
        rows = await InboundStore(session).page(principal.organization_id, wanted=wanted, after=after, limit=limit + 1)
        names = await _names_of(session, rows)
    items, next_cursor = page_by_id(rows, limit=limit, scope=_SCOPE)
    return Page[InboundMessageOut](items=[_out(message, names) for message in items], next_cursor=next_cursor)


@router.get("/unread")
async def count_unread_messages(dependencies: CurrentDependencies, principal: Reader) -> UnreadOut:
    """How many are `for_staff` and have not been read by anybody."""
    async with dependencies.database.transaction(principal) as session:
        return UnreadOut(unread=await InboundStore(session).count_unread(principal.organization_id))


@router.post("/read")
async def mark_messages_read(body: ReadIn, dependencies: CurrentDependencies, principal: Sender) -> UnreadOut:
    """Somebody has seen these: for all desks, once and for good. What is read already, or not there, is passed over."""
    async with dependencies.database.transaction(principal) as session:
        await read_inbound(session=session, context=dependencies.context_of(principal), message_ids=body.ids)
        return UnreadOut(unread=await InboundStore(session).count_unread(principal.organization_id))


@router.get("/{message_id}", response_model=InboundMessageOut)
async def get_inbound_message(message_id: UUID, dependencies: CurrentDependencies, principal: Reader) -> Response:
    async with dependencies.database.transaction(principal) as session:
        message = await InboundStore(session).get(principal.organization_id, message_id)
        names = await _names_of(session, [message])
    return model_response(_out(message, names), version=message.version)


async def _names_of(session: AsyncSession, messages: Sequence[InboundMessage]) -> Mapping[UUID, str]:
    """By the id of the client who wrote."""
    keys = {(message.organization_id, message.client_id) for message in messages if message.client_id is not None}
    known = await ClientStore(session).get_all(keys) if keys else {}
    return {client_id: client.name for (_, client_id), client in known.items()}


def _out(message: InboundMessage, names: Mapping[UUID, str]) -> InboundMessageOut:
    return InboundMessageOut(
        id=message.id,
        client_id=message.client_id,
        client_name=names.get(message.client_id) if message.client_id is not None else None,
        appointment_id=message.appointment_id,
        message_id=message.message_id,
        channel=message.channel,
        meaning=message.meaning,
        status=message.status,
        reason=message.reason,
        text=message.text,
        address=message.address,
        received_at=message.received_at,
        read_at=message.read_at,
        updated_at=message.updated_at,
        version=message.version,
    )
