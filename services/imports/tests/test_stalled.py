"""An import never hangs: it stalls after a time, goes on by itself or by a retry, or is cancelled."""

from datetime import timedelta
from typing import Any

import pytest
from imports_service import ImportsService

from imports.domain.rows import Stage
from imports.storage.commands import RowCommandStore
from imports.usecases.commands import MOST_FAILURES

FILE = "Client,Phone,Service,Staff,Start\n" + "".join(
    f"Client {number},030 {5550000 + number},First visit,Anna,2026-04-{number + 2:02} 10:00\n" for number in range(3)
)
COMMANDS = "slotstream.booking.commands.v1"
STAGES = pytest.mark.parametrize(("stage", "working"), [("check", "checking"), ("book", "booking")])


async def waiting(service: ImportsService, stage: str) -> tuple[str, list[Any]]:
    """An import whose commands are sent and not answered."""
    if stage == "check":
        import_id = await service.mapped(FILE)
    else:
        import_id = await service.checked(FILE)
        assert (await service.http.post(f"/v1/imports/{import_id}/confirm", json={})).status_code == 202
    await service.work()
    return import_id, await service.take(topic=COMMANDS)


async def stalled(service: ImportsService, stage: str) -> tuple[str, list[Any]]:
    import_id, commands = await waiting(service, stage)
    service.now[0] += timedelta(minutes=16)
    await service.work()
    assert (await service.get(import_id))["state"] == "stalled"
    return import_id, commands


async def post(service: ImportsService, import_id: str, verb: str) -> dict[str, Any]:
    answer = await service.http.post(f"/v1/imports/{import_id}/{verb}")
    assert answer.status_code in (200, 202), answer.text
    shown: dict[str, Any] = answer.json()
    return shown


@STAGES
async def test_an_import_without_answers_stalls_after_a_time_and_says_why(
    service: ImportsService, stage: str, working: str
) -> None:
    import_id, _ = await waiting(service, stage)
    service.now[0] += timedelta(minutes=14)
    await service.work()
    assert (await service.get(import_id))["state"] == working
    service.now[0] += timedelta(minutes=2)
    await service.work()
    shown = await service.get(import_id)
    assert (shown["state"], "has not answered for 15 minutes" in shown["failure"]) == ("stalled", True)


@STAGES
async def test_answers_that_come_late_set_it_going_again(service: ImportsService, stage: str, working: str) -> None:
    import_id, (command,) = await stalled(service, stage)
    await service.answer([service.everything_goes(command)])
    assert (await service.get(import_id))["state"] == working
    await service.work()
    shown = await service.get(import_id)
    assert (shown["state"], shown["failure"]) == ({"check": "checked", "book": "finished"}[stage], None)


@STAGES
async def test_a_retry_sends_again_what_was_not_answered(service: ImportsService, stage: str, working: str) -> None:
    import_id, (first,) = await stalled(service, stage)
    assert (await post(service, import_id, "retry"))["state"] == working
    (again,) = await service.settle()
    assert again.id == first.id
    assert service.items_of(again) == service.items_of(first)
    assert (await service.get(import_id))["state"] == {"check": "checked", "book": "finished"}[stage]


async def test_an_import_that_is_cancelled_before_it_is_booked_books_nothing(service: ImportsService) -> None:
    import_id, (command,) = await waiting(service, "check")
    assert (await post(service, import_id, "cancel"))["state"] == "cancelled"
    await service.answer([service.everything_goes(command)])
    assert await service.settle() == []
    refused = await service.http.post(f"/v1/imports/{import_id}/confirm", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "invalid_transition")
    assert await service.query("SELECT 1 FROM import_files") == []
    events = await service.take(topic="slotstream.imports.v1")
    assert [event.type.rpartition(".")[2] for event in events] == ["uploaded", "cancelled"]


async def test_cancelling_while_it_is_booked_leaves_what_is_booked_to_be_undone(service: ImportsService) -> None:
    import_id, (command,) = await waiting(service, "book")
    first, second, _ = service.everything_goes(command).items
    await service.answer([service.answered(command, first)])
    shown = await post(service, import_id, "cancel")
    assert shown["state"] == "finished"
    counts = (await service.get(import_id))["counts"]
    assert (counts["new"], counts["unknown"]) == (1, 2)
    # What booking did all the same is known as soon as it says so.
    await service.answer([service.answered(command, second)])
    counts = (await service.get(import_id))["counts"]
    assert (counts["new"], counts["unknown"]) == (2, 1)
    lines = (await service.http.get(f"/v1/imports/{import_id}/errors.csv")).text.splitlines()
    assert [line.split(",")[:2] for line in lines[1:]] == [["4", "unknown"]]


async def test_an_undo_that_is_not_answered_stalls_and_can_be_tried_again(service: ImportsService) -> None:
    import_id = await service.finished(FILE)
    await service.http.post(f"/v1/imports/{import_id}/undo", json={"reason": "wrong salon"})
    await service.work()
    (first,) = await service.take(topic=COMMANDS)
    service.now[0] += timedelta(minutes=16)
    await service.work()
    assert (await service.get(import_id))["state"] == "stalled"
    await post(service, import_id, "retry")
    (again,) = await service.settle()
    assert (again.id, again.data.reason) == (first.id, "wrong salon")
    assert (await service.get(import_id))["state"] == "undone"


@pytest.mark.parametrize("names_import", [True, False])
async def test_a_batch_that_became_a_dead_letter_and_is_answered_refused_ends_the_waiting(
    service: ImportsService, names_import: bool
) -> None:
    import_id, (command,) = await waiting(service, "book")
    refusal = service.refused_whole(command, code="wrong_schema")
    await service.answer([refusal if names_import else refusal.model_copy(update={"batch_id": None})])
    await service.work()
    shown = await service.get(import_id)
    assert (shown["state"], shown["counts"]["failed"]) == ("finished", 3)


async def test_only_a_stalled_import_is_tried_again_and_a_settled_one_is_not_cancelled(
    service: ImportsService,
) -> None:
    import_id = await service.finished(FILE)
    for verb in ("retry", "cancel"):
        answer = await service.http.post(f"/v1/imports/{import_id}/{verb}")
        assert (answer.status_code, answer.json()["code"]) == (409, "invalid_transition")


@STAGES
async def test_one_import_that_fails_stops_no_other_and_stalls_or_fails_in_the_end(
    service: ImportsService, monkeypatch: pytest.MonkeyPatch, stage: str, working: str
) -> None:
    import_id = await service.mapped(FILE) if stage == "check" else await service.checked(FILE)
    if stage == "book":
        await service.http.post(f"/v1/imports/{import_id}/confirm", json={})
    real = RowCommandStore.next

    async def fails(store: RowCommandStore, of: Stage, *, limit: int) -> Any:
        if str(store._identity["import_id"]) == import_id and of == stage:
            raise ZeroDivisionError
        return await real(store, of, limit=limit)

    monkeypatch.setattr(RowCommandStore, "next", fails)
    await service.work()
    other = await service.checked(FILE.replace("10:00", "12:00").replace("Client ", "Other "))
    assert (await service.get(other))["state"] == "checked"
    assert (await service.get(import_id))["state"] == working
    for _ in range(MOST_FAILURES):
        service.now[0] += timedelta(minutes=1)
        await service.work()
    shown = await service.get(import_id)
    assert shown["state"] == {"check": "failed", "book": "stalled"}[stage]
    assert "log" in shown["failure"]
