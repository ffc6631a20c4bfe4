"""What a statement answers with is named: `*` would change under a process while the next release's revision runs.

PostgreSQL refuses a statement that was prepared before and would answer with a column more, and a transaction cannot
ask again.
"""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
STAR: Final = re.compile(
    r"\b(?:SELECT|RETURNING) (?:\w+\.)?\*(?: FROM [\w(]+)?|, \w\.\*(?! )|\(\w+\)\.\*|\) \* FROM \w+", re.IGNORECASE
)
WITHIN: Final[Mapping[str, Counter[str]]] = {
    "availability/storage/occupancy.py": Counter([", o.*", ", h.*", ", b.*"]),
    "availability/storage/projections.py": Counter(["SELECT * FROM takes"]),
    "booking/storage/appointments.py": Counter(["SELECT * FROM json_to_recordset("]),
    "booking/storage/audit.py": Counter(["SELECT t.* FROM places", "SELECT * FROM appointments", "SELECT a.*"]),
    "booking/storage/booking_statement/text.py": Counter(["SELECT r.* FROM admitted", "SELECT r.* FROM asked"]),
    "booking/storage/freed_times.py": Counter(["SELECT t.*"]),
    "booking/storage/functions.py": Counter(
        [
            "SELECT * FROM occupancy",
            *2 * ["SELECT * FROM clients"],
            "SELECT * FROM external_busy",
            "RETURNING occupancy.*",
        ]
    ),
    "booking/storage/listing.py": Counter(["SELECT a.*"]),
    "booking/storage/occupancy.py": Counter(["SELECT * FROM taken_time("]),
    "booking/storage/reports.py": Counter(
        [
            "SELECT a.* FROM appointments",
            "SELECT o.*",
            *2 * ["SELECT * FROM appointments"],
            "SELECT g.*",
            "SELECT * FROM (",
        ]
    ),
    "calendar_sync/storage/busy.py": Counter([", i.*"]),
    "calendar_sync/storage/projections.py": Counter([") * FROM appointments"]),
    "imports/storage/projections.py": Counter(["SELECT * FROM known"]),
}
"""By file: of what the statement makes itself, or inside it, where whatever is around it names what it takes."""


def test_no_statement_answers_with_whatever_columns_there_are() -> None:
    found = {
        path.relative_to(source).as_posix(): stars
        for source in ROOT.glob("services/*/src")
        for path in source.rglob("*.py")
        if (stars := Counter(star[0] for star in STAR.finditer(path.read_text(encoding="utf-8"))))
    }
    assert found == WITHIN
