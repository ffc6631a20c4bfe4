"""Where Twilio asks what to say, and tells what became of a call. Its signature covers all that the address holds."""

from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlencode
from uuid import UUID

CALL_PATH: Final = "/v1/providers/twilio/voice"
STATUS_PATH: Final = "/v1/providers/twilio/voice-status"
TRIAL_CALL: Final = UUID(int=0)
"""In place of a message's id: of a call by which the channel is tried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAddress:
    """Of the `attempt`th call for one message, in `language`. `step`: how far the caller is."""

    organization_id: UUID
    message_id: UUID
    attempt: int
    language: str

    @classmethod
    def of_reference(cls, reference: str) -> Self:
        organization_id, message_id, attempt, language = reference.split(":")
        return cls(
            organization_id=UUID(organization_id), message_id=UUID(message_id), attempt=int(attempt), language=language
        )

    @property
    def reference(self) -> str:
        return f"{self.organization_id}:{self.message_id}:{self.attempt}:{self.language}"

    def url(self, base: str, path: str, *, step: str | None = None) -> str:
        query = {
            "organization": str(self.organization_id),
            "message": str(self.message_id),
            "call": str(self.attempt),
            "language": self.language,
            **({} if step is None else {"step": step}),
        }
        return f"{base.rstrip('/')}{path}?{urlencode(query)}"
