"""Small files as other products and people write them, each read as it is meant, from the upload to the check."""

from dataclasses import dataclass

import pytest
from imports_service import ImportsService


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignFile:
    """What is in the file, and what of its first row has to come out."""

    content: bytes
    rows: int = 1
    columns: tuple[tuple[str, str], ...] = ()
    name: str = "A"
    starts_at: str = "2027-05-01T08:00:00Z"
    minutes: int = 45
    phone: str | None = None
    reasons: tuple[str, ...] = ("no_contact",)
    warnings: tuple[str, ...] = ()


FILES = {
    "a range in the column of times": ForeignFile(
        content=b"Client,Date,Time,Service\nA,2027-06-03,10:00-11:00,Haircut\n",
        starts_at="2027-06-03T08:00:00Z",
        minutes=60,
    ),
    "an end time of its own": ForeignFile(
        content=b"Client,Date,Start Time,End Time,Service\nA,2027-06-03,10:00,11:30,Haircut\n",
        starts_at="2027-06-03T08:00:00Z",
        minutes=90,
    ),
    "one name with accents in Windows-1252": ForeignFile(
        content="Name,Start,Service\nHélène Lefèvre,2027-05-01 10:00,Haircut\nMax Muster,2027-05-02 10:00,Haircut\n".encode(
            "cp1252"
        ),
        rows=2,
        name="Hélène Lefèvre",
        warnings=("guessed_encoding",),
    ),
    "no header": ForeignFile(
        content=b"A Muster,2027-06-02,08:31 am,Haircut\nB Muster,2027-06-03,10:08 am,Haircut\n",
        rows=2,
        columns=(("client_name", "column 1"), ("date", "column 2"), ("time", "column 3"), ("service", "column 4")),
        name="A Muster",
        starts_at="2027-06-02T06:31:00Z",
        warnings=("no_header",),
    ),
    "a line that names the delimiter": ForeignFile(content=b"sep=;\nName;Start;Service\nA;2027-05-01 10:00;Haircut\n"),
    "a blank first line": ForeignFile(content=b"\nName,Start,Service\nA,2027-05-01 10:00,Haircut\n"),
    "a phone with the country's code and no plus": ForeignFile(
        content=b"Client,Phone,Start,Service\nA,4915123456789,2027-05-01 10:00,Haircut\n",
        phone="+4915123456789",
        reasons=("assumed_country_code",),
    ),
    "a week in minutes": ForeignFile(
        content=b"Client,Start,Service,Duration\nA,2027-05-01 10:00,Haircut,10080\n", minutes=10_080
    ),
}


@pytest.mark.parametrize("file", FILES.values(), ids=FILES.keys())
async def test_it_is_read_as_it_is_meant(service: ImportsService, file: ForeignFile) -> None:
    import_id = (await service.upload(file.content)).json()["id"]
    suggested = (await service.http.get(f"/v1/imports/{import_id}/preview")).json()["columns"]
    columns = dict(file.columns) or suggested
    answer = await service.http.put(f"/v1/imports/{import_id}/mapping", json={"columns": columns})
    assert answer.status_code == 200, answer.text
    await service.settle()

    rows = await service.rows(import_id)
    requested = rows[0]["requested"]
    assert len(rows) == file.rows
    assert (requested["client_name"], requested["phone"]) == (file.name, file.phone)
    assert (requested["starts_at"], requested["duration_minutes"]) == (file.starts_at, file.minutes)
    assert tuple(reason["code"] for reason in rows[0]["reasons"]) == file.reasons
    assert tuple(warning["code"] for warning in (await service.get(import_id))["warnings"]) == file.warnings
