"""Reminders: what notifications' ledger says of them, and what arrived where they went."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from email.message import EmailMessage
from typing import Final
from uuid import UUID

from harness.platform import Platform

from checker.evidence.database import query
from checker.evidence.model import Arrival, PlannedReminder

_BY_MAIL: Final = re.compile(r"<reminder\.(?P<reminder>[0-9a-f-]{36})\.(?P<appointment>[0-9a-f-]{36})\.")
"""The Message-ID of a reminder, as mails of an appointment are told apart."""


async def read_reminders(
    platform: Platform, organizations: Sequence[UUID], *, now: datetime
) -> dict[str, PlannedReminder]:
    """What was asked for is left out where nothing of it stands in the ledger: the invariants miss it."""
    rows = await query(
        platform,
        "notifications",
        """
        SELECT m.id::text, m.appointment_id::text AS appointment, m.reminder_id::text AS reminder, m.channel, m.status,
               m.reason, m.code, r.minutes_before AS minutes,
               CASE WHEN m.status = 'planned' THEN m.next_attempt_at ELSE m.due_at END <= $2 AS is_due
        FROM messages m JOIN reminders r ON r.organization_id = m.organization_id AND r.id = m.reminder_id
        WHERE m.organization_id = ANY($1) AND m.kind = 'reminder'
        """,
        organizations,
        now,
    )
    return {row["id"]: PlannedReminder(**row) for row in rows}


async def count_in_hand(
    platform: Platform, organizations: Sequence[UUID], *, now: datetime, appointments: Sequence[str] = ()
) -> int:
    """Reminders that are due by now, or that somebody has claimed, of these appointments or of all."""
    rows = await query(
        platform,
        "notifications",
        """
        SELECT count(*) FROM messages
        WHERE organization_id = ANY($1) AND kind = 'reminder' AND ($3::text[] = '{}' OR appointment_id::text = ANY($3))
          AND (status = 'claimed' OR (status = 'planned' AND next_attempt_at <= $2 AND $3::text[] = '{}'))
        """,
        organizations,
        now,
        list(appointments),
    )
    return int(rows[0][0])


async def read_claims(platform: Platform, organizations: Sequence[UUID]) -> frozenset[str]:
    """Of reminders: each look at what is due makes one claim of what it takes."""
    rows = await query(
        platform,
        "notifications",
        """
        SELECT DISTINCT claim::text FROM messages
        WHERE organization_id = ANY($1) AND kind = 'reminder' AND status = 'claimed'
        """,
        organizations,
    )
    return frozenset(row["claim"] for row in rows)


def mailed(
    mails: Iterable[tuple[EmailMessage, datetime, bool]], reminders: Mapping[str, PlannedReminder]
) -> Iterator[Arrival]:
    """Those of (mail, when it came, whether that was answered) that are reminders of the ledger."""
    by_news = {(each.reminder, each.appointment): each.id for each in reminders.values() if each.channel == "email"}
    for mail, at, answered in mails:
        found = _BY_MAIL.match(str(mail["Message-ID"]))
        message = by_news.get((found["reminder"], found["appointment"])) if found is not None else None
        if message is not None:
            yield Arrival(message=message, at=at, answered=answered)


def is_reminder(mail: EmailMessage) -> bool:
    return _BY_MAIL.match(str(mail["Message-ID"])) is not None
