"""Erased people: by what an old command that is about one of them is known, although nothing of them is kept."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
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


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptEntry:
    """One row of an appointment's history as it is kept, with the reason of its override."""

    version: int
    reason: str | None
    override_reason: str | None
    fields: Mapping[str, Mapping[str, Any]]
    state: Mapping[str, Any]


SAID_OF_APPOINTMENT: Final = ("notes", "internal_notes", "location_text", "cancellation_reason", "service_name")
"""What stands on an appointment in words. The rest of what was typed leads into other systems."""
TYPED: Final = (*SAID_OF_APPOINTMENT, "origin_reference_id", "origin_url", "external_id", "location_url")


def without_former(entries: Sequence[KeptEntry], clients: Sequence[Client]) -> list[KeptEntry]:
    """The history of an appointment that was these clients' until that was corrected.

    Nothing stays of what was typed in their time. What was said since is of somebody else, and meant to stay: it loses
    their names, numbers and addresses alone.
    """
    ids = {str(client.id) for client in clients}
    theirs = [entry for entry in entries if entry.state["client_id"] in ids]
    typed = {value for entry in theirs for value in _typed(entry)}
    return [
        _emptied(entry) if entry.state["client_id"] in ids else _without_names(entry, clients, typed)
        for entry in entries
    ]


def said_without_person(values: Mapping[str, Any], clients: Sequence[Client]) -> dict[str, Any]:
    """What stands on an appointment, its fields by name, without the names, numbers and addresses of these clients."""
    return {
        name: without_person(values[name], clients)
        for name in SAID_OF_APPOINTMENT
        if values[name] and (name != "service_name" or values["service_id"] is None)
    }


def _typed(entry: KeptEntry) -> Iterator[Any]:
    yield from (entry.state[name] for name in TYPED if name != "service_name" or entry.state["service_id"] is None)
    for name in TYPED:
        yield from entry.fields.get(name, {}).values()


def _emptied(entry: KeptEntry) -> KeptEntry:
    kept = {"service_name": "" if entry.state["service_id"] is None else entry.state["service_name"]}
    return replace(
        entry,
        reason=None,
        override_reason=entry.override_reason and ERASED,
        fields={name: change for name, change in entry.fields.items() if name not in TYPED},
        state={**entry.state, **dict.fromkeys(TYPED), **kept},
    )


def _without_names(entry: KeptEntry, clients: Sequence[Client], typed: set[Any]) -> KeptEntry:
    def since(side: str, value: Any) -> Any:
        if side == "old" and value in typed:
            return None
        return without_person(value, clients) if isinstance(value, str) else value

    return replace(
        entry,
        reason=entry.reason and without_person(entry.reason, clients),
        override_reason=entry.override_reason and without_person(entry.override_reason, clients),
        fields={
            name: {side: since(side, value) for side, value in change.items()} if name in TYPED else change
            for name, change in entry.fields.items()
        },
        state={**entry.state, **said_without_person(entry.state, clients)},
    )


def _digest(organization_id: UUID, kind: str, value: str) -> str:
    return hashlib.sha256(f"{organization_id}:{kind}:{value}".encode()).hexdigest()
