"""Erased people: by what an old command that is about one of them is known, although nothing of them is kept."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from booking.domain.clients import Client, ClientDetails, normal_details
from booking.domain.errors import InvalidBookingError
from booking.domain.search import folded

COMMAND_LIFETIME: Final = timedelta(days=10)
"""A command is done no later than this after it was sent. Longer than commands and dead letters are kept together."""
MARKS_LIFETIME: Final = timedelta(days=11)
"""How long the digests of an erased person are kept: until no command from before the erase is done any more."""
CLOCK_SKEW: Final = timedelta(minutes=1)
"""By how much the clocks of whoever sends commands may be ahead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedPeople:
    """Digests of who was erased, and when."""

    erased_at: Mapping[str, datetime]

    def include(self, digests: frozenset[str], *, asked_at: datetime) -> bool:
        """Whether one of these was erased after a command that names them was sent."""
        return any(digest in self.erased_at and asked_at <= self.erased_at[digest] + CLOCK_SKEW for digest in digests)


def digests_of_client(client: Client) -> frozenset[str]:
    """By what a command that is about this client is found."""
    organization_id = client.organization_id
    told = (("phone", client.phone), ("email", client.email), ("name", folded(client.name)))
    return frozenset(_digest(organization_id, kind, value) for kind, value in told if value)


def digests_of_details(organization_id: UUID, details: ClientDetails, *, region: str | None) -> frozenset[str]:
    """Whom these details lead to: by phone and e-mail; by the name alone where there is nothing else."""
    try:
        normal = normal_details(details, region=region)
    except InvalidBookingError:
        normal = details
    contacts = [(kind, value) for kind, value in (("phone", normal.phone), ("email", normal.email)) if value]
    told = contacts or [("name", folded(normal.name))]
    return frozenset(_digest(organization_id, kind, value) for kind, value in told)


ERASED: Final = "erased"
"""What stands where something typed about an erased person stood, and something must stand."""


def without_person(text: str, clients: Sequence[Client]) -> str:
    """The text, which is meant for others too, without the names, numbers and addresses of these clients."""
    told = {value for client in clients for value in (client.name, client.phone, client.email) if value}
    words = {word for client in clients for word in client.name.split() if len(word) >= _SHORTEST_NAME}
    for value in sorted(told | words, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "…", text, flags=re.IGNORECASE)
    return text


_SHORTEST_NAME: Final = 3
"""Shorter parts of a name are words of a language: left out by themselves, they would make others unreadable."""


def _digest(organization_id: UUID, kind: str, value: str) -> str:
    return hashlib.sha256(f"{organization_id}:{kind}:{value}".encode()).hexdigest()
