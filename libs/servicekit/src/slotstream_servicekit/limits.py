"""Which part of its organization a caller may see and change: everything, some businesses, or one calendar.

The limits come with the token, travel in `Principal.limits` and `Context.limits`, and bind a transaction
(`Database.transaction(principal)`): the database then shows and accepts no other rows, whatever a query forgets. Use
cases check by name what a caller asks for, so that a refusal says why.
"""

from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from slotstream_servicekit.errors import ForbiddenError

LIMITED_SETTING: Final = "slotstream.limited"
BUSINESSES_SETTING: Final = "slotstream.businesses"
RESOURCE_SETTING: Final = "slotstream.resource"
_LIFTED: Final = f"SET LOCAL {LIMITED_SETTING} = ''"


class OutsideLimitsError(ForbiddenError):
    """The caller is limited, and named something outside of the limits."""


class OutsideBusinessesError(OutsideLimitsError):
    code = "outside_your_businesses"

    def __init__(self, detail: str = "You are limited to other businesses than this one.") -> None:
        super().__init__(detail)


class OutsideCalendarError(OutsideLimitsError):
    code = "outside_your_calendar"

    def __init__(self, detail: str = "You are limited to your own calendar.") -> None:
        super().__init__(detail)


class OrganizationWideError(OutsideLimitsError):
    """Only callers without limits may change what the whole organization shares."""

    code = "organization_wide"

    def __init__(self, what: str = "This") -> None:
        super().__init__(f"{what} belongs to the whole organization, and you are limited to a part of it.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`business_ids` None means all businesses, `resource_id` None all calendars. With both, both must be met."""

    business_ids: frozenset[UUID] | None = None
    resource_id: UUID | None = None

    @property
    def is_limited(self) -> bool:
        return self.business_ids is not None or self.resource_id is not None

    def has_business(self, business_id: UUID) -> bool:
        return self.business_ids is None or business_id in self.business_ids

    def has_any_business(self, business_ids: Iterable[UUID]) -> bool:
        """Whether something that these businesses share is visible."""
        return self.business_ids is None or not self.business_ids.isdisjoint(business_ids)

    def has_resource(self, resource_id: UUID) -> bool:
        return self.resource_id is None or resource_id == self.resource_id

    def check_businesses(self, business_ids: Iterable[UUID]) -> None:
        """Raises OutsideBusinessesError unless there are some, and the caller may use all of them."""
        named = set(business_ids)
        if self.business_ids is not None and not (named and named <= self.business_ids):
            raise OutsideBusinessesError

    def check_business(self, business_id: UUID) -> None:
        self.check_businesses([business_id])

    def check_resource(self, resource_id: UUID) -> None:
        """Raises OutsideCalendarError for another calendar than the caller's."""
        if not self.has_resource(resource_id):
            raise OutsideCalendarError

    def own_resources(self, resource_ids: tuple[UUID, ...] | None) -> tuple[UUID, ...] | None:
        """The resources that are asked for; where none is named, the caller's own.

        Raises OutsideCalendarError where some are named and the caller's is not among them.
        """
        if self.resource_id is None:
            return resource_ids
        if resource_ids and self.resource_id not in resource_ids:
            raise OutsideCalendarError
        return resource_ids or (self.resource_id,)

    def check_no_calendar(self) -> None:
        """Raises OutsideCalendarError for a caller who is limited to one calendar."""
        if self.resource_id is not None:
            raise OutsideCalendarError

    def check_unlimited(self, what: str = "This") -> None:
        """Raises OrganizationWideError for a limited caller, because `what` belongs to the whole organization."""
        if self.is_limited:
            raise OrganizationWideError(what)

    def narrowed(self, business_ids: Collection[UUID] | None) -> list[UUID] | None:
        """The businesses of a filter that the caller may see. None: no filter. Empty: nothing matches."""
        if self.business_ids is None:
            return None if business_ids is None else list(business_ids)
        if business_ids is None:
            return sorted(self.business_ids)
        return sorted(self.business_ids.intersection(business_ids))


UNLIMITED: Final = Limits()


class Tenancy(Protocol):
    """What a transaction can be bound to. Principal and Context are such."""

    @property
    def organization_id(self) -> UUID: ...

    @property
    def limits(self) -> Limits: ...


def limit_settings(limits: Limits) -> str:
    """The statements that bind a transaction to `limits`; nothing where there are none.

    Built from the text of UUIDs only.
    """
    if not limits.is_limited:
        return ""
    businesses = ""
    if limits.business_ids is not None:
        businesses = f"{{{','.join(str(UUID(int=business_id.int)) for business_id in sorted(limits.business_ids))}}}"
    resource = "" if limits.resource_id is None else str(UUID(int=limits.resource_id.int))
    return (
        f"; SET LOCAL {LIMITED_SETTING} = 'yes'"
        f"; SET LOCAL {BUSINESSES_SETTING} = '{businesses}'"
        f"; SET LOCAL {RESOURCE_SETTING} = '{resource}'"
    )


class _Executes(Protocol):
    async def execute(self, query: str, *args: object) -> str: ...


@asynccontextmanager
async def beyond_limits(connection: _Executes, limits: Limits) -> AsyncIterator[None]:
    """Within the block the transaction sees the whole organization: to look whether something is in the way.

    Only for looking. What is found is not to be told to the caller. Raise after the block, not in it.
    """
    if not limits.is_limited:
        yield
        return
    await connection.execute(_LIFTED)
    yield
    # Not after an error: then the transaction is broken anyway, and nothing else is done in it.
    await connection.execute(f"SET LOCAL {LIMITED_SETTING} = 'yes'")
