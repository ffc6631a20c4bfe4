"""`slotstream-local up | down | reset | mail | demo`: the local stack from a shell."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from slotstream_local.layout import Layout, Memory, wanted_ports
from slotstream_local.smtp import mails
from slotstream_local.stack import Stack, wait_gone
from slotstream_servicekit.infrastructure.processes import InfrastructureError, require_free_disk, tail

_START_SECONDS: Final = 300

console = Console(highlight=False)


def main() -> None:
    parser = argparse.ArgumentParser(prog="slotstream-local", description="The local stack, without Docker.")
    parser.add_argument("--state", type=Path, default=Path(os.environ.get("SLOTSTREAM_STATE", ".slotstream")))
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start everything, and stay until Ctrl-C")
    up.add_argument("--detach", action="store_true", help="return once everything answers")
    commands.add_parser("down", help="stop a running stack; its data stays")
    commands.add_parser("reset", help="stop a running stack and forget its data")
    commands.add_parser("mail", help="list the mails that were caught")
    commands.add_parser("demo", help="fill a running stack with an example organization")
    arguments = parser.parse_args()
    layout = Layout(arguments.state.resolve())
    try:
        match arguments.command:
            case "up":
                code = _up_detached(layout) if arguments.detach else _up(layout)
            case "down":
                code = _down(layout)
            case "reset":
                code = _reset(layout)
            case "mail":
                code = _mail(layout)
            case _:
                code = _demo(layout)
    except InfrastructureError as error:
        console.print(f"[red]{error}[/]", soft_wrap=True)
        code = 1
    except OSError as error:
        console.print(f"[red]{error.strerror or error}: {error.filename or ''}[/]", soft_wrap=True)
        code = 1
    sys.exit(code)


def _up(layout: Layout) -> int:
    running = layout.supervisor()
    if running is not None:
        raise InfrastructureError(
            f"A stack is already running here (process {running}). `make down` stops it; "
            "SLOTSTREAM_STATE=<folder> starts another one beside it."
        )
    layout.folder.mkdir(parents=True, exist_ok=True)
    require_free_disk(layout.folder)
    memory = Memory.load(layout)
    memory.complete(wanted=wanted_ports(dict(os.environ)))
    memory.save(layout)
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: _interrupt(stopping))
    layout.pid_file.write_text(str(os.getpid()))
    stack = Stack(layout, memory, say=lambda line: console.print(line, soft_wrap=True))
    began = time.monotonic()
    try:
        stack.start()
        _show(stack, time.monotonic() - began)
        stack.watch(stopping.is_set)
    except KeyboardInterrupt:
        pass
    except RuntimeError as error:
        raise InfrastructureError(str(error)) from error
    finally:
        stopping.set()
        console.print("stopping …")
        stack.stop()
        layout.pid_file.unlink(missing_ok=True)
        console.print("stopped; `make up` continues where it was.")
    return 0


def _interrupt(stopping: threading.Event) -> None:
    """The first signal interrupts the start or the watch; further ones wait for the orderly end."""
    if not stopping.is_set():
        stopping.set()
        raise KeyboardInterrupt


def _show(stack: Stack, seconds: float) -> None:
    table = Table(title=f"Slotstream is up ({seconds:.0f} s)", show_header=False, title_justify="left")
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for service in stack.services:
        table.add_row(service.service, f"{service.url}  (docs: {service.url}/docs)")
    table.add_row("Kafka", stack.kafka.bootstrap_servers)
    table.add_row("PostgreSQL", f"127.0.0.1:{stack.postgres.port} (roles and passwords in {stack.layout.shell})")
    table.add_row("mail", f"{stack.layout.mail}  (`make mail` lists it)")
    table.add_row("logs", str(stack.layout.logs))
    table.add_row("for your shell", f". {_short(stack.layout.shell)}   (sets BOOKING, AVAILABILITY … and TOKEN)")
    table.add_row("token (12 h)", stack.token())
    table.add_row("stop", "Ctrl-C here, or `make down` elsewhere; `make reset` forgets everything")
    console.print(table)


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _up_detached(layout: Layout) -> int:
    if layout.supervisor() is not None:
        return _up(layout)
    layout.logs.mkdir(parents=True, exist_ok=True)
    layout.ready_file.unlink(missing_ok=True)
    log = layout.log_of("stack")
    log.unlink(missing_ok=True)
    command = [sys.executable, "-m", "slotstream_local.main", "--state", str(layout.folder), "up"]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True
        )
    deadline = time.monotonic() + _START_SECONDS
    while not layout.ready_file.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise InfrastructureError(f"The stack did not start:\n{tail(log, 20)}")
        time.sleep(0.1)
    console.print(f"Slotstream is up; `. {_short(layout.shell)}` sets BOOKING, AVAILABILITY … and TOKEN.")
    return 0


def _down(layout: Layout) -> int:
    pid = layout.supervisor()
    if pid is None:
        console.print("No stack is running here.")
        return 0
    os.kill(pid, signal.SIGTERM)
    if not wait_gone(pid, within=90):
        raise InfrastructureError(f"The stack (process {pid}) does not stop; see {layout.logs}.")
    console.print("stopped; `make up` continues where it was.")
    return 0


def _reset(layout: Layout) -> int:
    _down(layout)
    shutil.rmtree(layout.folder, ignore_errors=True)
    console.print("All local data is gone; `make up` starts afresh.")
    return 0


def _mail(layout: Layout) -> int:
    table = Table("to", "subject", "file")
    for path, recipient, subject in mails(layout.mail):
        table.add_row(recipient, subject, str(path))
    console.print(table)
    return 0


def _demo(layout: Layout) -> int:
    if layout.supervisor() is None or not layout.ready_file.exists():
        raise InfrastructureError("No stack is running here: run `make up` first, and this in another shell.")
    from slotstream_local.demo import run_demo

    facts = json.loads(layout.ready_file.read_text())
    memory = Memory.load(layout)
    return run_demo(facts, Stack(layout, memory, say=console.print).token(), console)


if __name__ == "__main__":
    main()
