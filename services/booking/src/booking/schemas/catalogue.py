"""Businesses, resources, services and actions over HTTP."""

from dataclasses import fields
from datetime import timedelta
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator

from booking.domain.catalogue import Action, Business, Entry, Resource, Service, minutes
from slotstream_servicekit.browsers import is_embed_origin
from slotstream_servicekit.context import Context
from slotstream_servicekit.http.models import (
    CurrencyCode,
    DurationMinutes,
    InstantOut,
    MoneyIn,
    MoneyOut,
    RequestModel,
    ResponseModel,
    ShortText,
    ZoneName,
)
from slotstream_servicekit.ids import new_id

Region = Annotated[str, Field(pattern=r"^[A-Z]{2}$", examples=["DE"])]
Minutes = Annotated[int, Field(ge=0, le=525_600, strict=True)]
Assignment = Literal["least_loaded", "round_robin", "priority"]
Contact = Annotated[str, Field(max_length=254)]
Places = Annotated[list[Annotated[list[UUID], Field(min_length=1, max_length=100)]], Field(max_length=20)]
ResourceKind = Literal["staff", "room", "equipment"]


def _origins(given: list[str]) -> list[str]:
    for origin in given:
        if not is_embed_origin(origin):
            raise ValueError(f"{origin[:100]!r} is no origin: write https://www.example.com, without a path")
    return list(dict.fromkeys(given))


EmbedOrigins = Annotated[
    list[Annotated[str, Field(max_length=255)]],
    Field(max_length=20, examples=[["https://www.example.com"]]),
    AfterValidator(_origins),
]
"""The sites that may show the public page inside their own; nobody where it is empty."""


class AddBusinessIn(RequestModel):
    id: UUID | None = None
    name: ShortText
    zone: ZoneName
    phone_region: Region
    currency: CurrencyCode
    locale: Annotated[str, Field(max_length=35)] = "en"
    country: Region | None = None
    email: Contact | None = None
    phone: Contact | None = None
    address: Annotated[str, Field(max_length=500)] | None = None
    assignment: Assignment = "least_loaded"
    public_booking: bool = False
    verify_by_code: bool = False
    embed_origins: EmbedOrigins = Field(default_factory=list)

    def to_business(self, context: Context) -> Business:
        values = self.model_dump(exclude={"id", "embed_origins"})
        return Business(**_new(context, self.id), **values, embed_origins=tuple(self.embed_origins))


class ChangeIn(RequestModel):
    """A change names the fields it changes; null clears only what can be empty."""

    @model_validator(mode="before")
    @classmethod
    def _only_optional_fields_are_cleared(cls, values: Any) -> Any:
        if isinstance(values, dict):
            for name, value in values.items():
                if value is None and name in cls.model_fields and name not in cls.clearable():
                    raise ValueError(f"{name} cannot be empty")
        return values

    @classmethod
    def clearable(cls) -> frozenset[str]:
        return frozenset()

    def changes(self) -> dict[str, Any]:
        return self.model_dump(exclude_unset=True)


class ChangeBusinessIn(ChangeIn):
    name: ShortText | None = None
    zone: ZoneName | None = None
    phone_region: Region | None = None
    currency: CurrencyCode | None = None
    locale: Annotated[str, Field(max_length=35)] | None = None
    country: Region | None = None
    email: Contact | None = None
    phone: Contact | None = None
    address: Annotated[str, Field(max_length=500)] | None = None
    assignment: Assignment | None = None
    public_booking: bool | None = None
    verify_by_code: bool | None = None
    embed_origins: EmbedOrigins | None = None
    archived: bool | None = None

    @classmethod
    def clearable(cls) -> frozenset[str]:
        return frozenset({"country", "email", "phone", "address"})

    def changes(self) -> dict[str, Any]:
        values = super().changes()
        if "embed_origins" in values:
            values["embed_origins"] = tuple(values["embed_origins"])
        return values


def _new(context: Context, entry_id: UUID | None) -> dict[str, Any]:
    """What every new entry has."""
    return {
        "organization_id": context.organization_id,
        "id": entry_id or new_id(),
        "created_at": context.now,
        "updated_at": context.now,
    }


class EntryOut(ResponseModel):
    id: UUID
    name: str
    archived: bool
    created_at: InstantOut
    updated_at: InstantOut
    version: int

    @classmethod
    def of(cls, entry: Entry) -> Self:
        return cls.model_validate(entry)


class BusinessOut(EntryOut):
    zone: str
    locale: str
    phone_region: str
    country: str | None
    currency: str
    email: str | None
    phone: str | None
    address: str | None
    assignment: Assignment
    public_booking: bool
    verify_by_code: bool
    embed_origins: list[str]


class AddResourceIn(RequestModel):
    id: UUID | None = None
    name: ShortText
    kind: ResourceKind = "staff"
    business_ids: Annotated[list[UUID], Field(min_length=1, max_length=100)]
    zone: ZoneName | None = None
    """The zone its working hours are kept in; unless said otherwise, its first business's."""
    priority: Annotated[int, Field(ge=-1_000, le=1_000, strict=True)] = 0
    email: Contact | None = None
    phone: Contact | None = None
    user_id: Annotated[str, Field(max_length=200)] | None = None

    def to_resource(self, context: Context) -> Resource:
        values = self.model_dump(exclude={"id", "zone", "business_ids"})
        return Resource(**_new(context, self.id), **values, zone=self.zone or "", business_ids=tuple(self.business_ids))


