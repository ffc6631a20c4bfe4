"""Commands that come late, as from a dead letter: they bring back nobody who was erased since they were sent."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from booking.domain.erasure import COMMAND_LIFETIME, digests_of_details
from booking.domain.errors import ClientErasedError, CommandExpiredError
from booking.domain.policy import Policy
from booking.domain.requests import BookingRequest
from booking.publishers import CommandAnswer
from booking.storage.erasure import appointments_of_erased, read_erased
from booking.storage.policies import PolicyCache
from booking.usecases.commands.received import ReceivedCommand, refusal
from slotstream_servicekit.database import Connection


def client_erased() -> ClientErasedError:
    return ClientErasedError("The client was erased after this was asked for.")


def refuse_expired(commands: Sequence[ReceivedCommand], *, now: datetime) -> dict[UUID, CommandAnswer]:
    """The refusals, by command, of those that were sent too long ago."""
    return {
        command.id: refusal(command, CommandExpiredError(f"It was sent on {command.sent_at:%Y-%m-%d}."))
        for command in commands
        if command.sent_at < now - COMMAND_LIFETIME
    }


async def refuse_changes_of_erased(
    connection: Connection, commands: Sequence[ReceivedCommand]
) -> dict[UUID, CommandAnswer]:
    """The refusals, by command, of those that would change an appointment of somebody who was erased."""
    ids = [command.appointment_id for command in commands if command.appointment_id is not None]
    erased = await appointments_of_erased(connection, commands[0].organization_id, ids)
    return {command.id: refusal(command, client_erased()) for command in commands if command.appointment_id in erased}


async def are_erased(
    connection: Connection, policies: PolicyCache, asked: Sequence[tuple[ReceivedCommand, BookingRequest]]
) -> list[bool]:
    """Of each request of one organization's commands, whether its client was erased after the command was sent."""
    by_details = [command.sent_at for command, request in asked if request.client is not None]
    if not by_details:
        return [False] * len(asked)
    organization_id = asked[0][0].organization_id
    erased = await read_erased(connection, organization_id, since=min(by_details))
    if not erased.erased_at:
        return [False] * len(asked)
    policy = await policies.current(connection, organization_id)
    return [
        erased.include(_digests(policy, organization_id, request), asked_at=command.sent_at)
        for command, request in asked
    ]


def _digests(policy: Policy, organization_id: UUID, request: BookingRequest) -> frozenset[str]:
    if request.client is None:
        # Who is named by an id is known, and refused where they were erased.
        return frozenset()
    business = policy.businesses.get(request.business_id)
    return digests_of_details(organization_id, request.client, region=business.phone_region if business else None)
