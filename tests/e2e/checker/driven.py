"""Days of reminders in minutes, by a clock that the run drives, while senders are killed and providers keep silent.

Appointments are made, moved, cancelled and reopened by booking's API, reminders by that of notifications. Whatever
delivers them notes what it gets and when; afterwards that is held against booking's times by the checker's own judge.
"""

import asyncio
import heapq
import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
from harness.driven import HEARS_ONLY, SENDS_ONLY, Death, DrivenClock
from harness.patched import PatchedProcess
from harness.platform import Platform
from harness.providers import Providers, providers
from harness.world import World, expect, stamp, until_true

from checker.evidence import booking
from checker.evidence.model import Arrival, Evidence
from checker.evidence.reminders import count_in_hand, mailed, read_claims, read_reminders
from checker.history import AskedReminder, History
from checker.invariants import reminders as judge
from checker.report import Finding
from checker.work.reminders import knows
from slotstream_servicekit.infrastructure.processes import free_port

LEADS = {"email": 24 * 60, "sms": 180, "voice": 95, "push": 20}
"""Minutes before the start, by channel."""
FIRST_AHEAD = timedelta(hours=26)
APART = timedelta(minutes=40)
BEFORE_DUE = timedelta(seconds=20)
"""When senders have another look before something is due: whoever is early sends it then."""
STEP = timedelta(seconds=10)
SENDERS = 2
CHANCE_OF_A_KILL = 0.2
WITHIN_SECONDS = 0.3
"""In which a message is claimed and handed over, more or less."""
ROUGHLY = 0.1
"""To how many seconds a sender tells when it looked last."""
PATIENCE = 180.0


@dataclass(order=True)
class Planned:
    """What the run does at an instant."""

    at: datetime
    number: int
    act: Callable[[], Awaitable[None]] = field(compare=False)


