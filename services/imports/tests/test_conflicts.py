"""Which rows of a file can be kept together."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from imports.domain.catalogue import Business, Catalogue, OfferedService
from imports.domain.conflicts import conflict_with, conflicts_inside
from imports.domain.rows import Span
from slotstream_scheduling.places import Performer, Roster

START = datetime(2026, 3, 30, tzinfo=UTC)
STAFF = (UUID(int=1), UUID(int=2))

VISIT = OfferedService(id=UUID(int=10), name="Visit", duration_minutes=30)
CLASS = OfferedService(id=UUID(int=11), name="Class", duration_minutes=60, capacity=2)
CATALOGUE = Catalogue(
    business=Business(id=UUID(int=20), name="Mitte", zone="Europe/Berlin", phone_region="DE"),
    services={"visit": VISIT, "class": CLASS},
    resources={},
    roster=Roster(Performer(str(resource_id), "staff") for resource_id in STAFF),
)


def a_span(row: int, start: datetime, end: datetime, resource_id: UUID | None, service: OfferedService = VISIT) -> Span:
    return Span(
        row=row, starts_at=start, blocked_from=start, blocked_to=end, service_id=service.id, resource_id=resource_id
    )


TIMES = st.tuples(st.integers(0, 40), st.integers(1, 12), st.sampled_from([None, *STAFF]))
FILES = st.lists(TIMES, max_size=25).map(
    lambda rows: [
        a_span(number, START + timedelta(minutes=5 * at), START + timedelta(minutes=5 * (at + lasts)), resource)
        for number, (at, lasts, resource) in enumerate(rows, start=2)
    ]
)


def overlap(span: Span, other: Span) -> bool:
    return span.blocked_from < other.blocked_to and other.blocked_from < span.blocked_to


def can_be_kept(spans: list[Span]) -> bool:
    """Nobody is asked for twice at once, and never more people than there are."""
    for span in spans:
        named = [other for other in spans if other.resource_id == span.resource_id and span.resource_id is not None]
        if any(overlap(span, other) for other in named if other is not span):
            return False
        at_once = [other for other in spans if other.blocked_from <= span.blocked_from < other.blocked_to]
        if span.resource_id is None and len(at_once) > len(STAFF):
            return False
    return True


@given(spans=FILES)
def test_what_is_not_marked_can_be_kept_together(spans: list[Span]) -> None:
    marked = {row for row, _ in conflicts_inside(spans, catalogue=CATALOGUE)}
    named = [span for span in spans if span.row not in marked and span.resource_id is not None]
    assert can_be_kept(named)


@given(spans=FILES)
def test_what_is_marked_stands_in_the_way_of_rows_that_are_kept(spans: list[Span]) -> None:
    by_row = {span.row: span for span in spans}
    marked = dict(conflicts_inside(spans, catalogue=CATALOGUE))
    for row, reason in marked.items():
        assert reason.conflicts_with
        for other in map(int, reason.conflicts_with):
            assert other not in marked
            assert overlap(by_row[row], by_row[other])


@given(spans=FILES)
def test_a_row_put_in_by_hand_is_the_one_that_is_marked(spans: list[Span]) -> None:
    marked = {row for row, _ in conflicts_inside(spans, catalogue=CATALOGUE)}
    kept = [span for span in spans if span.row not in marked]
    for resource in (None, *STAFF):
        own = a_span(99, START + timedelta(hours=1), START + timedelta(hours=2), resource)
        reason = conflict_with(own, kept, catalogue=CATALOGUE)
        allowed = not list(conflicts_inside([*kept, own], catalogue=CATALOGUE))
        assert (reason is None) is allowed


def test_rows_that_touch_do_not_conflict() -> None:
    half_hour = timedelta(minutes=30)
    spans = [a_span(row, START + row * half_hour, START + (row + 1) * half_hour, STAFF[0]) for row in range(4)]
    assert list(conflicts_inside(spans, catalogue=CATALOGUE)) == []


def test_rows_without_a_resource_take_anybody_who_is_left() -> None:
    end = START + timedelta(hours=1)
    spans = [a_span(2, START, end, STAFF[0]), a_span(3, START, end, None), a_span(4, START, end, None)]
    [(row, reason)] = conflicts_inside(spans, catalogue=CATALOGUE)
    assert (row, reason.conflicts_with) == (4, ("2", "3"))


def test_a_row_for_anybody_does_not_take_the_person_whom_a_later_row_names() -> None:
    hour = timedelta(hours=1)
    spans = [
        a_span(2, START, START + hour / 2, STAFF[0]),
        a_span(3, START + hour, START + hour * 1.5, None),
        a_span(4, START + hour / 6, START + hour * 7 / 6, STAFF[1]),
    ]
    assert list(conflicts_inside(spans, catalogue=CATALOGUE)) == []
    busy = [*spans, a_span(5, START + hour, START + hour * 1.5, STAFF[0])]
    [(row, reason)] = conflicts_inside(busy, catalogue=CATALOGUE)
    assert (row, reason.conflicts_with) == (3, ("4", "5"))


def test_rows_of_a_group_share_its_time_as_long_as_there_are_seats() -> None:
    end = START + timedelta(hours=1)
    spans = [a_span(row, START, end, STAFF[0], CLASS) for row in (2, 3, 4)]
    assert [row for row, _ in conflicts_inside(spans, catalogue=CATALOGUE)] == [4]


def test_a_row_for_anybody_gets_only_who_can_perform_its_service() -> None:
    end = START + timedelta(hours=1)
    massage = OfferedService(id=UUID(int=12), name="Massage", duration_minutes=60, requires=((str(STAFF[1]),),))
    catalogue = replace(CATALOGUE, services={**CATALOGUE.services, "massage": massage})
    spans = [a_span(2, START, end, STAFF[1]), a_span(3, START, end, None, massage)]
    assert [row for row, _ in conflicts_inside(spans, catalogue=catalogue)] == [3]


def test_a_room_that_two_rows_need_is_taken_once() -> None:
    end, room = START + timedelta(hours=1), UUID(int=3)
    surgery = OfferedService(
        id=UUID(int=13), name="Surgery", duration_minutes=60, requires=(tuple(map(str, STAFF)), (str(room),))
    )
    roster = Roster([*(Performer(str(resource_id), "staff") for resource_id in STAFF), Performer(str(room), "room")])
    catalogue = replace(CATALOGUE, services={"surgery": surgery}, roster=roster)
    spans = [a_span(2, START, end, STAFF[0], surgery), a_span(3, START, end, STAFF[1], surgery)]
    [(row, reason)] = conflicts_inside(spans, catalogue=catalogue)
    assert (row, reason.conflicts_with) == (3, ("2",))


def test_buffers_are_a_part_of_the_time_that_is_taken() -> None:
    service = OfferedService(id=UUID(int=14), name="Visit", duration_minutes=30, buffer_after_minutes=15)
    assert service.blocked(START, 30) == (START, START + timedelta(minutes=45))


def test_a_row_for_anybody_gets_only_who_is_free_in_the_book() -> None:
    end = START + timedelta(hours=1)
    named, anybody = a_span(2, START, end, STAFF[1]), a_span(3, START, end, None)
    assert list(conflicts_inside([named, anybody], catalogue=CATALOGUE)) == []
    [(row, reason)] = conflicts_inside([named, replace(anybody, free_ids=(STAFF[1],))], catalogue=CATALOGUE)
    assert (row, reason.conflicts_with) == (3, ("2",))
