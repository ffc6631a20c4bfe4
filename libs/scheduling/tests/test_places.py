"""Who fills which place, against every choice there is."""

from itertools import permutations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scheduling_worlds import a_staffing

from slotstream_scheduling import Performer, Roster, Staffing

STAFF = [Performer("b", "staff"), Performer("a", "staff")]
OTHERS = [Performer("room", "room"), Performer("own", "business")]
some_places = st.lists(st.lists(st.sampled_from("abcd"), unique=True, max_size=4), min_size=1, max_size=3)
some_names = st.lists(st.sampled_from("abcdx"), unique=True, max_size=4)


def codes(staffing: Staffing) -> list[str]:
    return [reason.code for reason in staffing.reasons]


def test_a_service_without_requirements_takes_any_staff_or_else_the_business_itself() -> None:
    assert Roster(STAFF + OTHERS).staffing(()).places == (("a", "b"),)
    assert Roster(OTHERS).staffing(()).places == (("own",),)
    assert Roster(STAFF + OTHERS).staffing([{"room", "gone"}, {"a"}]).places == (("room",), ("a",))
    assert Roster(STAFF).staffing([{"gone"}]).places == ((),)


def test_a_custom_service_takes_everybody_that_is_named() -> None:
    roster = Roster(STAFF + OTHERS)

    assert roster.staffing(None, ["b", "room"]) == Staffing((("b",), ("room",)), ("b", "room"))
    assert roster.staffing(None) == roster.staffing(())
    strangers = roster.staffing(None, ["b", "stranger"])
    assert [reason.conflicts_with for reason in strangers.reasons] == [("stranger",)]
    assert not strangers.filled_by([["b"], ["stranger"]])


@pytest.mark.parametrize(
    ("named", "problem"),
    [(["anna", "room1"], False), (["anna"], False), (["anna", "bob"], True), (["room1", "room2"], True)],
)
def test_named_resources_have_a_place_each(named: list[str], *, problem: bool) -> None:
    staffing = a_staffing(["anna", "bob"], ["room1", "room2"], named=named)

    assert codes(staffing) == ["resource_cannot_perform"] * problem


def test_naming_fewer_than_there_are_places_leaves_the_others_to_choose() -> None:
    assert a_staffing(["a", "b"], ["r", "s"], named=["b"]).places == (("b",), ("r", "s"))
    assert a_staffing(["a", "b"], ["a", "c"], named=["a"]).places == (("a", "b"), ("a", "c"))


def test_more_than_there_are_places_are_refused_or_a_choice() -> None:
    roster = Roster(STAFF + OTHERS)

    assert codes(roster.staffing((), ["a", "b"])) == ["resource_cannot_perform"]
    assert roster.staffing((), ["a", "room"], or_choice=True) == Staffing((("a",),))
    assert codes(roster.staffing((), ["room", "own"], or_choice=True)) == ["resource_cannot_perform"] * 2


@given(some_places, some_names)
@settings(max_examples=300)
def test_places_are_filled_exactly_when_somebody_different_is_found_for_each_and_all_that_are_named_take_part(
    places: list[list[str]], named: list[str]
) -> None:
    everybody = [Performer(resource_id, "staff") for resource_id in "abcd"]
    staffing = Roster(everybody).staffing(places, named)
    choices = {
        frozenset(chosen)
        for chosen in product(*places)
        if len(set(chosen)) == len(chosen) and set(named) <= set(chosen)
    }

    assert bool(staffing.reasons) == (not choices)
    assert staffing.filled_by(staffing.places) == bool(choices)
    for free in ({"a", "b"}, {"b", "c", "d"}, {"a", "c"}, set("abcd")):
        left = [[one for one in place if one in free] for place in staffing.places]
        assert staffing.filled_by(left) == any(chosen <= free for chosen in choices)


@given(st.lists(st.sampled_from("abcx"), unique=True, min_size=1, max_size=3), some_names)
def test_a_custom_service_is_filled_by_all_that_are_named_and_by_nobody_else(named: list[str], free: list[str]) -> None:
    staffing = Roster(Performer(resource_id, "staff") for resource_id in "abc").staffing(None, named)
    left = [[one for one in place if one in free] for place in staffing.places]

    assert staffing.filled_by(left) == (set(named) <= set(free) & set("abc"))
    assert all(set(choice) == set(named) for choice in permutations(staffing.candidates))
