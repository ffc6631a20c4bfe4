"""The steps of a changed series, each for all of its dates at once: cancel, move and book, edit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.errors import BusyBookError
from booking.domain.lifecycle import Status, Verb
from booking.domain.model import Actor, Appointment, Override, changed
from booking.domain.policy import Policy
from booking.domain.requests import BookingRequest
from booking.domain.series import Act, OnConflict, Series, SeriesDate, SeriesRefusedError, Standing, Step
from booking.publishers import Cause
from booking.storage.connections import connection_of
from booking.storage.occupancy import free_holders
from booking.storage.policies import PolicyCache
from booking.usecases.booking import Booking, Outcome, Predecessor, book_appointments
from booking.usecases.lifecycle import Details, Move, edit_appointment, moved_request, notice_override
from booking.usecases.recording import record_changes
from booking.usecases.series.creating import decided, reasons_of
from booking.usecases.series.report import Changed
from slotstream_servicekit.errors import RETRYABLE_KINDS, Reason, SlotstreamError
from slotstream_servicekit.ids import new_id

_ROUNDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """In which transaction, of which series, by whom and when."""

    session: AsyncSession
    policies: PolicyCache
    series: Series
    actor: Actor
    cause: Cause
    now: datetime

    async def policy(self) -> Policy:
        return await self.policies.current(await connection_of(self.session), self.series.organization_id)


async def cancel_dates(about: Circumstances, standing: Sequence[Standing], details: Details) -> list[Changed]:
    """Cancels appointments that are still to come, in a few statements."""
    policy = await about.policy()
    found = [(one.date.occurs_on, one.appointment) for one in standing if one.appointment is not None]
    changes = [
        changed(
            one,
            verb=Verb.CANCEL,
            now=about.now,
            reason=details.reason,
            override=notice_override(
                policy,
                one,
                Verb.CANCEL,
                actor=about.actor,
                now=about.now,
                why=details.override_reason or details.reason,
            ),
            status=Status.CANCELLED,
            occupies=False,
            notify_client=one.notify_client if details.notify is None else details.notify,
        )
        for _, one in found
    ]
    connection = await connection_of(about.session)
    await free_holders(connection, about.series.organization_id, [one.id for _, one in found])
    await record_changes(about.session, changes, actor=about.actor, cause=about.cause)
    return [Changed(occurs_on=on, result=str(Act.CANCEL), appointment_id=one.id) for on, one in found]


@dataclass(slots=True, kw_only=True)
class _Wish:
    """A date to be booked or moved to, and what came of it."""

    step: Step
    request: BookingRequest
    old: Appointment | None = None
    notice: Override | None = None
    outcome: Outcome | None = None
    reasons: tuple[Reason, ...] = ()


async def rebook_dates(
    about: Circumstances,
    steps: Sequence[Step],
    *,
    on_conflict: OnConflict,
    override_reason: str | None,
    values: Mapping[str, Any],
    resource_ids: tuple[UUID, ...] | None,
    reason: str | None,
    notify: bool,
) -> dict[int, tuple[SeriesDate, Changed]]:
    """Moves and books all the dates in one set. A date that cannot move keeps its time, and is tried around.

    Old times are given up first, so that dates may take each other's place; where one cannot move after all, the
    attempt is undone and made again without it.
    """
    override = override_reason if on_conflict is OnConflict.OVERRIDE else None
    policy = await about.policy()
    wishes: list[_Wish] = []
    for step in steps:
        old = step.standing.appointment if step.act is Act.MOVE and step.standing else None
        wish = _Wish(step=step, old=old, request=_request(about, step, old, override, values, resource_ids, notify))
        if old is not None:
            wish.notice, wish.reasons = _noticed(about, policy, old, why=override or reason)
        wishes.append(wish)
    await _attempt(about, wishes, undo=on_conflict is OnConflict.SKIP)
    refused = {one.step.date.occurs_on: one.reasons for one in wishes if one.reasons}
    if refused and on_conflict is OnConflict.FAIL:
        raise SeriesRefusedError(refused, of=len(wishes))
    await _close_old(about, wishes, reason=reason, notify=notify)
    return {id(one.step): _result(one) for one in wishes}


def _request(
    about: Circumstances,
    step: Step,
    old: Appointment | None,
    override: str | None,
    values: Mapping[str, Any],
    resource_ids: tuple[UUID, ...] | None,
    notify: bool,
) -> BookingRequest:
    series, starts_at = about.series, step.date.starts_at
    if old is None:
        return replace(series.request(starts_at, identity=new_id(), override_reason=override), notify_client=notify)
    move = Move(
        new_id=new_id(),
        starts_at=starts_at,
        duration=series.duration,
        resource_ids=resource_ids,
        notify=notify,
        override_reason=override,
    )
    request = moved_request(old, move)
    known = {name: value for name, value in values.items() if name in BookingRequest.__slots__}
    return replace(request, **known)


def _noticed(
    about: Circumstances, policy: Policy, old: Appointment, *, why: str | None
) -> tuple[Override | None, tuple[Reason, ...]]:
    try:
        return notice_override(policy, old, Verb.RESCHEDULE, actor=about.actor, now=about.now, why=why), ()
    except SlotstreamError as error:
        return None, (Reason(error.code, error.detail),)


async def _attempt(about: Circumstances, wishes: Sequence[_Wish], *, undo: bool) -> None:
    connection = await connection_of(about.session)
    for _ in range(_ROUNDS):
        trying = [one for one in wishes if not one.reasons or one.old is None]
        if not trying:
            return
        savepoint = connection.transaction()
        await savepoint.start()
        failed = await _book(about, connection, trying)
        if not undo or not any(one.old for one in failed):
            await savepoint.commit()
            return
        await savepoint.rollback()
    raise BusyBookError("The dates keep getting in each other's way; change fewer at once.")


async def _book(about: Circumstances, connection: Any, wishes: Sequence[_Wish]) -> list[_Wish]:
    organization_id = about.series.organization_id
    await free_holders(connection, organization_id, [one.old.id for one in wishes if one.old])
    outcomes = await book_appointments(
        connection=connection,
        policies=about.policies,
        organization_id=organization_id,
        bookings=[
            Booking(
                request=one.request,
                client_id=about.series.client_id,
                actor=about.actor,
                cause=about.cause,
                predecessor=Predecessor(appointment=one.old) if one.old else None,
                ignore=(one.old.id,) if one.old else (),
            )
            for one in wishes
        ],
        now=about.now,
        look_first=True,
    )
    for one, outcome in zip(wishes, outcomes, strict=True):
        one.outcome = outcome
        one.reasons = () if outcome.appointment else reasons_of(outcome.error)
    return [one for one in wishes if one.reasons]


async def _close_old(about: Circumstances, wishes: Sequence[_Wish], *, reason: str | None, notify: bool) -> None:
    changes, replacements = [], {}
    for one in wishes:
        if one.old is None or one.outcome is None or one.outcome.appointment is None or one.reasons:
            continue
        replacements[one.old.id] = one.outcome.snapshot
        changes.append(
            changed(
                one.old,
                verb=Verb.RESCHEDULE,
                now=about.now,
                reason=reason,
                override=one.notice,
                status=Status.RESCHEDULED,
                occupies=False,
                notify_client=notify,
                rescheduled_to=one.outcome.appointment.id,
            )
        )
    await record_changes(about.session, changes, actor=about.actor, cause=about.cause, replacements=replacements)


def _result(wish: _Wish) -> tuple[SeriesDate, Changed]:
    step = wish.step
    if wish.reasons or wish.outcome is None:
        kept = step.date if wish.old is None or step.standing is None else step.standing.date
        kept = replace(kept, occurs_on=step.date.occurs_on, reasons=wish.reasons)
        identity = wish.old.id if wish.old else None
        return kept, Changed(occurs_on=kept.occurs_on, result="skipped", appointment_id=identity, reasons=wish.reasons)
    date_now = decided(step.date, wish.outcome)
    forced = date_now.outcome == "forced"
    return date_now, Changed(
        occurs_on=step.date.occurs_on,
        result="forced" if forced else str(step.act),
        appointment_id=date_now.appointment_id,
    )


async def edit_dates(
    about: Circumstances,
    standing: Sequence[Standing],
    *,
    values: Mapping[str, Any],
    resource_ids: tuple[UUID, ...] | None,
    on_conflict: OnConflict,
    override_reason: str | None,
) -> dict[date, Changed]:
    """Gives what stays where it is the new values, and other resources where they are free."""
    if resource_ids is None:
        return await _set_values(about, standing, values)
    done: dict[date, Changed] = {}
    refused: dict[date, tuple[Reason, ...]] = {}
    for one in standing:
        if one.appointment is None:
            continue
        try:
            async with about.session.begin_nested():
                recorded = await edit_appointment(
                    session=about.session,
                    policies=about.policies,
                    organization_id=about.series.organization_id,
                    appointment_id=one.appointment.id,
                    actor=about.actor,
                    cause=about.cause,
                    now=about.now,
                    values=dict(values),
                    resource_ids=resource_ids,
                    override_reason=override_reason if on_conflict is OnConflict.OVERRIDE else None,
                )
        except SlotstreamError as error:
            if error.kind in RETRYABLE_KINDS:
                raise
            refused[one.date.occurs_on] = reasons_of(error, tolerant=True)
            continue
        done[one.date.occurs_on] = Changed(
            occurs_on=one.date.occurs_on, result="edited", appointment_id=recorded.appointment.id
        )
    if refused and on_conflict is not OnConflict.SKIP:
        raise SeriesRefusedError(refused, of=len(standing))
    return done | {on: Changed(occurs_on=on, result="skipped", reasons=why) for on, why in refused.items()}


async def _set_values(
    about: Circumstances, standing: Sequence[Standing], values: Mapping[str, Any]
) -> dict[date, Changed]:
    if not values:
        return {}
    named = await about.policy()
    new = dict(values)
    if "action_id" in new:
        new["action_name"] = named.action(new["action_id"]).name if new["action_id"] else None
    done: dict[date, Changed] = {}
    changes = []
    for one in standing:
        if one.appointment is None:
            continue
        after, change = changed(one.appointment, verb=Verb.UPDATE, now=about.now, **new)
        if change.fields:
            changes.append((after, change))
            done[one.date.occurs_on] = Changed(occurs_on=one.date.occurs_on, result="edited", appointment_id=after.id)
    await record_changes(about.session, changes, actor=about.actor, cause=about.cause)
    return done
