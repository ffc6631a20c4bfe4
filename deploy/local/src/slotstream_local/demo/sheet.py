"""A spreadsheet of 300 appointments as front desks really keep them: mostly right."""

import csv
import io
import random
from datetime import timedelta
from typing import Final

from slotstream_local.demo.organization import Business, next_monday

ROWS: Final = 300
_HEADERS: Final = ("Client", "Phone", "Email", "Service", "Staff", "Date", "Time", "Duration")
_GIVEN: Final = ("Lena", "Paul", "Mia", "Jonas", "Emma", "Felix", "Zoë", "Müjde", "Søren", "Inès")
_FAMILY: Final = ("Schäfer", "Novak", "Öztürk", "Weiß", "García", "Lindqvist", "Braun", "Dubois")
_TIMES: Final = ("09:00", "09:30", "10:00", "10:30", "11:00", "11:30", "14:00", "14:30", "15:00", "15:30", "16:00")


def appointments_csv(business: Business, *, seed: int = 300) -> bytes:
    """300 rows with a seeded share of flaws: repeated slots, no phone, an unknown service, impossible times."""
    dice = random.Random(seed)  # noqa: S311 - the same sheet every time
    rows = [_row(business, number, dice) for number in range(ROWS)]
    for number, spoil in zip(dice.sample(range(20, ROWS), 24), _SPOILS * 4, strict=True):
        rows[number] = spoil(rows, number)
    output = io.StringIO()
    table = csv.writer(output, delimiter=";")
    table.writerow(_HEADERS)
    table.writerows(rows)
    return output.getvalue().encode("utf-8-sig")


def _row(business: Business, number: int, dice: random.Random) -> list[str]:
    staff = business.staff[number % len(business.staff)]["name"]
    turn = number // len(business.staff)
    weekday, time = divmod(turn, len(_TIMES))
    day = next_monday(weeks_ahead=3) + timedelta(days=weekday % 5 + 7 * (weekday // 5))
    name = f"{dice.choice(_GIVEN)} {dice.choice(_FAMILY)}"
    phone = f"030 555{number:05d}" if number % 3 else f"+49 30 555{number:05d}"
    written = day.strftime("%d.%m.%Y")
    return [name, phone, f"guest{number}@example.com", "Haircut", staff, written, _TIMES[time], "30"]


def _a_slot_twice(rows: list[list[str]], number: int) -> list[str]:
    return [*rows[number][:4], *rows[number - 10][4:]]


def _no_way_to_reach(rows: list[list[str]], number: int) -> list[str]:
    return [rows[number][0], "ask at the desk", "", *rows[number][3:]]


def _an_unknown_service(rows: list[list[str]], number: int) -> list[str]:
    return [*rows[number][:3], "Hair cut & beard?", *rows[number][4:]]


def _an_impossible_time(rows: list[list[str]], number: int) -> list[str]:
    return [*rows[number][:6], "25:70", rows[number][7]]


def _on_a_sunday(rows: list[list[str]], number: int) -> list[str]:
    sunday = next_monday(weeks_ahead=4) - timedelta(days=1)
    return [*rows[number][:5], sunday.strftime("%d.%m.%Y"), *rows[number][6:]]


def _without_a_name(rows: list[list[str]], number: int) -> list[str]:
    return ["", *rows[number][1:]]


_SPOILS: Final = (
    _a_slot_twice,
    _no_way_to_reach,
    _an_unknown_service,
    _an_impossible_time,
    _on_a_sunday,
    _without_a_name,
)
