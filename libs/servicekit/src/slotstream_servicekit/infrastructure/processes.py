"""Child processes that are started, waited for and stopped; ports; unprivileged users."""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

MINIMUM_FREE_BYTES = 1_000_000_000


class InfrastructureError(Exception):
    """A part cannot be started. The text says what to do about it."""


def free_port() -> int:
    """A TCP port of the loopback address that is free now.

    Below the range that outgoing connections are given, so that none of them takes it in the meantime.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def listens(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server accepts connections on `port`."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def require_free_port(port: int, what: str) -> None:
    if listens(port):
        raise InfrastructureError(
            f"Port {port} for {what} is taken by another program. Stop it, or choose another port."
        )


def require_free_disk(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < MINIMUM_FREE_BYTES:
        raise InfrastructureError(
            f"Only {free // 1_000_000} MB are free under {folder}; "
            f"Slotstream needs {MINIMUM_FREE_BYTES // 1_000_000} MB. "
            "Free some space and start again."
        )


def unprivileged_user() -> pwd.struct_passwd | None:
    """The user to run as if we are root, which PostgreSQL refuses; None if we are not."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise InfrastructureError("PostgreSQL refuses to run as root, and there is no user 'nobody'. Run as a normal user.")


def start(
    command: Sequence[str],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    user: pwd.struct_passwd | None = None,
    folder: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start `command` in its own session, so that Ctrl-C in a terminal reaches only its parent."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - our own commands
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=None if environment is None else {**os.environ, **environment},
            cwd=folder,
            start_new_session=True,
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            extra_groups=[] if user else None,
        )


def stop(process: subprocess.Popen[bytes], *, with_signal: int = signal.SIGTERM, within: float = 20.0) -> int:
    """Send the signal, and SIGKILL if that takes too long. Returns the exit code."""
    if process.poll() is None:
        process.send_signal(with_signal)
        try:
            process.wait(within)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


class ServerProcess:
    """A server as a child process, which can be stopped and started again."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _end(self, *, with_signal: int = signal.SIGTERM, within: float = 20.0) -> None:
        if self._process is not None:
            stop(self._process, with_signal=with_signal, within=within)
            self._process = None


def wait_until(
    condition: Callable[[], bool], *, what: str, within: float, process: subprocess.Popen[bytes], log: Path
) -> None:
    """Poll until `condition`. Raises InfrastructureError with the end of the log if the process ends or is too slow."""
    deadline = time.monotonic() + within
    while not condition():
        if process.poll() is not None:
            raise InfrastructureError(f"{what} stopped while starting (exit {process.returncode}):\n{tail(log)}")
        if time.monotonic() > deadline:
            raise InfrastructureError(f"{what} did not answer within {within:.0f} s:\n{tail(log)}")
        time.sleep(0.05)


def command_of(pid: int) -> str | None:
    """The command line of a running process, whoever started it; None if there is no such process."""
    status, command = Path(f"/proc/{pid}/stat"), Path(f"/proc/{pid}/cmdline")
    if Path("/proc/self/stat").exists():
        with contextlib.suppress(OSError):
            ended = status.read_text().rpartition(")")[2].split()[0] in {"Z", "X"}
            return None if ended else command.read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        return None
    asked = subprocess.run(["ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False)  # noqa: S603, S607
    return asked.stdout.strip() or None


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log file."""
    if not log.exists():
        return "(no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
