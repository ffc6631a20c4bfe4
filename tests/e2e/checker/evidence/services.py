"""What the other services hold of the run's organizations, and whether their processes are useful."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from harness.mailbox import Mailbox
from harness.platform import Platform
from harness.records import content_of, read_topic

from checker.evidence.database import query
from checker.evidence.model import BusyTime, Calendar, HeldTime, ImportedRow, ImportState, Ledger, Projection
from checker.evidence.reminders import is_reminder
from checker.evidence.topics import EXTERNAL_BUSY, last_by_key

PROJECTED_IN = ("availability", "notifications", "calendar_sync")
SETTLED = ("sent", "delivered", "failed", "suppressed", "unknown")
AT_WORK = ("reading", "checking", "booking", "undoing")

Organizations = Sequence[UUID]


async def read_projections(platform: Platform, organizations: Organizations) -> dict[str, Projection]:
    return {service: await _read_projection(platform, service, organizations) for service in PROJECTED_IN}


async def _read_projection(platform: Platform, service: str, organizations: Organizations) -> Projection:
    rows = await query(
        platform,
        service,
        "SELECT id::text, version, status FROM appointments WHERE organization_id = ANY($1)",
        organizations,
    )
    return {row["id"]: (row["version"], row["status"]) for row in rows}


async def read_held(platform: Platform, organizations: Organizations) -> dict[str, frozenset[HeldTime]]:
    """By who keeps it. What ends while one looks at both is left out."""
    at = datetime.now(UTC) + timedelta(seconds=30)
    taken = "SELECT holder_id::text, resource_id::text, blocked_from, blocked_to FROM occupancy"
    told = "SELECT h.id::text, r.id::text, h.blocked_from, h.blocked_to FROM holds h, unnest(h.resource_ids) AS r(id)"
    kept = {
        service: await query(
            platform, service, f"{rows} WHERE organization_id = ANY($1) AND expires_at > $2", organizations, at
        )
        for service, rows in (("booking", taken), ("availability", told))
    }
    return {service: frozenset(HeldTime(*row) for row in rows) for service, rows in kept.items()}


async def read_unsettled_messages(platform: Platform, organizations: Organizations) -> list[str]:
    """Reminders whose time has not come have all the time in the world."""
    rows = await query(
        platform,
        "notifications",
        """
        SELECT kind, status, code, count(*), min(next_attempt_at) AS next FROM messages
        WHERE organization_id = ANY($1) AND status <> ALL($2::text[])
          AND (kind <> 'reminder' OR status = 'claimed' OR next_attempt_at <= $3)
        GROUP BY kind, status, code
        """,
        organizations,
        SETTLED,
        datetime.now(UTC),
    )
    return [
        f"{row['count']} messages ({row['kind']}) are {row['status']} ({row['code']}), the next at {row['next']}"
        for row in rows
    ]


async def read_ledger(platform: Platform, mailbox: Mailbox, organizations: Organizations) -> Ledger:
    """Mails count that went to addresses of the organizations' own, which are those of clients who stay.

    Reminders are left out: they are told of apart.
    """
    domains = {f"{organization}.example.com" for organization in organizations}
    mails = [
        mail
        for mail in mailbox.mails
        if str(mail["To"]).rpartition("@")[2].rstrip(">") in domains and not is_reminder(mail)
    ]
    return Ledger(
        by_status=await count_messages(platform, organizations),
        mails_by_status=await count_messages(platform, organizations, domains=sorted(domains)),
        with_two_rows=await _count_doubled_messages(platform, organizations),
        mails=len(mails),
        mails_repeated=len(mails) - len({str(mail["Message-ID"]) for mail in mails}),
    )


async def count_messages(
    platform: Platform, organizations: Organizations, *, domains: Sequence[str] | None = None
) -> dict[str, int]:
    rows = await query(
        platform,
        "notifications",
        """
        SELECT status, count(*) FROM messages WHERE organization_id = ANY($1) AND kind <> 'reminder'
          AND ($2::text[] IS NULL OR split_part(address, '@', 2) = ANY($2)) GROUP BY status
        """,
        organizations,
        domains,
    )
    return {row["status"]: row["count"] for row in rows}


async def _count_doubled_messages(platform: Platform, organizations: Organizations) -> int:
    rows = await query(
        platform,
        "notifications",
        """
        SELECT count(*) FROM (
            SELECT 1 FROM messages WHERE organization_id = ANY($1) AND kind <> 'reminder'
            GROUP BY organization_id, appointment_id, appointment_version, kind, audience, channel, resource_id
            HAVING count(*) > 1) AS doubled
        """,
        organizations,
    )
    return int(rows[0][0])


async def read_imports(
    platform: Platform, organizations: Organizations
) -> tuple[dict[str, ImportState], list[ImportedRow]]:
    states = await query(
        platform,
        "imports",
        "SELECT id::text, state, failure FROM imports WHERE organization_id = ANY($1)",
        organizations,
    )
    rows = await query(
        platform,
        "imports",
        """
        SELECT import_id::text, number, outcome, appointment_id::text FROM import_rows WHERE organization_id = ANY($1)
        """,
        organizations,
    )
    return {row["id"]: ImportState(row["state"], row["failure"]) for row in states}, [ImportedRow(*row) for row in rows]


async def read_imports_at_work(platform: Platform, organizations: Organizations) -> list[str]:
    states, _ = await read_imports(platform, organizations)
    return [f"import {identity} is {state.name}" for identity, state in states.items() if state.name in AT_WORK]


async def read_calendars(platform: Platform) -> list[Calendar]:
    rows = await query(
        platform,
        "calendar_sync",
        "SELECT id::text, organization_id::text AS organization, resource_id::text AS resource, state FROM connections",
    )
    return [Calendar(**row) for row in rows]


async def read_busy(platform: Platform, organizations: Organizations) -> dict[str, frozenset[BusyTime]]:
    """External busy time by who keeps it."""
    kept = await query(
        platform,
        "calendar_sync",
        """
        SELECT b.organization_id::text, b.connection_id::text, b.id::text, c.resource_id::text, b.starts_at, b.ends_at
        FROM busy_instances b JOIN connections c ON c.organization_id = b.organization_id AND c.id = b.connection_id
        WHERE b.organization_id = ANY($1)
        """,
        organizations,
    )
    projected = {
        service: await query(
            platform,
            service,
            """
            SELECT organization_id::text, split_part(key, ':', 2), split_part(key, ':', 3), resource_id::text,
                   starts_at, ends_at
            FROM external_busy WHERE organization_id = ANY($1) OR split_part(key, ':', 1) = ANY($1::text[])
            """,
            organizations,
        )
        for service in ("booking", "availability")
    }
    rows = {"calendar-sync": kept, **projected}
    return {keeper: frozenset(BusyTime(*row) for row in theirs) for keeper, theirs in rows.items()} | {
        "the topic": await _busy_on_topic(platform, {str(organization) for organization in organizations})
    }


async def _busy_on_topic(platform: Platform, organizations: set[str]) -> frozenset[BusyTime]:
    said = last_by_key(await read_topic(platform.bootstrap, EXTERNAL_BUSY))
    contents = [(key.decode(errors="replace").split(":"), content_of(record)) for key, record in said.items()]
    return frozenset(
        BusyTime(
            content["organization"],
            key[1],
            key[2],
            content["data"]["resource_id"],
            datetime.fromisoformat(content["data"]["starts_at"]),
            datetime.fromisoformat(content["data"]["ends_at"]),
        )
        for key, content in contents
        if content.get("organization") in organizations
    )


async def read_not_ready(platform: Platform) -> dict[str, str]:
    """What `/readyz` says of each process that is not ready."""
    answers = {name: await asyncio.to_thread(_readiness, process.url) for name, process in platform.processes.items()}
    return {name: answer for name, answer in answers.items() if answer}


def _readiness(url: str) -> str:
    try:
        with urllib.request.urlopen(url + "/readyz", timeout=10):  # noqa: S310 - our own address
            return ""
    except urllib.error.HTTPError as error:
        checks = json.loads(error.read()).get("checks", {})
        return ", ".join(f"{name}: {check['detail']}" for name, check in checks.items() if not check["ok"])
    except OSError as error:
        return str(error)
