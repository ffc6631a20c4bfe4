"""Changes whose messages are planned anew, and which appointments come next."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, delete, literal, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.appointments import ACTIVE_STATUSES
from notifications.domain.messages import Kind, Status
from notifications.domain.replans import Replan, ReplanKind
from notifications.storage.tables import appointments, messages, replans


class ReplanStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def ask(self, wanted: Collection[Replan]) -> None:
        """Asks for each; one that is under way begins again."""
        rows = {
            (one.organization_id, one.subject): {
                "organization_id": one.organization_id,
                "subject": one.subject,
                "requested_at": one.requested_at,
                "next_step_at": one.requested_at,
                "after_at": None,
                "after_id": None,
            }
            for one in wanted
        }
        if not rows:
            return
        statement = insert(replans).values([row for _, row in sorted(rows.items())])
        renewed = ("requested_at", "next_step_at", "after_at", "after_id")
        await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["organization_id", "subject"],
                set_={name: statement.excluded[name] for name in renewed},
            )
        )

    async def lock_next(self, *, now: datetime) -> Replan | None:
        """The one that has waited longest and that nobody works at; until the transaction ends it is the caller's.

        Those of a kind that this version does not know are left for one that does.
        """
        known = or_(*(replans.c.subject.startswith(f"{kind}:") for kind in ReplanKind))
        query = (
            select(
                replans.c.organization_id,
                replans.c.subject,
                replans.c.requested_at,
                replans.c.after_at,
                replans.c.after_id,
            )
            .where(replans.c.next_step_at <= now, known)
            .order_by(replans.c.next_step_at, replans.c.organization_id, replans.c.subject)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        row = (await self._session.execute(query)).first()
        if row is None:
            return None
        kind, _, name = row.subject.partition(":")
        return Replan(
            organization_id=row.organization_id,
            kind=ReplanKind(kind),
            name=name,
            requested_at=row.requested_at,
            after=(row.after_at, row.after_id) if row.after_at is not None else None,
        )

    async def step(self, replan: Replan, *, after: tuple[datetime, UUID] | None, next_step_at: datetime) -> None:
        """The caller has come so far, or begins again; others that wait have their turn."""
        after_at, after_id = after or (None, None)
        await self._session.execute(
            update(replans).where(*_is(replan)).values(after_at=after_at, after_id=after_id, next_step_at=next_step_at)
        )

    async def put_off(self, replan: Replan, *, until: datetime) -> None:
        await self._session.execute(update(replans).where(*_is(replan)).values(next_step_at=until))

    async def done(self, replan: Replan) -> None:
        await self._session.execute(delete(replans).where(*_is(replan)))

    async def forget_users(self, users: Collection[tuple[UUID, str]]) -> None:
        """Of those who have been removed there is nothing to plan."""
        subjects = [(organization_id, f"{ReplanKind.USER}:{user_id}") for organization_id, user_id in sorted(users)]
        await self._session.execute(
            delete(replans).where(tuple_(replans.c.organization_id, replans.c.subject).in_(subjects))
        )

    async def ahead(
        self,
        replan: Replan,
        *,
        now: datetime,
        limit: int,
        calendars: Sequence[UUID] | None = None,
        user_id: str | None = None,
    ) -> list[tuple[datetime, UUID, str]]:
        """The next active appointments of the organization, by end and id, with their calendar UIDs.

        With `calendars` only those in them, and those of which they, or the user, were to be reminded as staff.
        """
        matches = [
            appointments.c.organization_id == replan.organization_id,
            appointments.c.ends_at > now,
            appointments.c.status.in_(sorted(ACTIVE_STATUSES)),
            ~appointments.c.archived,
        ]
        if replan.after is not None:
            ends_at, appointment_id = replan.after
            behind = literal(ends_at, appointments.c.ends_at.type), literal(appointment_id, appointments.c.id.type)
            matches.append(tuple_(appointments.c.ends_at, appointments.c.id) > tuple_(*behind))
        if calendars is not None:
            in_them = [appointments.c.staff.contains([{"id": str(calendar)}]) for calendar in sorted(calendars)]
            reminded_of = select(messages.c.appointment_id).where(
                messages.c.organization_id == replan.organization_id,
                messages.c.kind == Kind.STAFF_REMINDER,
                messages.c.status.in_([Status.PLANNED, Status.CLAIMED]),
                or_(messages.c.resource_id.in_(sorted(calendars)), messages.c.user_id == user_id),
            )
            matches.append(or_(*in_them, appointments.c.id.in_(reminded_of)))
        query = (
            select(appointments.c.ends_at, appointments.c.id, appointments.c.calendar_uid)
            .where(*matches)
            .order_by(appointments.c.ends_at, appointments.c.id)
            .limit(limit)
        )
        return [(row.ends_at, row.id, row.calendar_uid) for row in await self._session.execute(query)]


def _is(replan: Replan) -> list[ColumnElement[bool]]:
    return [replans.c.organization_id == replan.organization_id, replans.c.subject == replan.subject]
