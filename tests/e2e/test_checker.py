"""The history checker: a minute of random work under faults, and proof that it would notice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import pytest
from checker.faults import Fault, faults_of
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """One that a service like this really has had, put into the database beneath it as a trigger."""

    breaks: str
    service: str
    table: str
    on: str = "INSERT"
    body: str


BUGS = (
    Bug(
        breaks="no two appointments overlap, but for recorded overrides",
        service="booking",
        table="occupancy",
        body="NEW.session_id := md5('one for all')::uuid; NEW.seat := (random() * 1e9)::int; RETURN NEW;",
    ),
    Bug(
        breaks="what is active takes its time",
        service="booking",
        table="occupancy",
        body="RETURN CASE WHEN random() < 0.05 THEN NULL ELSE NEW END;",
    ),
    Bug(
        breaks="what takes time is active",
        service="booking",
        table="occupancy",
        on="DELETE",
        body="RETURN CASE WHEN random() < 0.2 THEN NULL ELSE OLD END;",
    ),
    Bug(
        breaks="every committed change reached Kafka, and nothing else did",
        service="booking",
        table="outbox",
        body="RETURN CASE WHEN NEW.topic = 'slotstream.appointments.v1' AND random() < 0.1 THEN NULL ELSE NEW END;",
    ),
    Bug(
        breaks="every command is answered, a broken one refused",
        service="booking",
        table="outbox",
        body="RETURN CASE WHEN NEW.topic = 'slotstream.booking.results.v1' AND random() < 0.1 THEN NULL ELSE NEW END;",
    ),
    Bug(
        breaks="one key, one effect, one answer",
        service="booking",
        table="idempotency_keys",
        body="NEW.key := gen_random_uuid()::text; RETURN NEW;",
    ),
    Bug(
        breaks="nothing that was typed about an erased client is left",
        service="booking",
        table="overrides",
        on="UPDATE",
        body="RETURN NULL;",
    ),
    Bug(
        breaks="an erase takes the whole person",
        service="booking",
        table="clients",
        on="UPDATE",
        body="RETURN CASE WHEN NEW.erased AND NEW.merged_into IS NOT NULL THEN NULL ELSE NEW END;",
    ),
    Bug(
        breaks="busy time belongs to its tenant",
        service="availability",
        table="external_busy",
        body="NEW.resource_id := '{foreign}'; RETURN NEW;",
    ),
    Bug(
        breaks="projections end where booking is",
        service="availability",
        table="appointments",
        on="UPDATE",
        body="RETURN CASE WHEN random() < 0.1 THEN NULL ELSE NEW END;",
    ),
    Bug(
        breaks="one message per change",
        service="notifications",
        table="messages",
        body="""
            IF pg_trigger_depth() = 1 THEN
                INSERT INTO messages SELECT (jsonb_populate_record(NEW, jsonb_build_object(
                    'id', gen_random_uuid(), 'key', NEW.key || ' again'))).*;
            END IF;
            RETURN NEW;
        """,
    ),
)


async def test_every_bug_planted_under_the_services_is_found(platform: Platform, mailbox: Mailbox) -> None:
    tenants = await set_up_tenants(platform, count=2)
    mine, foreign = tenants
    hidden = {bug.breaks for bug in BUGS}
    async with AsyncExitStack() as planted:
        for number, bug in enumerate(BUGS):
            await planted.enter_async_context(
                a_bug(platform, bug, number, organization_id=mine.world.organization_id, foreign=foreign.visiting)
            )
        for seed in range(10):
            report = await check(
                platform, mailbox, tenants, seed=seed, seconds=6, desks=16, settle_seconds=5, replay=False
            )
            hidden -= {finding.says for finding in report.broken}
            if not hidden:
                return
    raise AssertionError(f"not found: {hidden}\n{report}")


@asynccontextmanager
async def a_bug(
    platform: Platform, bug: Bug, number: int, *, organization_id: UUID, foreign: str
) -> AsyncIterator[None]:
    """A trigger that spoils what one organization writes into one table."""
    name, row = f"planted_{number}", "OLD" if bug.on == "DELETE" else "NEW"
    body = bug.body.replace("{foreign}", foreign)
    connection = await asyncpg.connect(platform.database_url(bug.service))
    try:
        await connection.execute(
            f"""
            CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$;
            CREATE TRIGGER {name} BEFORE {bug.on} ON {bug.table} FOR EACH ROW
            WHEN ({row}.organization_id = '{organization_id}') EXECUTE FUNCTION {name}();
            """
        )
        yield
        await connection.execute(f"DROP TRIGGER {name} ON {bug.table}; DROP FUNCTION {name}();")
    finally:
        await connection.close()


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
