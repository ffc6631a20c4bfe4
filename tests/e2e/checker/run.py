"""One run of the checker on a running platform: set up, work under faults, settle, judge."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from harness.mailbox import Mailbox
from harness.platform import Platform
from harness.world import World, expect, next_weekday

from checker.commands import CommandSender
from checker.evidence import collect, settle
from checker.faults import Fault, break_things
from checker.history import History
from checker.invariants import INVARIANTS
from checker.report import Finding, Report
from checker.workload import Desk

SEATS = 3
CLIENTS = 12
WRITTEN_TO = 3
"""How many of an organization's clients have an e-mail address: mails are checked, not load."""
WORST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Tenant:
    """One organization of the run, with what its desks share."""

    world: World
    clients: Sequence[str]
    group: str
    known: list[str]
    series: list[str]


async def set_up_tenants(platform: Platform, *, count: int) -> list[Tenant]:
    return [await _a_tenant(platform) for _ in range(count)]


async def _a_tenant(platform: Platform) -> Tenant:
    world = await platform.a_world(staff=2)
    clients = []
    for number in range(CLIENTS):
        body = {"name": f"Client {number}", "phone": f"+4930555{number:04}"}
        if number < WRITTEN_TO:
            body["email"] = f"client-{number}@{world.organization_id}.example.com"
        answer = await world.booking.post("/v1/clients", json=body, headers=world.fresh_key())
        clients.append(expect(answer)["id"])
    group = {
        "business_id": world.business["id"],
        "name": "Yoga",
        "duration_minutes": 30,
        "slot_interval_minutes": 30,
        "capacity": SEATS,
    }
    created = expect(await world.booking.post("/v1/services", json=group, headers=world.fresh_key()))
    return Tenant(world=world, clients=clients, group=created["id"], known=[], series=[])


async def check(
    platform: Platform,
    mailbox: Mailbox,
    tenants: Sequence[Tenant],
    *,
    seed: int,
    seconds: float,
    desks: int = 32,
    faults: Sequence[Fault] = (),
    least_faults: int = 0,
    settle_seconds: float = 300.0,
    replay: bool = True,
) -> Report:
    """Work for `seconds` with `desks` clients, then say which promises were broken.

    Works on until `least_faults` have struck: a busy machine may take most of a minute to mend a single one.
    The seed decides what every desk asks for and which fault comes when; answers and timing are the machine's.
    """
    history = History()
    in_force: list[str] = []
    stop = asyncio.Event()
    work = [asyncio.create_task(desk.work(stop)) for desk in _desks(tenants, history, in_force, seed=seed, count=desks)]
    work += [asyncio.create_task(sender.work(stop)) for sender in _senders(platform, tenants, history, seed=seed)]
    if faults:
        chance = random.Random(seed)
        work.append(
            asyncio.create_task(break_things(faults, history=history, in_force=in_force, chance=chance, stop=stop))
        )
    ended, _ = await asyncio.wait(work, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
    while len(history.faults) < least_faults and not ended:
        ended, _ = await asyncio.wait(work, timeout=1, return_when=asyncio.FIRST_EXCEPTION)
    stop.set()
    await asyncio.gather(*work)
    organizations: list[UUID] = [each.world.organization_id for each in tenants]
    await settle(platform, organizations, commands=frozenset(history.commands), within=settle_seconds)
    evidence = await collect(platform, mailbox, organizations, replay=replay)
    findings = [Finding(each.promise, each.says, list(each.violations(history, evidence))) for each in INVARIANTS]
    return Report(seed=seed, seconds=seconds, history=history, evidence=evidence, findings=findings)


def _desks(tenants: Sequence[Tenant], history: History, in_force: list[str], *, seed: int, count: int) -> list[Desk]:
    first_slot = next_weekday(8, days_ahead=20)
    return [
        Desk(
            number=number,
            world=tenants[number % len(tenants)].world,
            foreign=tenants[(number + 1) % len(tenants)].world,
            history=history,
            random=random.Random(seed * 1_000 + number),
            first_slot=first_slot,
            faults_in_force=in_force,
            known=tenants[number % len(tenants)].known,
            clients=tenants[number % len(tenants)].clients,
            group=tenants[number % len(tenants)].group,
            series=tenants[number % len(tenants)].series,
        )
        for number in range(count)
    ]


def _senders(platform: Platform, tenants: Sequence[Tenant], history: History, *, seed: int) -> list[CommandSender]:
    return [
        CommandSender(
            bootstrap=platform.bootstrap,
            world=tenant.world,
            # Those without an address: what is booked by commands tells nobody.
            clients=tenant.clients[WRITTEN_TO:],
            first_slot=next_weekday(8, days_ahead=20),
            history=history,
            random=random.Random(seed * 7_919 + number),
        )
        for number, tenant in enumerate(tenants)
    ]


def any_seed() -> int:
    """A seed nobody chose."""
    return uuid4().int % 1_000_000