@dataclass(kw_only=True)
class DrivenRun:
    """One organization whose days pass as the clock leaps from one thing that is due to the next."""

    platform: Platform
    world: World
    clock: DrivenClock
    providers: Providers
    death: Death
    senders: Sequence[PatchedProcess]
    random: random.Random
    history: History = field(default_factory=History)
    deaths: list[str] = field(default_factory=list)
    """Steps at which a sender is still to die."""
    silences: list[str] = field(default_factory=list)
    """Channels on which a provider is still to keep silent."""
    kills: int = 0
    """How often a sender is still to be killed at whatever it does."""
    died_at: list[str] = field(default_factory=list)
    _plan: list[Planned] = field(default_factory=list)
    _numbers: "count[int]" = field(default_factory=count)
    _off: set[str] = field(default_factory=set)

    async def days_pass(self, days: int, *, appointments: int) -> None:
        """So many appointments a day, with a reminder on each channel."""
        for _ in range(days):
            first = self._full_hour() + FIRST_AHEAD
            for number in range(appointments):
                await self._book(first + number * APART)
            while self._plan:
                planned = heapq.heappop(self._plan)
                await planned.act()
        await self._settle()

    async def findings(self) -> list[Finding]:
        """What contradicts P12."""
        organizations = [self.world.organization_id]
        reminders = await read_reminders(self.platform, organizations, now=self.clock())
        arrivals = [
            *mailed(self.providers.mails.came(), reminders),
            *(Arrival(message=message, at=at, answered=answered) for message, at, answered in self._other_arrivals()),
        ]
        evidence = Evidence(
            organizations=frozenset(map(str, organizations)),
            appointments=await booking.read_appointments(self.platform, organizations),
            reminders=reminders,
            arrivals=arrivals,
        )
        return [
            Finding(invariant.promise, invariant.says, list(invariant.violations(self.history, evidence)))
            for invariant in judge.INVARIANTS
        ]

    def _other_arrivals(self) -> list[tuple[str, datetime, bool]]:
        return [*self.providers.phones.came, *self.providers.pushes.came]

    def _full_hour(self) -> datetime:
        return self.clock().replace(minute=0, second=0, microsecond=0)

    def _then(self, at: datetime, act: Callable[[], Awaitable[None]]) -> None:
        heapq.heappush(self._plan, Planned(at, next(self._numbers), act))

    async def _book(self, starts_at: datetime) -> None:
        """For somebody whom every channel reaches; what becomes of it is chance."""
        number = next(self._numbers)
        client = {
            "name": f"Client {number}",
            "email": f"client-{number}@{self.world.organization_id}.example.com",
            # Nobody else's: a number is not called while another call to it is under way.
            "phone": f"+49151{uuid4().int % 10**8:08}",
        }
        appointment = await self.world.book(starts_at, client=client, notify=False)
        await self._until_known(appointment)
        await self._subscribe(appointment["client_id"])
        for channel, minutes in LEADS.items():
            await self._ask(appointment, channel, minutes)
        fate = self.random.choice((None, None, self._cancel, self._cancel_and_reopen, self._move, self._cancel_late))
        if fate is not None:
            await fate(appointment, starts_at)

    async def _subscribe(self, client_id: str) -> None:
        """In the portal, by a browser of the client's own."""
        token = self.platform.token(self.world.organization_id, role="client", claims={"client": client_id})
        portal = self.platform.client("notifications", token)
        subscription = self.providers.browser().subscription

        async def is_subscribed() -> bool:
            answer = await portal.post("/v1/portal/push-subscriptions", json=subscription)
            return answer.status_code == 201

        await until_true(is_subscribed, within=PATIENCE, what="notifications knows the client")

    async def _ask(self, appointment: dict[str, Any], channel: str, minutes: int) -> None:
        identity = str(uuid4())
        body = {"id": identity, "channel": channel, "minutes_before": minutes}
        path = f"/v1/appointments/{appointment['id']}/reminders"
        expect(await self.world.notifications.post(path, json=body, headers=self.world.fresh_key()))
        self.history.reminders[identity] = AskedReminder(
            appointment=appointment["id"], channel=channel, minutes=minutes
        )
        self._remind(appointment, channel, minutes)

    def _remind(self, appointment: dict[str, Any], channel: str, minutes: int) -> None:
        due_at = datetime.fromisoformat(appointment["starts_at"]) - timedelta(minutes=minutes)
        self._then(due_at, lambda: self._falls_due(appointment["id"], channel, due_at))

    async def _falls_due(self, appointment: str, channel: str, due_at: datetime) -> None:
        """Senders look a moment before, and then it is time."""
        await self._pass_until(due_at - BEFORE_DUE)
        await self._look()
        if appointment not in self._off:
            self._disturb(channel)
        await self._pass_until(due_at)
        if self.kills and not self.death.is_awaited and self.random.random() < CHANCE_OF_A_KILL:
            self.kills -= 1
            killed = self.random.choice(self.senders)
            asyncio.get_running_loop().call_later(self.random.uniform(0, WITHIN_SECONDS), killed.kill)
        await self._settle()

    def _disturb(self, channel: str) -> None:
        step = next((step for step in self.deaths if step.rpartition(" ")[2] in (channel, "claim", "claimed")), None)
        if step is not None:
            self.deaths.remove(step)
            self.death.order(step)
        elif channel in self.silences:
            self.silences.remove(channel)
            self.providers.keep_silent(channel)

    async def _pass_until(self, instant: datetime) -> None:
        self.clock.move_to(instant)

    async def _cancel(self, appointment: dict[str, Any], starts_at: datetime) -> None:
        """Some hours before, between two reminders."""
        at = starts_at - timedelta(hours=self.random.randint(4, 20))
        self._then(at, lambda: self._is_cancelled(appointment["id"], at))

    async def _cancel_late(self, appointment: dict[str, Any], starts_at: datetime) -> None:
        """At the very second at which a reminder is due."""
        at = starts_at - timedelta(minutes=self.random.choice(list(LEADS.values())))
        self._then(at - timedelta.resolution, lambda: self._is_cancelled(appointment["id"], at))

    async def _is_cancelled(self, appointment: str, at: datetime) -> None:
        await self._pass_until(at)
        cancelled = await self.world.act(appointment, "cancel", reason="changed plans")
        await self._is_off(appointment, cancelled)

    async def _cancel_and_reopen(self, appointment: dict[str, Any], starts_at: datetime) -> None:
        """It is off while the text would be due, and on again for the call."""
        off, on = (starts_at - timedelta(minutes=LEADS["sms"] + minutes) for minutes in (45, -15))
        self._then(off, lambda: self._is_cancelled(appointment["id"], off))
        self._then(on, lambda: self._is_reopened(appointment["id"], on))

    async def _is_reopened(self, appointment: str, at: datetime) -> None:
        await self._pass_until(at)
        self.history.resumed.append((appointment, self.clock()))
        self._off.discard(appointment)
        await self._until_known(await self.world.act(appointment, "reopen"))

    async def _move(self, appointment: dict[str, Any], starts_at: datetime) -> None:
        """A day later, when one reminder has gone out already: they all come again."""
        at = starts_at - timedelta(hours=6)
        self._then(at, lambda: self._is_moved(appointment, at, starts_at + timedelta(days=1, minutes=10)))

    async def _is_moved(self, appointment: dict[str, Any], at: datetime, to: datetime) -> None:
        await self._pass_until(at)
        moved = await self.world.act(appointment["id"], "reschedule", starts_at=stamp(to))
        await self._is_off(appointment["id"], moved)
        for channel, minutes in LEADS.items():
            self._remind(moved, channel, minutes)

    async def _is_off(self, appointment: str, known: dict[str, Any]) -> None:
        """Off for notifications is what it has heard of, with nothing of it in hand."""
        self._off.add(appointment)
        await self._until_known(known)
        await self._settle()
        self.history.ended.append((appointment, self.clock()))

    async def _until_known(self, appointment: dict[str, Any]) -> None:
        await until_true(
            lambda: knows(self.platform, appointment), within=PATIENCE, what="notifications has heard of it"
        )

    async def _settle(self) -> None:
        """Until nothing that is due waits: who has died is back, and what they had in hand was taken over."""
        deadline = time.monotonic() + PATIENCE
        while await self._revive() or await self._in_hand():
            assert time.monotonic() < deadline, "reminders that are due stay where they are"
            claims = await self._claims()
            if await self._look() == 0 and claims & await self._claims():
                # Nobody works on it: it was claimed by one who has died, and others have to wait for it.
                self.clock.move_to(self.clock() + STEP)
        self.death.call_off()
        self.providers.speak_again()

    async def _in_hand(self) -> int:
        # A sender's clock has gone on where it has just taken over what another one had claimed.
        soon = self.clock() + BEFORE_DUE / 2
        return await count_in_hand(self.platform, [self.world.organization_id], now=soon)

    async def _claims(self) -> frozenset[str]:
        return await read_claims(self.platform, [self.world.organization_id])

    async def _revive(self) -> bool:
        """Starts those who have died; whether there was one."""
        dead = [process for process in self.senders if not process.running()]
        if dead and self.death.step and not self.death.is_awaited:
            self.died_at.append(self.death.step)
            self.death.step = ""
        for process in dead:
            process.start()
        for process in dead:
            await asyncio.to_thread(process.wait_ready, within=PATIENCE)
        return bool(dead)

    async def _look(self) -> int:
        """Until each sender that lives has looked once more; how much they are sending then."""
        return sum(await asyncio.gather(*(self._looks(process) for process in self.senders)))

    async def _looks(self, process: PatchedProcess) -> int:
        since, in_flight = time.monotonic(), 0

        async def has_looked() -> bool:
            nonlocal in_flight
            waited = time.monotonic() - since
            if not process.running():
                return True
            async with httpx2.AsyncClient(base_url=process.url, timeout=10) as client:
                sender = json.loads((await client.get("/readyz")).content)["checks"]["sender"]
            in_flight = sender["in_flight"]
            return bool(sender["seconds_since_poll"] + ROUGHLY < waited)

        await until_true(has_looked, within=PATIENCE, what="a sender looks at what is due")
        return in_flight


