"""Holds over HTTP."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, model_validator

from booking.domain.holds import Hold
from booking.schemas.appointments import Duration, ResourceIds
from slotstream_servicekit.context import Actor, ActorType
from slotstream_servicekit.http.models import InstantIn, InstantOut, RequestModel, ResponseModel


class HoldIn(RequestModel):
    """`replaces`: a hold that this one takes the place of. Where this one is refused, that one stays."""

    id: UUID | None = None
    replaces: UUID | None = None
    business_id: UUID
    service_id: UUID | None = None
    starts_at: InstantIn
    duration_minutes: Duration | None = None
    resource_ids: ResourceIds | None = None
    minutes: Annotated[int, Field(ge=1, le=60, strict=True)] = 10

    @model_validator(mode="after")
    def _has_a_length(self) -> "HoldIn":
        if self.service_id is None and self.duration_minutes is None:
            raise ValueError("a hold without a service needs duration_minutes")
        return self


class HolderOut(ResponseModel):
    """Who keeps a slot. `id` is null for a client: a visitor of a public page is nobody whom staff could look up."""

    type: ActorType
    id: str | None

    @classmethod
    def of(cls, actor: Actor) -> "HolderOut":
        return cls(type=actor.type, id=None if actor.type == "client" else actor.id)


class HoldOut(ResponseModel):
    id: UUID
    business_id: UUID
    service_id: UUID | None
    starts_at: InstantOut
    ends_at: InstantOut
    resource_ids: list[UUID]
    expires_at: InstantOut
    held_by: HolderOut

    @classmethod
    def of(cls, hold: Hold) -> "HoldOut":
        return cls(
            id=hold.id,
            business_id=hold.business_id,
            service_id=hold.service_id,
            starts_at=hold.starts_at,
            ends_at=hold.ends_at,
            resource_ids=list(hold.resource_ids),
            expires_at=hold.expires_at,
            held_by=HolderOut.of(hold.held_by),
        )
