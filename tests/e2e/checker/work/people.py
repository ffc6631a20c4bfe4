"""People who come, are written about everywhere, are found to be one, and are forgotten."""

from typing import Any
from uuid import uuid4

from checker.history import Operation, Person
from checker.work.desk import Desk

MARK = "zqx"
"""What everything that is typed about a person begins with; see `evidence.texts`."""


async def live_and_be_erased(desk: Desk) -> None:
    """One person under two ids: booked for, written about, merged, erased by either id, and addressed once more."""
    first, second = await _come(desk), await _come(desk)
    if first is None or second is None:
        return
    for person in (first, second):
        await _be_written_about(desk, person)
    into = {"into": first.client}
    merged = await desk.ask("merge", f"/v1/clients/{second.client}/merge", into, key=uuid4().hex)
    if merged.outcome == "ok":
        first.duplicates.append(second)
        await _be_written_about(desk, second)
    named = desk.random.choice((first, second)) if merged.outcome == "ok" else first
    if merged.outcome == "unknown":
        return
    erased = await _erase(desk, named)
    if erased.outcome == "ok":
        await _call_after_erase(desk, named)


async def merge_away_and_book(desk: Desk) -> None:
    """A booking by a duplicate's id is a booking for the survivor."""
    duplicate = await _come(desk, with_address=False)
    if duplicate is None:
        return
    survivor = desk.any_client()
    merged = await desk.ask("merge", f"/v1/clients/{duplicate.client}/merge", {"into": survivor}, key=uuid4().hex)
    if merged.outcome == "ok":
        booked = await desk.create(desk.any_slot(), client_id=duplicate.client, notify=False)
        if booked.outcome == "ok":
            desk.history.booked_by_duplicates[booked.answer["id"]] = survivor


async def _come(desk: Desk, *, with_address: bool = True) -> Person | None:
    """A new client with a name, a phone and, if wanted, an address of their own."""
    person = Person(
        organization=desk.tenant.organization,
        client=str(uuid4()),
        mark=f"{MARK}{uuid4().hex[:12]}",
        phone=f"+49151{desk.random.randrange(10**8):08}",
    )
    body = {"id": person.client, "name": f"Jane {person.mark}", "phone": person.phone}
    if with_address:
        body["email"] = person.address
    operation = await desk.ask("client", "/v1/clients", body, key=uuid4().hex)
    if operation.outcome != "ok" or operation.answer["id"] != person.client:
        return None
    desk.history.people[person.client] = person
    return person


async def _be_written_about(desk: Desk, person: Person) -> None:
    """Bookings, edits and reasons with text about the person in every field that takes some."""
    text = f"about {person.mark}"
    wanted: dict[str, Any] = desk.random.choice(({}, _a_custom_service(text)))
    booked = await desk.create(
        desk.any_slot(),
        client_id=person.client,
        notes=text,
        internal_notes=text,
        external_id=text + uuid4().hex,
        origin={"kind": "booking", "reference_id": text, "url": f"https://crm.example.com/{person.mark}"},
        location={"kind": "other", "text": text},
        override={"reason": text},
        **wanted,
    )
    if booked.outcome != "ok":
        return
    desk.tenant.known.remove(booked.answer["id"])
    path = f"/v1/appointments/{booked.answer['id']}"
    await desk.ask("update", path, {"notes": text + " again"}, target=booked.target, method="PATCH")
    if desk.random.random() < 0.5:
        await desk.ask("cancel", f"{path}/cancel", {"reason": text}, target=booked.target, key=uuid4().hex)


def _a_custom_service(text: str) -> dict[str, Any]:
    return {"service_id": None, "service_name": text, "duration_minutes": 30}


async def _erase(desk: Desk, person: Person) -> Operation:
    path = f"/v1/clients/{person.client}/erase"
    return await desk.ask("erase", path, {"open_appointments": "cancel"}, target=person.client, key=uuid4().hex)


async def _call_after_erase(desk: Desk, person: Person) -> None:
    """Who was erased cannot be booked for, whatever else the request says."""
    booking = desk.booking_of(desk.any_slot(), client_id=person.client, notify=False)
    operation = await desk.ask("create_erased", "/v1/appointments", booking, key=uuid4().hex)
    desk.history.after_erase.append(operation)
