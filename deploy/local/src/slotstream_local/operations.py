"""What one can do to the local stack: up, down, reset."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from uuid import UUID

from rich.console import Console
from rich.table import Table

from slotstream_local.layout import Layout, Memory, StackRunningError, wanted_ports
from slotstream_local.progress import Progress
from slotstream_local.signals import set_on_signals
from slotstream_local.stack import OWNER_EMAIL, Stack, StoppedError, shell_variables
from slotstream_local.supervision import end_leftovers
from slotstream_servicekit.infrastructure.processes import InfrastructureError, require_free_disk
from slotstream_servicekit.signing import ensure_signing_key, sign_token

_START_SECONDS: Final = 600.0
_STOP_SECONDS: Final = 90.0


def up(layout: Layout, console: Console) -> int:
    """Start everything, show what there is, and stay until somebody asks to stop."""
    began = time.monotonic()
    layout.make()
    stop = threading.Event()
    set_on_signals(stop, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    with layout.claimed(os.getpid()):
        require_free_disk(layout.folder)
        if ended := end_leftovers(layout):
            console.print(f"Ended what an earlier stack had left running: {', '.join(ended)}.")
        memory = Memory.load(layout)
        memory.complete(wanted=wanted_ports(os.environ))
        memory.save(layout)
        stack = Stack(layout, memory, Progress(console), stop)
        try:
            stack.start()
            _announce(stack, console, seconds=time.monotonic() - began)
            stack.watch()
        except StoppedError:
            console.print("Stopped while starting.")
        finally:
            stack.shut_down()
    console.print("Stopped. `make up` continues where this ended; `make reset` forgets all data.")
    return 0


def up_detached(layout: Layout, console: Console) -> int:
    """Start everything in the background, tell its progress, and return once all runs."""
    layout.make()
    if layout.supervisor() is not None:
        raise StackRunningError(f"The stack in {layout.folder} is running already. `make down` stops it.")
    layout.ready_file.unlink(missing_ok=True)
    log = layout.log_of("stack")
    with log.open("wb") as output:
        command = [sys.executable, "-m", "slotstream_local.main", "--state", str(layout.folder), "up"]
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True
        )
    deadline = time.monotonic() + _START_SECONDS
    with log.open(encoding="utf-8", errors="replace") as told:
        while True:
            ended = process.poll()
            ready = layout.ready_file.exists()
            if text := told.read():
                console.out(text, end="", highlight=False)
            if ready:
                return 0
            if ended is not None:
                return ended or 1
            if time.monotonic() > deadline:
                process.terminate()
                raise InfrastructureError(f"The stack did not start within {_START_SECONDS:.0f} s; see {log}.")
            time.sleep(0.1)


def down(layout: Layout, console: Console) -> int:
    """Stop the running stack, from whatever shell; nothing to do is no failure."""
    pid = layout.supervisor()
    if pid is None:
        ended = end_leftovers(layout)
        console.print(f"Ended what was left running: {', '.join(ended)}." if ended else "Nothing is running.")
        return 0
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while layout.supervisor() is not None:
        if time.monotonic() > deadline:
            raise InfrastructureError(f"The stack (process {pid}) did not stop within {_STOP_SECONDS:.0f} s.")
        time.sleep(0.1)
    console.print("Stopped. `make up` continues where this ended; `make reset` forgets all data.")
    return 0


def reset(layout: Layout, console: Console) -> int:
    """Stop, and remove everything but the downloaded binaries."""
    down(layout, console)
    if layout.folder.exists():
        for path in layout.folder.iterdir():
            if path == layout.cache:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    console.print(f"All data in {layout.folder} is gone; the downloaded binaries are kept.")
    return 0


def _announce(stack: Stack, console: Console, *, seconds: float) -> None:
    """Write `.slotstream/env` and `stack.json`, and show the table."""
    layout = stack.layout
    token = sign_token(ensure_signing_key(layout.folder), organization_id=UUID(stack.memory.organization_id))
    variables = shell_variables(stack, token=token)
    _write_private(layout.shell, "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()))
    link = stack.first_owner_link()
    console.print(_table(stack, variables))
    console.print("\n[bold]Sign in[/bold]")
    console.print(_sign_in(variables["DASHBOARD"], link), markup=False)
    console.print("\n[bold]A token, as the organization's owner, for 12 hours[/bold]")
    console.print(variables["TOKEN"], markup=False)
    console.print()
    console.print(f"Everything runs, {seconds:.1f} s after the start. Ctrl-C or `make down` stops it; data is kept.")
    unfinished = layout.ready_file.with_suffix(".part")
    _write_private(unfinished, json.dumps(dict(variables), indent=2))
    unfinished.replace(layout.ready_file)


def _table(stack: Stack, variables: Mapping[str, str]) -> Table:
    shell = _relative(stack.layout.shell)
    table = Table(show_header=False, box=None, pad_edge=False, padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for part in stack.processes:
        is_dashboard = part.process.service == "dashboard"
        table.add_row(part.name, part.process.url if is_dashboard else f"{part.process.url}/docs")
    table.add_row("Kafka", stack.stack_settings.kafka_bootstrap_servers)
    table.add_row("PostgreSQL", f"127.0.0.1:{stack.memory.ports['postgres']}, a database per service")
    table.add_row("Mail", f"lands in {_relative(stack.layout.mail)}; `make mail` lists it")
    table.add_row("Logs", _relative(stack.layout.logs))
    table.add_row("Organization", variables["ORG"])
    table.add_row("In a shell", f"`. {shell}` gives $BOOKING, $AVAILABILITY …, $TOKEN, $ORG")
    table.add_row("Try", "`make demo`")
    return table


def _sign_in(url: str, link: str | None) -> str:
    """Where to go in a browser: the link is shown once, and each start gives another until it was used."""
    if link is None:
        return f"{url}, as {OWNER_EMAIL} or whoever was invited"
    return f"{link}\nThe link works once, for a day: choose the password of {OWNER_EMAIL}, the first owner."


def _relative(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)
