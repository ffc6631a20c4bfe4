"""Files are read chunk by chunk: a crash costs one chunk at most, and no row is lost or doubled."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from imports_service import ImportsService

from imports.adapters.csv.reader import CsvReader
from imports.domain.tables import UnreadableFileError
from imports.domain.validation import judge
from imports.storage.comparisons import RowComparisonStore
from imports.storage.imports import ImportStore
from imports.storage.rows import RowStore
from imports.usecases import reading

ROWS = 250


def a_file(rows: int = ROWS) -> str:
    """Rows of two staff, half an hour each; the last one repeats the first, the one before stands in its way."""
    lines = ["Client,Phone,Service,Staff,Start"]
    for number in range(rows - 2):
        hour, half = divmod(number // 2, 2)
        day, hour = divmod(hour, 24)
        start = f"2026-04-{day + 2:02} {hour:02}:{half * 30:02}"
        lines.append(f"Client {number},030 {5550000 + number},First visit,{('Anna', 'Ben')[number % 2]},{start}")
    lines.append("Somebody else,030 5550001,First visit,Anna,2026-04-02 00:15")
    lines.append(lines[1])
    return "\n".join(lines)


async def read_through(service: ImportsService, import_id: str) -> int:
    rows = await service.query("SELECT read_through FROM imports WHERE id = :id", id=import_id)
    return int(rows[0].read_through)


async def assert_everything_is_there_once(service: ImportsService, import_id: str) -> None:
    stored = await service.query("SELECT number, state, reasons FROM import_rows WHERE import_id = :id", id=import_id)
    assert sorted(row.number for row in stored) == list(range(2, ROWS + 2))
    by_number = {row.number: row for row in stored}
    assert by_number[ROWS + 1].reasons[0]["code"] == "duplicate_row"
    assert (by_number[ROWS].state, by_number[ROWS].reasons[0]["conflicts_with"]) == ("conflict", ["2"])
    assert sum(row.state == "ok" for row in stored) == ROWS - 2


async def test_each_chunk_is_kept_by_a_transaction_of_its_own(service: ImportsService) -> None:
    import_id = await service.mapped(a_file())
    kept = []
    while (await service.get(import_id))["state"] == "reading":
        await service.worker.work_once()
        kept.append((await read_through(service, import_id), (await service.get(import_id))["counts"]["rows"]))
    assert kept == [(101, 100), (201, 200), (251, 250), (251, 250)]
    await assert_everything_is_there_once(service, import_id)


async def test_another_worker_goes_on_where_one_has_ended(service: ImportsService) -> None:
    import_id = await service.mapped(a_file())
    await service.worker.work_once()
    another = service.another_worker()
    await another.work_once()
    # The first one has still open what it has read of the file: what the other has stored since counts.
    await service.worker.work_once()
    await another.work_once()
    assert (await service.get(import_id))["state"] == "checking"
    await assert_everything_is_there_once(service, import_id)


@pytest.mark.parametrize(
    ("store", "step"),
    [
        (ImportStore, "save"),
        (RowStore, "add"),
        (RowComparisonStore, "earlier"),
        (RowComparisonStore, "mark_conflicts"),
    ],
)
async def test_a_worker_that_dies_within_a_chunk_loses_and_doubles_nothing(
    service: ImportsService, monkeypatch: pytest.MonkeyPatch, store: type, step: str
) -> None:
    import_id = await service.mapped(a_file())
    await service.worker.work_once()
    real = getattr(store, step)

    async def dies(*args: Any, **more: Any) -> None:
        await real(*args, **more)
        raise asyncio.CancelledError

    monkeypatch.setattr(store, step, dies)
    with pytest.raises(asyncio.CancelledError):
        while True:
            await service.worker.work_once()
    monkeypatch.undo()
    another = service.another_worker()
    while (await service.get(import_id))["state"] == "reading":
        await another.work_once()
    await assert_everything_is_there_once(service, import_id)


async def test_a_file_that_turns_out_unreadable_leaves_no_rows_behind(
    service: ImportsService, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = await service.mapped(a_file())
    await service.worker.work_once()

    def unreadable(*_: Any, **__: Any) -> Any:
        raise UnreadableFileError("Row 150 cannot be read")

    monkeypatch.setattr(CsvReader, "rows", unreadable)
    await service.another_worker().work_once()
    shown = await service.get(import_id)
    assert (shown["state"], shown["failure"], shown["counts"]["rows"]) == ("failed", "Row 150 cannot be read", 0)
    monkeypatch.undo()
    columns = (await service.http.get(f"/v1/imports/{import_id}/preview")).json()["columns"]
    assert (await service.http.put(f"/v1/imports/{import_id}/mapping", json={"columns": columns})).status_code == 200
    await service.settle()
    await assert_everything_is_there_once(service, import_id)


async def test_two_files_take_turns(service: ImportsService) -> None:
    first = await service.mapped(a_file())
    second = await service.mapped(a_file(), zone="Europe/Paris")
    for _ in range(4):
        service.now[0] += timedelta(seconds=1)
        await service.worker.work_once()
    assert [await read_through(service, import_id) for import_id in (first, second)] == [201, 201]
    for _ in range(6):
        service.now[0] += timedelta(seconds=1)
        await service.worker.work_once()
    sent = await service.query("SELECT count(*) FROM import_rows WHERE check_id IS NOT NULL GROUP BY import_id")
    assert [row[0] for row in sent] == [100, 100]


async def test_a_file_that_nobody_foresaw_stops_no_other_import(
    service: ImportsService, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange = await service.mapped(a_file())

    def not_this_one(values: Any, rules: Any) -> Any:
        return judge(values, rules) if values["client_name"] != "Client 7" else 1 / 0

    monkeypatch.setattr(reading, "judge", not_this_one)
    await service.worker.work_once()
    monkeypatch.undo()
    shown = await service.get(strange)
    assert (shown["state"], shown["counts"]["rows"]) == ("failed", 0)
    assert (await service.get(await service.checked(a_file())))["state"] == "checked"
