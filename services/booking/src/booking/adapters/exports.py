"""Files of appointments: CSV, XLSX and ICS, written in bounded memory."""

import csv
import io
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import icalendar
import xlsxwriter  # type: ignore[import-untyped]

from booking.domain.exports import Cell, ExportedAppointment, Format, Writer, cells_of
from booking.domain.lifecycle import Status
from slotstream_servicekit.spreadsheets import defused

ROWS_PER_SHEET = 1_000_000
"""A sheet holds 1,048,576 rows, its header included."""
_CHUNK_BYTES = 64 * 1024
_ICS_STATUS = {Status.CANCELLED: "CANCELLED", Status.PENDING: "TENTATIVE"}


def writer_of(kind: Format, columns: Sequence[str]) -> Writer:
    """`columns` are names of `COLUMNS`; an ICS file has its own and ignores them."""
    match kind:
        case Format.CSV:
            return CsvWriter(columns)
        case Format.XLSX:
            return XlsxWriter(columns)
        case Format.ICS:
            return IcsWriter()


class CsvWriter:
    """RFC 4180, UTF-8 with a byte order mark (spreadsheets guess wrong without). Instants as RFC 3339."""

    media_type = "text/csv; charset=utf-8"

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns

    def begin(self) -> Iterator[bytes]:
        yield "\ufeff".encode() + _csv_lines([list(self._columns)])

    def add(self, rows: Sequence[ExportedAppointment]) -> Iterator[bytes]:
        yield _csv_lines([[_text(cell) for cell in cells_of(row, self._columns)] for row in rows])

    def finish(self) -> Iterator[bytes]:
        yield from ()

    def discard(self) -> None:
        """Holds nothing."""


def _csv_lines(lines: Sequence[Sequence[str]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(lines)
    return buffer.getvalue().encode()


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    return cell.isoformat() if isinstance(cell, datetime) else defused(str(cell))


def _is_shown_twice(local: datetime) -> bool:
    """Whether the clock on the wall shows this time again, an hour later: a workbook could not say which it is."""
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


class XlsxWriter:
    """Rows go to a temporary file as they come; the finished workbook is sent from there."""

    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self._folder = Path(tempfile.mkdtemp(prefix="slotstream-export-"))
        self._path = self._folder / "appointments.xlsx"
        options = {
            "constant_memory": True,
            "tmpdir": str(self._folder),
            # Text stays text, whatever it begins with.
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        self._book = xlsxwriter.Workbook(self._path, options)
        self._instant = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        self._heading = self._book.add_format({"bold": True})
        self._rows = ROWS_PER_SHEET

    def begin(self) -> Iterator[bytes]:
        self._add_sheet()
        yield from ()

    def add(self, rows: Sequence[ExportedAppointment]) -> Iterator[bytes]:
        for row in rows:
            if self._rows == ROWS_PER_SHEET:
                self._add_sheet()
            self._rows += 1
            for column, cell in enumerate(cells_of(row, self._columns)):
                self._write(column, cell)
        yield from ()

    def finish(self) -> Iterator[bytes]:
        self._book.close()
        with self._path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk

    def discard(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def _add_sheet(self) -> None:
        self._sheet = self._book.add_worksheet()
        self._sheet.freeze_panes(1, 0)
        for column, name in enumerate(self._columns):
            self._sheet.write_string(0, column, name, self._heading)
        self._rows = 0

    def _write(self, column: int, cell: Cell) -> None:
        if cell is None:
            return
        if isinstance(cell, datetime) and _is_shown_twice(cell):
            self._sheet.write_string(self._rows, column, cell.isoformat())
        elif isinstance(cell, datetime):
            # A workbook knows no zones: the wall clock, with the zone in a column of its own.
            self._sheet.write_datetime(self._rows, column, cell.replace(tzinfo=None), self._instant)
        elif isinstance(cell, str):
            self._sheet.write_string(self._rows, column, cell)
        else:
            self._sheet.write_number(self._rows, column, cell)


class IcsWriter:
    """RFC 5545: one VEVENT for each UID, in UTC, which needs no VTIMEZONE.

    A rescheduled appointment shares its UID with the one that replaced it, which stands for both.
    """

    media_type = "text/calendar; charset=utf-8"

    def begin(self) -> Iterator[bytes]:
        yield b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Slotstream//booking//EN\r\nMETHOD:PUBLISH\r\n"

    def add(self, rows: Sequence[ExportedAppointment]) -> Iterator[bytes]:
        yield b"".join(_event(row).to_ical() for row in rows if row.appointment.status is not Status.RESCHEDULED)

    def finish(self) -> Iterator[bytes]:
        yield b"END:VCALENDAR\r\n"

    def discard(self) -> None:
        """Holds nothing."""


def _event(row: ExportedAppointment) -> Any:
    appointment = row.appointment
    event = icalendar.Event()
    event.add("uid", appointment.calendar_uid)
    event.add("dtstamp", appointment.updated_at.astimezone(UTC))
    event.add("dtstart", appointment.starts_at.astimezone(UTC))
    event.add("dtend", appointment.ends_at.astimezone(UTC))
    event.add("summary", f"{appointment.service_name}: {row.client_name}")
    event.add("location", row.place)
    event.add("status", _ICS_STATUS.get(appointment.status, "CONFIRMED"))
    event.add("sequence", appointment.calendar_sequence)
    if appointment.notes:
        event.add("description", appointment.notes)
    return event
