"""One run of the checker on a running platform: set up, work under faults, settle, judge."""

import asyncio
import random
from collections.abc import Awaitable, Coroutine, Sequence
from typing import Any
from uuid import UUID, uuid4

from harness.mailbox import Mailbox
from harness.platform import Platform
from harness.web import FileServer

from checker.evidence import Evidence, collect, settle
from checker.faults import Fault, break_things
from checker.history import History
from checker.invariants import INVARIANTS
from checker.report import Finding, Report
from checker.tenants import WRITTEN_TO, Tenant
from checker.work import work_at_desk
from checker.work.calendars import CalendarOwner
from checker.work.commands import CommandSender
from checker.work.dead_letters import Saboteur
from checker.work.desk import Desk
from checker.work.importer import Importer
from checker.work.reminders import Reminded
from checker.work.rules import change_rules

FIRST_REMINDED = 10_000
"""The number of the first of those who have clients reminded."""


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
    meanwhile: Awaitable[None] | None = None,
    hostile: bool = True,
    settle_seconds: float = 300.0,
    replay: bool = True,
) -> Report:
    """Work for `seconds` with `desks` clients, then say which promises were broken.

    Works on until `least_faults` have struck, since a busy machine may take most of a minute to mend a single one,
    and until what is to be done `meanwhile` is done. `hostile`: with floods of broken commands, and poison.
    The seed decides what every desk asks for and which fault comes when; answers and timing are the machine's.
    """
    history = History()
    organizations: list[UUID] = [tenant.world.organization_id for tenant in tenants]
    with FileServer() as web:
        stop = asyncio.Event()
        in_force: list[str] = []
        busy = [tenant for tenant in tenants if not tenant.quiet]
        everybody = [
            *_desks(busy, history, in_force, stop, seed=seed, count=desks),
            *_others(platform, busy, history, web, stop, seed=seed, hostile=hostile),
            *_lonely_desks(tenants, history, in_force, stop, seed=seed),
            *_reminded(platform, busy, history, in_force, stop, seed=seed),
        ]
        work = [asyncio.create_task(acts) for acts in everybody]
        course = asyncio.ensure_future(meanwhile or asyncio.sleep(0))
        if faults:
            chance = random.Random(seed)
            breaking = break_things(faults, history=history, in_force=in_force, chance=chance, stop=stop)
            work.append(asyncio.create_task(breaking))
        ended, _ = await asyncio.wait(work, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        while (len(history.faults) < least_faults or not course.done()) and not ended:
            ended, _ = await asyncio.wait(work, timeout=1, return_when=asyncio.FIRST_EXCEPTION)
        stop.set()
        await asyncio.gather(*work, course)
        left_to_do = await settle(platform, organizations, history, within=settle_seconds)
        evidence = await collect(platform, mailbox, organizations, left_to_do=left_to_do, replay=replay)
    return Report(seed=seed, seconds=seconds, history=history, evidence=evidence, findings=judge(history, evidence))


def judge(history: History, evidence: Evidence) -> list[Finding]:
    """Each invariant with what contradicts it."""
    return [
        Finding(invariant.promise, invariant.says, list(invariant.violations(history, evidence)))
        for invariant in INVARIANTS
    ]


Acts = Coroutine[Any, Any, None]


def _desks(
    tenants: Sequence[Tenant], history: History, in_force: list[str], stop: asyncio.Event, *, seed: int, count: int
) -> list[Acts]:
    return [
        work_at_desk(
            Desk(
                number=number,
                place=number // len(tenants),
                tenant=tenants[number % len(tenants)],
                foreign=tenants[(number + 1) % len(tenants)],
                history=history,
                random=random.Random(seed * 1_000 + number),
                faults_in_force=in_force,
            ),
            stop,
        )
        for number in range(count)
    ]


def _lonely_desks(
    tenants: Sequence[Tenant], history: History, in_force: list[str], stop: asyncio.Event, *, seed: int
) -> list[Acts]:
    """One for each quiet organization."""
    return [
        change_rules(
            Desk(
                number=-number,
                place=0,
                tenant=tenant,
                foreign=tenant,
                history=history,
                random=random.Random(seed),
                faults_in_force=in_force,
            ),
            stop,
        )
        for number, tenant in enumerate(tenants, 1)
        if tenant.quiet
    ]


def _reminded(
    platform: Platform,
    tenants: Sequence[Tenant],
    history: History,
    in_force: list[str],
    stop: asyncio.Event,
    *,
    seed: int,
) -> list[Acts]:
    desks = [
        Desk(
            number=FIRST_REMINDED + number,
            place=FIRST_REMINDED,
            tenant=tenant,
            foreign=tenant,
            history=history,
            random=random.Random(seed * 31 + number),
            faults_in_force=in_force,
        )
        for number, tenant in enumerate(tenants)
    ]
    return [Reminded(desk=desk, platform=platform).work(stop) for desk in desks]


def _others(
    platform: Platform,
    tenants: Sequence[Tenant],
    history: History,
    web: FileServer,
    stop: asyncio.Event,
    *,
    seed: int,
    hostile: bool,
) -> list[Acts]:
    """One of each kind for every organization, and one who writes what nobody can read."""
    saboteur = Saboteur(
        platform=platform,
        organizations=[tenant.world.organization_id for tenant in tenants],
        history=history,
        random=random.Random(seed),
    )
    acts = [saboteur.work(stop)] if hostile else []
    for number, tenant in enumerate(tenants):
        chance = random.Random(seed * 7_919 + number)
        sender = CommandSender(
            bootstrap=platform.bootstrap,
            world=tenant.world,
            # Those without an address: what is booked by commands tells nobody.
            clients=tenant.clients[WRITTEN_TO:],
            history=history,
            random=chance,
        )
        if hostile:
            acts.append(sender.work(stop))
        acts += [
            Importer(tenant=tenant, history=history, random=random.Random(seed * 104_729 + number)).work(stop),
            CalendarOwner(tenant=tenant, web=web, history=history, random=random.Random(seed + number)).work(stop),
        ]
    return acts


def any_seed() -> int:
    """A seed nobody chose."""
    return uuid4().int % 1_000_000
