"""The ledger: planning messages once each, stopping them, reading them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, func, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from notifications.domain.calls import BUSY_CODES
from notifications.domain.channel_accounts import ACCOUNT_FAILING
from notifications.domain.channels import LANDLINE, NO_ADDRESS
from notifications.domain.mail_domains import DOMAIN_LIMITED
from notifications.domain.messages import Audience, Channel, Decision, Draft, Kind, Message, Status
from notifications.domain.planning import NEED_ACTIVE
from notifications.domain.send_limits import RATE_LIMITED
from notifications.storage.tables import appointments, messages
from slotstream_servicekit.errors import NotFoundError
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.notify import notify
from slotstream_servicekit.rows import columns_of

_FIELDS = tuple(field.name for field in fields(Message))
COLUMNS = tuple(messages.c[name] for name in _FIELDS)
IS_KNOWN = and_(messages.c.kind.in_(sorted(Kind)), messages.c.channel.in_(sorted(Channel)))
"""What this version can read. The rest is a newer one's, which runs beside it while processes are replaced."""
_KINDS, _CHANNELS = frozenset(map(str, Kind)), frozenset(map(str, Channel))
_CHUNK = 400

_MAY_RETURN = (
    "appointment_archived",
    "appointment_cancelled",
    "appointment_completed",
    "appointment_dismissed",
    "appointment_no_show",
    "appointment_pending",
    "moved",
    LANDLINE,
    NO_ADDRESS,
    "notify_off",
    "removed",
)
"""Why a reminder was suppressed that comes back when the appointment does."""
_FOLLOW_UP_MAY_RETURN = ("appointment_archived", "superseded")
_MAY_NOT_RETURN_LATE = ("appointment_pending", LANDLINE, NO_ADDRESS)
_LATER_BY_RULE: Final = tuple(sorted({*BUSY_CODES, ACCOUNT_FAILING, DOMAIN_LIMITED, RATE_LIMITED}))


PLANNED_CHANNEL: Final = "messages_planned"
"""Notified when a message is planned outside a worker, which may be due before all others."""

