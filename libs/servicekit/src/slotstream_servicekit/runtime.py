"""Runs a service: its roles in one process, from reading the settings to a shutdown that loses nothing."""

import argparse
import asyncio
import gc
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, NoReturn, Protocol, TypeVar, get_args

from pydantic import ValidationError
from pydantic_settings import SettingsError

from slotstream_servicekit.background import BackgroundTask
from slotstream_servicekit.clock import use_pinned_zone_rules
from slotstream_servicekit.errors import StartError
from slotstream_servicekit.health import Check, Health
from slotstream_servicekit.revisions import needed_revisions, schema_check, schema_wait
from slotstream_servicekit.settings import SHARED_PREFIX, ServiceSettings, settings_faults
from slotstream_servicekit.telemetry import configure_logging, configure_tracing, get_logger, shutdown_tracing

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import ASGIApp

    from slotstream_servicekit.rebuild import Projection

SettingsT = TypeVar("SettingsT", bound=ServiceSettings)
Role = Literal["api", "worker", "all"]
_CANCEL_SECONDS = 5.0
_SECOND_SIGNAL_SECONDS = 1.0

log = get_logger(__name__)


class Runnable(Protocol):
    """A part of a worker: works until `stop` is set, finishes its current work, and returns."""

    async def run(self, stop: asyncio.Event) -> None: ...


async def _nothing() -> None:
    """For a worker that has nothing to close."""


@dataclass(kw_only=True)
class Worker:
    """All parts of a worker process. Consumers and tasks stop first, then the relay; then `dispose` is called."""

    health: Health
    consumers: Runnable | None = None
    relay: Runnable | None = None
    tasks: Sequence[BackgroundTask] = ()
    dispose: Callable[[], Awaitable[None]] = _nothing


def _require_nothing(_settings: ServiceSettings) -> None:
    """For services whose settings need no checks besides their own."""


def _no_projections() -> "Sequence[Projection]":
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Service(Generic[SettingsT]):
    """A service as `run` and the command line see it.

    `package_dir` is the folder that holds `migrations/`. `require` raises StartError for settings without which no role
    can work, though operators' commands can. `create_api` and `create_worker` are called once per
    process, in the running event loop, and only for the roles it plays.
    """

    name: str
    settings: type[SettingsT]
    create_api: "Callable[[SettingsT], FastAPI]"
    create_worker: Callable[[SettingsT], Worker]
    package_dir: Path
    projections: "Callable[[], Sequence[Projection]]" = field(default=_no_projections)
    require: Callable[[SettingsT], object] = _require_nothing

    @property
    def migrations(self) -> Path:
        return self.package_dir / "migrations"


_COLLECT_AFTER: Final = (50_000, 20, 50)
"""Objects more than before, then collections of the younger generation."""


def run(service: Service[Any], arguments: Sequence[str] | None = None) -> NoReturn:
    """The console entry point of a service: `--role api|worker|all`. Ends the process.

    Exit codes: 0 after a stop, 1 after a crash, 2 for settings that are missing or wrong, 4 for a database that nobody
    has migrated, 143 where SIGTERM came before there was anything to stop.
    """
    parser = argparse.ArgumentParser(prog=f"slotstream-{service.name.replace('_', '-')}")
    parser.add_argument("--role", choices=get_args(Role), default="all")
    role: Role = parser.parse_args(arguments).role
    _end_at_once_on_signals()
    use_pinned_zone_rules()
    settings = load_settings(service)
    configure_logging(service.name, settings.log_level)
    configure_tracing(
        service.name,
        otlp_endpoint=settings.otlp_endpoint,
        trace_file=settings.trace_file,
        sample_ratio=settings.trace_sample_ratio,
    )
    try:
        sys.exit(_run(service, settings, role))
    finally:
        shutdown_tracing()


def load_settings(service: Service[SettingsT]) -> SettingsT:
    """The settings from the environment. Exits with 2, and a line for each fault, where they are wrong."""
    try:
        return service.settings()
    except (ValidationError, SettingsError) as error:
        prefix = str(service.settings.model_config.get("env_prefix", ""))
        for name, fault in settings_faults(error):
            sys.stderr.write(f"{prefix}{name} (or {SHARED_PREFIX}{name}): {fault}\n")
        sys.exit(2)


def _run(service: Service[Any], settings: ServiceSettings, role: Role) -> int:
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(serve(service, settings, role))


async def serve(
    service: Service[SettingsT], settings: SettingsT, role: Role, *, stop: asyncio.Event | None = None
) -> int:
    """Runs the roles until `stop` is set (by a signal, where none is given) or something crashes.

    Returns the exit code.
    """
    from slotstream_servicekit.http.server import HttpServer

    worker: Worker | None = None
    code = 1
    try:
        service.require(settings)
        worker = service.create_worker(settings) if role != "api" else None
        app, health = _application(service, settings, role, worker)
        schema = _schema_check(service, settings)
        if schema is not None:
            health.register("schema", schema)
        if stop is None:
            stop = asyncio.Event()
            _set_on_signals(stop)
        server = HttpServer(
            app,
            host=settings.http_host,
            port=_port(settings, role),
            grace_seconds=settings.shutdown_grace_seconds,
        )
        await server.start()
        log.info("started", role=role, address=server.address)
        # What is loaded by now stays for good, and a batch in progress is no garbage: the collector need not examine
        # them again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_COLLECT_AFTER)
        tasks = _ProcessTasks(settings.shutdown_grace_seconds)
        tasks.start("http", server.run)
        if schema is not None:
            tasks.start("schema", schema_wait(schema, seconds=settings.schema_wait_seconds))
        if worker is not None:
            tasks.start_worker(worker)
        code = await tasks.run_until(stop, health, delay_seconds=settings.shutdown_delay_seconds)
    except StartError as error:
        code = error.exit_code
        log.critical("start_failed", reason=str(error))
    except Exception:
        log.critical("start_failed", exc_info=True)
    finally:
        if worker is not None:
            await worker.dispose()
    log.info("stopped", role=role, exit_code=code)
    return code


