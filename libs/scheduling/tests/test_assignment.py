from datetime import date
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st
from scheduling_worlds import at, days, midnight, zones

from slotstream_scheduling import Assignment, Taken, assign, day_load, local_date


def test_least_loaded_takes_the_one_with_the_least() -> None:
    assert assign(policy="least_loaded", free=[["a", "b", "c"]], loads={"a": 2, "b": 1, "c": 1}) == ("b",)
    assert assign(policy="least_loaded", free=[["a", "b"]], loads={"a": 2}) == ("b",)


def test_round_robin_takes_the_one_whose_turn_is_longest_ago() -> None:
    assert assign(policy="round_robin", free=[["a", "b"]], last_assigned={"a": 5, "b": 3}) == ("b",)
    assert assign(policy="round_robin", free=[["a", "b", "new"]], last_assigned={"a": -5, "b": 3}) == ("new",)


def test_priority_takes_the_greatest_and_then_the_least_loaded() -> None:
    assert assign(policy="priority", free=[["a", "b", "c"]], priorities={"b": 9, "c": 9}, loads={"b": 1}) == ("c",)


def test_a_choice_for_one_place_never_leaves_another_empty() -> None:
    assert assign(policy="least_loaded", free=[["a", "b"], ["a"]], loads={"b": 100}) == ("b", "a")


def test_nobody_is_chosen_where_the_places_cannot_be_filled() -> None:
    assert assign(policy="priority", free=[["a"], ["a"]]) is None
    assert assign(policy="priority", free=[[]]) is None


def test_whoever_is_named_is_among_the_chosen() -> None:
    two = [["a", "b"], ["a", "c"]]
    assert assign(policy="least_loaded", free=two, named=["a"], loads={"a": 9}) == ("b", "a")
    assert assign(policy="least_loaded", free=[["a", "b"], ["a"]], named=["a"], loads={"a": 9}) == ("b", "a")
    assert assign(policy="priority", free=[["a"], ["b"]], named=["c"]) is None


@given(
    st.lists(st.lists(st.sampled_from("abcde"), unique=True, max_size=5), min_size=1, max_size=4),
    st.dictionaries(st.sampled_from("abcde"), st.integers(0, 3)),
    st.sampled_from(list(Assignment)),
    st.lists(st.sampled_from("abcde"), unique=True, max_size=2),
)
@settings(max_examples=150)
def test_somebody_different_is_chosen_for_every_place_whenever_that_is_possible(
    free: list[list[str]], numbers: dict[str, int], policy: Assignment, named: list[str]
) -> None:
    chosen = assign(policy=policy, free=free, named=named, loads=numbers, last_assigned=numbers, priorities=numbers)

    assert (chosen is not None) == any(
        len(set(choice)) == len(choice) and set(named) <= set(choice) for choice in product(*free)
    )
    if chosen is not None:
        assert len(set(chosen)) == len(free)
        assert set(named) <= set(chosen)
        assert all(one in place for one, place in zip(chosen, free, strict=True))


@given(
    zones, days, st.integers(0, 26 * 60), st.lists(st.tuples(st.integers(-3000, 3000), st.integers(5, 900)), max_size=4)
)
@settings(max_examples=150, deadline=None)
def test_a_days_load_is_what_is_taken_while_the_businesss_wall_clock_shows_that_day(
    zone: str, day: date, minute: int, spans: list[tuple[int, int]]
) -> None:
    start = midnight(day) + minute * 60
    taken = [
        Taken(str(number), start + begin * 60, start + (begin + length) * 60, start, start)
        for number, (begin, length) in enumerate(spans)
    ]
    on_the_day = [
        second
        for second in range(start - 26 * 3600, start + 26 * 3600, 60)
        if local_date(second, zone) == local_date(start, zone)
    ]

    expected = sum(60 for each in taken for second in on_the_day if each.blocked_from <= second < each.blocked_to)

    assert day_load(taken, zone=zone, start=start) == expected


def test_the_evening_before_in_utc_is_the_same_day_in_los_angeles() -> None:
    """Six in the evening there is one in the morning of the next day in UTC."""
    taken = [
        Taken(str(hour), moment, moment + 3600, moment, moment + 3600)
        for hour in (9, 10, 11, 12)
        for moment in (at(f"2026-06-01T{hour:02}:00-07:00"),)
    ]
    evening = at("2026-06-01T18:00-07:00")

    assert day_load(taken, zone="America/Los_Angeles", start=evening) == 4 * 3600
    assert day_load(taken, zone="America/Los_Angeles", start=evening + 6 * 3600) == 0
