"""Rules that change while time is taken."""

import asyncio
from uuid import uuid4

from checker.work.desk import Desk

STEP_MINUTES = 5
MOST_MINUTES = 30


async def reopen_by_new_rules(desk: Desk) -> None:
    """What takes its time again after a change of the service is judged by what the service is then."""
    identity = str(uuid4())
    path = f"/v1/appointments/{identity}"
    body = desk.booking_of(desk.any_slot(), id=identity, service_id=desk.tenant.changing)
    booked = await desk.ask("create", "/v1/appointments", body, target=identity, key=uuid4().hex)
    if booked.outcome != "ok":
        return
    reason = {"reason": "changed plans"}
    cancelled = await desk.ask("cancel", f"{path}/cancel", reason, target=identity, key=uuid4().hex)
    if cancelled.outcome != "ok":
        return
    async with desk.tenant.changing_rules:
        buffer = await _change_buffer(desk)
        if buffer is not None:
            reopened = await desk.ask("reopen", f"{path}/reopen", {}, target=identity, key=uuid4().hex)
            desk.history.by_new_rules.append((reopened, buffer))


async def change_rules(desk: Desk, stop: asyncio.Event) -> None:
    """Where nobody else books, each change is met first by what is reopened after it."""
    while not stop.is_set():
        await reopen_by_new_rules(desk)


async def _change_buffer(desk: Desk) -> int | None:
    """The new one, where it is known to be: a change whose answer was lost is not made later, by its version."""
    path = f"/v1/services/{desk.tenant.changing}"
    service = await desk.ask("read rules", path, method="GET")
    if service.outcome != "ok":
        return None
    buffer = (int(service.answer["buffer_after_minutes"]) + STEP_MINUTES) % MOST_MINUTES
    changed = await desk.ask(
        "change rules", path, {"buffer_after_minutes": buffer}, method="PATCH", version=service.answer["version"]
    )
    return buffer if changed.outcome == "ok" else None
