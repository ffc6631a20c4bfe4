"""What was wrong of an open appointment: whom it is for, what is done, how long it takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

from booking.domain.appointments import Appointment
from booking.domain.catalogue import Service
from booking.domain.policy import Policy, Wanted
from booking.domain.requests import check_duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What is right instead. None keeps what the appointment has; `service_name` makes its service a custom one.

    Another service of the catalogue brings its own length, unless one is named; a custom one keeps the length.
    """

    client_id: UUID | None = None
    service_id: UUID | None = None
    service_name: str | None = None
    duration: timedelta | None = None

    @property
    def is_empty(self) -> bool:
        return self == NO_CORRECTION

    def service_of(self, old: Appointment) -> UUID | None:
        """The service of the catalogue that it has from now on; None for a custom one."""
        return None if self.service_name is not None else self.service_id or old.service_id

    def takes_anew(self, old: Appointment) -> bool:
        """Whether its time is to be taken anew: by the rules of another service, or for another length."""
        return self.service_of(old) != old.service_id or self.duration not in {None, old.duration}

    def wanted(self, policy: Policy, old: Appointment, resource_ids: Sequence[UUID] | None = None) -> Wanted:
        """The appointment's start, for what is right.

        With no resources named it keeps its own. Rooms and equipment that another service does not need are left, and
        what it needs beside is chosen; staff who cannot perform it are in the way.
        """
        check_duration(self.duration)
        service_id = self.service_of(old)
        is_another = service_id is not None and service_id != old.service_id
        wanted = partial(
            policy.wanted,
            business_id=old.business_id,
            service_id=service_id,
            starts_at=old.starts_at,
            duration=self.duration or (None if is_another else old.duration),
        )
        if resource_ids is None:
            candidates = wanted(resource_ids=None).candidates if is_another else ()
            resource_ids = [
                resource.id
                for resource in old.resources
                if not is_another or resource.kind in _PERFORMERS or resource.id in candidates
            ]
        return wanted(resource_ids=resource_ids)


NO_CORRECTION: Final = Correction()

_PERFORMERS: Final = frozenset({"staff", "business"})


def price_after(policy: Policy, old: Appointment, service: Service | None) -> dict[str, object]:
    """The price of another service, where the former's own was quoted. What was agreed otherwise stays."""
    former = policy.services.get(old.service_id) if old.service_id else None
    listed = (former.price_amount, former.price_currency) if former else (None, None)
    if service is None or service.id == old.service_id or (old.quoted_amount, old.quoted_currency) != listed:
        return {}
    return {"quoted_amount": service.price_amount, "quoted_currency": service.price_currency}
