"""Bugs that services like these really have had, to be planted into tables and into code.

Some cannot be seen in what a run leaves behind, and are held by tests of their own: lag that is untrue while Kafka is
down (`libs/servicekit/tests/test_gauges.py`, `test_health.py` and `test_relay.py` beside it), what the command line
does with dead letters (`test_dead_letters.py` there), and Kafka with TLS, logins and ACLs
(`test_kafka_security.py` there, `tests/agreement/test_acls.py`).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import asyncpg
from harness.platform import Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class TableBug:
    """One that a service like this really has had, put into the database beneath it as a trigger."""

    breaks: str
    service: str
    table: str
    on: str = "INSERT"
    body: str


TABLE_BUGS = (
    TableBug(
        breaks="no two appointments overlap, but for recorded overrides",
        service="booking",
        table="occupancy",
        body="NEW.session_id := md5('one for all')::uuid; NEW.seat := (random() * 1e9)::int; RETURN NEW;",
    ),
    TableBug(
        breaks="what is active takes its time",
        service="booking",
        table="appointments",
        on="UPDATE",
        body="""
            IF NEW.occupies THEN
                DELETE FROM occupancy WHERE organization_id = NEW.organization_id AND holder_id = NEW.id;
            END IF;
            RETURN NEW;
        """,
    ),
    TableBug(
        breaks="what takes time is active",
        service="booking",
        table="appointments",
        on="UPDATE",
        body="""
            IF OLD.occupies AND NOT NEW.occupies AND random() < 0.3 THEN
                INSERT INTO occupancy (organization_id, resource_id, session_id, blocked, holder_id)
                SELECT NEW.organization_id, r.resource_id, gen_random_uuid(), tstzrange(NEW.starts_at, NEW.ends_at), NEW.id
                FROM appointment_resources r
                WHERE r.organization_id = NEW.organization_id AND r.appointment_id = NEW.id ON CONFLICT DO NOTHING;
            END IF;
            RETURN NEW;
        """,
    ),
    TableBug(
        breaks="every committed change reached Kafka, and nothing else did",
        service="booking",
        table="outbox",
        body="RETURN CASE WHEN NEW.topic = 'slotstream.appointments.v1' AND random() < 0.1 THEN NULL ELSE NEW END;",
    ),
    TableBug(
        breaks="every command is answered, a broken one refused",
        service="booking",
        table="outbox",
        body="RETURN CASE WHEN NEW.topic = 'slotstream.booking.results.v1' AND random() < 0.1 THEN NULL ELSE NEW END;",
    ),
    TableBug(
        breaks="what is held is held for those who offer slots",
        service="booking",
        table="outbox",
        body="RETURN CASE WHEN NEW.topic = 'slotstream.holds.v1' AND random() < 0.3 THEN NULL ELSE NEW END;",
    ),
    TableBug(
        breaks="headers tell whose a record is and of what type",
        service="booking",
        table="outbox",
        body="NEW.headers := CASE WHEN random() < 0.1 THEN NEW.headers - 'ce_organization' ELSE NEW.headers END; RETURN NEW;",
    ),
    TableBug(
        breaks="one key, one effect, one answer",
        service="booking",
        table="idempotency_keys",
        body="NEW.key := gen_random_uuid()::text; RETURN NEW;",
    ),
    TableBug(
        breaks="nothing that was typed about an erased client is left",
        service="booking",
        table="overrides",
        on="UPDATE",
        body="RETURN NULL;",
    ),
    TableBug(
        breaks="an import is in the name of who confirmed it",
        service="imports",
        table="imports",
        on="UPDATE",
        body="IF NEW.confirmed_by IS NOT NULL THEN NEW.confirmed_by := NEW.uploaded_by; END IF; RETURN NEW;",
    ),
    TableBug(
        breaks="an erase takes the whole person",
        service="booking",
        table="clients",
        on="UPDATE",
        body="NEW.erased := NEW.erased AND NEW.merged_into IS NULL; RETURN NEW;",
    ),
    TableBug(
        breaks="busy time belongs to its tenant",
        service="availability",
        table="external_busy",
        body="NEW.resource_id := '{foreign}'; RETURN NEW;",
    ),
    TableBug(
        breaks="projections end where booking is",
        service="availability",
        table="appointments",
        on="UPDATE",
        body="RETURN CASE WHEN random() < 0.1 THEN NULL ELSE NEW END;",
    ),
    TableBug(
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


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeBug:
    """One of our own, put back into a process as it starts."""

    breaks: str
    process: str
    patch: str


CODE_BUGS = (
    CodeBug(
        breaks="what takes time is active",
        process="booking-api",
        patch="""
from random import random
from booking.usecases import lifecycle
class KeepsTime(lifecycle.OccupancyStore):
    async def free(self, holder_id, *, resource_ids=None):
        if random() < 0.5:
            await super().free(holder_id, resource_ids=resource_ids)
lifecycle.OccupancyStore = KeepsTime
""",
    ),
    CodeBug(
        breaks="nothing archived is open",
        process="booking-api",
        patch="from booking.usecases import lifecycle\nlifecycle.refuse_to_hide = lambda appointment, *, now: None",
    ),
    CodeBug(
        breaks="nobody misses what has not begun",
        process="booking-api",
        patch="""
