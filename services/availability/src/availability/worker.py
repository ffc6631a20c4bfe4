"""What the worker does by the clock: public holidays kept some years ahead, and old rows deleted."""

from typing import Final

from availability.storage import count_wrong_occupancy, owners_with_holidays
from availability.usecases import extend_holidays
from slotstream_servicekit.background import BACKGROUND_FAILURES, BackgroundTask, repeatedly
from slotstream_servicekit.clock import Clock
from slotstream_servicekit.context import Actor, Cause, Context
from slotstream_servicekit.database import Database
from slotstream_servicekit.drift import DRIFT
from slotstream_servicekit.housekeeping import IDEMPOTENCY_KEYS, Sweep, housekeeping
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)

HOLIDAY_RENEWAL = "holiday_renewal"
_RENEWAL_SECONDS = 6 * 3_600.0
_AUDIT_SECONDS: Final = 120.0
_EXPIRED_HOLDS: Final = Sweep(table="holds", where="expires_at < now() - interval '1 minute'")


def tasks(database: Database, clock: Clock, *, past_days: int) -> tuple[BackgroundTask, ...]:
    async def renew() -> None:
        await renew_holidays(database, clock)

    async def audit() -> None:
        await audit_occupancy(database)

    return (
        repeatedly(HOLIDAY_RENEWAL, renew, every=_RENEWAL_SECONDS),
        repeatedly("occupancy_audit", audit, every=_AUDIT_SECONDS),
        housekeeping(database, sweeps(past_days=past_days)),
    )


def sweeps(*, past_days: int) -> tuple[Sweep, ...]:
    """What has served its time. What is past is drawn by calendars for `past_days` days."""
    past = {"past_days": past_days}
    return (
        IDEMPOTENCY_KEYS,
        _EXPIRED_HOLDS,
        *(
            Sweep(table=table, where="ends_at < now() - make_interval(days => :past_days)", parameters=past)
            for table in ("appointments", "external_busy")
        ),
    )


async def audit_occupancy(database: Database) -> int:
    """Counts where taken time is otherwise than the appointments say, and tells the gauge, which must stay 0."""
    async with database.system_transaction() as session:
        wrong = await count_wrong_occupancy(session)
    DRIFT.labels("availability", "occupancy").set(wrong)
    if wrong:
        log.error("projection_drifts", projection="occupancy", rows=wrong)
    return wrong


async def renew_holidays(database: Database, clock: Clock) -> int:
    """Extends every schedule that follows public holidays; how many needed it.

    One that fails is logged and left for the next round: a country that the library no longer knows must not keep
    everybody else's holidays from being renewed.
    """
    async with database.system_transaction() as session:
        owners = await owners_with_holidays(session)
    renewed = 0
    for organization_id, owner_id in owners:
        context = Context(
            organization_id=organization_id,
            actor=Actor(type="system", id=HOLIDAY_RENEWAL),
            cause=Cause(correlation_id=str(new_id())),
            now=clock(),
        )
        try:
            async with database.transaction(organization_id) as session:
                renewed += await extend_holidays(session=session, context=context, owner_id=owner_id)
        except Exception:
            BACKGROUND_FAILURES.labels(HOLIDAY_RENEWAL).inc()
            log.exception("holidays_not_renewed", organization=str(organization_id), owner=str(owner_id))
    return renewed
