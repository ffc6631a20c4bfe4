"""A process starts in its role, stops in order when told, and never limps on."""

import asyncio
import json
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx2
import pytest

from slotstream_servicekit.testing.plugin import until

SCRIPT = Path(__file__).with_name("small_service.py")
Start = Callable[..., Awaitable["Process"]]


class Process:
    """The small service in a process of its own, its output gathered."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []
        self._reading = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(line.decode().rstrip())

    async def until(self, text: str, *, seconds: float = 120.0) -> str:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for line in self.lines:
                if text in line:
                    return line
            if self.process.returncode is not None and self._reading.done():
                break
            await asyncio.sleep(0.02)
        raise AssertionError(f"never said {text!r}: {self.lines}")

    async def address(self) -> str:
        match = re.search(r"http://127\.0\.0\.1:\d+", await self.until('"event":"started"'))
        assert match is not None
        return match[0]

    def tell(self, number: int) -> None:
        self.process.send_signal(number)

    async def ended(self, *, seconds: float = 120.0) -> int:
        code = await asyncio.wait_for(self.process.wait(), seconds)
        await self._reading
        return code

    def said(self, *wanted: str) -> list[str]:
        return [line for line in self.lines if line in wanted]

    def events(self, name: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.lines if line.startswith("{")]
        return [line for line in lines if line["event"] == name]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    running: list[Process] = []

    async def begin(*arguments: str, plan: str = "", **environment: str) -> Process:
        settings = {"SMALL_DATABASE_URL": "postgresql+asyncpg://nobody@localhost/nothing", "SMALL_PLAN": plan}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(SCRIPT),
            *arguments,
            env={**os.environ, **settings, **environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        running.append(Process(process))
        return running[-1]

    yield begin
    for each in running:
        if each.process.returncode is None:
            each.process.kill()
        await each.ended()


@asynccontextmanager
async def asking(address: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=address, timeout=120) as client:
        yield client


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_the_parts_in_order(start: Start, number: int) -> None:
    process = await start()
    await process.address()
    process.tell(number)
    assert await process.ended() == 0
    ends = process.said("housekeeping stopped", "consumers stopped", "relay stopped", "worker disposed")
    assert ends == ["housekeeping stopped", "consumers stopped", "relay stopped", "worker disposed"]
    assert "api closed" in process.lines
    assert process.events("stopped")[0]["exit_code"] == 0


async def test_requests_in_flight_are_finished_and_new_ones_not_taken(start: Start) -> None:
    process = await start("--role", "api")
    address = await process.address()
    async with asking(address) as client:
        working = [asyncio.ensure_future(client.post("/v1/work")) for _ in range(20)]
        await until(lambda: process.lines.count("work begun") == 20, what="all requests to be in flight")
        process.tell(signal.SIGTERM)
        answers = await asyncio.gather(*working)
        assert [answer.json() for answer in answers] == ["done"] * 20
        assert await process.ended() == 0
        with pytest.raises(httpx2.ConnectError):
            await client.get("/livez")


async def test_under_load_every_request_that_was_answered_was_answered_whole(start: Start) -> None:
    process = await start("--role", "api")
    address = await process.address()
    answers: list[int] = []

    async def ask(client: httpx2.AsyncClient) -> None:
        while True:
            try:
                answers.append((await client.get("/v1/modules")).status_code)
            except httpx2.ConnectError:
                return
            except httpx2.ReadError:
                # The connection was closed while idle, as HTTP/1.1 allows: nothing was lost, ask anew.
                continue

    async with asking(address) as client:
        asking_on = [asyncio.ensure_future(ask(client)) for _ in range(16)]
        await until(lambda: len(answers) > 50, what="load")
        process.tell(signal.SIGTERM)
        assert await process.ended() == 0
        await asyncio.wait_for(asyncio.gather(*asking_on, return_exceptions=True), 120)
    assert set(answers) == {200}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_a_process_at_once_that_has_not_begun(start: Start, number: int) -> None:
    process = await start(plan="take long to be made")
    await process.until("being made")
    process.tell(number)
    assert await process.ended() == 128 + number
    assert process.lines == ["being made"]


async def test_a_second_signal_ends_the_process_at_once(start: Start) -> None:
    process = await start(plan="never stop", SMALL_SHUTDOWN_GRACE_SECONDS="60")
    await process.address()
    process.tell(signal.SIGTERM)
    await process.until('"event":"stopping"')
    await asyncio.sleep(1.2)
    process.tell(signal.SIGTERM)
    assert await process.ended() == 128 + signal.SIGTERM


async def test_a_second_signal_works_on_a_process_that_is_stuck(start: Start) -> None:
    process = await start("--role", "worker", plan="block")
    await process.address()
    process.tell(signal.SIGINT)
    await process.until('"event":"stopping"')
    await asyncio.sleep(1.5)
    process.tell(signal.SIGINT)
    # Python runs its handlers between two of its own instructions, and time.sleep lets them in.
    assert await process.ended() == 128 + signal.SIGINT


async def test_the_same_signal_twice_at_once_is_one(start: Start) -> None:
    process = await start()
    await process.address()
    process.tell(signal.SIGINT)
    process.tell(signal.SIGTERM)
    assert await process.ended() == 0


async def test_what_does_not_stop_in_time_is_cancelled_and_told(start: Start) -> None:
    process = await start(plan="never stop", SMALL_SHUTDOWN_GRACE_SECONDS="4")
    await process.address()
    process.tell(signal.SIGTERM)
    assert await process.ended() == 1
    assert process.events("stop_timed_out")[0]["tasks"] == ["housekeeping"]
    assert "worker disposed" in process.lines


@pytest.mark.parametrize("plan", ["crash", "end early"])
async def test_a_task_that_ends_by_itself_ends_the_process(start: Start, plan: str) -> None:
    process = await start(plan=plan)
    assert await process.ended() == 1
    crash = process.events("task_ended_unasked")[0]
    assert (crash["task"], crash["level"]) == ("housekeeping", "critical")
    assert ("something broke" in json.dumps(crash)) is (plan == "crash")
    assert process.said("consumers stopped", "relay stopped", "worker disposed") == [
        "consumers stopped",
        "relay stopped",
        "worker disposed",
    ]


async def test_a_start_up_that_fails_says_why(start: Start) -> None:
    process = await start("--role", "api", plan="fail in start-up")
    assert await process.ended() == 1
    assert "no luck" in "".join(process.lines)
    assert "start-up failed" in process.events("start_failed")[0]["reason"]


async def test_a_part_that_cannot_be_made_says_why_without_personal_data(start: Start) -> None:
    process = await start(plan="fail to be made")
    assert await process.ended() == 1
    assert process.events("start_failed")[0]["exception"]["message"] == "the postman <e-mail> rang"


async def test_a_port_that_is_taken_is_named(start: Start) -> None:
    first = await start("--role", "api")
    port = (await first.address()).rpartition(":")[2]
    second = await start("--role", "api", SMALL_HTTP_PORT=port)
    assert await second.ended() == 1
    assert f"port {port} on 127.0.0.1 is taken" in second.events("start_failed")[0]["reason"]


async def test_missing_settings_are_named_by_their_variables(start: Start) -> None:
    process = await start(SMALL_DATABASE_POOL_SIZE="many", SMALL_HTTP_PORT="99999")
    assert await process.ended() == 2
    said = "\n".join(process.lines)
    assert "SMALL_DATABASE_POOL_SIZE (or SLOTSTREAM_DATABASE_POOL_SIZE)" in said
    assert "SMALL_HTTP_PORT" in said
    assert "Traceback" not in said


async def test_the_api_role_has_no_kafka_client_and_no_worker(start: Start) -> None:
    process = await start("--role", "api")
    async with asking(await process.address()) as client:
        modules = (await client.get("/v1/modules")).json()
        assert not [name for name in modules if name.split(".")[0] in {"aiokafka", "faststream"}]
        assert (await client.get("/readyz")).json()["checks"] == {}
    process.tell(signal.SIGTERM)
    assert await process.ended() == 0
    assert "consumers stopped" not in process.lines


async def test_zones_are_read_by_the_pinned_rules_whatever_the_machine_believes(start: Start, tmp_path: Path) -> None:
    believed = tmp_path / "Europe"
    believed.mkdir()
    (believed / "Berlin").write_bytes((files("tzdata.zoneinfo.Asia") / "Tokyo").read_bytes())
    process = await start("--role", "api", PYTHONTZPATH=str(tmp_path))
    async with asking(await process.address()) as client:
        assert (await client.get("/v1/berlin")).json() == "2027-01-15T12:00:00+01:00"


async def test_the_worker_role_answers_the_operators_on_its_own_port_and_nobody_else(start: Start) -> None:
    process = await start("--role", "worker", SMALL_WORKER_HTTP_PORT="0", SMALL_HTTP_PORT="1")
    async with asking(await process.address()) as client:
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/readyz")).json()["checks"]["worker"]["ok"] is True
        assert (await client.get("/metrics")).status_code == 200
        other = await client.get("/v1/modules")
        assert (other.status_code, other.json()["code"]) == (404, "no_such_path")
    assert "api opened" not in process.lines


async def test_in_one_process_the_api_reports_the_workers_health(start: Start) -> None:
    process = await start(plan="unready")
    async with asking(await process.address()) as client:
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["checks"]["worker"] == {"ok": False, "detail": "the worker's own"}


async def test_a_stopping_process_is_unready_while_it_still_serves(start: Start) -> None:
    process = await start("--role", "api", SMALL_SHUTDOWN_DELAY_SECONDS="10")
    async with asking(await process.address()) as client:
        process.tell(signal.SIGTERM)
        await process.until('"event":"stopping"')
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["checks"]["stopping"]["ok"]) == (503, False)
        assert answer.headers["connection"] == "close", "the next request would come when nobody is there"
        assert (await client.post("/v1/work")).json() == "done"
    assert await process.ended() == 0
