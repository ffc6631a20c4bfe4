"""When nobody is disturbed: wall-clock hours where the recipient is, what waits for their end, and what does not."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from notifications.domain.messages import Audience, Channel, Kind

QUIET_HOURS: Final = "quiet_hours"

HELD_KINDS: Final = frozenset({Kind.REMINDER, Kind.FOLLOW_UP, Kind.AD_HOC})
"""What waits on every channel. What tells a change, or answers what somebody has just done, waits for a call alone."""
_BEFORE: Final = timedelta(minutes=5)
"""How long before the quiet hours a reminder goes out that would come too late after them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """Wall-clock times, `begins` up to and without `ends`, over midnight where it ends earlier; the same: none."""

    begins: time
    ends: time

    def over_at(self, now: datetime, zone: str) -> datetime | None:
        """When the quiet hours end that `now` lies in, for somebody in `zone`; None where it lies in none."""
        local = now.astimezone(ZoneInfo(zone))
        if not self._include(local.time()):
            return None
        days = int(self.begins > self.ends and local.time() >= self.begins)
        # Where clocks go back into the quiet hours, the end comes by a second time: the later one ends them.
        return max(_instants(local, days, self.ends))

    def began_at(self, now: datetime, zone: str) -> datetime | None:
        """When the quiet hours began that `now` lies in; None where it lies in none."""
        local = now.astimezone(ZoneInfo(zone))
        if not self._include(local.time()):
            return None
        days = -int(self.begins > self.ends and local.time() < self.begins)
        return min(_instants(local, days, self.begins))

    def _include(self, clock: time) -> bool:
        if self.begins <= self.ends:
            return self.begins <= clock < self.ends
        return clock >= self.begins or clock < self.ends


def _instants(local: datetime, days: int, clock: time) -> list[datetime]:
    """Both that a wall-clock time may mean on a day on which clocks change."""
    zone: tzinfo | None = local.tzinfo
    moment = datetime.combine(local.date() + timedelta(days=days), clock, tzinfo=zone)
    return [moment.replace(fold=fold).astimezone(UTC) for fold in (0, 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelQuietHours:
    """An organization's own quiet hours on one channel. `version` 0: those of the installation."""

    channel: Channel
    hours: QuietHours
    version: int = 0


def is_exempt(channel: Channel, kind: Kind, audience: Audience) -> bool:
    """Whether a message goes out at any hour. Of calls none does: they ring."""
    if channel is Channel.VOICE:
        return False
    return kind not in HELD_KINDS or audience is Audience.STAFF


def reminder_due(
    wanted_at: datetime, *, starts_at: datetime, quiet: QuietHours | None, zone: str, now: datetime
) -> datetime:
    """When a reminder is due that is wanted at `wanted_at`: then, where it may wait for the end of quiet hours if need
    be; or shortly before they begin, where that still lies ahead. Never later than it was wanted.
    """
    earlier = earlier_due(wanted_at, starts_at=starts_at, quiet=quiet, zone=zone) if quiet is not None else None
    return earlier if earlier is not None and earlier > now else wanted_at


def earlier_due(due_at: datetime, *, starts_at: datetime, quiet: QuietHours, zone: str) -> datetime | None:
    """When a reminder is due that the quiet hours would hold back until it is too late: shortly before they begin.

    None for one that they do not hold back, or not for too long.
    """
    over, began = quiet.over_at(due_at, zone), quiet.began_at(due_at, zone)
    if over is None or began is None or over < starts_at:
        return None
    return began - _BEFORE
