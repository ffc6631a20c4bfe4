"""Which rows of a file can be kept together."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from imports.domain.conflicts import Span, conflict_with, conflicts_inside

START = datetime(2026, 3, 30, tzinfo=UTC)
STAFF = (UUID(int=1), UUID(int=2))

TIMES = st.tuples(st.integers(0, 40), st.integers(1, 12), st.sampled_from([None, *STAFF]))
FILES = st.lists(TIMES, max_size=25).map(
    lambda rows: [
        Span(number, START + timedelta(minutes=5 * at), START + timedelta(minutes=5 * (at + lasts)), resource)
        for number, (at, lasts, resource) in enumerate(rows, start=2)
    ]
)


def overlap(one: Span, other: Span) -> bool:
    return one.starts_at < other.ends_at and other.starts_at < one.ends_at


def can_be_kept(spans: list[Span]) -> bool:
    """Nobody is asked for twice at once, and never more people than there are."""
    for one in spans:
        named = [each for each in spans if each.resource_id == one.resource_id and one.resource_id is not None]
        if any(overlap(one, each) for each in named if each is not one):
            return False
        at_once = [each for each in spans if each.starts_at <= one.starts_at < each.ends_at]
        if one.resource_id is None and len(at_once) > len(STAFF):
            return False
    return True


@given(spans=FILES)
def test_what_is_not_marked_can_be_kept_together(spans: list[Span]) -> None:
    marked = {row for row, _ in conflicts_inside(spans, staff=len(STAFF))}
    named = [span for span in spans if span.row not in marked and span.resource_id is not None]
    assert can_be_kept(named)


@given(spans=FILES)
def test_what_is_marked_stands_in_the_way_of_rows_that_are_kept(spans: list[Span]) -> None:
    by_row = {span.row: span for span in spans}
    marked = dict(conflicts_inside(spans, staff=len(STAFF)))
    for row, reason in marked.items():
        assert reason.conflicts_with
        for other in map(int, reason.conflicts_with):
            assert other not in marked
            assert overlap(by_row[row], by_row[other])


@given(spans=FILES)
def test_a_row_put_in_by_hand_is_the_one_that_is_marked(spans: list[Span]) -> None:
    marked = {row for row, _ in conflicts_inside(spans, staff=len(STAFF))}
    kept = [span for span in spans if span.row not in marked]
    for resource in (None, *STAFF):
        own = Span(99, START + timedelta(hours=1), START + timedelta(hours=2), resource)
        reason = conflict_with(own, kept, staff=len(STAFF))
        allowed = not list(conflicts_inside([*kept, own], staff=len(STAFF)))
        assert (reason is None) is allowed


def test_rows_that_touch_do_not_conflict() -> None:
    half_hour = timedelta(minutes=30)
    spans = [Span(row, START + row * half_hour, START + (row + 1) * half_hour, STAFF[0]) for row in range(4)]
    assert list(conflicts_inside(spans, staff=1)) == []


def test_rows_without_a_resource_take_anybody_who_is_left() -> None:
    end = START + timedelta(hours=1)
    spans = [Span(2, START, end, STAFF[0]), Span(3, START, end, None), Span(4, START, end, None)]
    [(row, reason)] = conflicts_inside(spans, staff=2)
    assert (row, reason.conflicts_with) == (4, ("2", "3"))
