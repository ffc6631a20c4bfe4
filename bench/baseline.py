"""PostgreSQL's own rate for the booking statement: pgbench, eight connections, the very calls that booking makes."""

import asyncio
import re
import shutil
import subprocess
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import asyncpg

from bench.setting import Setting
from bench.world import BenchWorld
from booking.domain.appointments import FIELDS
from booking.domain.requests import BookingRequest
from booking.schemas.appointments import booked_json
from booking.storage.policies import PolicyCache
from booking.usecases.booking import Booking, book_appointment
from slotstream_servicekit.clock import system_clock
from slotstream_servicekit.context import Actor, Cause, Context
from slotstream_servicekit.http.idempotency import KeyClaim, stored_answer
from slotstream_servicekit.http.responses import json_response
from slotstream_servicekit.ids import new_id

CONNECTIONS = 8
SCRIPT = """\
\\set i :i + 1
\\set n :client_id * {share} + :i
SELECT cardinality(booked) FROM {table}_book(:n);
"""


class _Recorder:
    """A connection that notes the booking statement's arguments instead of running it."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.text = ""
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "prelude":
            # What the driver sends with BEGIN: the tenant.
            setattr(self._connection, name, value)
        else:
            super().__setattr__(name, value)

    async def fetchrow(self, query: str, *arguments: Any) -> Any:
        if "admit_bookings" not in query:
            return await self._connection.fetchrow(query, *arguments)
        self.text = query
        self.calls.append(arguments)
        return {"is_stale": False, "booked": [_appointment_id(arguments)], "partial": []}


def _appointment_id(arguments: tuple[Any, ...]) -> UUID:
    return cast("UUID", arguments[3 + list(FIELDS).index("id")])


async def record_calls(setting: Setting, world: BenchWorld, table: str, slots: Sequence[int]) -> None:
    """Fill `table` with the statement's arguments, one booking for each of `slots`.

    Makes a function `{table}_book(n)` that runs the statement with the arguments of row n.
    """
    database = setting.database("booking")
    policies = PolicyCache()
    async with database.connection() as connection:
        recorder = _Recorder(connection)
        for number in slots:
            await book_appointment(connection=recorder, policies=policies, booking=_booking(world, number))
    await database.dispose()
    types = {1: "uuid", 2: "bigint", 3: "int"} | {
        int(number): kind for number, kind in re.findall(r"\$(\d+)::(\w+(?:\[\])?)", recorder.text)
    }
    columns = ", ".join(f"a{number} {types[number]}" for number in sorted(types))
    statement = re.sub(r"\$(\d+)", r"arguments.a\1", recorder.text)
    # A statement that writes in its CTEs is none that another selects from: INTO stands in its own select.
    head, _, tail = statement.rpartition(" AS partial")
    into = f"{head} AS partial INTO is_stale, booked, partial{tail};"
    admin = await asyncpg.connect(setting.admin_url("booking"))
    await admin.execute(f"CREATE TABLE {table} (n int PRIMARY KEY, {columns})")
    await admin.execute(f"GRANT SELECT ON {table} TO booking_app")
    await admin.execute(
        f"""
        CREATE FUNCTION {table}_book(p_n int, OUT is_stale boolean, OUT booked uuid[], OUT partial uuid[])
        LANGUAGE plpgsql AS $bench$
        #variable_conflict use_column
        DECLARE
            arguments {table};
        BEGIN
            SELECT * FROM {table} WHERE n = p_n INTO arguments;
            {into}
        END
        $bench$
        """
    )
    await admin.copy_records_to_table(
        table, records=[(number + 1, *call) for number, call in enumerate(recorder.calls)]
    )
    await admin.execute(f"VACUUM ANALYZE {table}")
    await admin.close()


def _booking(world: BenchWorld, number: int) -> Booking:
    body = world.request(number)
    request = BookingRequest(
        id=new_id(),
        business_id=UUID(body["business_id"]),
        service_id=UUID(body["service_id"]),
        client_id=UUID(body["client_id"]),
        starts_at=datetime.fromisoformat(body["starts_at"]),
        resource_ids=(UUID(body["resource_ids"][0]),),
        source="manual",
    )
    claim = KeyClaim(organization_id=world.organization_id, caller="bench", key=str(new_id()), fingerprint=b"0" * 32)
    return Booking(
        request=request,
        context=Context(
            organization_id=world.organization_id,
            actor=Actor(type="user", id="bench"),
            cause=Cause(correlation_id=str(new_id()), traceparent=None),
            now=system_clock(),
        ),
        claim=claim,
        answer=lambda appointment, notes: stored_answer(
            claim, json_response(booked_json(appointment, notes, staff=True), status=201)
        ),
    )


def pgbench_rate(setting: Setting, world: BenchWorld, *, calls: int, first: int) -> float:
    """Bookings a second by pgbench alone, of the slots from `first` on."""
    table = f"bench_calls_{first}"
    asyncio.run(record_calls(setting, world, table, range(first, first + calls)))
    share = calls // CONNECTIONS
    script = SCRIPT.format(share=share, table=table)
    told = run_pgbench(setting, script, clients=CONNECTIONS, transactions=share - 1)
    found = re.search(r"tps = ([\d.]+)", told)
    if found is None:
        raise RuntimeError(f"pgbench said nothing of its rate:\n{told}")
    return float(found.group(1))


def run_pgbench(setting: Setting, script: str, *, clients: int, transactions: int) -> str:
    """Run a script as booking's role, `transactions` times by each client; `:i` begins at 0. Returns the report."""
    program = shutil.which("pgbench")
    if program is None:
        raise SystemExit("make bench needs pgbench: install PostgreSQL's client programs (Debian: postgresql-15).")
    file = Path(setting.folder) / "pgbench.sql"
    file.write_text(script)
    url = setting.stack_settings.database_url("booking", "app").replace("postgresql+asyncpg", "postgresql")
    command = [program, "-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-t", str(transactions), "-D", "i=0"]
    return subprocess.run([*command, "-f", str(file), url], capture_output=True, text=True, check=True).stdout
