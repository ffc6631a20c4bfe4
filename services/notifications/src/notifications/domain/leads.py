"""How long before an appointment somebody is reminded."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from notifications.domain.wall_clock import instant_at

MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Lead:
    """How long before the start. `by_clock`: counted on the clock of the business, so that "a day before" is at the
    same time of day where clocks change in between; else the time that passes.
    """

    before: timedelta
    by_clock: bool = False

    @classmethod
    def of(cls, minutes: int, *, by_clock: bool) -> "Lead":
        return cls(minutes * MINUTE, by_clock=by_clock)

    @property
    def minutes(self) -> int:
        return self.before // MINUTE

    def due_at(self, starts_at: datetime, zone: str) -> datetime:
        if not self.by_clock:
            return starts_at - self.before
        clock = starts_at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) - self.before
        return instant_at(clock.date(), clock.time(), zone)

    def __str__(self) -> str:
        days, rest = divmod(self.before, timedelta(days=1))
        return f"{days} days" if self.by_clock and not rest else f"{self.minutes} minutes"
