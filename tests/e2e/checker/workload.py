"""Random work by many clients: booking, moving, confirming, closing, holding, repeating themselves, trespassing."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx2
from harness.world import World, stamp

from checker.history import History, Operation

RETRYABLE = frozenset({429, 502, 503, 504})
BACK_OFF_SECONDS = 0.2
EMERGENCY = {"reason": "an emergency"}
VERBS: Sequence[tuple[str, int]] = (
    ("create", 34),
    ("create_forced", 3),
    ("create_held", 4),
    ("join_group", 6),
    ("create_under_hold_id", 3),
    ("series", 1),
    ("change_series", 1),
    ("archive", 3),
    ("create_twice", 6),
    ("create_changed", 2),
    ("reschedule", 14),
    ("confirm", 8),
    ("cancel", 10),
    ("complete", 4),
    ("dismiss", 3),
    ("no-show", 1),
    ("reopen", 4),
    ("update", 3),
    ("trespass", 6),
)


@dataclass
class Desk:
    """One client of the API working at random on one organization's book."""

    number: int
    world: World
    foreign: World
    history: History
    random: random.Random
    first_slot: datetime
    faults_in_force: list[str]
    known: list[str]
    """Appointments of the organization; shared by its desks, so that they meet on the same ones."""
    clients: Sequence[str]
    group: str
    """A service with several seats."""
    series: list[str]
    """Series of the organization, shared like its appointments."""

    async def work(self, stop: asyncio.Event) -> None:
        verbs, weights = zip(*VERBS, strict=True)
        while not stop.is_set():
            verb = self.random.choices(verbs, weights)[0]
            await self.do(verb)

    async def do(self, verb: str) -> None:
        if verb in _AT_A_SLOT:
            await _AT_A_SLOT[verb](self, self.any_slot())
        elif verb == "trespass":
            await self.trespass()
        elif verb == "change_series":
            await self.change_series()
        elif self.known:
            await self.change(verb, self.random.choice(self.known))

    async def create_for_anybody(self, starts_at: datetime) -> None:
        await self.create(starts_at, **self.anybody_or_one())

    async def create_forced(self, starts_at: datetime) -> None:
        await self.create(starts_at, override=EMERGENCY, **self.anybody_or_one())

    async def join_group(self, starts_at: datetime) -> None:
        await self.create(starts_at, service_id=self.group)

    def any_slot(self) -> datetime:
        """One hot slot, one of a few, or any of many."""
        spread = self.random.choices((1, 16, 2_000), (20, 30, 50))[0]
        return self.first_slot + timedelta(minutes=30 * self.random.randrange(spread))

    def anybody_or_one(self) -> dict[str, Any]:
        """Booking looks for who is free; but who is named is booked without a look, as the database decides."""
        return self.random.choice(({}, {"resource_ids": [self.random.choice(self.world.staff)["id"]]}))

    async def create(self, starts_at: datetime, *, identity: str | None = None, **more: Any) -> None:
        identity = identity or str(uuid4())
        body = self.world.booking_of(starts_at, id=identity, client_id=self.random.choice(self.clients)) | more
        operation = await self.ask("create", "/v1/appointments", body, target=identity, key=uuid4().hex)
        if operation.outcome == "ok":
            self.known.append(identity)

    async def create_held(self, starts_at: datetime) -> None:
        """A hold, as an agent takes it during a call, turned into an appointment."""
        body = {
            "business_id": self.world.business["id"],
            "service_id": self.world.service["id"],
            "starts_at": stamp(starts_at),
        }
        hold = await self.ask("hold", "/v1/holds", body, target=None, key=uuid4().hex)
        if hold.outcome == "ok":
            await self.create(starts_at, hold_id=hold.answer["id"])

    async def create_under_hold_id(self, starts_at: datetime) -> None:
        """A hold in a group that somebody joins is given up; then its id names an appointment a quarter of an hour later.

        The seats of the group are still taken, so this appointment must not come between them.
        """
        body = {
            "business_id": self.world.business["id"],
            "service_id": self.group,
            "starts_at": stamp(starts_at),
            "resource_ids": [self.random.choice(self.world.staff)["id"]],
        }
        hold = await self.ask("hold", "/v1/holds", body, target=None, key=uuid4().hex)
        if hold.outcome != "ok":
            return
        resources = hold.answer["resource_ids"]
        await self.create(starts_at, service_id=self.group, resource_ids=resources)
        released = await self.ask("release", f"/v1/holds/{hold.answer['id']}", None, target=None, method="DELETE")
        if released.outcome == "ok":
            later = starts_at + timedelta(minutes=15)
            await self.create(later, identity=hold.answer["id"], resource_ids=resources)

    async def create_series(self, starts_at: datetime) -> None:
        """Four weeks, as far as they can be had."""
        identity = str(uuid4())
        body = self.world.booking_of(starts_at, id=identity, client_id=self.random.choice(self.clients))
        body |= {"recurrence": {"freq": "weekly", "count": 4}, "on_conflict": "skip"}
        operation = await self.ask("series", "/v1/series", body, target=None, key=uuid4().hex)
        if operation.outcome == "ok":
            self.series.append(identity)
            self.known.extend(operation.occurrences())

    async def change_series(self) -> None:
        """All dates with somebody else, or at another time, whoever is in the way."""
        if not self.series:
            return
        change: dict[str, Any] = self.random.choice(
            (
                {"resource_ids": [self.random.choice(self.world.staff)["id"]]},
                {"local_time": f"{self.random.randrange(24):02}:{self.random.choice((0, 30)):02}"},
            )
        )
        policy: dict[str, Any] = self.random.choice(
            ({"on_conflict": "skip"}, {"on_conflict": "fail"}, {"on_conflict": "override", "override": EMERGENCY})
        )
        path = f"/v1/series/{self.random.choice(self.series)}"
        operation = await self.ask("series change", path, {"scope": "all"} | change | policy, target=None)
        if operation.outcome == "ok":
            self.known.extend(operation.occurrences())

    async def create_twice(self, starts_at: datetime) -> None:
        """The same request twice at once under one key: one effect, one answer."""
        body = self.world.booking_of(starts_at, client_id=self.random.choice(self.clients)) | self.anybody_or_one()
        key = uuid4().hex
        await asyncio.gather(
            *(self.ask("create_twice", "/v1/appointments", body, target=None, key=key) for _ in range(3))
        )

    async def create_changed(self, starts_at: datetime) -> None:
        """One key, then another body: refused with `idempotency_key_reused`."""
        key = uuid4().hex
        client = self.random.choice(self.clients)
        body = self.world.booking_of(starts_at, client_id=client)
        first = await self.ask("create_changed", "/v1/appointments", body, target=None, key=key)
        if first.outcome == "ok":
            other = self.world.booking_of(starts_at + timedelta(days=1), client_id=client)
            await self.ask("create_changed", "/v1/appointments", other, target=None, key=key)

    async def change(self, verb: str, appointment_id: str) -> None:
        if verb == "update":
            await self.ask(verb, f"/v1/appointments/{appointment_id}", {"notes": "seen"}, target=appointment_id)
            return
        body: dict[str, Any] = {}
        if verb == "cancel":
            body = {"reason": "changed plans"}
        if verb == "reschedule":
            successor = str(uuid4())
            body = {"starts_at": stamp(self.any_slot()), "id": successor}
        operation = await self.ask(
            verb, f"/v1/appointments/{appointment_id}/{verb}", body, target=appointment_id, key=uuid4().hex
        )
        if verb == "reschedule" and operation.outcome == "ok":
            self.known.append(operation.answer["appointment"]["id"])

    async def trespass(self) -> None:
        """Another organization's ids, with this organization's token."""
        foreign = self.random.choice((self.foreign.business["id"], self.foreign.service["id"]))
        body = self.world.booking_of(self.any_slot(), client_id=self.random.choice(self.clients))
        body |= {"service_id": foreign} if self.random.random() < 0.5 else {"business_id": foreign}
        operation = await self.ask("trespass", "/v1/appointments", body, target=None, key=uuid4().hex)
        self.history.trespasses.append(operation)

    async def ask(
        self,
        verb: str,
        path: str,
        body: dict[str, Any] | None,
        *,
        target: str | None,
        key: str | None = None,
        method: str | None = None,
    ) -> Operation:
        """Ask, and ask again under the same key, a few times, where no answer came."""
        for _ in range(self.random.randint(1, 8) if key else 1):
            operation = await self.ask_once(verb, path, body, target=target, key=key, method=method)
            if operation.outcome != "unknown":
                break
            await asyncio.sleep(BACK_OFF_SECONDS)
        return operation

    async def ask_once(
        self,
        verb: str,
        path: str,
        body: dict[str, Any] | None,
        *,
        target: str | None,
        key: str | None,
        method: str | None,
    ) -> Operation:
        operation = Operation(
            client=self.number,
            organization=str(self.world.organization_id),
            verb=verb,
            target=target,
            key=key,
            body=body or {},
            asked_at=datetime.now(UTC),
            under=self.faults_in_force[-1] if self.faults_in_force else None,
        )
        self.history.operations.append(operation)
        method = method or ("PATCH" if verb in {"update", "series change"} else "POST")
        try:
            response = await self.world.booking.request(
                method, path, json=body, headers={"Idempotency-Key": key} if key else {}
            )
        except httpx2.TransportError:
            return operation
        operation.answered_at = datetime.now(UTC)
        operation.status = response.status_code
        operation.replayed = response.headers.get("Idempotency-Replayed") == "true"
        operation.answer = response.json() if response.content else {}
        if response.status_code < 300:
            operation.outcome = "ok"
        elif response.status_code not in RETRYABLE:
            operation.outcome = "refused"
        return operation


_AT_A_SLOT: Mapping[str, Callable[[Desk, datetime], Awaitable[None]]] = {
    "create": Desk.create_for_anybody,
    "create_forced": Desk.create_forced,
    "join_group": Desk.join_group,
    "create_under_hold_id": Desk.create_under_hold_id,
    "series": Desk.create_series,
    "create_held": Desk.create_held,
    "create_twice": Desk.create_twice,
    "create_changed": Desk.create_changed,
}
