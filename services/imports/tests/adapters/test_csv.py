"""CSV files as people have them: encodings, delimiters, headers, titles above them."""

import pytest

from imports.adapters.csv.encodings import detect_encoding
from imports.adapters.csv.reader import CsvReader
from imports.domain.mapping import ColumnMapping, suggest
from imports.domain.survey import Survey
from imports.domain.tables import Table, UnreadableFileError

READER = CsvReader()
ROW = "A,2027-05-01 10:00,Haircut\r\n"


def inspected(content: str | bytes, *, language: str = "de", **chosen: str) -> Table:
    raw = content.encode() if isinstance(content, str) else content
    return READER.inspect(raw, chosen=chosen, language=language)


def rows_of(content: str | bytes, **chosen: str) -> list[tuple[int, list[str]]]:
    raw = content.encode() if isinstance(content, str) else content
    reading = inspected(raw, **chosen).reading
    return [(row.number, list(row.cells)) for row in READER.rows(raw, reading=reading)]


def codes(table: Table) -> list[str]:
    return [warning.code for warning in table.warnings]


@pytest.mark.parametrize(
    ("encoding", "language", "names"),
    [
        ("cp1252", "de", ["Hélène Lefèvre"]),
        ("cp1252", "de", ["Jürgen Größe", "Zoë Naïve"]),
        ("cp1252", "en", ["François", "D’Arcy", "Núñez"]),
        ("cp1252", "pl", ["Müller"]),
        ("cp1250", "pl", ["Łukasz Żółć", "Paweł Wiśniewski"]),
        ("cp1251", "ru", ["Иванов Пётр", "Анна"]),
        ("cp1251", "de", ["Иванов Пётр", "Анна Смирнова"]),
        ("cp1253", "el", ["Γιώργος Παπαδόπουλος"]),
        ("cp1254", "tr", ["Gülşen Işık"]),
        ("cp1256", "ar", ["محمد علي"]),
        ("cp932", "ja", ["山田太郎"]),
        ("cp850", "de", ["Jäger", "Müller", "Größe"]),
        ("mac-roman", "de", ["Jäger", "Müller", "Größe"]),
    ],
)
def test_names_are_read_as_they_were_written(encoding: str, language: str, names: list[str]) -> None:
    content = ("Name,Start,Service\r\n" + "".join(ROW.replace("A", name) for name in names)).encode(encoding)
    table = inspected(content, language=language)
    assert [row.cells[0] for row in READER.rows(content, reading=table.reading)] == names
    assert codes(table) == ["guessed_encoding"]


def test_windows_1252_goes_before_rare_encodings_wherever_the_one_name_stands() -> None:
    plain = "Name,Start,Service\r\n" + ROW * 5_000
    content = (plain + ROW.replace("A", "Hélène")).encode("cp1252")
    assert detect_encoding(content, language="de").name == "cp1252"


def test_utf_8_with_a_bad_byte_stays_utf_8_and_says_so() -> None:
    good = "Name,Start,Service\r\n" + "".join(ROW.replace("A", name) for name in ("Jürgen", "Zoë", "Größe"))
    content = good.encode() + ROW.replace("A", "M\xfcller").encode("latin-1")
    table = inspected(content)
    assert (table.reading["encoding"], codes(table)) == ("utf-8", ["damaged_encoding"])
    assert [row.cells[0] for row in READER.rows(content, reading=table.reading)] == [
        "Jürgen", "Zoë", "Größe", "M\ufffdller",
    ]  # fmt: skip


def test_the_preview_shows_what_could_not_be_read_and_names_with_accents_first() -> None:
    lines = [ROW] * 100 + [ROW.replace("A", "Zoë"), ROW.replace("A", "M\ufffdller")]
    content = ("Name,Start,Service\r\n" + "".join(lines)).encode()
    table = inspected(content)
    survey = Survey.of(READER.rows(content, reading=table.reading), table.headers, ColumnMapping(columns={}))
    shown = survey.preview()
    assert [row.cells[0] for row in shown[:3]] == ["M\ufffdller", "Zoë", "A"]
    assert len(shown) == 20