def _application(
    service: Service[SettingsT], settings: SettingsT, role: Role, worker: Worker | None
) -> "tuple[ASGIApp, Health]":
    """The HTTP application of this role, and the health that it reports."""
    if role == "worker" and worker is not None:
        from slotstream_servicekit.http.app import operator_app

        return operator_app(worker.health), worker.health
    api = service.create_api(settings)
    health: Health = api.state.health
    if worker is not None:
        health.include(worker.health)
    return api, health


def _schema_check(service: Service[SettingsT], settings: SettingsT) -> Check | None:
    revisions = needed_revisions(service.migrations)
    return schema_check(settings.database_url, revisions) if revisions else None


def _port(settings: ServiceSettings, role: Role) -> int:
    if role == "worker" and settings.worker_http_port is not None:
        return settings.worker_http_port
    return settings.http_port


class _ProcessTasks:
    """The tasks of one process. If one ends early, the process ends: a service must not go on with a part missing."""

    def __init__(self, grace_seconds: float) -> None:
        self._grace_seconds = grace_seconds
        self._stop = asyncio.Event()
        self._stop_last = asyncio.Event()
        self._first: dict[asyncio.Task[None], str] = {}
        self._last: dict[asyncio.Task[None], str] = {}

    def start(self, name: str, run: BackgroundTask, *, last: bool = False) -> None:
        event, tasks = (self._stop_last, self._last) if last else (self._stop, self._first)
        tasks[asyncio.ensure_future(run(event))] = name

    def start_worker(self, worker: Worker) -> None:
        if worker.consumers is not None:
            self.start("consumers", worker.consumers.run)
        for task in worker.tasks:
            self.start(getattr(task, "__name__", type(task).__name__), task)
        if worker.relay is not None:
            # Last, so that it still sends what the consumers commit while they stop.
            self.start("relay", worker.relay.run, last=True)

    async def run_until(self, stop: asyncio.Event, health: Health, *, delay_seconds: float) -> int:
        """Waits for `stop`, or until a task ends by itself. Then stops all in order; returns the exit code."""
        stopped = asyncio.ensure_future(stop.wait())
        everything = self._first | self._last
        await asyncio.wait({stopped, *everything}, return_when=asyncio.FIRST_COMPLETED)
        health.stopping()
        crashed = _log_crashes(everything)
        if not crashed:
            log.info("stopping")
            await asyncio.sleep(delay_seconds)
        stopped.cancel()
        self._stop.set()
        ended = await self._end(self._first)
        self._stop_last.set()
        ended = await self._end(self._last) and ended
        errors = [error for task in everything if not task.cancelled() and (error := task.exception())]
        for error in errors:
            if isinstance(error, StartError):
                return error.exit_code
        return 1 if crashed or errors or not ended else 0

    async def _end(self, tasks: dict[asyncio.Task[None], str]) -> bool:
        """Waits for `tasks` for the grace period, then cancels the rest. Returns whether none was cancelled."""
        if not tasks:
            return True
        _, late = await asyncio.wait(tasks, timeout=self._grace_seconds)
        if late:
            log.error("stop_timed_out", tasks=sorted(tasks[task] for task in late))
            for task in late:
                task.cancel()
            await asyncio.wait(late, timeout=_CANCEL_SECONDS)
        return not late


def _log_crashes(tasks: dict[asyncio.Task[None], str]) -> bool:
    """Logs all tasks that have ended although nothing told them to. Returns whether there was one."""
    over = [(name, task) for task, name in tasks.items() if task.done()]
    for name, task in over:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, StartError):
            log.critical("start_failed", reason=str(error))
        else:
            log.critical("task_ended_unasked", task=name, exc_info=error)
    return bool(over)


def _end_at_once_on_signals() -> None:
    """Ends the process at once: nothing has started yet. Without a handler, process 1 would ignore SIGTERM."""

    def on_signal(number: int, _frame: FrameType | None) -> None:
        os._exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)


def _set_on_signals(stop: asyncio.Event) -> None:
    """SIGTERM and SIGINT start an orderly shutdown. Another one, at least a second later, ends the process at once.

    The pause is there because a terminal's Ctrl-C reaches a child twice when its parent passes it on.
    """
    loop = asyncio.get_running_loop()
    first: list[float] = []

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if not first:
            first.append(time.monotonic())
            loop.call_soon_threadsafe(stop.set)
        elif time.monotonic() - first[0] > _SECOND_SIGNAL_SECONDS:
            os._exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
