"""Clients: found by what they gave, created once, merged, erased."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.clients import normal_email, normal_phone, search_text
from booking.domain.errors import AlreadyExistsError, DuplicateClientError, InvalidBookingError
from booking.domain.requests import ClientDetails
from booking.publishers import Cause, client_record, client_tombstone
from booking.storage.clients import (
    Row,
    find_by_contact,
    insert_clients,
    lock_contacts,
    read_client,
    read_merged,
    update_client,
)
from booking.storage.connections import free_ids
from slotstream_contracts.clients import ClientState
from slotstream_servicekit.errors import NotFoundError, VersionConflictError
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.outbox import OutboxRecord, enqueue

ALL_CHANNELS = ("email", "sms", "voice", "push")


async def find_or_create_clients(
    *,
    session: AsyncSession,
    organization_id: UUID,
    wanted: Sequence[tuple[ClientDetails, str | None]],
    cause: Cause,
    now: datetime,
) -> list[UUID]:
    """For each (details, phone region) the client: matched by phone, then e-mail, or created."""
    contacts = [(normal_phone(one.phone, region=region), normal_email(one.email)) for one, region in wanted]
    phones = sorted({phone for phone, _ in contacts if phone})
    emails = sorted({email for _, email in contacts if email})
    await lock_contacts(session, organization_id, [*phones, *emails] if len(contacts) == 1 else ["*"])
    known = await find_by_contact(session, organization_id, phones=phones, emails=emails)
    by_phone = {row["phone"]: row["id"] for row in reversed(known) if row["phone"]}
    by_email = {row["email"]: row["id"] for row in reversed(known) if row["email"]}
    found: list[UUID] = []
    created: list[Row] = []
    for (details, _), (phone, email) in zip(wanted, contacts, strict=True):
        match = by_phone.get(phone) or by_email.get(email)
        if match is None:
            row = _new_row(organization_id, details, phone, email, now=now)
            created.append(row)
            match = row["id"]
        by_phone |= {phone: match} if phone and phone not in by_phone else {}
        by_email |= {email: match} if email and email not in by_email else {}
        found.append(match)
    await insert_clients(session, created)
    await enqueue(session, [_record(row, cause=cause, now=now) for row in created])
    return found


def _new_row(
    organization_id: UUID, details: ClientDetails, phone: str | None, email: str | None, *, now: datetime
) -> Row:
    return {
        "organization_id": organization_id,
        "id": new_id(),
        "name": details.name,
        "phone": phone,
        "email": email,
        "locale": details.locale,
        "zone": None,
        "consent": list(ALL_CHANNELS),
        "merged_into": None,
        "erased": False,
        "search": search_text(details.name, phone, email),
        "archived": False,
        "created_at": now,
        "updated_at": now,
        "version": 1,
    }


async def add_client(
    *,
    session: AsyncSession,
    organization_id: UUID,
    values: Mapping[str, Any],
    region: str | None,
    cause: Cause,
    now: datetime,
) -> tuple[Row, bool]:
    """A new client, or the existing one with this phone or e-mail; and whether it is new."""
    phone = normal_phone(values.get("phone"), region=region)
    email = normal_email(values.get("email"))
    contacts = [one for one in (phone, email) if one]
    await lock_contacts(session, organization_id, contacts)
    known = await find_by_contact(
        session, organization_id, phones=[phone] if phone else [], emails=[email] if email else []
    )
    if known:
        return next((row for row in known if row["phone"] == phone and phone), known[0]), False
    row = _new_row(
        organization_id,
        ClientDetails(name=values["name"], locale=values.get("locale")),
        phone,
        email,
        now=now,
    )
    row |= {"id": values.get("id") or row["id"], "zone": values.get("zone")}
    row["consent"] = list(ALL_CHANNELS if values.get("consent") is None else values["consent"])
    if await read_client(session, organization_id, row["id"]):
        raise AlreadyExistsError(f"There is a client {row['id']} already.")
    async with free_ids(session):
        await insert_clients(session, [row])
    await enqueue(session, [_record(row, cause=cause, now=now)])
    return row, True


async def change_client(
    *,
    session: AsyncSession,
    organization_id: UUID,
    client_id: UUID,
    values: Mapping[str, Any],
    region: str | None,
    cause: Cause,
    now: datetime,
    expected_version: int | None = None,
) -> Row:
    old = await _locked(session, organization_id, client_id, expected_version)
    new = {**old, **values}
    if "phone" in values:
        new["phone"] = normal_phone(values["phone"], region=region)
    if "email" in values:
        new["email"] = normal_email(values["email"])
    if new == old:
        return old
    await _refuse_duplicate(session, old, new)
    new["search"] = search_text(new["name"], new["phone"], new["email"])
    return await _save(session, old, new, cause=cause, now=now)


async def _refuse_duplicate(session: AsyncSession, old: Row, new: Row) -> None:
    """Two clients never come to have one phone number or e-mail address; who they are one may merge them."""
    phones, emails = ([new[name]] if new[name] and new[name] != old[name] else [] for name in ("phone", "email"))
    if not phones and not emails:
        return
    await lock_contacts(session, new["organization_id"], [*phones, *emails])
    others = [
        row["id"]
        for row in await find_by_contact(session, new["organization_id"], phones=phones, emails=emails)
        if row["id"] != new["id"]
    ]
    if others:
        raise DuplicateClientError(others)


async def merge_clients(
    *,
    session: AsyncSession,
    organization_id: UUID,
    client_id: UUID,
    into: UUID,
    cause: Cause,
    now: datetime,
) -> Row:
    """Marks a duplicate: its appointments keep its id, and count among those of the client it stands for."""
    if client_id == into:
        raise InvalidBookingError("merge_into_itself", "A client cannot be merged into itself.")
    first, second = sorted([client_id, into])
    rows = {one: await _locked(session, organization_id, one, None) for one in (first, second)}
    kept, old = rows[into], rows[client_id]
    filled = {name: old[name] for name in ("phone", "email", "locale", "zone") if not kept[name] and old[name]}
    if filled:
        new = {**kept, **filled}
        new["search"] = search_text(new["name"], new["phone"], new["email"])
        kept = await _save(session, kept, new, cause=cause, now=now)
    if kept["merged_into"] is not None:
        raise InvalidBookingError("merge_into_merged", f"This client was merged into {kept['merged_into']}.")
    for one in (old, *await read_merged(session, organization_id, client_id)):
        await _save(session, one, {**one, "merged_into": into, "archived": True}, cause=cause, now=now)
    return kept


async def erase_client(*, session: AsyncSession, organization_id: UUID, client_id: UUID, now: datetime) -> None:
    """Forgets the person, and the duplicates that were found to be the same person.

    A row keeps its id only, free text goes, and the client topic gets a tombstone.
    """
    old = await _locked(session, organization_id, client_id, None)
    for one in (old, *await read_merged(session, organization_id, client_id)):
        await _erase(session, one, now=now)


async def _erase(session: AsyncSession, old: Row, *, now: datetime) -> None:
    organization_id, client_id = old["organization_id"], old["id"]
    await update_client(
        session,
        organization_id,
        client_id,
        {
            "name": "",
            "phone": None,
            "email": None,
            "locale": None,
            "zone": None,
            "consent": [],
            "search": "",
            "erased": True,
            "archived": True,
            "updated_at": now,
            "version": old["version"] + 1,
        },
    )
    for statement in _FORGET_TEXT:
        await session.execute(statement, {"organization_id": organization_id, "client_id": client_id})
    await enqueue(session, [client_tombstone(organization_id=organization_id, client_id=client_id)])


_FORGET_TEXT = (
    # Answers that are kept for repetitions: the keys stay, so that nothing happens twice, without what was said.
    text(
        """
        UPDATE idempotency_keys SET body = convert_to('{}', 'UTF8')
        WHERE organization_id = :organization_id
          AND position(convert_to(CAST(CAST(:client_id AS uuid) AS text), 'UTF8') IN body) > 0
        """
    ),
    text(
        "UPDATE appointments SET notes = NULL, internal_notes = NULL "
        "WHERE organization_id = :organization_id AND client_id = :client_id"
    ),
    text(
        "UPDATE series SET notes = NULL, internal_notes = NULL "
        "WHERE organization_id = :organization_id AND client_id = :client_id"
    ),
    text(
        """
        UPDATE history SET
            state = (state::jsonb || '{"notes": null, "internal_notes": null}')::json,
            fields = (fields::jsonb - 'notes' - 'internal_notes')::json
        WHERE organization_id = :organization_id AND appointment_id IN
            (SELECT id FROM appointments WHERE organization_id = :organization_id AND client_id = :client_id)
        """
    ),
)


async def _locked(session: AsyncSession, organization_id: UUID, client_id: UUID, expected_version: int | None) -> Row:
    row = await read_client(session, organization_id, client_id, lock=True)
    if row is None or row["erased"]:
        raise NotFoundError(f"There is no client {client_id}.")
    if expected_version is not None and expected_version != row["version"]:
        raise VersionConflictError(row["version"])
    return row


async def _save(session: AsyncSession, old: Row, new: Row, *, cause: Cause, now: datetime) -> Row:
    row = {**new, "updated_at": now, "version": old["version"] + 1}
    await update_client(session, row["organization_id"], row["id"], row)
    await enqueue(session, [_record(row, cause=cause, now=now)])
    return row


def _record(row: Row, *, cause: Cause, now: datetime) -> OutboxRecord:
    return client_record(
        ClientState.model_validate(row),
        organization_id=row["organization_id"],
        client_id=row["id"],
        version=row["version"],
        now=now,
        cause=cause,
    )
