"""The history checker: a minute of random work under faults, and proof that it would notice."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import pytest
from checker.faults import faults_of
from checker.run import any_seed, check
from checker.tenants import set_up_tenants
from harness.mailbox import Mailbox
from harness.platform import Platform

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1_200)]


async def test_every_promise_is_kept_by_a_minute_of_random_work_under_faults(
    platform: Platform, mailbox: Mailbox
) -> None:
    tenants = await set_up_tenants(platform, count=3, late=True)
    report = await check(
        platform, mailbox, tenants, seed=any_seed(), seconds=60, desks=32, faults=faults_of(platform), least_faults=3
    )
    assert not report.broken, str(report)


# Each planted bug is one that a service like this really has had, put into the database beneath it.
PLANTED = {
    "the constraint forgets sessions": (
        "occupancy",
        "NEW.session_id := md5('one for all')::uuid; NEW.seat := (random() * 1e9)::int; RETURN NEW;",
        "no two appointments overlap, but for recorded overrides",
    ),
    "one event in ten is never handed over": (
        "outbox",
        "RETURN CASE WHEN NEW.topic = 'slotstream.appointments.v1' AND random() < 0.1 THEN NULL ELSE NEW END;",
        "every committed change reached Kafka, and nothing else did",
    ),
    "answers are remembered under another key": (
        "idempotency_keys",
        "NEW.key := gen_random_uuid()::text; RETURN NEW;",
        "one key, one effect, one answer",
    ),
}


@pytest.mark.parametrize("bug", PLANTED)
async def test_a_planted_bug_is_found(platform: Platform, mailbox: Mailbox, bug: str) -> None:
    table, body, broken = PLANTED[bug]
    tenants = await set_up_tenants(platform, count=1)
    async with planted(platform, tenants[0].world.organization_id, table=table, body=body):
        for seed in range(10):
            report = await check(
                platform, mailbox, tenants, seed=seed, seconds=4, desks=16, settle_seconds=5, replay=False
            )
            if broken in {each.says for each in report.broken}:
                return
    raise AssertionError(f"not found: {report}")


@asynccontextmanager
async def planted(platform: Platform, organization_id: UUID, *, table: str, body: str) -> AsyncIterator[None]:
    """A trigger that spoils what one organization writes into one of booking's tables."""
    connection = await asyncpg.connect(platform.database_url("booking"))
    try:
        await connection.execute(
            f"""
            CREATE FUNCTION planted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$;
            CREATE TRIGGER planted BEFORE INSERT ON {table} FOR EACH ROW
            WHEN (NEW.organization_id = '{organization_id}') EXECUTE FUNCTION planted();
            """
        )
        yield
        await connection.execute(f"DROP TRIGGER planted ON {table}; DROP FUNCTION planted();")
    finally:
        await connection.close()