_NEXT_DUE = text("SELECT min(next_attempt_at) FROM messages WHERE status = 'planned' AND next_attempt_at > :now")


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop what is still to be said of an appointment: all of it, only reminders of another start than one, or only
    what is for another client than one.
    """

    organization_id: UUID
    appointment_id: UUID
    reason: str
    keep_starts_at: datetime | None = None
    keep_client_id: UUID | None = None


_STOP = text(
    f"""
    UPDATE messages m SET status = 'suppressed', reason = s.reason, claim = NULL, claimed_until = NULL, waits = false,
        updated_at = :now, version = m.version + 1
    FROM unnest(
        CAST(:organizations AS uuid[]), CAST(:appointments AS uuid[]), CAST(:reasons AS text[]),
        CAST(:keeps AS timestamptz[]), CAST(:clients AS uuid[])
    ) AS s(organization_id, appointment_id, reason, keep, client)
    WHERE m.organization_id = s.organization_id AND m.appointment_id = s.appointment_id
    AND m.status IN ('planned', 'claimed') AND m.attempted_at IS NULL
    AND CASE WHEN s.client IS NOT NULL THEN m.kind = ANY(:kinds) AND m.audience = 'client' AND m.client_id <> s.client
             WHEN s.keep IS NULL THEN m.kind = ANY(:kinds)
             ELSE m.kind IN ('reminder', 'staff_reminder') AND m.starts_at <> s.keep END
    RETURNING {", ".join(f"m.{name}" for name in _FIELDS)}
    """
)


class MessageStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def plan(self, drafts: Sequence[Draft], *, now: datetime) -> list[Message]:
        """Plans each draft once, by its key; returns only what is new, or planned again.

        A reminder that was stopped with its appointment is planned again when it is asked for again, and one that was
        not sent to the client whom the appointment was for by mistake, for the right one. So is a follow-up after
        another no-show of its appointment, as long as nothing was handed over.
        """
        # One event may come twice in one batch.
        once = {(draft.organization_id, draft.key): draft for draft in reversed(drafts)}
        rows = [planned_row(draft, now) for _, draft in sorted(once.items(), key=lambda item: item[0])]
        planned: list[Message] = []
        for start in range(0, len(rows), _CHUNK):
            statement = insert(messages).values(rows[start : start + _CHUNK])
            excluded = statement.excluded
            again = {"status", "reason", "due_at", "next_attempt_at", "appointment_version", "client_id", "updated_at"}
            answer = await self._session.execute(
                statement.on_conflict_do_update(
                    index_elements=["organization_id", "key"],
                    set_={**{name: excluded[name] for name in again}, "version": messages.c.version + 1},
                    where=or_(_reminder_returns(excluded, now), _follow_up_moves(excluded)),
                ).returning(*COLUMNS)
            )
            planned += [message_of(row) for row in answer]
        return planned

    async def stop_kind(
        self, kind: Kind, appointments: Collection[tuple[UUID, UUID]], reason: str, *, now: datetime
    ) -> list[Message]:
        """Suppresses those about these appointments (organization, id) that have not been handed over."""
        if not appointments:
            return []
        rows = await self._session.execute(
            update(messages)
            .where(
                tuple_(messages.c.organization_id, messages.c.appointment_id).in_(sorted(appointments)),
                messages.c.kind == kind,
                messages.c.status.in_([Status.PLANNED, Status.CLAIMED]),
                messages.c.attempted_at.is_(None),
            )
            .values(**SUPPRESSED, reason=reason, updated_at=now)
            .returning(*COLUMNS)
        )
        return [message_of(row) for row in rows]

    async def stop(self, stops: Sequence[Stop], *, now: datetime) -> list[Message]:
        """Suppresses what has not been handed over yet. A message being handed over right now is left alone."""
        if not stops:
            return []
        rows = await self._session.execute(
            _STOP,
            {
                "organizations": [stop.organization_id for stop in stops],
                "appointments": [stop.appointment_id for stop in stops],
                "reasons": [stop.reason for stop in stops],
                "keeps": [stop.keep_starts_at for stop in stops],
                "clients": [stop.keep_client_id for stop in stops],
                "kinds": sorted(NEED_ACTIVE),
                "now": now,
            },
        )
        return messages_of(rows)

    async def stop_reminder(self, organization_id: UUID, reminder_id: UUID, *, now: datetime) -> list[Message]:
        rows = await self._session.execute(
            update(messages)
            .where(
                messages.c.organization_id == organization_id,
                messages.c.reminder_id == reminder_id,
                messages.c.status.in_([Status.PLANNED, Status.CLAIMED]),
                messages.c.attempted_at.is_(None),
            )
            .values(**SUPPRESSED, reason="removed", updated_at=now)
            .returning(*COLUMNS)
        )
        return messages_of(rows)

    async def forget_clients(self, clients: Collection[tuple[UUID, UUID]], *, now: datetime) -> list[Message]:
        """Takes erased clients' addresses and texts out of the ledger, and stops what was still to be sent to them."""
        stopped: list[Message] = []
        for organization_id, client_id in sorted(clients):
            their_appointments = select(appointments.c.id).where(
                appointments.c.organization_id == organization_id, appointments.c.client_id == client_id
            )
            theirs = and_(
                messages.c.organization_id == organization_id,
                or_(
                    messages.c.client_id == client_id,
                    # Asked for before the appointment was known, and so whose it is.
                    and_(messages.c.client_id.is_(None), messages.c.appointment_id.in_(their_appointments)),
                ),
            )
            to_client = and_(theirs, messages.c.audience == Audience.CLIENT)
            # What staff were written may name the client as well.
            await self._session.execute(update(messages).where(theirs).values(text=None, sent_text=None))
            await self._session.execute(update(messages).where(to_client).values(**FORGOTTEN))
            rows = await self._session.execute(
                update(messages)
                .where(
                    to_client,
                    messages.c.status.in_([Status.PLANNED, Status.CLAIMED]),
                    messages.c.attempted_at.is_(None),
                )
                .values(**SUPPRESSED, reason="client_erased", updated_at=now)
                .returning(*COLUMNS)
            )
            stopped += messages_of(rows)
        return stopped

    async def wake(self, organizations: Collection[UUID], *, now: datetime) -> bool:
        """Lets messages that wait for a state look again at once; whether there are any."""
        woken = await self._session.execute(
            update(messages)
            .where(
                messages.c.organization_id.in_(sorted(set(organizations))),
                messages.c.status == Status.PLANNED,
                messages.c.waits,
                messages.c.next_attempt_at > now,
            )
            .values(next_attempt_at=func.greatest(messages.c.due_at, now))
            .returning(text("1"))
        )
        return woken.first() is not None

    async def next_due(self, *, now: datetime) -> datetime | None:
        """When the next message falls due, of those that are not due yet."""
        due_at: datetime | None = (await self._session.execute(_NEXT_DUE, {"now": now})).scalar_one()
        return due_at

    async def announce_planned(self) -> None:
        """Wakes the senders of all workers when the transaction is committed."""
        await notify(self._session, PLANNED_CHANNEL)

    async def wake_rate_limited(self, organization_id: UUID, channel: Channel, *, now: datetime) -> bool:
        """Has what waits for its turn claimed anew; whether there is any."""
        woken = await self._session.execute(
            update(messages)
            .where(
                messages.c.organization_id == organization_id,
                messages.c.channel == channel,
                messages.c.status == Status.PLANNED,
                messages.c.code == RATE_LIMITED,
                messages.c.next_attempt_at > now,
            )
            .values(next_attempt_at=now)
            .returning(text("1"))
        )
        return woken.first() is not None

    async def oldest_unsent(self, *, now: datetime) -> datetime | None:
        """When the message was due that waits longest for being sent; None where nothing that is due waits."""
        query = select(func.min(messages.c.due_at)).where(
            messages.c.status.in_([Status.PLANNED, Status.CLAIMED]),
            messages.c.due_at <= now,
            # Whoever is called later by rule does not wait for us.
            or_(messages.c.next_attempt_at <= now, messages.c.code.is_(None), messages.c.code.not_in(_LATER_BY_RULE)),
        )
        due_at: datetime | None = (await self._session.execute(query)).scalar()
        return due_at

    async def get(self, organization_id: UUID, message_id: UUID, *, lock: bool = False) -> Message:
        message = await self.find(organization_id, message_id, lock=lock)
        if message is None:
            raise NotFoundError(f"There is no message {message_id}")
        return message

    async def find(self, organization_id: UUID, message_id: UUID, *, lock: bool = False) -> Message | None:
        query = select(*COLUMNS).where(
            messages.c.organization_id == organization_id, messages.c.id == message_id, IS_KNOWN
        )
        row = (await self._session.execute(query.with_for_update() if lock else query)).first()
        return message_of(row) if row is not None else None

    async def stop_key(self, organization_id: UUID, key: str, reason: str, *, now: datetime) -> list[Message]:
        """Suppresses the message with this key, unless it is being handed over."""
        rows = await self._session.execute(
            update(messages)
            .where(
                messages.c.organization_id == organization_id,
                messages.c.key == key,
                messages.c.status.in_([Status.PLANNED, Status.CLAIMED]),
                messages.c.attempted_at.is_(None),
            )
            .values(**SUPPRESSED, reason=reason, updated_at=now)
            .returning(*COLUMNS)
        )
        return messages_of(rows)

    async def reminders_of(self, organization_id: UUID, appointment_id: UUID) -> list[Message]:
        """The reminder messages of one appointment, in the order in which they are due."""
        query = (
            select(*COLUMNS)
            .where(
                messages.c.organization_id == organization_id,
                messages.c.appointment_id == appointment_id,
                messages.c.kind == Kind.REMINDER,
            )
            .order_by(messages.c.due_at, messages.c.id)
        )
        return messages_of(await self._session.execute(query))


