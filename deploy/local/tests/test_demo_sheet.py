"""The demo's spreadsheet is the same every time."""

from slotstream_local.demo.organization import BERLIN, Business
from slotstream_local.demo.sheet import ROWS, appointments_csv


def test_the_sheet_has_300_rows_and_does_not_change() -> None:
    business = Business(BERLIN, {"id": "b"}, staff=[{"name": name} for name in BERLIN.staff])
    content = appointments_csv(business)
    assert content == appointments_csv(business)
    assert len(content.decode("utf-8-sig").splitlines()) == ROWS + 1
    assert "25:70" in content.decode("utf-8-sig")
