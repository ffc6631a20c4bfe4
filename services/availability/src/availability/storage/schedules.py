"""Schedules as documents: one row per owner, read and replaced as a whole under a row lock."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from availability.domain import HolidayRule, OwnerKind, OwnerSchedule
from availability.storage.tables import schedules
from slotstream_scheduling import schedule_from_dict, schedule_to_dict
from slotstream_servicekit.errors import VersionConflictError
from slotstream_servicekit.rows import named_columns


@dataclass(frozen=True, slots=True)
class KnownOwner:
    """A resource with its user and the businesses it works in, or a business, which is its own."""

    zone: str
    user_id: str | None
    business_ids: frozenset[UUID]


class ScheduleStore:
    """The schedules of one organization, in the transaction of `session`."""

    def __init__(self, session: AsyncSession, organization_id: UUID) -> None:
        self._session = session
        self._organization_id = organization_id

    async def owner(self, kind: OwnerKind, owner_id: UUID, *, for_update: bool = False) -> KnownOwner | None:
        """What is known of a resource or business of the catalogue; None where it is not known.

        `for_update` makes writers of one schedule take turns, even the first two, who have no row to lock yet.
        """
        query = (_LOCK_OWNERS if for_update else _OWNERS)[kind]
        result = await self._session.execute(query, self._identity(owner_id))
        row = result.one_or_none()
        return None if row is None else KnownOwner(row.zone, row.user_id, frozenset(row.business_ids))

    async def get(self, owner_id: UUID, *, for_update: bool = False) -> OwnerSchedule | None:
        result = await self._session.execute(_LOCK if for_update else _READ, self._identity(owner_id))
        row = result.one_or_none()
        return None if row is None else _schedule_of(row)

    async def save(self, owner: OwnerSchedule) -> None:
        """Stores the next version. Raises VersionConflictError where somebody stored it meanwhile."""
        saved = await self._session.execute(
            _SAVE,
            {
                **self._identity(owner.owner_id),
                "owner_kind": owner.owner_kind.value,
                "rules": orjson.dumps(schedule_to_dict(owner.schedule)).decode(),
                "holiday_rule": _rule_to_json(owner.holiday_rule),
                "version": owner.version,
                "updated_at": owner.updated_at,
            },
        )
        if saved.scalar_one_or_none() is None:
            current = await self.get(owner.owner_id)
            raise VersionConflictError(current.version if current else 0)

    def _identity(self, owner_id: UUID) -> dict[str, Any]:
        return {"organization_id": self._organization_id, "owner_id": owner_id}


async def owners_with_holidays(session: AsyncSession) -> list[tuple[UUID, UUID]]:
    """The organization and owner of every schedule that follows public holidays."""
    rows = await session.execute(_FOLLOWING)
    return [(row.organization_id, row.owner_id) for row in rows]


def _schedule_of(row: Row[Any]) -> OwnerSchedule:
    return OwnerSchedule(
        organization_id=row.organization_id,
        owner_kind=OwnerKind(row.owner_kind),
        owner_id=row.owner_id,
        schedule=schedule_from_dict(row.rules),
        holiday_rule=_rule_from_json(row.holiday_rule),
        updated_at=row.updated_at,
        version=row.version,
    )


def _rule_to_json(rule: HolidayRule | None) -> str | None:
    if rule is None:
        return None
    days = [on.isoformat() for on in rule.except_on]
    return orjson.dumps({"country": rule.country, "subdivision": rule.subdivision, "except_on": days}).decode()


def _rule_from_json(document: dict[str, Any] | None) -> HolidayRule | None:
    if document is None:
        return None
    days = tuple(date.fromisoformat(on) for on in document["except_on"])
    return HolidayRule(document["country"], document["subdivision"], days)


_KNOWN = "WHERE organization_id = :organization_id AND id = :owner_id AND NOT archived"
_OWNER_QUERIES = {
    OwnerKind.RESOURCE: f"SELECT zone, user_id, business_ids FROM resources {_KNOWN}",
    OwnerKind.BUSINESS: f"SELECT zone, NULL AS user_id, ARRAY[id] AS business_ids FROM businesses {_KNOWN}",
}
_OWNERS: Final = {kind: text(query) for kind, query in _OWNER_QUERIES.items()}
_LOCK_OWNERS: Final = {kind: text(f"{query} FOR NO KEY UPDATE") for kind, query in _OWNER_QUERIES.items()}
_OF_OWNER: Final = f"""
SELECT {named_columns(schedules)} FROM schedules WHERE organization_id = :organization_id AND owner_id = :owner_id
"""
_READ: Final = text(_OF_OWNER)
_LOCK: Final = text(f"{_OF_OWNER} FOR UPDATE")
_SAVE: Final = text(
    """
    INSERT INTO schedules AS s
        (organization_id, owner_id, owner_kind, rules, holiday_rule, version, updated_at)
    VALUES (:organization_id, :owner_id, :owner_kind, CAST(:rules AS jsonb), CAST(:holiday_rule AS jsonb),
            :version, :updated_at)
    ON CONFLICT (organization_id, owner_id) DO UPDATE SET
        rules = excluded.rules, holiday_rule = excluded.holiday_rule,
        version = excluded.version, updated_at = excluded.updated_at
    WHERE s.version = excluded.version - 1
    RETURNING version
    """
)
_FOLLOWING: Final = text("SELECT organization_id, owner_id FROM schedules WHERE holiday_rule IS NOT NULL ORDER BY 1, 2")
