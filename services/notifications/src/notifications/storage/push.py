"""Browsers that take push messages, by whose they are."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, delete, func, or_, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.push import PushPerson, PushSubscription
from notifications.storage.tables import clients, push_subscriptions
from slotstream_servicekit.locks import LockClass

Devices = tuple[PushSubscription, ...]

_LOCK = text("SELECT pg_advisory_xact_lock(:class, hashtext(:key))")


class PushSubscriptionStore:
    """What is of a client who was merged into another is that one's."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def lock_person(self, person: PushPerson) -> None:
        """Until the transaction ends, so that two browsers of one person are counted one after the other."""
        key = f"{person.organization_id} {person.client_id or person.user_id}"
        await self._session.execute(_LOCK, {"class": int(LockClass.PUSH_SUBSCRIPTIONS), "key": key})

    async def of_person(self, person: PushPerson) -> Devices:
        """Oldest first."""
        if person.client_id is not None:
            return (await self.of_clients([(person.organization_id, person.client_id)])).get(
                (person.organization_id, person.client_id), ()
            )
        user = (person.organization_id, person.user_id or "")
        return (await self.of_users([user])).get(user, ())

    async def of_clients(self, keys: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], Devices]:
        """By organization and client; those of clients who are not known, or erased, are nobody's."""
        if not keys:
            return {}
        wanted = sorted(set(keys))
        query = (
            select(push_subscriptions, func.coalesce(clients.c.merged_into, clients.c.id).label("whose"))
            .join(
                clients,
                and_(
                    clients.c.organization_id == push_subscriptions.c.organization_id,
                    clients.c.id == push_subscriptions.c.client_id,
                ),
            )
            .where(
                or_(
                    tuple_(clients.c.organization_id, clients.c.id).in_(wanted),
                    tuple_(clients.c.organization_id, clients.c.merged_into).in_(wanted),
                )
            )
            .order_by(push_subscriptions.c.created_at, push_subscriptions.c.id)
        )
        found: dict[tuple[UUID, UUID], Devices] = defaultdict(tuple)
        for row in await self._session.execute(query):
            found[row.organization_id, row.whose] += (_subscription_of(row),)
        return _one_each(found)

    async def of_users(self, keys: Collection[tuple[UUID, str]]) -> dict[tuple[UUID, str], Devices]:
        """By organization and user."""
        if not keys:
            return {}
        query = (
            select(push_subscriptions)
            .where(
                tuple_(push_subscriptions.c.organization_id, push_subscriptions.c.user_id).in_(sorted(set(keys))),
            )
            .order_by(push_subscriptions.c.created_at, push_subscriptions.c.id)
        )
        found: dict[tuple[UUID, str], Devices] = defaultdict(tuple)
        for row in await self._session.execute(query):
            found[row.organization_id, row.user_id] += (_subscription_of(row),)
        return found

    async def put(self, subscription: PushSubscription) -> PushSubscription:
        """Stores it, in place of what the same browser had for the same person; with the id of that, if there is."""
        person = subscription.person
        owner = "client_id" if person.client_id is not None else "user_id"
        statement = insert(push_subscriptions).values(
            organization_id=person.organization_id,
            id=subscription.id,
            client_id=person.client_id,
            user_id=person.user_id,
            endpoint=subscription.endpoint,
            p256dh=subscription.p256dh,
            auth=subscription.auth,
            device=subscription.device,
            created_at=subscription.created_at,
        )
        rows = await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["organization_id", owner, "endpoint"],
                index_where=push_subscriptions.c[owner].is_not(None),
                set_={name: statement.excluded[name] for name in ("p256dh", "auth", "device")},
            ).returning(push_subscriptions)
        )
        return _subscription_of(rows.one())

    async def remove(self, person: PushPerson, subscription_id: UUID) -> bool:
        """Whether there was one of that person."""
        return await self._delete(
            push_subscriptions.c.organization_id == person.organization_id,
            push_subscriptions.c.id == subscription_id,
            _is_of(person),
        )

    async def remove_endpoint(self, person: PushPerson, endpoint: str) -> None:
        """That of this person alone, where there is one."""
        await self._delete(
            push_subscriptions.c.organization_id == person.organization_id,
            push_subscriptions.c.endpoint == endpoint,
            _is_of(person),
        )

    async def forget(self, organization_id: UUID, ids: Collection[UUID]) -> None:
        """Those that their push services do not know any more."""
        await self._delete(
            push_subscriptions.c.organization_id == organization_id, push_subscriptions.c.id.in_(sorted(ids))
        )

    async def forget_clients(self, keys: Collection[tuple[UUID, UUID]]) -> None:
        """All of erased clients (organization, id)."""
        await self._delete(
            tuple_(push_subscriptions.c.organization_id, push_subscriptions.c.client_id).in_(sorted(keys))
        )

    async def forget_users(self, keys: Collection[tuple[UUID, str]]) -> None:
        """All of removed users (organization, id)."""
        await self._delete(tuple_(push_subscriptions.c.organization_id, push_subscriptions.c.user_id).in_(sorted(keys)))

    async def _delete(self, *conditions: ColumnElement[bool]) -> bool:
        gone = await self._session.execute(delete(push_subscriptions).where(*conditions).returning(text("1")))
        return gone.first() is not None


def _is_of(person: PushPerson) -> ColumnElement[bool]:
    if person.client_id is None:
        return push_subscriptions.c.user_id == person.user_id
    merged = select(clients.c.id).where(
        clients.c.organization_id == person.organization_id, clients.c.merged_into == person.client_id
    )
    return or_(push_subscriptions.c.client_id == person.client_id, push_subscriptions.c.client_id.in_(merged))


def _one_each(found: dict[tuple[UUID, UUID], Devices]) -> dict[tuple[UUID, UUID], Devices]:
    """A browser that both a client and a duplicate of theirs had is written to once."""
    return {key: tuple({device.endpoint: device for device in devices}.values()) for key, devices in found.items()}


def _subscription_of(row: Row[Any]) -> PushSubscription:
    return PushSubscription(
        id=row.id,
        person=PushPerson(organization_id=row.organization_id, client_id=row.client_id, user_id=row.user_id),
        endpoint=row.endpoint,
        p256dh=row.p256dh,
        auth=row.auth,
        device=row.device,
        created_at=row.created_at,
    )
