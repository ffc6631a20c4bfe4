"""The history checker: a minute of random work under faults, and proof that it would notice."""

import asyncio
from contextlib import AsyncExitStack, ExitStack

import pytest
from checker.faults import Fault, faults_of
from checker.run import any_seed, check
from checker.tenants import set_up_tenants
from harness.mailbox import Mailbox
from harness.platform import Platform
from planted import CODE_BUGS, TABLE_BUGS, spoiled_table

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1_200)]


async def test_every_promise_is_kept_by_a_minute_of_random_work_under_faults(
    platform: Platform, mailbox: Mailbox
) -> None:
    tenants = await set_up_tenants(platform, count=3, late=True)
    report = await check(
        platform, mailbox, tenants, seed=any_seed(), seconds=60, desks=32, faults=faults_of(platform), least_faults=3
    )
    assert not report.broken, str(report)


@pytest.mark.long
async def test_every_bug_planted_under_the_services_is_found(platform: Platform, mailbox: Mailbox) -> None:
    tenants = await set_up_tenants(platform, count=2)
    mine, foreign, _ = tenants
    hidden = {bug.breaks for bug in TABLE_BUGS}
    async with AsyncExitStack() as planted:
        for number, bug in enumerate(TABLE_BUGS):
            await planted.enter_async_context(
                spoiled_table(
                    platform, bug, number, organization_id=mine.world.organization_id, foreign=foreign.visiting
                )
            )
        for seed in range(10):
            report = await check(
                platform, mailbox, tenants, seed=seed, seconds=6, desks=16, settle_seconds=5, replay=False
            )
            hidden -= {finding.says for finding in report.broken}
            if not hidden:
                return
    raise AssertionError(f"not found: {hidden}\n{report}")


@pytest.mark.long
async def test_every_bug_planted_in_the_services_code_is_found(platform: Platform, mailbox: Mailbox) -> None:
    tenants = await set_up_tenants(platform, count=2)
    hidden = {bug.breaks for bug in CODE_BUGS}
    patches = {
        process: "\n".join(bug.patch for bug in CODE_BUGS if bug.process == process)
        for process in dict.fromkeys(bug.process for bug in CODE_BUGS)
    }
    with ExitStack() as patched:
        for process, patch in patches.items():
            await asyncio.to_thread(patched.enter_context, platform.patched(process, patch))
        for seed in range(10):
            report = await check(
                platform, mailbox, tenants, seed=seed, seconds=6, desks=16, settle_seconds=5, replay=False
            )
            hidden -= {finding.says for finding in report.broken}
            if not hidden:
                return
    raise AssertionError(f"not found: {hidden}\n{report}")


@pytest.mark.long
async def test_a_service_that_does_not_come_back_is_found(platform: Platform, mailbox: Mailbox) -> None:
    tenants = await set_up_tenants(platform, count=1)
    away = platform.processes["availability"]
    fault = Fault("availability gone", away.kill, lambda: None)
    try:
        report = await check(
            platform, mailbox, tenants, seed=1, seconds=4, desks=8, faults=[fault], settle_seconds=5, replay=False
        )
    finally:
        await asyncio.to_thread(platform.restart, away.name)
    assert "nothing stops for good" in {finding.says for finding in report.broken}, str(report)
