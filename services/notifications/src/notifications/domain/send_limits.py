"""How much an organization sends on a channel in a minute, and what waits when it is more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar

from notifications.domain.messages import Channel, Kind

RATE_LIMITED: Final = "rate_limited"
"""The code of a message that waits for its turn."""
BULK_KINDS: Final = frozenset({Kind.AD_HOC, Kind.FOLLOW_UP})
"""What comes in floods and can wait. All else is of the moment, and does not stand behind it."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pace:
    """`per_minute` in the long run, and `burst` at once after a pause."""

    per_minute: int
    burst: int

    @property
    def gap(self) -> timedelta:
        return timedelta(minutes=1) / self.per_minute

    def free_at(self, taken_until: datetime) -> datetime:
        """When the next may go, by what was taken (GCRA: ITU-T I.371, annex A)."""
        return taken_until - self.gap * (self.burst - 1)

    def bounded(self, taken_until: datetime, now: datetime) -> datetime:
        """No further than a burst reaches: more was said by a clock that ran ahead, or by a lower limit. One may go."""
        reach = now + self.gap * self.burst
        return taken_until if taken_until <= reach else reach - self.gap

    def after_one(self, taken_until: datetime, now: datetime) -> datetime:
        return max(taken_until, now) + self.gap


@dataclass(frozen=True, slots=True, kw_only=True)
class SendLimit:
    """So many a minute, a quarter of it at once."""

    per_minute: int

    @property
    def whole(self) -> Pace:
        return Pace(self.per_minute, max(1, self.per_minute // 4))

    @property
    def bulk(self) -> Pace:
        """A quarter stays for what is of the moment."""
        per_minute = max(1, self.per_minute * 3 // 4)
        return Pace(per_minute, max(1, per_minute // 4))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelLimit(SendLimit):
    """Of one organization on one channel. `per_minute` 0: none. `version` 0: the installation's."""

    channel: Channel
    version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """How far the minutes of an organization on a channel, or of a mail domain, are taken: by all, and by bulk."""

    whole: datetime
    bulk: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns(Generic[T]):
    """Who goes now, and who waits until when. `bulk_from` and `others_from`: when the first who waits may go."""

    now: Sequence[T]
    bulk_later: Sequence[tuple[T, datetime]]
    others_later: Sequence[tuple[T, datetime]]
    bulk_from: datetime
    others_from: datetime
    taken: Taken


def turns_of(
    waiting: Sequence[tuple[T, Kind]], *, limit: SendLimit, taken: Taken, now: datetime, most: int | None = None
) -> Turns[T]:
    """In the order in which they wait, but what is of the moment first; `most` of them at most."""
    whole, bulk = limit.whole.bounded(taken.whole, now), limit.bulk.bounded(taken.bulk, now)
    going: list[T] = []
    bulk_left: list[T] = []
    others_left: list[T] = []
    for each, kind in sorted(waiting, key=lambda item: item[1] in BULK_KINDS):
        is_bulk = kind in BULK_KINDS
        free_at = max(limit.whole.free_at(whole), limit.bulk.free_at(bulk)) if is_bulk else limit.whole.free_at(whole)
        if free_at > now or len(going) == most:
            (bulk_left if is_bulk else others_left).append(each)
            continue
        going.append(each)
        whole = limit.whole.after_one(whole, now)
        bulk = limit.bulk.after_one(bulk, now) if is_bulk else bulk
    others_from = max(limit.whole.free_at(whole), now)
    bulk_from = max(others_from, limit.bulk.free_at(bulk))
    return Turns(
        now=going,
        bulk_later=[(each, bulk_from + limit.bulk.gap * number) for number, each in enumerate(bulk_left)],
        others_later=[(each, others_from + limit.whole.gap * number) for number, each in enumerate(others_left)],
        bulk_from=bulk_from + limit.bulk.gap * len(bulk_left),
        others_from=others_from + limit.whole.gap * len(others_left),
        taken=Taken(whole=whole, bulk=bulk),
    )
