"""A writer writes what its model would."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import pytest
from pydantic import BaseModel, Field, computed_field

from slotstream_servicekit.http.models import InstantOut, MoneyOut, ResponseModel
from slotstream_servicekit.http.writers import writer_of


class Kind(StrEnum):
    ROOM = "room"


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    amount: Decimal
    currency: str
    unseen: str = "not in the model"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    id: UUID
    at: datetime
    kind: Kind
    secret: str = "not in the model"
    price: Money | None = None
    prices: tuple[Money, ...] = ()
    text: str | None = None


class ThingOut(ResponseModel):
    text: str | None
    id: UUID
    at: InstantOut
    kind: str
    price: MoneyOut | None
    prices: Annotated[list[MoneyOut], Field(max_length=3)]


class NotedThingOut(ThingOut):
    notes: list[MoneyOut] = Field(default=[])


IDENTITY = UUID("0195c0de-0000-7000-8000-000000000001")
EURO = Money(amount=Decimal("1E+2"), currency="EUR")


@pytest.mark.parametrize(
    "thing",
    [
        Thing(id=IDENTITY, at=datetime(2026, 3, 29, 1, 30, tzinfo=UTC), kind=Kind.ROOM),
        Thing(id=IDENTITY, at=datetime(2026, 3, 29, 1, 30, 0, 1, tzinfo=UTC), kind=Kind.ROOM, price=EURO, text="é\x01"),
        Thing(id=IDENTITY, at=datetime(2199, 1, 1, tzinfo=UTC), kind=Kind.ROOM, prices=(EURO, EURO), text=""),
    ],
)
def test_a_writer_writes_what_its_model_would(thing: Thing) -> None:
    assert writer_of(ThingOut)(thing) == ThingOut.model_validate(thing).model_dump_json().encode()


def test_what_the_source_has_not_is_given() -> None:
    thing = Thing(id=IDENTITY, at=datetime(2026, 3, 29, tzinfo=UTC), kind=Kind.ROOM)
    shown = ThingOut.model_validate(thing).model_dump()
    expected = NotedThingOut.model_validate({**shown, "notes": [EURO]}).model_dump_json().encode()
    assert writer_of(NotedThingOut, given=("notes",))(thing, notes=[EURO]) == expected


class Aliased(BaseModel):
    name: str = Field(alias="Name")


class Computed(BaseModel):
    name: str

    @computed_field
    def twice(self) -> str:
        return self.name * 2


class OfTwo(BaseModel):
    one: MoneyOut | ThingOut


@pytest.mark.parametrize(
    ("model", "given"), [(Aliased, ()), (Computed, ()), (OfTwo, ()), (ThingOut, ("text",)), (ThingOut, ("unknown",))]
)
def test_what_a_writer_could_not_write_is_refused_when_it_is_made(model: type[BaseModel], given: Sequence[str]) -> None:
    with pytest.raises(TypeError):
        writer_of(model, given=given)
