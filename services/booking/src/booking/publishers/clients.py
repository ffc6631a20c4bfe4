"""Clients: their newest state, and a tombstone of an erased one."""

from typing import Final

from booking.domain.clients import Client
from booking.publishers.states import json_record
from slotstream_contracts.clients import ClientState
from slotstream_contracts.topics import CLIENTS
from slotstream_servicekit.context import Cause
from slotstream_servicekit.outbox import OutboxRecord, tombstone

_STATE: Final = tuple(ClientState.model_fields)


def client_record(client: Client, *, cause: Cause) -> OutboxRecord:
    """The contract's ClientState, without what the client lacks."""
    return json_record(
        {name: value for name in _STATE if (value := getattr(client, name)) is not None},
        kind="client",
        type_name=ClientState.type,
        topic=CLIENTS.name,
        organization_id=client.organization_id,
        subject=str(client.id),
        version=client.version,
        now=client.updated_at,
        cause=cause,
    )


def client_tombstone(client: Client) -> OutboxRecord:
    return tombstone(
        organization_id=client.organization_id,
        topic=CLIENTS.name,
        key=str(client.id),
        type=ClientState.type,
        aggregatetype="client",
        aggregateid=str(client.id),
        version=client.version,
    )
