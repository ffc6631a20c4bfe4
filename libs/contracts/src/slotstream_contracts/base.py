"""What every message has in common: strict, frozen models and the field types they share."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints


class Message(BaseModel):
    """A frozen contract model. Unknown fields are ignored, so that a consumer survives an additive change."""

    model_config = ConfigDict(frozen=True, extra="ignore")


def _to_utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_to_utc)]
"""An instant; always UTC once parsed."""

Zone = Annotated[str, StringConstraints(min_length=1, max_length=64)]
"""An IANA time zone name."""

Minutes = Annotated[int, Field(ge=0)]
Version = Annotated[int, Field(ge=1)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
ClockTime = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")]
"""Wall-clock `HH:MM`; `24:00` ends a day."""

ActorType = Literal["user", "client", "ai_agent", "system", "integration"]
Source = Literal["voice_ai", "manual", "portal", "import", "calendar_sync", "api", "webhook", "recurrence"]
AppointmentStatus = Literal[
    "pending", "scheduled", "confirmed", "completed", "cancelled", "rescheduled", "no_show", "dismissed"
]
Channel = Literal["email", "sms", "voice", "push"]


class Money(Message):
    amount: Decimal
    currency: Currency


class Actor(Message):
    """Who did it. `call_id` names the AI call; `on_behalf_of` the client an agent or user acted for."""

    type: ActorType
    id: str
    call_id: str | None = None
    on_behalf_of: UUID | None = None


class Reason(Message):
    """One reason of a refusal; `conflicts_with` holds the ids of what is in the way."""

    code: str
    detail: str
    conflicts_with: tuple[str, ...] = ()


class Origin(Message):
    """What an appointment belongs to in another system."""

    kind: Literal["independent", "work_order", "booking"] = "independent"
    reference_id: str | None = None
    url: str | None = None


LocationKind = Literal["business", "client_address", "phone", "video", "other"]


class Location(Message):
    """Where an appointment takes place; `business` is the business's own address, as the catalogue tells it.

    `text` and `url` are typed for one appointment: they are on the compacted state topic only, and a client's address
    on none.
    """

    kind: LocationKind = "business"
    text: str | None = None
    url: str | None = None
