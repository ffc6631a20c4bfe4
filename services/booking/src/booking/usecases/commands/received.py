"""One command with its envelope's facts, and the answers to it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from booking.domain.lifecycle import Verb
from booking.publishers import CommandAnswer, refused
from slotstream_contracts.commands import BookAppointments, CheckAppointments, Command
from slotstream_servicekit.context import Actor, Cause, Context
from slotstream_servicekit.errors import RETRYABLE_KINDS, SlotstreamError
from slotstream_servicekit.telemetry import REFUSALS


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedCommand:
    """One command with its envelope's facts."""

    id: UUID
    type: str
    organization_id: UUID
    key: str
    sent_at: datetime
    command: Command
    cause: Cause

    def context(self, now: datetime) -> Context:
        """On whose behalf it is done: of whom the command names, not of the service that sent it."""
        actor = self.command.actor
        return Context(
            organization_id=self.organization_id,
            actor=Actor(type=actor.type, id=actor.id, call_id=actor.call_id, on_behalf_of=actor.on_behalf_of),
            cause=self.cause,
            now=now,
        )

    @property
    def appointment_id(self) -> UUID | None:
        appointment_id: UUID | None = getattr(self.command, "appointment_id", None)
        return appointment_id

    @property
    def batch_id(self) -> UUID | None:
        """What the command belongs to in the asker's eyes: an import."""
        command: Any = self.command
        if isinstance(command, CheckAppointments | BookAppointments):
            command = command.items[0]
        batch_id: UUID | None = getattr(getattr(command, "request", command), "batch_id", None)
        return batch_id


def count_refusal(error: SlotstreamError) -> None:
    REFUSALS.labels("booking", "command", error.code).inc()


def refusal(command: ReceivedCommand, error: SlotstreamError, *, verb: Verb | None = None) -> CommandAnswer:
    """The answer to a command that failed; what may go well later is raised instead."""
    if error.kind in RETRYABLE_KINDS:
        raise error
    count_refusal(error)
    return refused(
        command_id=command.id,
        command_type=command.type,
        code=error.code,
        detail=error.detail,
        reasons=error.reasons,
        appointment_id=command.appointment_id,
        batch_id=command.batch_id,
        verb=verb,
    )
