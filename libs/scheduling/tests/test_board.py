"""A board that was kept up to date equals one that was made anew."""

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st
from scheduling_worlds import DAY, a_staffing, businesses, calendars, days, midnight, service_rules

from slotstream_scheduling import Board, ServiceRules

PLACES = ([["a"]], [["a", "b", "c"]], [["a", "b"], ["c"]], [["a", "b"], ["b", "c"]])


@given(st.data(), days, service_rules)
@settings(max_examples=100, deadline=None)
def test_putting_one_calendar_changes_what_it_says_it_changes_and_ends_as_if_made_anew(
    data: st.DataObject, day: date, rules: ServiceRules
) -> None:
    business = data.draw(businesses(day))
    staffing = a_staffing(*data.draw(st.sampled_from(PLACES)))
    start = midnight(day)

    def a_board() -> Board:
        return Board(rules=rules, business=business, staffing=staffing, start=start, end=start + DAY, service_id="svc")

    kept, known = a_board(), {}
    everything = range(len(kept.grid))
    for candidate in (*staffing.candidates, *staffing.candidates):
        known[candidate] = data.draw(calendars(candidate, day, rules))
        before = {slot.start: slot for slot in kept.slots(everything)}
        changed = kept.put(known[candidate])
        after = {slot.start: slot for slot in kept.slots(everything)}
        for index, moment in enumerate(kept.grid):
            assert changed >> index & 1 or before.get(moment) == after.get(moment)

    anew = a_board()
    for calendar in known.values():
        anew.put(calendar)
    assert kept.slots(everything) == anew.slots(everything)
    if rules.capacity == 1:
        free = [(slot.start, len({one for place in slot.free for one in place})) for slot in anew.slots(everything)]
        assert [(anew.grid[index], count) for index, count in kept.counts(everything)] == free
    middle = len(kept.grid) // 2
    parts = range(middle), range(middle, len(kept.grid))
    assert [slot for part in parts for slot in kept.slots(part)] == anew.slots(everything)
