from datetime import date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imports.domain.clocks import read_instant, read_minutes, read_time
from imports.domain.dates import DateColumn, DateOrder, split_date

WRITTEN = {
    DateOrder.YEAR_FIRST: ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d"),
    DateOrder.DAY_FIRST: ("%d.%m.%Y", "%d/%m/%Y", "%d-%m-%Y"),
    DateOrder.MONTH_FIRST: ("%m/%d/%Y", "%m-%d-%Y"),
}
DAYS = st.dates(min_value=date(1970, 1, 1), max_value=date(2199, 12, 31))
ORDERS = st.sampled_from(list(DateOrder))


@given(day=DAYS, order=ORDERS, data=st.data())
def test_a_date_is_read_as_it_was_written(day: date, order: DateOrder, data: st.DataObject) -> None:
    written = day.strftime(data.draw(st.sampled_from(WRITTEN[order])))
    assert split_date(f"{written} 10:00", order) == (day, "10:00")


@given(days=st.lists(DAYS, min_size=1), order=ORDERS)
def test_the_true_order_of_a_column_always_survives(days: list[date], order: DateOrder) -> None:
    column = DateColumn()
    for day in days:
        column.see(day.strftime(WRITTEN[order][0]))
    survivors = column.survivors()
    assert order in survivors or all(day.day == day.month for day in days)
    if any(day.day > 12 for day in days):
        assert survivors == (order,)


@given(text=st.text(max_size=40), order=ORDERS)
def test_no_text_upsets_the_readers(text: str, order: DateOrder) -> None:
    split_date(text, order)
    read_time(text)
    read_instant(text)
    read_minutes(text)


def test_a_few_flawed_cells_do_not_decide() -> None:
    column = DateColumn()
    for cell in ("29.03.2026", "1.4.2026", "tomorrow", "31.02.2026", ""):
        column.see(cell)
    assert column.survivors() == (DateOrder.DAY_FIRST,)


def test_a_column_without_dates_has_no_order() -> None:
    column = DateColumn()
    column.see("a")
    column.see("b")
    assert column.survivors() == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("9:30", time(9, 30)), ("09.30", time(9, 30)), ("9 am", time(9)), ("12:15 AM", time(0, 15)),
        ("12 pm", time(12)), ("14h30", time(14, 30)), ("14:30 Uhr", time(14, 30)), ("08:00:30", time(8, 0, 30)),
        ("25:00", None), ("9", None), ("13 pm", None), ("", None), ("noon", None),
    ],
)  # fmt: skip
def test_times_of_day(text: str, expected: time | None) -> None:
    assert read_time(text) == expected


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("45", 45),
        ("45 min", 45),
        ("1:30", 90),
        ("1h 30m", 90),
        ("2 hours", 120),
        ("PT1H30M", 90),
        ("long", None),
        ("", None),
    ],
)
def test_durations(text: str, minutes: int | None) -> None:
    assert read_minutes(text) == minutes


def test_month_names_need_no_order() -> None:
    assert split_date("29 Mar 2026", DateOrder.YEAR_FIRST) == (date(2026, 3, 29), "")
    assert split_date("March 29, 2026 9am", DateOrder.DAY_FIRST) == (date(2026, 3, 29), "9am")


def test_only_a_time_with_an_offset_is_an_instant() -> None:
    assert read_instant("2026-03-29T10:00:00+02:00") == datetime.fromisoformat("2026-03-29T08:00:00+00:00")
    assert read_instant("2026-03-29T10:00:00") is None