from dataclasses import replace
from booking.domain.lifecycle import TRANSITIONS, Verb
TRANSITIONS[Verb.NO_SHOW] = replace(TRANSITIONS[Verb.NO_SHOW], only_after_start=False)
""",
    ),
    CodeBug(
        breaks="nothing that was typed about an erased client is left",
        process="booking-api",
        patch="""
from booking.storage import erasure
async def forget_nothing(self, organization_id, client_ids):
    return None
erasure.ErasureStore.forget = forget_nothing
""",
    ),
    CodeBug(
        breaks="every command is answered, a broken one refused",
        process="booking-worker",
        patch="""
from booking import consumers
async def answer_nobody(**_):
    return None
consumers.refuse_invalid_command = answer_nobody
""",
    ),
    CodeBug(
        breaks="nobody is sent away from a group with free seats",
        process="booking-api",
        patch="from booking.usecases import claiming\nclaiming._ATTEMPTS = 1",
    ),
    CodeBug(
        breaks="every import comes to its end",
        process="imports",
        patch="""
from imports import consumers
def deaf(clock):
    async def drop(session, batch):
        return None
    return drop
consumers.results_handler = deaf
""",
    ),
    CodeBug(
        breaks="no file forces what its sender may not",
        process="imports",
        patch="from imports.usecases import review\nreview.check_may_override = lambda actor: None",
    ),
    CodeBug(
        breaks="time is taken by the rules of now",
        process="booking-api",
        patch="""
from booking.storage.occupancy import OccupancyStore
from booking.storage.policies import PolicyCache, _version
async def take(self, *, policy_version, taken=OccupancyStore.take, **more):
    return await taken(self, policy_version=await _version(self.connection, self.organization_id), **more)
OccupancyStore.take = take
PolicyCache.current = PolicyCache.of
""",
    ),
    CodeBug(
        breaks="what is only old is passed over",
        process="notifications",
        patch="""
from notifications import consumers
def refuse(self, topic, times):
    if any(time < self.clock() - self.passed_over_after for time in times):
        raise ValueError("too old")
consumers.Handlers._count_passed_over = refuse
""",
    ),
    CodeBug(
        breaks="what cannot be sent is set aside",
        process="notifications",
        patch="""
from slotstream_servicekit import relay
async def insist(self, row, error):
    raise error
relay.Relay._set_aside = insist
""",
    ),
    CodeBug(
        breaks="poison neither vanishes nor passes",
        process="availability",
        patch="""
from slotstream_servicekit import dead_letters
async def drop(self, record, cause):
    return None
dead_letters.DeadLetterWriter.write = drop
""",
    ),
)

REMINDER_BUGS = (
    CodeBug(
        breaks="no reminder comes early",
        process="notifications",
        patch="""
from datetime import timedelta
from notifications.storage.delivery import DeliveryStore
async def claim(self, *, now, claimed=DeliveryStore.claim_due, **more):
    return await claimed(self, now=now + timedelta(minutes=1), **more)
DeliveryStore.claim_due = claim
""",
    ),
    CodeBug(
        breaks="nobody is reminded of what does not take place",
        process="notifications",
        patch="""
from notifications.domain import planning
from notifications.domain.appointments import Appointment
from notifications.storage import delivery
Appointment.is_active = property(lambda self: True)
planning.AGREED_STATUSES = frozenset({"scheduled", "confirmed", "cancelled"})
delivery.AGREED_STATUSES = planning.AGREED_STATUSES
""",
    ),
    CodeBug(
        breaks="what nobody has answered is unknown",
        process="notifications",
        patch="""
from notifications.adapters.twilio import http
from notifications.domain.channels import RefusedForNowError
http.OutcomeUnknownError = RefusedForNowError
""",
    ),
    CodeBug(
        breaks="no reminder comes twice",
        process="notifications",
        patch="""
from sqlalchemy import text
from notifications.storage.delivery import DeliveryStore
async def recover(self, organization_id, message_id, *, now, recovered=DeliveryStore.recover):
    forget = text("UPDATE messages SET attempted_at = NULL WHERE id = :id AND claimed_until <= :now")
    await self._session.execute(forget, {"id": message_id, "now": now})
    return await recovered(self, organization_id, message_id, now=now)
DeliveryStore.recover = recover
""",
    ),
    CodeBug(
        breaks="what was due came, or it is said why not",
        process="notifications",
        patch="""
from notifications.usecases import judging
def lose(message, *given, judged=judging.judge_message, **more):
    if message.channel == "push":
        return judging.Settlement(status=judging.Status.SENT, provider_id="nobody")
    return judged(message, *given, **more)
judging.judge_message = lose
""",
    ),
)
"""What the days that pass by a driven clock find, with what is killed and kept silent meanwhile."""


@asynccontextmanager
async def spoiled_table(
    platform: Platform, bug: TableBug, number: int, *, organization_id: UUID, foreign: str
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
