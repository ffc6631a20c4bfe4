"""PostgreSQL from the published embedded binaries (io.zonky.test.postgres), as a process."""

import contextlib
import os
import platform
import shutil
import signal
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Final

from slotstream_servicekit.infrastructure.archives import unpack
from slotstream_servicekit.infrastructure.processes import (
    InfrastructureError,
    ServerProcess,
    command_of,
    listens,
    require_free_disk,
    require_free_port,
    start,
    unprivileged_user,
    wait_until,
)

VERSION: Final = "18.4.0"
_ARCHITECTURES: Final = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64v8", "arm64": "arm64v8"}


def binaries(cache: Path) -> Path:
    """The folder with PostgreSQL's `bin`, `lib` and `share`; downloaded and unpacked into `cache` once."""
    home = cache / f"postgres-{VERSION}"
    if (home / "bin" / "postgres").exists():
        return home
    import jgo

    system = {"linux": "linux", "darwin": "darwin"}.get(sys.platform)
    machine = _ARCHITECTURES.get(platform.machine().lower())
    if system is None or machine is None:
        raise InfrastructureError(f"There are no PostgreSQL binaries for {sys.platform} {platform.machine()}.")
    artifact = f"embedded-postgres-binaries-{system}-{machine}"
    try:
        environment = jgo.build(f"io.zonky.test.postgres:{artifact}:{VERSION}")
    except Exception as error:
        raise InfrastructureError(
            f"PostgreSQL's binaries could not be fetched ({type(error).__name__}). Is the package registry reachable?"
        ) from error
    jar = next(Path(environment.path).rglob(f"{artifact}-*.jar"))
    unpacking = cache / f".postgres-{VERSION}-{os.getpid()}"
    shutil.rmtree(unpacking, ignore_errors=True)
    unpacking.mkdir(parents=True)
    with zipfile.ZipFile(jar) as archive:
        name = next(file for file in archive.namelist() if file.endswith(".txz"))
        with archive.open(name) as packed, tarfile.open(fileobj=packed, mode="r:xz") as files:
            unpack(files, unpacking)
    if home.exists():
        shutil.rmtree(unpacking)
    else:
        unpacking.rename(home)
    return home


class PostgresProcess(ServerProcess):
    """One PostgreSQL server with its data in `folder`. It keeps its data when it is stopped and started again."""

    def __init__(
        self,
        folder: Path,
        *,
        cache: Path,
        port: int,
        password: str,
        durable: bool = True,
        max_connections: int = 200,
        log: Path | None = None,
    ) -> None:
        super().__init__()
        self.folder = folder
        self.port = port
        self._cache = cache
        self._password = password
        self._durable = durable
        self._max_connections = max_connections
        self._user = unprivileged_user()
        self.log = log or folder / "postgres.log"

    @property
    def url(self) -> str:
        """The administrator's URL."""
        return f"postgresql://postgres:{self._password}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Initialise the folder on first use, start the server, and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        require_free_disk(self.folder)
        require_free_port(self.port, "PostgreSQL")
        home = binaries(self._cache)
        self._own(self.folder)
        data = self.folder / "data"
        if not (data / "PG_VERSION").exists():
            self._initialise(home, data)
        _forget_foreign_pid(data / "postmaster.pid")
        # Without fsync a commit survives a crash of the server, but not of the machine.
        relaxed = [] if self._durable else ["-c", "fsync=off"]
        command = [
            str(home / "bin" / "postgres"),
            *("-D", str(data), "-p", str(self.port), "-k", "", "-c", "listen_addresses=127.0.0.1"),
            *("-c", f"max_connections={self._max_connections}", "-c", "shared_buffers=128MB"),
            # By default a process is started every few seconds, only to find that nothing has changed.
            *("-c", "autovacuum_naptime=5min"),
            *relaxed,
        ]
        self._process = start(command, log=self.log, user=self._user, environment={"TZ": "UTC"}, folder=self.folder)
        wait_until(self._answers, what="PostgreSQL", within=60, process=self._process, log=self.log)

    def stop(self) -> None:
        """A fast shutdown: open transactions are rolled back, nothing committed is lost."""
        self._end(with_signal=signal.SIGINT)

    def kill(self) -> None:
        """An immediate shutdown, as after a power cut; the next start recovers from the log."""
        self._end(with_signal=signal.SIGQUIT)

    def _answers(self) -> bool:
        if not listens(self.port):
            return False
        import asyncio

        import asyncpg

        async def ask() -> bool:
            try:
                connection = await asyncpg.connect(self.url, timeout=2)
            except (asyncpg.PostgresError, OSError, TimeoutError):
                return False
            await connection.close()
            return True

        return asyncio.run(ask())

    def _initialise(self, home: Path, data: Path) -> None:
        secret = self.folder / ".password"
        secret.touch(mode=0o600)
        secret.write_text(self._password)
        self._own(self.folder)
        command = [str(home / "bin" / "initdb"), "-D", str(data), "-U", "postgres", "-A", "scram-sha-256"]
        command += [f"--pwfile={secret}", "-E", "UTF8", "--locale=C", "--no-sync"]
        process = start(command, log=self.log, user=self._user, folder=self.folder)
        code = process.wait(120)
        secret.unlink(missing_ok=True)
        if code != 0:
            shutil.rmtree(data, ignore_errors=True)
            raise InfrastructureError(f"PostgreSQL could not initialise {data}; see {self.log}.")

    def _own(self, folder: Path) -> None:
        """Make the unprivileged user the owner of the folder, and let that user enter the folders above."""
        if self._user is None:
            return
        for path in (folder, *folder.rglob("*")):
            os.chown(path, self._user.pw_uid, self._user.pw_gid, follow_symlinks=False)
        for parent in (*folder.resolve().parents, *self._cache.resolve().parents):
            mode = parent.stat().st_mode
            if not mode & 0o001 and parent != Path("/"):
                parent.chmod(mode | 0o011)


def _forget_foreign_pid(path: Path) -> None:
    """Removes the lock file of a server that has ended, if another program has its process id now.

    Otherwise it stays: PostgreSQL itself knows whether a predecessor's children still use the data.
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        command = command_of(int(path.read_text().splitlines()[0]))
        if command is not None and "postgres" not in command:
            path.unlink()
