"""Series as booking tells them: the event of the whole, and those of its appointments, for a salon's tests."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from notifications_salon import Event, Salon

from slotstream_contracts.appointments import (
    AppointmentCancelled,
    AppointmentCreated,
    AppointmentRescheduled,
    AppointmentSnapshot,
    AssignedResource,
    Change,
)
from slotstream_contracts.base import Actor
from slotstream_contracts.envelope import wrap
from slotstream_contracts.series import (
    SeriesAppointment,
    SeriesCancelled,
    SeriesChange,
    SeriesChanged,
    SeriesCreated,
    SeriesDate,
    SeriesEvent,
    SeriesExtended,
    SeriesRule,
    SeriesSnapshot,
)
from slotstream_servicekit.consumer import Received

UNTIL = datetime(2029, 12, 31, tzinfo=UTC).date()
WEEKLY = SeriesRule(freq="weekly", weekdays=(0,), until=UNTIL)
FOR_EVER = SeriesRule(freq="weekly", weekdays=(0,))
_EVENTS: dict[str, type[SeriesEvent]] = {
    "created": SeriesCreated,
    "extended": SeriesExtended,
    "changed": SeriesChanged,
    "cancelled": SeriesCancelled,
}
Result = Literal["kept", "edited", "moved", "booked", "forced", "cancelled", "skipped"]


@dataclass
class Dated:
    """One date: when the rule has it, and its appointment, None where it was skipped."""

    recurs_at: datetime
    appointment: AppointmentSnapshot | None
    result: Result | None = None


@dataclass
class TestSeries:
    """A series in a salon. Its methods change it as booking would, and return what booking would publish."""

    __test__ = False

    salon: Salon
    dates: list[Dated]
    rule: SeriesRule = WEEKLY
    zone: str = "Europe/Oslo"
    notify: bool = True
    id: UUID = field(default_factory=uuid4)
    version: int = 0
    status: Literal["active", "cancelled"] = "active"

    @classmethod
    def of(
        cls,
        salon: Salon,
        starts: Sequence[datetime],
        *,
        skipped: Sequence[datetime] = (),
        staff: Sequence[UUID] = (),
        **more: Any,
    ) -> "TestSeries":
        """With an appointment at each start that is not skipped; `staff` take turns."""
        series = cls(salon, [], **more)
        staff = staff or [salon.staff_id]
        for number, start in enumerate(sorted([*starts, *skipped])):
            resource = AssignedResource(id=staff[number % len(staff)], kind="staff", name="Ada")
            booked = None if start in skipped else series.appointment(start, resources=(resource,))
            series.dates.append(Dated(start, booked, "skipped" if booked is None else "booked"))
        return series

    @property
    def uid(self) -> str:
        return f"{self.id}@slotstream"

    @property
    def booked(self) -> list[AppointmentSnapshot]:
        return [date.appointment for date in self.dates if date.appointment is not None]

    def appointment(self, starts_at: datetime, **more: Any) -> AppointmentSnapshot:
        identity = uuid4()
        values = {
            "id": identity,
            "zone": self.zone,
            "series_id": self.id,
            "source": "recurrence",
            "calendar_uid": f"{self.id}.{identity}@slotstream",
            "series_calendar_uid": self.uid,
            **more,
        }
        return self.salon.snapshot(starts_at=starts_at, **values)

    def created(self) -> list[Event]:
        """The event of the series, then those of its appointments."""
        told = self._told("created")
        return [told, *(self._event(AppointmentCreated, snapshot, "create") for snapshot in self.booked)]

    def moved_all(self, by: timedelta, *, rule: SeriesRule | None = None) -> list[Event]:
        former, events = self._staff(), []
        self.rule = rule or self.rule
        for number, date in enumerate(self.dates):
            if date.appointment is None:
                continue
            old, starts_at = date.appointment, date.appointment.starts_at + by
            new = self._successor(old, starts_at)
            events += self._rescheduled(old, new, with_series=True)
            self.dates[number] = Dated(date.recurs_at + by, new, "moved")
        return [self._told("changed", scope="all", former=former), *events]

    def moved_one(self, number: int, starts_at: datetime) -> list[Event]:
        """By itself: its own events tell of it."""
        date = self.dates[number]
        old = cast("AppointmentSnapshot", date.appointment)
        new = self._successor(old, starts_at)
        self._results({})
        self.dates[number] = replace(date, appointment=new)
        return self._rescheduled(old, new, with_series=False)

    def cancelled(
        self, *, begins: int = 0, scope: Literal["following", "all"] = "all", notify: bool | None = None
    ) -> list[Event]:
        former, events = self._staff(), []
        for number, date in enumerate(self.dates):
            if number < begins or date.appointment is None or date.appointment.status == "cancelled":
                self.dates[number] = replace(date, result=None)
                continue
            sequence = date.appointment.calendar_sequence + 1
            gone = self.salon.after(date.appointment, status="cancelled", calendar_sequence=sequence, occupies=False)
            events.append(self._event(AppointmentCancelled, gone, "cancel"))
            self.dates[number] = replace(date, appointment=gone, result="cancelled")
        self.status = "cancelled" if begins == 0 else "active"
        return [self._told("cancelled", scope=scope, former=former, notify=notify), *events]

    def extended(self, *dates: Dated) -> list[Event]:
        self._results({})
        self.dates += dates
        booked = [date.appointment for date in dates if date.appointment is not None]
        return [self._told("extended"), *(self._event(AppointmentCreated, one, "create") for one in booked)]

    def given_to(self, *staff: UUID) -> list[Event]:
        """All its dates, in turns."""
        former = self._staff()
        for number, date in enumerate(self.dates):
            if date.appointment is not None:
                resources = (AssignedResource(id=staff[number % len(staff)], kind="staff", name="Ben"),)
                self.dates[number] = replace(
                    date, appointment=self.salon.after(date.appointment, resources=resources), result="edited"
                )
        return [self._told("changed", scope="all", former=former, resources_changed=True)]

    def told(self, verb: str, **more: Any) -> Event:
        return self._told(verb, **more)

    def _staff(self) -> tuple[UUID, ...]:
        open_ones = [one for one in self.booked if one.status == "scheduled"]
        return tuple(sorted({resource.id for one in open_ones for resource in one.resources}))

    def _results(self, results: dict[int, Result]) -> None:
        self.dates = [replace(date, result=results.get(number)) for number, date in enumerate(self.dates)]

    def _successor(self, old: AppointmentSnapshot, starts_at: datetime) -> AppointmentSnapshot:
        return self.appointment(
            starts_at,
            rescheduled_from=old.id,
            previous_starts_at=old.starts_at,
            calendar_uid=old.calendar_uid,
            calendar_sequence=old.calendar_sequence + 1,
            resources=old.resources,
        )

    def _rescheduled(self, old: AppointmentSnapshot, new: AppointmentSnapshot, *, with_series: bool) -> list[Event]:
        gone = self.salon.after(old, status="rescheduled", rescheduled_to=new.id, occupies=False)
        version = self.version + 1 if with_series else None
        data = AppointmentRescheduled(
            appointment=gone,
            replacement=new,
            change=Change(verb="reschedule", series_version=version),
            actor=Actor(type="user", id="u-1"),
        )
        created = AppointmentCreated(
            appointment=new,
            change=Change(verb="create", series_version=version),
            actor=Actor(type="user", id="u-1"),
        )
        return [self.salon.event(data), self.salon.event(created)]

    def _event(self, kind: Any, snapshot: AppointmentSnapshot, verb: Any) -> Event:
        change = Change(verb=verb, series_version=max(self.version, 1))
        return self.salon.event(kind(appointment=snapshot, change=change, actor=Actor(type="user", id="u-1")))

    def _told(
        self,
        verb: str,
        *,
        scope: Literal["this", "following", "all"] | None = None,
        former: tuple[UUID, ...] = (),
        notify: bool | None = None,
        resources_changed: bool = False,
        actor: str = "u-1",
    ) -> Event:
        self.version += 1
        state = SeriesSnapshot(
            id=self.id,
            organization_id=self.salon.organization_id,
            business_id=self.salon.business_id,
            zone=self.zone,
            client_id=self.salon.client_id,
            service_id=self.salon.service_id,
            status=self.status,
            calendar_uid=self.uid,
            rule=self.rule,
            notify_client=self.notify,
            dates=tuple(_date(date, self.zone) for date in self.dates),
            created_at=self.salon.now,
            updated_at=self.salon.now,
            version=self.version,
        )
        data = _EVENTS[verb](
            series=state,
            change=SeriesChange(
                scope=scope,
                notify_client=self.notify if notify is None else notify,
                former_staff_ids=former,
                resources_changed=resources_changed,
            ),
            actor=Actor(type="user", id=actor),
        )
        return wrap(
            data,
            organization=self.salon.organization_id,
            subject=str(self.id),
            sequence=self.version,
            time=self.salon.now,
            source="/slotstream/booking",
            correlation_id="c-1",
        )


async def receive(salon: Salon, *batches: Sequence[Event]) -> None:
    """Each batch in a transaction of its own, split by topic as consumers do."""
    for batch in batches:
        received = [Received(event, event.subject, "t", 0, 0, salon.now) for event in batch]
        series = [one for one in received if one.event and isinstance(one.event.data, SeriesEvent)]
        others = [one for one in received if one not in series]
        if series:
            async with salon.database.system_transaction() as session:
                await salon.handlers.on_series(session, series)
        if others:
            async with salon.database.system_transaction() as session:
                await salon.handlers.on_appointments(session, others)


def _date(date: Dated, zone: str) -> SeriesDate:
    one = date.appointment
    return SeriesDate(
        occurs_on=date.recurs_at.astimezone(ZoneInfo(zone)).date(),
        starts_at=date.recurs_at,
        outcome="skipped" if one is None else "booked",
        result=date.result,
        appointment=None
        if one is None
        else SeriesAppointment(
            id=one.id,
            calendar_uid=one.calendar_uid,
            starts_at=one.starts_at,
            ends_at=one.ends_at,
            status=one.status,
            staff_ids=tuple(resource.id for resource in one.resources),
            version=one.version,
        ),
    )
