"""What the run left behind: every service's tables, the topics, the mails, and who is still at work."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
from harness.mailbox import Mailbox
from harness.platform import Platform

from booking.storage.audit import count_faults
from checker.evidence import booking, services, topics
from checker.evidence.database import seen_as
from checker.evidence.model import Arrival, Evidence, PlannedReminder
from checker.evidence.reminders import mailed, read_reminders
from checker.evidence.settling import settle
from checker.evidence.texts import read_texts
from slotstream_contracts.topics import SERVICES

TRIES = 100
__all__ = ["Evidence", "collect", "settle"]


async def collect(
    platform: Platform,
    mailbox: Mailbox,
    organizations: Sequence[UUID],
    *,
    left_to_do: Sequence[str] = (),
    replay: bool = True,
) -> Evidence:
    """Read everything; then, for `replay`, send all events again, thrice and shuffled, and read what that changed."""
    ours = frozenset(str(organization) for organization in organizations)
    erased, merged_into = await booking.read_clients(platform, organizations)
    imports, imported_rows = await services.read_imports(platform, organizations)
    calendars = await services.read_calendars(platform)
    reminders, arrivals = await _reminders(platform, mailbox, organizations)
    evidence = Evidence(
        organizations=ours,
        appointments=await booking.read_appointments(platform, organizations),
        occupancy=await booking.read_occupancy(platform, organizations),
        recorded_beside=await booking.read_overrides(platform, organizations),
        capacity=await booking.read_capacity(platform, organizations),
        owners=await booking.read_resource_owners(platform) | {item.id: item.organization for item in calendars},
        history=await booking.read_history(platform, organizations),
        events=await topics.read_events(platform, ours),
        results=await topics.read_results(platform, ours),
        projections=await services.read_projections(platform, organizations),
        ledger=await services.read_ledger(platform, mailbox, organizations),
        reminders=reminders,
        arrivals=arrivals,
        deadlocks=await booking.count_deadlocks(platform),
        audit=await _audit(platform, organizations),
        seen_by_role={
            f"{service} {organization}": await seen_as(platform, service, organization)
            for service in SERVICES
            for organization in organizations
        },
        erased=erased,
        merged_into=merged_into,
        texts=await read_texts(platform, with_topics=True),
        imports=imports,
        imported_rows=imported_rows,
        booked_by=await booking.read_booked_by(platform, organizations),
        held=await services.read_held(platform, organizations),
        unlabelled=await topics.read_unlabelled(platform, ours),
        calendars=calendars,
        busy=await services.read_busy(platform, organizations),
        set_aside=await topics.read_set_aside(platform),
        behind=await topics.count_behind(platform),
        not_ready=await services.read_not_ready(platform),
        left_to_do=left_to_do,
    )
    if replay:
        await topics.replay(platform, ours)
        await _read_to_the_end(platform)
        evidence.projections_after_replay = await services.read_projections(platform, organizations)
        evidence.ledger.after_replay = await services.count_messages(platform, organizations)
        evidence.texts_after_replay = await read_texts(platform, with_topics=False)
    else:
        evidence.ledger.after_replay = evidence.ledger.by_status
    return evidence


async def _reminders(
    platform: Platform, mailbox: Mailbox, organizations: Sequence[UUID]
) -> tuple[Mapping[str, PlannedReminder], Sequence[Arrival]]:
    """The ledger and the mails of one moment: more of them may fall due meanwhile."""
    before: Mapping[str, PlannedReminder] | None = None
    for _ in range(TRIES):
        came = list(zip(mailbox.mails, mailbox.times, strict=False))
        reminders = await read_reminders(platform, organizations, now=datetime.now(UTC))
        if reminders == before and not any(each.is_in_hand for each in reminders.values()):
            break
        before = reminders
        await asyncio.sleep(0.1)
    return reminders, list(mailed(((mail, at, True) for mail, at in came), reminders))


async def _audit(platform: Platform, organizations: Sequence[UUID]) -> dict[str, int]:
    connection = await asyncpg.connect(platform.database_url("booking"))
    try:
        return await count_faults(connection, organizations)
    finally:
        await connection.close()


async def _read_to_the_end(platform: Platform, *, within: float = 300.0) -> None:
    deadline = asyncio.get_running_loop().time() + within
    while asyncio.get_running_loop().time() < deadline:
        if not await topics.count_behind(platform):
            return
        await asyncio.sleep(0.5)
