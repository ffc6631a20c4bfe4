"""What people wrote back, and which of our texts went to a number before."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, and_, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.answers import InboundMessage, InboundStatus, Meaning, WrittenText
from notifications.domain.messages import Audience, Channel, Status
from notifications.storage.tables import catalogue, clients, inbound_messages, messages
from slotstream_servicekit.errors import NotFoundError
from slotstream_servicekit.rows import columns_of

_FIELDS = tuple(field.name for field in fields(InboundMessage))
_COLUMNS = tuple(inbound_messages.c[name] for name in _FIELDS)
_UNREAD = (inbound_messages.c.status == InboundStatus.FOR_STAFF, inbound_messages.c.read_at.is_(None))
MOST_COUNTED: Final = 1_000
_MOST_TEXTS: Final = 50
_WENT_OUT: Final = (Status.CLAIMED, Status.SENT, Status.DELIVERED, Status.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What booking made of an answer: done, or refused for `code`."""

    organization_id: UUID
    command_id: UUID
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundFilter:
    appointment_ids: Sequence[UUID] = ()
    client_ids: Sequence[UUID] = ()
    statuses: Sequence[InboundStatus] = ()
    meanings: Sequence[Meaning] = ()
    unread: bool = False
    """Only those that somebody still has to read."""


class InboundStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def texts_to(self, number: str, organization_id: UUID | None = None) -> list[WrittenText]:
        """The newest texts to clients that were handed over for this number, newest first.

        By the shared sender, of all organizations; else by the organization's own.
        """
        own = messages.c.by_own_account
        sent_by = (
            [own.is_not(True)] if organization_id is None else [own, messages.c.organization_id == organization_id]
        )
        query = (
            select(
                messages.c.organization_id,
                messages.c.id,
                messages.c.appointment_id,
                messages.c.client_id,
                messages.c.starts_at,
                messages.c.asks,
                messages.c.attempted_at,
            )
            .where(
                messages.c.address == number,
                messages.c.channel == Channel.SMS,
                messages.c.audience == Audience.CLIENT,
                messages.c.attempted_at.is_not(None),
                messages.c.status.in_(_WENT_OUT),
                *sent_by,
            )
            .order_by(messages.c.attempted_at.desc(), messages.c.id.desc())
            .limit(_MOST_TEXTS)
        )
        return [
            WrittenText(
                organization_id=row.organization_id,
                message_id=row.id,
                appointment_id=row.appointment_id,
                client_id=row.client_id,
                starts_at=row.starts_at,
                asks=row.asks,
                handed_over_at=row.attempted_at,
            )
            for row in await self._session.execute(query)
        ]

    async def lock_clients_of(self, number: str, organization_id: UUID | None = None) -> list[tuple[UUID, UUID]]:
        """The clients (organization, id) with this number, of all organizations or of one; merged ones as well.

        None is erased before the transaction ends.
        """
        of_one = [] if organization_id is None else [clients.c.organization_id == organization_id]
        query = (
            select(clients.c.organization_id, clients.c.id)
            .where(clients.c.phone == number, *of_one)
            .order_by(clients.c.organization_id, clients.c.id)
        )
        rows = await self._session.execute(query.with_for_update(key_share=True, read=True))
        return [(row.organization_id, row.id) for row in rows]

    async def lock_client(self, organization_id: UUID, client_id: UUID) -> bool:
        """False for one who has been erased; else they are not before the transaction ends."""
        query = select(clients.c.id).where(clients.c.organization_id == organization_id, clients.c.id == client_id)
        rows = await self._session.execute(query.with_for_update(key_share=True, read=True))
        return rows.first() is not None

    async def sole_organization(self) -> UUID | None:
        """The organization of an installation that has one alone."""
        query = select(catalogue.c.organization_id).distinct().where(catalogue.c.kind == "business").limit(2)
        found = (await self._session.execute(query)).scalars().all()
        return found[0] if len(found) == 1 else None

    async def add(self, inbound: InboundMessage) -> bool:
        """Whether it is new: one that is there already, by the provider's id, stays as it is."""
        statement = insert(inbound_messages).values(columns_of(inbound)).on_conflict_do_nothing()
        return (await self._session.execute(statement.returning(inbound_messages.c.id))).first() is not None

    async def mark_read(
        self, organization_id: UUID, message_ids: Collection[UUID], *, now: datetime
    ) -> list[InboundMessage]:
        """Those of `message_ids` that nobody had read before; others, and other organizations', stay as they are."""
        rows = await self._session.execute(
            update(inbound_messages)
            .where(
                inbound_messages.c.organization_id == organization_id,
                inbound_messages.c.id.in_(sorted(set(message_ids))),
                inbound_messages.c.read_at.is_(None),
            )
            .values(read_at=now, updated_at=now, version=inbound_messages.c.version + 1)
            .returning(*_COLUMNS)
        )
        return [inbound_of(row) for row in rows]

    async def count_unread(self, organization_id: UUID) -> int:
        """How many somebody still has to read, as far as MOST_COUNTED."""
        some = (
            select(inbound_messages.c.id)
            .where(inbound_messages.c.organization_id == organization_id, *_UNREAD)
            .limit(MOST_COUNTED)
        )
        count: int = (await self._session.execute(select(func.count()).select_from(some.subquery()))).scalar_one()
        return count

    async def find(self, organization_id: UUID, provider_id: str) -> InboundMessage | None:
        """What came by this id of the provider's; None also once its client is erased."""
        query = select(*_COLUMNS).where(
            inbound_messages.c.organization_id == organization_id, inbound_messages.c.provider_id == provider_id
        )
        row = (await self._session.execute(query)).first()
        return inbound_of(row) if row is not None else None

    async def get(self, organization_id: UUID, message_id: UUID) -> InboundMessage:
        query = select(*_COLUMNS).where(
            inbound_messages.c.organization_id == organization_id, inbound_messages.c.id == message_id
        )
        row = (await self._session.execute(query)).first()
        if row is None:
            raise NotFoundError(f"There is no inbound message {message_id}")
        return inbound_of(row)

    async def page(
        self, organization_id: UUID, *, wanted: InboundFilter, after: UUID | None, limit: int
    ) -> list[InboundMessage]:
        """Newest first, by id, which rises with the time of arrival."""
        query = select(*_COLUMNS).where(inbound_messages.c.organization_id == organization_id)
        for column, values in (
            (inbound_messages.c.appointment_id, wanted.appointment_ids),
            (inbound_messages.c.client_id, wanted.client_ids),
            (inbound_messages.c.status, wanted.statuses),
            (inbound_messages.c.meaning, wanted.meanings),
        ):
            if values:
                query = query.where(column.in_(list(values)))
        if wanted.unread:
            query = query.where(*_UNREAD)
        if after is not None:
            query = query.where(inbound_messages.c.id < after)
        rows = await self._session.execute(query.order_by(inbound_messages.c.id.desc()).limit(limit))
        return [inbound_of(row) for row in rows]

    async def settle(self, verdicts: Sequence[Verdict], *, now: datetime) -> list[InboundMessage]:
        """Records what booking made of answers; those that it was not said of before."""
        settled: list[InboundMessage] = []
        for verdict in verdicts:
            rows = await self._session.execute(
                update(inbound_messages)
                .where(
                    inbound_messages.c.organization_id == verdict.organization_id,
                    inbound_messages.c.id == verdict.command_id,
                    inbound_messages.c.status == InboundStatus.PENDING,
                )
                .values(
                    status=InboundStatus.DONE if verdict.code is None else InboundStatus.REFUSED,
                    reason=verdict.code,
                    updated_at=now,
                    version=inbound_messages.c.version + 1,
                )
                .returning(*_COLUMNS)
            )
            settled += [inbound_of(row) for row in rows]
        return settled

    async def forget_clients(
        self, keys: Collection[tuple[UUID, UUID]], numbers: Mapping[UUID, Collection[str]]
    ) -> None:
        """Takes words and numbers of erased clients (organization, id) out, by `numbers` those of unknown senders."""
        theirs = tuple_(inbound_messages.c.organization_id, inbound_messages.c.client_id).in_(sorted(keys))
        unknown = [
            and_(
                inbound_messages.c.organization_id == organization_id,
                inbound_messages.c.client_id.is_(None),
                inbound_messages.c.address.in_(sorted(of_organization)),
            )
            for organization_id, of_organization in numbers.items()
            if of_organization
        ]
        await self._session.execute(
            update(inbound_messages)
            .where(or_(theirs, *unknown))
            .values(
                text=None,
                address=None,
                provider_id=None,
                # Nothing is left to be read.
                read_at=func.coalesce(inbound_messages.c.read_at, func.now()),
                version=inbound_messages.c.version + 1,
            )
        )


def inbound_of(row: Row[Any]) -> InboundMessage:
    values = {name: getattr(row, name) for name in _FIELDS}
    values["channel"] = Channel(values["channel"])
    values["meaning"] = Meaning(values["meaning"])
    values["status"] = InboundStatus(values["status"])
    return InboundMessage(**values)
