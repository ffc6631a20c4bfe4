"""Somebody who has clients reminded within the minute, and then changes their mind, or does not."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from harness.platform import Platform
from harness.world import stamp

from checker.evidence.database import query
from checker.evidence.reminders import count_in_hand
from checker.history import AskedReminder
from checker.tenants import WRITTEN_TO
from checker.work.desk import Desk
from slotstream_servicekit.database import DATABASE_AWAY

PAUSE_SECONDS = 0.5
AHEAD = timedelta(seconds=5)
"""What is due sooner would be refused by the time that it is asked for."""


@dataclass(kw_only=True)
class Reminded:
    """Books for those who have an address and asks for reminders by mail: at one organization, until told to stop.

    Nobody else knows of these appointments.
    """

    desk: Desk
    platform: Platform

    async def work(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self._be_reminded(stop)
            await _wait(stop, PAUSE_SECONDS)

    async def _be_reminded(self, stop: asyncio.Event) -> None:
        desk = self.desk
        client = desk.random.choice(desk.tenant.clients[:WRITTEN_TO])
        booked = await desk.create(desk.any_slot(), client_id=client)
        if booked.outcome != "ok":
            return
        appointment: dict[str, Any] = booked.answer
        desk.tenant.known.remove(appointment["id"])
        if not await self._is_known(appointment, stop):
            return
        await self._ask(appointment)
        await desk.random.choice((self._leave, self._cancel, self._cancel_and_reopen, self._move))(appointment, stop)

    async def _ask(self, appointment: dict[str, Any]) -> None:
        """Due at the next full minute before the start that lies ahead."""
        starts_at = datetime.fromisoformat(appointment["starts_at"])
        minutes = (starts_at - datetime.now(UTC) - AHEAD) // timedelta(minutes=1)
        identity = str(uuid4())
        asked = await self.desk.ask(
            "remind",
            f"/v1/appointments/{appointment['id']}/reminders",
            {"id": identity, "channel": "email", "minutes_before": minutes},
            key=identity,
            by=self.desk.tenant.world.notifications,
        )
        if asked.outcome == "ok":
            self.desk.history.reminders[identity] = AskedReminder(
                appointment=appointment["id"], channel="email", minutes=minutes
            )

    async def _leave(self, appointment: dict[str, Any], stop: asyncio.Event) -> None:
        """It takes place."""

    async def _cancel(self, appointment: dict[str, Any], stop: asyncio.Event) -> bool:
        cancelled = await self._act("cancel", appointment, {"reason": "changed plans"})
        return cancelled is not None and await self._is_off(appointment["id"], cancelled, stop)

    async def _cancel_and_reopen(self, appointment: dict[str, Any], stop: asyncio.Event) -> None:
        if await self._cancel(appointment, stop):
            self.desk.history.resumed.append((appointment["id"], datetime.now(UTC)))
            await self._act("reopen", appointment, {})

    async def _move(self, appointment: dict[str, Any], stop: asyncio.Event) -> None:
        body = {"starts_at": stamp(self.desk.any_slot()), "id": str(uuid4())}
        moved = await self._act("reschedule", appointment, body)
        if moved is not None:
            await self._is_off(appointment["id"], moved["appointment"], stop)

    async def _act(self, verb: str, appointment: dict[str, Any], body: dict[str, Any]) -> dict[str, Any] | None:
        path = f"/v1/appointments/{appointment['id']}/{verb}"
        done = await self.desk.ask(verb, path, body, target=appointment["id"], key=uuid4().hex)
        return done.answer if done.outcome == "ok" else None

    async def _is_off(self, appointment: str, known: dict[str, Any], stop: asyncio.Event) -> bool:
        """Waits until notifications knows what has come in its place, and has nothing of it in hand."""
        organizations = [self.desk.tenant.world.organization_id]
        if not await self._is_known(known, stop):
            return False
        while not stop.is_set():
            now = datetime.now(UTC)
            asked = count_in_hand(self.platform, organizations, now=now, appointments=[appointment])
            if await _answer_of(asked) == 0:
                self.desk.history.ended.append((appointment, now))
                return True
            await _wait(stop, PAUSE_SECONDS)
        return False

    async def _is_known(self, appointment: dict[str, Any], stop: asyncio.Event) -> bool:
        while not stop.is_set():
            if await _answer_of(knows(self.platform, appointment)):
                return True
            await _wait(stop, PAUSE_SECONDS)
        return False


async def knows(platform: Platform, appointment: dict[str, Any]) -> bool:
    """Whether notifications has heard of this version of the appointment."""
    rows = await query(
        platform,
        "notifications",
        "SELECT version FROM appointments WHERE id = $1",
        UUID(appointment["id"]),
    )
    return any(row["version"] >= appointment["version"] for row in rows)


async def _answer_of(question: Awaitable[int]) -> int | None:
    """None while PostgreSQL is down."""
    try:
        return await question
    except DATABASE_AWAY:
        return None


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