def _reminder_returns(excluded: ReadOnlyColumnCollection[str, Any], now: datetime) -> ColumnElement[bool]:
    return and_(
        messages.c.kind == Kind.REMINDER,
        messages.c.status == Status.SUPPRESSED,
        or_(
            messages.c.reason.in_(_MAY_RETURN),
            # Whatever stood against the former client; it is not sent late.
            and_(messages.c.client_id != excluded.client_id, excluded.due_at >= now),
        ),
        # Approved, or given an address, after the reminder was due: it is not sent late.
        or_(messages.c.reason.not_in(_MAY_NOT_RETURN_LATE), excluded.due_at >= now),
        excluded.status == Status.PLANNED,
    )


def _follow_up_moves(excluded: ReadOnlyColumnCollection[str, Any]) -> ColumnElement[bool]:
    """With another no-show of the appointment; the same one told again moves nothing."""
    return and_(
        messages.c.kind == Kind.FOLLOW_UP,
        messages.c.attempted_at.is_(None),
        messages.c.appointment_version < excluded.appointment_version,
        or_(
            messages.c.status == Status.PLANNED,
            and_(messages.c.status == Status.SUPPRESSED, messages.c.reason.in_(_FOLLOW_UP_MAY_RETURN)),
        ),
    )


SUPPRESSED: dict[str, Any] = {
    "status": Status.SUPPRESSED,
    "claim": None,
    "claimed_until": None,
    "waits": False,
    "version": messages.c.version + 1,
}


FORGOTTEN: dict[str, Any] = {
    "recipient_name": None,
    "address": None,
    "text": None,
    "sent_text": None,
    "provider_id": None,
    "mail_line": None,
}
"""What tells of the person whom a message is to. The domain of an address may be somebody's own."""


def planned_row(draft: Draft, now: datetime) -> dict[str, Any]:
    """The row of a message that is new."""
    return {
        **columns_of(draft),
        "id": draft.id or new_id(),
        "status": Status.PLANNED if draft.reason is None else Status.SUPPRESSED,
        "next_attempt_at": draft.due_at,
        "created_at": now,
        "updated_at": now,
        "version": 1,
    }


def messages_of(rows: Iterable[Row[Any]]) -> list[Message]:
    """Those that this version can read; what was done to a newer one's is not told by us."""
    return [message_of(row) for row in rows if row.kind in _KINDS and row.channel in _CHANNELS]


def message_of(row: Row[Any]) -> Message:
    values = {name: getattr(row, name) for name in _FIELDS}
    values["audience"] = Audience(values["audience"])
    values["channel"] = Channel(values["channel"])
    values["kind"] = Kind(values["kind"])
    values["status"] = Status(values["status"])
    values["decision"] = Decision(values["decision"]) if values["decision"] is not None else None
    return Message(**values)
