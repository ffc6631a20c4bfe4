"""What is done in a run: desks that work at random, and others that act beside them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from checker.work import bookings, people, rules, series, trespass
from checker.work.desk import Desk

WORK: Sequence[tuple[Callable[[Desk], Awaitable[None]], int]] = (
    (bookings.book, 34),
    (bookings.book_by_override, 3),
    (bookings.enter_at_once, 2),
    (bookings.book_held, 4),
    (bookings.join_group, 6),
    (bookings.book_under_hold_id, 3),
    (bookings.book_twice, 6),
    (bookings.book_changed, 2),
    (bookings.reschedule, 14),
    (bookings.confirm, 8),
    (bookings.cancel, 10),
    (bookings.complete, 4),
    (bookings.dismiss, 3),
    (bookings.no_show, 4),
    (bookings.reopen, 4),
    (bookings.archive, 3),
    (bookings.update, 3),
    (rules.reopen_by_new_rules, 2),
    (series.create_series, 1),
    (series.change_series, 1),
    (trespass.use_foreign_ids, 4),
    (trespass.act_on_foreign, 2),
    (trespass.take_equal_ids, 2),
    (trespass.use_equal_keys, 2),
    (people.live_and_be_erased, 1),
    (people.merge_away_and_book, 1),
)
"""What a desk does, and how often."""


async def work_at_desk(desk: Desk, stop: asyncio.Event) -> None:
    acts, weights = zip(*WORK, strict=True)
    while not stop.is_set():
        await desk.random.choices(acts, weights)[0](desk)