@asynccontextmanager
async def driven(platform: Platform, folder: Path, *, seed: int, patch: str = "") -> AsyncIterator[DrivenRun]:
    """Booking and notifications by a driven clock, for a while; `patch`: a bug to be found in notifications."""
    organization = await platform.a_world(staff=3)
    clock, death = DrivenClock(folder / "clock"), Death(folder / "death")
    async with providers(folder, clock) as all_providers:
        told = all_providers.environment | {
            "NOTIFICATIONS_POLL_EVERY": "PT0.1S",
            "NOTIFICATIONS_RECOVER_EVERY": "PT0.5S",
        }
        sound = platform.processes["notifications"]
        senders = [
            _a_sender(sound.environment | told, folder, clock.patch + patch + death.patch) for _ in range(SENDERS)
        ]
        with ExitStack() as running:
            for name, of_it, environment in (
                ("booking-api", clock.patch, {}),
                ("notifications", clock.patch + patch + HEARS_ONLY, told),
            ):
                await asyncio.to_thread(running.enter_context, platform.patched(name, of_it, **environment))
            for sender in senders:
                running.callback(sender.kill)
                sender.start()
            for sender in senders:
                await asyncio.to_thread(sender.wait_ready, within=PATIENCE)
            world = platform.an_empty_world(organization.organization_id)
            world.business, world.staff, world.service = organization.business, organization.staff, organization.service
            yield DrivenRun(
                platform=platform,
                world=world,
                clock=clock,
                providers=all_providers,
                death=death,
                senders=senders,
                random=random.Random(seed),
            )


def _a_sender(environment: dict[str, str], folder: Path, patch: str) -> PatchedProcess:
    port = free_port()
    return PatchedProcess(
        service="notifications",
        role="worker",
        port=port,
        environment=environment | {"NOTIFICATIONS_HTTP_PORT": str(port)},
        log=folder / f"sender-{port}.log",
        patch=patch + SENDS_ONLY,
    )
