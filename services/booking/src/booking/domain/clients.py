"""Clients: who they are, and which of them somebody means who gives a name, a phone number or an e-mail address."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal
from uuid import UUID

import phonenumbers

from booking.domain.errors import InvalidBookingError
from booking.domain.search import folded, search_text, sort_text

Channel = Literal["email", "sms", "voice", "push"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A client as booking keeps them. `phone` is E.164.

    `consent` lists the channels that the client agreed to; None until somebody has asked them.
    `merged_into` names the client whom this duplicate stands for.
    """

    organization_id: UUID
    id: UUID
    name: str
    phone: str | None = None
    email: str | None = None
    locale: str | None = None
    zone: str | None = None
    consent: tuple[Channel, ...] | None = None
    merged_into: UUID | None = None
    erased: bool = False
    archived: bool = False
    created_at: datetime
    updated_at: datetime
    version: int = 1

    @property
    def search(self) -> str:
        """What a search looks words up in; nothing of an erased client."""
        return search_text(self.name, self.phone, self.email)

    @property
    def sort_name(self) -> str:
        """What lists are sorted by; nothing of an erased client."""
        return "" if self.erased else sort_text(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientDetails:
    """A client as the caller knows them."""

    name: str
    phone: str | None = None
    email: str | None = None
    locale: str | None = None
    zone: str | None = None
    consent: tuple[Channel, ...] | None = None


class ClientMatch(StrEnum):
    """What to do where the phone number or e-mail address is a known client's, and other details are not."""

    KEEP = "keep"
    """Take that client as they are; what they lack is filled in."""
    UPDATE = "update"
    """Take that client, with the details that were given now."""
    NEW = "new"
    """Make another client: two people may share a phone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientNote:
    """What was found otherwise than the caller gave it, and what was done about it."""

    code: Literal["filled_in", "updated", "differs", "belongs_to_another", "unarchived"]
    field: str | None
    detail: str
    given: str | None = None
    kept: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRequest:
    """Whom somebody wants to book for. `region` is the country in which national phone numbers are read."""

    details: ClientDetails
    region: str | None = None
    match: ClientMatch = ClientMatch.KEEP


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundClient:
    """The client who is meant, as they are now to be kept; `old` is what was known before, None of a new client."""

    client: Client
    old: Client | None = None
    notes: tuple[ClientNote, ...] = ()

    @property
    def is_new(self) -> bool:
        return self.old is None

    @property
    def is_changed(self) -> bool:
        return self.old is not None and self.old != self.client


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownContact:
    """A phone number and e-mail address, and the client they lead to: a duplicate's lead to the one it stands for."""

    phone: str | None
    email: str | None
    client: Client


_LABELS: Final[Mapping[str, str]] = {"name": "name", "phone": "phone number", "email": "e-mail address"}


def to_write(found: Iterable[FoundClient]) -> tuple[list[Client], list[Client]]:
    """The clients to add and to save, each as the last of `found` left them: one version on, however many changed
    them.
    """
    known: dict[UUID, Client | None] = {}
    newest: dict[UUID, Client] = {}
    for client in found:
        known.setdefault(client.client.id, client.old)
        if client.is_new or client.is_changed:
            newest[client.client.id] = client.client
    added = [replace(client, version=1) for client in newest.values() if known[client.id] is None]
    changed = [
        replace(client, version=old.version + 1) for client in newest.values() if (old := known[client.id]) is not None
    ]
    return added, changed


class ClientFinder:
    """Finds clients by what is given of them, among those who share a phone number or e-mail address with it.

    Requests are taken one after another: a later one finds whom an earlier one made or changed.
    """

    def __init__(self, known: Iterable[KnownContact]) -> None:
        """`known`: oldest first."""
        self._ids: dict[tuple[str, str], list[UUID]] = defaultdict(list)
        self._clients: dict[UUID, Client] = {}
        for contact in known:
            self._remember(contact.client, phone=contact.phone, email=contact.email)

    def find(self, request: ClientRequest, *, organization_id: UUID, new_id: UUID, now: datetime) -> FoundClient:
        """By phone, then by e-mail; else a new client. The details are normal ones: see `normal_details`."""
        details = request.details
        old = None if request.match is ClientMatch.NEW else self._match(details)
        if old is None:
            client = new_client(details, organization_id=organization_id, client_id=new_id, now=now)
            self._remember(client, phone=client.phone, email=client.email)
            return FoundClient(client=client)
        found = self._reconciled(old, details, match=request.match, now=now)
        self._remember(found.client, phone=found.client.phone, email=found.client.email)
        return found

    def _match(self, details: ClientDetails) -> Client | None:
        for kind, value in (("phone", details.phone), ("email", details.email)):
            candidates = [self._clients[client_id] for client_id in self._ids.get((kind, value or ""), ())]
            if candidates:
                same_name = (client for client in candidates if _same("name", client.name, details.name))
                return next(same_name, candidates[0])
        return None

    def _reconciled(self, old: Client, details: ClientDetails, *, match: ClientMatch, now: datetime) -> FoundClient:
        new, notes = old, list[ClientNote]()
        for field in _LABELS:
            given, kept = getattr(details, field), getattr(old, field)
            if given and not self._is_known(old, field, given, kept):
                note = self._note(old, field, given, kept, match)
                notes.append(note)
                if note.code in {"filled_in", "updated"}:
                    new = replace(new, **{field: given})
        for field in ("locale", "zone", "consent"):
            given, kept = getattr(details, field), getattr(old, field)
            if given is not None and given != kept and (kept is None or match is ClientMatch.UPDATE):
                new = replace(new, **{field: given})
        if old.archived:
            new = replace(new, archived=False)
            notes.append(
                ClientNote(code="unarchived", field=None, detail="The client was archived and is active again.")
            )
        if new != old:
            new = replace(new, updated_at=max(now, old.updated_at), version=old.version + 1)
        return FoundClient(client=new, old=old, notes=tuple(notes))

    def _is_known(self, client: Client, field: str, given: str, kept: str | None) -> bool:
        return (kept is not None and _same(field, given, kept)) or client.id in self._ids.get((field, given), ())

    def _note(self, client: Client, field: str, given: str, kept: str | None, match: ClientMatch) -> ClientNote:
        label = _LABELS[field]
        if any(other != client.id for other in self._ids.get((field, given), ())):
            return ClientNote(
                code="belongs_to_another",
                field=field,
                given=given,
                kept=kept,
                detail=f"The {label} belongs to another client and was not taken over.",
            )
        if kept is None:
            return ClientNote(code="filled_in", field=field, given=given, detail=f"The client's {label} was added.")
        if match is ClientMatch.UPDATE:
            return ClientNote(
                code="updated", field=field, given=given, kept=kept, detail=f"The client's {label} was changed."
            )
        return ClientNote(
            code="differs",
            field=field,
            given=given,
            kept=kept,
            detail=f"The client has another {label}, which was kept.",
        )

    def _remember(self, client: Client, *, phone: str | None, email: str | None) -> None:
        self._clients[client.id] = client
        for key in (("phone", phone), ("email", email)):
            if key[1] and client.id not in self._ids[key[0], key[1]]:
                self._ids[key[0], key[1]].append(client.id)


def new_client(details: ClientDetails, *, organization_id: UUID, client_id: UUID, now: datetime) -> Client:
    return Client(
        organization_id=organization_id,
        id=client_id,
        name=details.name,
        phone=details.phone,
        email=details.email,
        locale=details.locale,
        zone=details.zone,
        consent=details.consent,
        created_at=now,
        updated_at=now,
    )


def normal_details(details: ClientDetails, *, region: str | None) -> ClientDetails:
    """With phone and e-mail as they are kept. Raises InvalidBookingError for what is none."""
    return replace(details, phone=normal_phone(details.phone, region=region), email=normal_email(details.email))


def normal_phone(text: str | None, *, region: str | None) -> str | None:
    """E.164. A national number is read by the business's region; what cannot be dialled is refused."""
    if text is None or not text.strip():
        return None
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as error:
        raise InvalidBookingError(
            "invalid_phone",
            "The client's `phone` is no number of a known country: give it with + and the country's code.",
        ) from error
    if not phonenumbers.is_valid_number(number):
        raise InvalidBookingError("invalid_phone", "The client's `phone` is no number that can be dialled.")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def normal_email(text: str | None) -> str | None:
    """Trimmed and lower case; one @ with something on both sides."""
    if text is None or not text.strip():
        return None
    email = text.strip().lower()
    name, at, host = email.partition("@")
    if not at or not name or "." not in host or "@" in host or len(email) > 254 or any(map(str.isspace, email)):
        raise InvalidBookingError("invalid_email", "The client's `email` is not an e-mail address.")
    return email


def _same(field: str, given: str, kept: str) -> bool:
    if field == "name":
        return folded(given).split() == folded(kept).split()
    return given == kept
