"""One command with its envelope's facts, and the answers to it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from booking.domain.lifecycle import Verb
from booking.domain.model import Actor
from booking.publishers import Cause, CommandAnswer, refused
from slotstream_contracts.commands import BookAppointments, CheckAppointments, Command
from slotstream_servicekit.errors import RETRYABLE_KINDS, SlotstreamError


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One command with its envelope's facts."""

    id: UUID
    type: str
    organization_id: UUID
    key: str
    command: Command
    cause: Cause

    @property
    def actor(self) -> Actor:
        said = self.command.actor
        return Actor(type=said.type, id=said.id, call_id=said.call_id, on_behalf_of=said.on_behalf_of)

    @property
    def appointment_id(self) -> UUID | None:
        found: UUID | None = getattr(self.command, "appointment_id", None)
        return found

    @property
    def batch_id(self) -> UUID | None:
        """What the command belongs to in the asker's eyes: an import."""
        asked: Any = self.command
        if isinstance(asked, CheckAppointments | BookAppointments):
            asked = asked.items[0]
        request = getattr(asked, "request", asked)
        found: UUID | None = getattr(request, "batch_id", None)
        return found


def refusal(one: Asked, error: SlotstreamError, *, verb: Verb | None = None) -> CommandAnswer:
    """The answer to a command that failed; what may go well later is raised instead."""
    if error.kind in RETRYABLE_KINDS:
        raise error
    return refused(
        command_id=one.id,
        command_type=one.type,
        code=error.code,
        detail=error.detail,
        reasons=error.reasons,
        appointment_id=one.appointment_id,
        batch_id=one.batch_id,
        verb=verb,
    )
