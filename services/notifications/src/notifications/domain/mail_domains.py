"""Mail domains of recipients: how much each is sent by all workers together, and when it asks for less.

Providers count what one host sends them, whichever organization it is for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar

from notifications.domain.messages import Kind
from notifications.domain.send_limits import BULK_KINDS, Pace, SendLimit, Taken, turns_of

DOMAIN_LIMITED: Final = "domain_limited"
"""The code of a message that waits for its recipient's mail domain."""
WAITS_FOR_DOMAIN: Final = timedelta(hours=24)
_UNLIMITED: Final = 600_000
"""A minute: more than is ever sent."""
_LOOK_AGAIN: Final = timedelta(milliseconds=10)
"""After this there may be room again, where as many are under way as may be."""

T = TypeVar("T")


def domain_of(address: str) -> str:
    """Of an address as a mail server takes it: the same for one domain however it is written."""
    return address.rpartition("@")[2].rstrip(".").lower()


def line_of(domain: str, kind: Kind) -> str:
    """Where a message waits that its domain holds up: bulk apart from what is of the moment. No domain has a space."""
    return f"bulk {domain}" if kind in BULK_KINDS else domain


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainLimit(SendLimit):
    """Of one domain: `per_minute`, and `at_once` under way. 0: whatever there is."""

    at_once: int

    @property
    def spacing(self) -> timedelta:
        """Between those that wait."""
        return max(self.whole.gap, _LOOK_AGAIN)

    @property
    def whole(self) -> Pace:
        return SendLimit(per_minute=self.per_minute or _UNLIMITED).whole

    @property
    def bulk(self) -> Pace:
        return SendLimit(per_minute=self.per_minute or _UNLIMITED).bulk


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainLimits:
    """Of the installation's mail server: the usual one, and those of single domains, by `domain_of`."""

    usual: DomainLimit
    by_domain: Mapping[str, DomainLimit] = field(default_factory=dict)

    def of(self, domain: str) -> DomainLimit:
        return self.by_domain.get(domain, self.usual)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailDomain:
    """What is known of one domain now. `refusals`: how often in a row it has asked to be sent less."""

    name: str
    taken: Taken
    refusals: int = 0
    rests_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainTurns(Generic[T]):
    """Who goes now, when the first of the others may go, and how far the domain's minutes are taken then."""

    now: Sequence[T]
    bulk_from: datetime
    others_from: datetime
    taken: Taken


def domain_turns(
    waiting: Sequence[tuple[T, Kind]], *, domain: MailDomain, limit: DomainLimit, under_way: int, now: datetime
) -> DomainTurns[T]:
    """Who goes now. None while the domain rests, and then one at a time until it has taken one."""
    at_once = 1 if domain.refusals else limit.at_once
    most, not_before = max(0, at_once - under_way) if at_once else len(waiting), now
    if domain.rests_until is not None and domain.rests_until > now:
        # Whoever was refused goes first.
        most, not_before = 0, domain.rests_until + limit.spacing
    turns = turns_of(waiting, limit=limit, taken=domain.taken, now=now, most=most)
    if most == len(turns.now):
        not_before = max(not_before, now + limit.spacing)
    bulk_from, others_from = (later[0][1] if later else now for later in (turns.bulk_later, turns.others_later))
    return DomainTurns(
        now=turns.now,
        bulk_from=max(bulk_from, not_before),
        others_from=max(others_from, not_before),
        taken=turns.taken,
    )
