from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from slotstream_scheduling import spans
from slotstream_scheduling.spans import Spans

bounds = st.tuples(st.integers(0, 60), st.integers(0, 60))
span_sets = st.lists(bounds, max_size=8).map(spans.normalize)


def seconds(of: Spans) -> set[int]:
    return {second for start, end in of for second in range(start, end)}


@given(st.lists(bounds, max_size=10))
@settings(max_examples=100)
def test_normal_sets_are_sorted_disjoint_and_hold_the_same_seconds(raw: list[tuple[int, int]]) -> None:
    normal = spans.normalize(raw)

    assert seconds(normal) == {second for start, end in raw for second in range(start, end)}
    assert all(start < end for start, end in normal)
    assert all(left[1] < right[0] for left, right in pairwise(normal))


@given(span_sets, span_sets)
@settings(max_examples=200)
def test_set_operations_agree_with_sets_of_seconds(left: Spans, right: Spans) -> None:
    for result, expected in (
        (spans.union(left, right), seconds(left) | seconds(right)),
        (spans.intersect(left, right), seconds(left) & seconds(right)),
        (spans.subtract(left, right), seconds(left) - seconds(right)),
    ):
        assert seconds(result) == expected
        assert result == spans.normalize(result)


@given(span_sets, st.integers(0, 60), st.integers(0, 60))
@settings(max_examples=200)
def test_asking_about_an_interval_agrees_with_sets_of_seconds(base: Spans, start: int, end: int) -> None:
    asked = set(range(start, end))

    assert spans.contains(base, start, end) == (asked <= seconds(base))
    assert spans.overlaps(base, start, end) == bool(asked & seconds(base))
    assert seconds(spans.clip(base, start, end)) == asked & seconds(base)
    assert spans.total(base) == len(seconds(base))
