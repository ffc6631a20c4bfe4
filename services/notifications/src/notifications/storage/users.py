"""Users as the dashboard published them last, and what they have chosen for themselves."""

from collections.abc import Collection, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.leads import Lead
from notifications.domain.messages import Channel
from notifications.domain.staff_choices import StaffEvent
from notifications.domain.users import StaffPreferences, User
from notifications.storage.tables import removed_users, staff_preferences, users
from slotstream_servicekit.projections import VersionedTable
from slotstream_servicekit.rows import columns_of

_FIELDS = tuple(field.name for field in fields(User))
# What a newer version has chosen by is left out.
_EVENTS, _CHANNELS = frozenset(map(str, StaffEvent)), frozenset(map(str, Channel))
USERS_TABLE = VersionedTable(users)

UserKey = tuple[UUID, str]
"""Organization and user."""


class UserStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get_all(self, keys: Collection[UserKey]) -> dict[UserKey, User]:
        """Those of `keys` that are known."""
        if not keys:
            return {}
        matches = tuple_(users.c.organization_id, users.c.id).in_(sorted(set(keys)))
        rows = await self._session.execute(select(*(users.c[name] for name in _FIELDS)).where(matches))
        return {(row.organization_id, row.id): _user_of(row) for row in rows}

    async def unlimited(self, organization_id: UUID, roles: Collection[str]) -> list[User]:
        """The organization's active users in these roles who are limited to nothing, by id."""
        query = (
            select(*(users.c[name] for name in _FIELDS))
            .where(
                users.c.organization_id == organization_id,
                users.c.role.in_(sorted(roles)),
                users.c.state == "active",
                users.c.business_ids.is_(None),
                users.c.resource_id.is_(None),
            )
            .order_by(users.c.id)
        )
        return [_user_of(row) for row in await self._session.execute(query)]

    async def limited_to(self, resources: Collection[tuple[UUID, UUID]]) -> set[UserKey]:
        """The users who are limited to one of these calendars (organization, resource)."""
        if not resources:
            return set()
        matches = tuple_(users.c.organization_id, users.c.resource_id).in_(sorted(set(resources)))
        return {(row[0], row[1]) for row in await self._session.execute(_KEY.where(matches))}

    async def removed(self, keys: Collection[UserKey]) -> frozenset[UserKey]:
        """Those of `keys` who have been removed."""
        if not keys:
            return frozenset()
        columns = (removed_users.c.organization_id, removed_users.c.user_id)
        rows = await self._session.execute(select(*columns).where(tuple_(*columns).in_(sorted(set(keys)))))
        return frozenset((row[0], row[1]) for row in rows)

    async def put(self, states: Collection[User]) -> None:
        """Stores states by version; who was removed stays so, whatever an old record says."""
        removed = await self.removed({(user.organization_id, user.id) for user in states})
        await USERS_TABLE.put(
            self._session, [user for user in states if (user.organization_id, user.id) not in removed]
        )

    async def remove(self, versions: Mapping[UserKey, int | None], *, now: datetime) -> None:
        """Forgets them, whatever their version: a user never comes back under the same id."""
        await self._session.execute(
            insert(removed_users)
            .values(
                [
                    {"organization_id": organization_id, "user_id": user_id, "removed_at": now}
                    for organization_id, user_id in sorted(versions)
                ]
            )
            .on_conflict_do_nothing()
        )
        await USERS_TABLE.forget(self._session, dict.fromkeys(versions))


class StaffPreferenceStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, organization_id: UUID, user_id: str) -> StaffPreferences:
        known = await self.get_all([(organization_id, user_id)])
        nothing = StaffPreferences(organization_id=organization_id, user_id=user_id)
        return known.get((organization_id, user_id), nothing)

    async def get_all(self, keys: Collection[UserKey], *, lock: bool = False) -> dict[UserKey, StaffPreferences]:
        """Those of `keys` who have chosen something. `lock`: until the transaction ends, in the order of the keys."""
        if not keys:
            return {}
        key = (staff_preferences.c.organization_id, staff_preferences.c.user_id)
        query = select(staff_preferences).where(tuple_(*key).in_(sorted(set(keys)))).order_by(*key)
        rows = await self._session.execute(query.with_for_update() if lock else query)
        return {(row.organization_id, row.user_id): _preferences_of(row) for row in rows}

    async def reminded(self, organizations: Collection[UUID]) -> list[StaffPreferences]:
        """Of those users of the organizations who want to be reminded of their appointments, by organization and id."""
        query = (
            select(staff_preferences)
            .where(
                staff_preferences.c.organization_id.in_(sorted(set(organizations))),
                staff_preferences.c.reminders != text("'{}'::jsonb"),
            )
            .order_by(staff_preferences.c.organization_id, staff_preferences.c.user_id)
        )
        return [_preferences_of(row) for row in await self._session.execute(query)]

    async def put(self, preferences: StaffPreferences, *, replaces: int) -> bool:
        """Stores them in place of version `replaces` (0: none yet); False where that is not the current one."""
        statement = insert(staff_preferences).values({**columns_of(preferences), **_documents_of(preferences)})
        changes = {name: statement.excluded[name] for name in _CHOSEN}
        stored = await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["organization_id", "user_id"],
                set_=changes,
                where=staff_preferences.c.version == replaces,
            ).returning(staff_preferences.c.user_id)
        )
        return stored.first() is not None

    async def forget(self, keys: Collection[UserKey]) -> None:
        key = tuple_(staff_preferences.c.organization_id, staff_preferences.c.user_id)
        await self._session.execute(delete(staff_preferences).where(key.in_(sorted(keys))))


_KEY = select(users.c.organization_id, users.c.id)
_CHOSEN = ("agenda_at", "agenda_ahead", "told_by", "reminders", "changed_at", "version")


def _user_of(row: Row[Any]) -> User:
    values = {name: getattr(row, name) for name in _FIELDS}
    limits = values["business_ids"]
    return User(**{**values, "business_ids": None if limits is None else tuple(limits)})


def _preferences_of(row: Row[Any]) -> StaffPreferences:
    return StaffPreferences(
        organization_id=row.organization_id,
        user_id=row.user_id,
        agenda_at=row.agenda_at,
        agenda_ahead=row.agenda_ahead,
        told_by={
            StaffEvent(event): frozenset(Channel(name) for name in channels if name in _CHANNELS)
            for event, channels in (row.told_by or {}).items()
            if event in _EVENTS
        },
        reminders={
            Channel(name): Lead.of(lead["minutes"], by_clock=lead["by_clock"])
            for name, lead in (row.reminders or {}).items()
            if name in _CHANNELS
        },
        changed_at=row.changed_at,
        version=row.version,
    )


def _documents_of(preferences: StaffPreferences) -> dict[str, dict[str, Any]]:
    return {
        "told_by": {
            event.value: sorted(channel.value for channel in channels)
            for event, channels in sorted(preferences.told_by.items())
        },
        "reminders": {
            name.value: {"minutes": lead.minutes, "by_clock": lead.by_clock}
            for name, lead in sorted(preferences.reminders.items())
        },
    }
