"""Booking in every way, and the verbs on what is booked."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

from harness.world import stamp

from checker.work.desk import EMERGENCY, Desk


def anybody_or_somebody(desk: Desk) -> dict[str, Any]:
    """Booking looks for who is free; but who is named is booked without a look, as the database decides."""
    return desk.random.choice(({}, {"resource_ids": [desk.any_staff()]}))


async def book(desk: Desk) -> None:
    await desk.create(desk.any_slot(), **anybody_or_somebody(desk))


async def book_by_override(desk: Desk) -> None:
    await desk.create(desk.any_slot(), override=EMERGENCY, **anybody_or_somebody(desk))


async def enter_at_once(desk: Desk) -> None:
    """Overrides and a member of a group want the same person at the same instant: each must know who is beside them."""
    starts_at, staff = desk.any_slot(), [desk.any_staff()]
    await desk.create(starts_at, service_id=desk.tenant.group, resource_ids=staff)
    await asyncio.gather(
        desk.create(starts_at, service_id=desk.tenant.group, resource_ids=staff),
        desk.create(starts_at, override=EMERGENCY, resource_ids=staff),
        desk.create(starts_at + timedelta(minutes=10), override=EMERGENCY, resource_ids=staff),
    )


async def join_group(desk: Desk) -> None:
    await desk.create(desk.any_slot(), service_id=desk.tenant.group)


async def book_held(desk: Desk) -> None:
    """A hold, as an agent takes it during a call, turned into an appointment."""
    starts_at = desk.any_slot()
    world = desk.tenant.world
    wanted = {"business_id": world.business["id"], "service_id": world.service["id"], "starts_at": stamp(starts_at)}
    hold = await desk.ask("hold", "/v1/holds", wanted, key=uuid4().hex)
    if hold.outcome == "ok":
        await desk.create(starts_at, hold_id=hold.answer["id"])


async def book_under_hold_id(desk: Desk) -> None:
    """A hold in a group that somebody joins is given up; then its id names an appointment a quarter of an hour later.

    The seats of the group are still taken, so this appointment must not come between them.
    """
    starts_at = desk.any_slot()
    wanted = {
        "business_id": desk.tenant.world.business["id"],
        "service_id": desk.tenant.group,
        "starts_at": stamp(starts_at),
        "resource_ids": [desk.any_staff()],
    }
    hold = await desk.ask("hold", "/v1/holds", wanted, key=uuid4().hex)
    if hold.outcome != "ok":
        return
    resources = hold.answer["resource_ids"]
    await desk.create(starts_at, service_id=desk.tenant.group, resource_ids=resources)
    released = await desk.ask("release", f"/v1/holds/{hold.answer['id']}", method="DELETE")
    if released.outcome == "ok":
        await desk.create(starts_at + timedelta(minutes=15), identity=hold.answer["id"], resource_ids=resources)


async def book_twice(desk: Desk) -> None:
    """The same request three times at once under one key: one effect, one answer."""
    body = desk.booking_of(desk.any_slot(), **anybody_or_somebody(desk))
    key = uuid4().hex
    await asyncio.gather(*(desk.ask("create_twice", "/v1/appointments", body, key=key) for _ in range(3)))


async def book_changed(desk: Desk) -> None:
    """One key, then another body: refused with `idempotency_key_reused`."""
    key, starts_at, client = uuid4().hex, desk.any_slot(), desk.any_client()
    body = desk.booking_of(starts_at, client_id=client)
    first = await desk.ask("create_changed", "/v1/appointments", body, key=key)
    if first.outcome == "ok":
        other = desk.booking_of(starts_at + timedelta(days=1), client_id=client)
        await desk.ask("create_changed", "/v1/appointments", other, key=key)


async def reschedule(desk: Desk) -> None:
    """To a slot at random, of which some are taken, under an id of the caller's own."""
    if not desk.tenant.known:
        return
    body: dict[str, Any] = {"starts_at": stamp(desk.any_slot()), "id": str(uuid4())}
    if desk.random.random() < 0.1:
        body["override"] = EMERGENCY
    operation = await _do(desk, "reschedule", desk.random.choice(desk.tenant.known), body)
    if operation is not None:
        desk.tenant.known.append(operation["appointment"]["id"])


async def cancel(desk: Desk) -> None:
    await _do_to_any(desk, "cancel", {"reason": "changed plans"})


async def confirm(desk: Desk) -> None:
    await _do_to_any(desk, "confirm", {})


async def complete(desk: Desk) -> None:
    await _do_to_any(desk, "complete", {})


async def dismiss(desk: Desk) -> None:
    await _do_to_any(desk, "dismiss", {})


async def reopen(desk: Desk) -> None:
    """What was freed is taken again, where it still can be."""
    await _do_to_any(desk, "reopen", desk.random.choice(({}, {}, {"override": EMERGENCY})))


async def archive(desk: Desk) -> None:
    await _do_to_any(desk, "archive", {})


async def no_show(desk: Desk) -> None:
    """Refused today; by the desk whose clock runs ahead it is what is left of an appointment that has passed."""
    if not desk.tenant.known:
        return
    appointment = desk.random.choice(desk.tenant.known)
    clock = desk.tenant.later if desk.random.random() < 0.8 else None
    path = f"/v1/appointments/{appointment}/no-show"
    verb = "no-show" if clock is None else "no-show later"
    await desk.ask(verb, path, {}, target=appointment, key=uuid4().hex, by=clock)


async def update(desk: Desk) -> None:
    if desk.tenant.known:
        appointment = desk.random.choice(desk.tenant.known)
        path = f"/v1/appointments/{appointment}"
        await desk.ask("update", path, {"notes": "seen"}, target=appointment, method="PATCH")


async def _do_to_any(desk: Desk, verb: str, body: dict[str, Any]) -> None:
    if desk.tenant.known:
        await _do(desk, verb, desk.random.choice(desk.tenant.known), body)


async def _do(desk: Desk, verb: str, appointment: str, body: dict[str, Any]) -> dict[str, Any] | None:
    """The answer, where it is a success."""
    path = f"/v1/appointments/{appointment}/{verb}"
    operation = await desk.ask(verb, path, body, target=appointment, key=uuid4().hex)
    return operation.answer if operation.outcome == "ok" else None
