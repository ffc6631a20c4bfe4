"""Which of the free resources an appointment gets when none is named."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum

from slotstream_scheduling.places import can_fill
from slotstream_scheduling.rules import Taken
from slotstream_scheduling.wallclock import day_span, local_date


class Assignment(StrEnum):
    LEAST_LOADED = "least_loaded"
    ROUND_ROBIN = "round_robin"
    PRIORITY = "priority"


def day_load(taken: Iterable[Taken], *, zone: str, start: int) -> int:
    """The seconds of `taken` on the day of `start` by the business's wall clock: what `least_loaded` compares.

    The day runs from the local midnight before `start` to the one after; of what crosses midnight only the part in it
    counts. Buffers count, as they take the resource's time.
    """
    begins, ends = day_span(zone, local_date(start, zone))
    return sum(max(0, min(ends, each.blocked_to) - max(begins, each.blocked_from)) for each in taken)


def assign(
    *,
    policy: Assignment | str,
    free: Sequence[Sequence[str]],
    named: Collection[str] = (),
    loads: Mapping[str, int] | None = None,
    last_assigned: Mapping[str, int] | None = None,
    priorities: Mapping[str, int] | None = None,
) -> tuple[str, ...] | None:
    """One resource for each place, all different and all that are `named` among them.

    None where the free candidates cannot fill every place.

    `least_loaded` takes the smallest of `loads` (see `day_load`), `round_robin` the one whose turn is longest ago
    (`last_assigned` in any rising unit; never comes first), `priority` the greatest of `priorities` and among equals
    the least loaded. Ties go by id, so the choice is a function of its input.
    """
    if not can_fill(free, named):
        return None
    load, last, priority = loads or {}, last_assigned or {}, priorities or {}
    never = min(last.values(), default=0) - 1

    def rank(candidate: str) -> tuple[int, int, str]:
        match Assignment(policy):
            case Assignment.LEAST_LOADED:
                return (load.get(candidate, 0), 0, candidate)
            case Assignment.ROUND_ROBIN:
                return (last.get(candidate, never), 0, candidate)
            case Assignment.PRIORITY:
                return (-priority.get(candidate, 0), load.get(candidate, 0), candidate)

    chosen: list[str] = []
    for at, place in enumerate(free):
        for candidate in sorted(place, key=rank):
            used = {*chosen, candidate}
            # Whoever comes first in rank, as long as the later places can still be filled.
            rest = [[other for other in later if other not in used] for later in free[at + 1 :]]
            if candidate not in chosen and can_fill(rest, [other for other in named if other not in used]):
                chosen.append(candidate)
                break
    return tuple(chosen)