@pytest.mark.parametrize("written", ["sep=;\r\n", '"sep=;"\r\n', "\ufeffsep=;\r\n", "SEP=;\n"])
def test_a_line_that_names_the_delimiter_is_no_row(written: str) -> None:
    content = written + "Name;Start;Service\r\nA;2027-05-01 10:00;Haircut, short\r\n"
    table = inspected(content)
    assert (table.headers, table.reading["delimiter"]) == (("Name", "Start", "Service"), ";")
    assert rows_of(content) == [(2, ["A", "2027-05-01 10:00", "Haircut, short"])]


@pytest.mark.parametrize(
    ("above", "header_row", "warnings"),
    [
        ("", 1, []),
        ("\r\n", 2, []),
        (",,\r\n\r\n", 3, []),
        ("Appointments of May 2027\r\n\r\n", 3, ["rows_above_header"]),
        ("Salon Mitte,,\r\nExported by Anna,,\r\n", 3, ["rows_above_header"]),
    ],
)
def test_titles_and_blank_lines_above_the_header_are_recognised(
    above: str, header_row: int, warnings: list[str]
) -> None:
    content = above + "Name,Start,Service\r\n" + ROW * 3
    table = inspected(content)
    assert (table.headers, table.reading["header_row"]) == (("Name", "Start", "Service"), str(header_row))
    assert codes(table) == warnings
    assert [number for number, _ in rows_of(content)] == [header_row + 1, header_row + 2, header_row + 3]


def test_a_file_without_a_header_keeps_its_first_appointment() -> None:
    content = "A Muster,2027-06-02,08:31 am,Haircut\r\nB Muster,2027-06-03,10:08 am,Haircut\r\n"
    table = inspected(content)
    assert (table.reading["header_row"], table.headers) == ("none", ("column 1", "column 2", "column 3", "column 4"))
    assert codes(table) == ["no_header"]
    assert [cells[0] for _, cells in rows_of(content)] == ["A Muster", "B Muster"]


def test_the_headers_row_can_be_chosen_and_done_without() -> None:
    content = "Name,Start,Service\r\nKunde,Beginn,Leistung\r\n" + ROW
    assert inspected(content, header_row="2").headers == ("Kunde", "Beginn", "Leistung")
    assert rows_of(content, header_row="2") == [(3, ["A", "2027-05-01 10:00", "Haircut"])]
    assert len(rows_of(content, header_row="none")) == 3


@pytest.mark.parametrize(
    "chosen",
    [
        {"header_row": "0"},
        {"header_row": "first"},
        {"header_row": "99"},
        {"delimiter": "xx"},
        {"delimiter": '"'},
        {"encoding": "rot13"},
        {"sheet": "1"},
    ],
)
def test_an_option_that_makes_no_sense_is_refused(chosen: dict[str, str]) -> None:
    with pytest.raises(UnreadableFileError):
        inspected("Name,Start,Service\r\n" + ROW, **chosen)


def test_what_an_export_defused_is_taken_as_it_was() -> None:
    content = "Name,Notes\r\nA,'- allergic to nuts\r\nB,'=1+1\r\nC,'tis fine\r\nD,+49 30 901820\r\n"
    assert [cells[1] for _, cells in rows_of(content)] == ["- allergic to nuts", "=1+1", "'tis fine", "+49 30 901820"]


def test_columns_and_cells_that_would_be_left_out_are_listed() -> None:
    content = (
        "Name,Start,Service,Colour,Empty\r\nA,2027-05-01 10:00,Haircut,red,\r\nB,2027-05-02 10:00,Haircut,,,more\r\n"
    )
    table = inspected(content)
    mapping = ColumnMapping(columns=suggest(table.headers))
    survey = Survey.of(READER.rows(content.encode(), reading=table.reading), table.headers, mapping)
    assert survey.unmapped == {"Colour": 1}
    assert [warning.code for warning in survey.warnings()] == ["unmapped_column", "cells_beyond_header"]