class ChangeResourceIn(ChangeIn):
    name: ShortText | None = None
    business_ids: Annotated[list[UUID], Field(min_length=1, max_length=100)] | None = None
    zone: ZoneName | None = None
    priority: Annotated[int, Field(ge=-1_000, le=1_000, strict=True)] | None = None
    email: Contact | None = None
    phone: Contact | None = None
    user_id: Annotated[str, Field(max_length=200)] | None = None
    archived: bool | None = None

    @classmethod
    def clearable(cls) -> frozenset[str]:
        return frozenset({"email", "phone", "user_id"})

    def changes(self) -> dict[str, Any]:
        values = super().changes()
        if "business_ids" in values:
            values["business_ids"] = tuple(values["business_ids"])
        return values


class ResourceOut(EntryOut):
    kind: Literal["staff", "room", "equipment", "business"]
    zone: str
    business_ids: list[UUID]
    priority: int
    email: str | None
    phone: str | None
    user_id: str | None


class ServiceRulesIn(ChangeIn):
    """The constraints that a service may have."""

    buffer_before_minutes: Minutes | None = None
    buffer_after_minutes: Minutes | None = None
    minimum_notice_minutes: Minutes | None = None
    booking_window_days: Annotated[int, Field(ge=0, le=3_650, strict=True)] | None = None
    slot_interval_minutes: Annotated[int, Field(ge=1, le=1_440, strict=True)] | None = None
    capacity: Annotated[int, Field(ge=1, le=10_000, strict=True)] | None = None
    requires: Places | None = None
    price: MoneyIn | None = None
    needs_approval: bool | None = None
    pending_occupies: bool | None = None
    client_confirms: bool | None = None
    cancellation_notice_minutes: Minutes | None = None
    reschedule_notice_minutes: Minutes | None = None
    max_reschedules: Annotated[int, Field(ge=0, le=1_000, strict=True)] | None = None
    public_booking: bool | None = None
    """Whether visitors book it on the business's public page, where there is one."""

    @classmethod
    def clearable(cls) -> frozenset[str]:
        return frozenset({"booking_window_days", "price", "max_reschedules"})

    def changes(self) -> dict[str, Any]:
        """The fields as the domain has them: durations, tuples, the price in two."""
        values = {
            name.removesuffix("_minutes"): timedelta(minutes=value) if name.endswith("_minutes") else value
            for name, value in self.model_dump(exclude_unset=True, exclude={"price", "requires"}).items()
        }
        if "requires" in self.model_fields_set:
            values["requires"] = tuple(tuple(place) for place in self.requires or ())
        if "price" in self.model_fields_set:
            values["price_amount"] = self.price.amount if self.price else None
            values["price_currency"] = self.price.currency if self.price else None
        return values


class AddServiceIn(ServiceRulesIn):
    id: UUID | None = None
    business_id: UUID
    name: ShortText
    duration_minutes: DurationMinutes

    @classmethod
    def clearable(cls) -> frozenset[str]:
        return super().clearable() | {"id"}

    def to_service(self, context: Context) -> Service:
        values = self.changes()
        values.pop("id", None)
        return Service(**_new(context, self.id), **values)


class ChangeServiceIn(ServiceRulesIn):
    name: ShortText | None = None
    duration_minutes: DurationMinutes | None = None
    archived: bool | None = None


class ServiceOut(EntryOut):
    business_id: UUID
    duration_minutes: int
    buffer_before_minutes: int
    buffer_after_minutes: int
    minimum_notice_minutes: int
    booking_window_days: int | None
    slot_interval_minutes: int
    capacity: int
    requires: list[list[UUID]]
    price: MoneyOut | None
    needs_approval: bool
    pending_occupies: bool
    client_confirms: bool
    cancellation_notice_minutes: int
    reschedule_notice_minutes: int
    max_reschedules: int | None
    public_booking: bool

    @classmethod
    def of(cls, entry: Entry) -> Self:
        values = {field.name: getattr(entry, field.name) for field in fields(entry)}
        values |= {f"{name}_minutes": minutes(value) for name, value in values.items() if isinstance(value, timedelta)}
        amount, currency = values["price_amount"], values["price_currency"]
        price = None if amount is None else MoneyOut(amount=amount, currency=currency)
        return cls.model_validate({**values, "price": price})


class AddActionIn(RequestModel):
    id: UUID | None = None
    name: ShortText
    position: Annotated[int, Field(ge=0, le=10_000, strict=True)] = 0

    def to_action(self, context: Context) -> Action:
        return Action(**_new(context, self.id), name=self.name, position=self.position)


class ChangeActionIn(ChangeIn):
    name: ShortText | None = None
    position: Annotated[int, Field(ge=0, le=10_000, strict=True)] | None = None
    archived: bool | None = None


class ActionOut(EntryOut):
    position: int
