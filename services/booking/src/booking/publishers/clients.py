"""Clients: their newest state, and a tombstone of an erased one."""

from booking.domain.clients import Client
from booking.publishers.states import state_record
from slotstream_contracts.clients import ClientState
from slotstream_contracts.topics import CLIENTS
from slotstream_servicekit.context import Cause
from slotstream_servicekit.outbox import OutboxRecord, tombstone


def client_record(client: Client, *, cause: Cause) -> OutboxRecord:
    state = ClientState(
        id=client.id,
        organization_id=client.organization_id,
        name=client.name,
        phone=client.phone,
        email=client.email,
        locale=client.locale,
        zone=client.zone,
        consent=client.consent,
        merged_into=client.merged_into,
        archived=client.archived,
        updated_at=client.updated_at,
        version=client.version,
    )
    return state_record(
        state, "client", client.organization_id, str(client.id), None, client.version, client.updated_at, cause
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
