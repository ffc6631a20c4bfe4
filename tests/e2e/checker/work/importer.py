"""Files of appointments, imported and undone while everything is killed. The same rows in every organization."""

import asyncio
import csv
import io
import random
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx2
from harness.world import expect, stamp

from checker.history import History, RunImport
from checker.tenants import DEPUTY, FIRST_SLOT, Tenant
from checker.work.desk import EMERGENCY

ROWS = 24
PATIENCE_SECONDS = 20.0
"""After this an import is left to itself, and the next file is taken: it must come to its end all the same."""
RESTING = frozenset({"checked", "finished", "undone", "cancelled", "failed", "stalled"})


@dataclass(kw_only=True)
class Importer:
    """Imports one file after the other for one organization until told to stop."""

    tenant: Tenant
    history: History
    random: random.Random
    number: int = field(default=0, init=False)

    async def work(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self.number += 1
            try:
                await self._import_one_file(stop)
            except (httpx2.TransportError, AssertionError, TimeoutError):
                # Something is down: what was taken in goes on, or the next file is another try.
                await asyncio.sleep(0.5)

    async def _import_one_file(self, stop: asyncio.Event) -> None:
        imports, world = self.tenant.world.imports, self.tenant.world
        key = world.fresh_key()
        answer = await self._until_answered(
            lambda: imports.post(
                "/v1/imports",
                files={"file": ("book.csv", self._file(), "text/csv")},
                data={"business_id": world.business["id"]},
                headers=key,
            )
        )
        run = RunImport(organization=self.tenant.organization, id=answer["id"], rows=ROWS, confirmed_by=DEPUTY)
        preview = await self._until_answered(lambda: imports.get(f"/v1/imports/{run.id}/preview"))
        mapping = {"columns": preview["columns"]}
        await self._until_answered(lambda: imports.put(f"/v1/imports/{run.id}/mapping", json=mapping))
        self.history.imports.append(run)
        row = self.random.randint(1, ROWS)
        await self._force_by_robot(run, "PATCH", f"/rows/{row}", {"override_reason": EMERGENCY["reason"]})
        if await self._rests(run, stop) != "checked":
            return
        await self._force_by_robot(run, "POST", "/confirm", {"override": EMERGENCY})
        run.wanted = "finished"
        await self._ask(run, "confirm", by=self.tenant.deputy)
        if await self._rests(run, stop) == "finished" and self.random.random() < 0.4:
            run.wanted = "undone"
            await self._ask(run, "undo", by=self.tenant.world.imports)
            await self._rests(run, stop)

    async def _force_by_robot(self, run: RunImport, method: str, path: str, body: dict[str, Any]) -> None:
        """What an integration may not force in the book it does not force by a file either."""
        for _ in range(20):
            key = self.tenant.world.fresh_key()
            answer = await self.tenant.robot.request(method, f"/v1/imports/{run.id}{path}", json=body, headers=key)
            if answer.status_code != 409:
                break
            # The file is still being read.
            await asyncio.sleep(0.2)
        if answer.status_code < 300:
            self.history.forced_by_robots.append(run.id)

    async def _ask(self, run: RunImport, verb: str, *, by: httpx2.AsyncClient) -> None:
        key = self.tenant.world.fresh_key()
        path = f"/v1/imports/{run.id}/{verb}"
        await self._until_answered(lambda: by.post(path, json={}, headers=key))

    async def _until_answered(self, ask: Any) -> Any:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    response = await ask()
                except httpx2.TransportError:
                    await asyncio.sleep(0.3)
                    continue
                if response.status_code < 500 and response.status_code != 429:
                    return expect(response, 200, 201, 202)
                await asyncio.sleep(0.3)

    async def _rests(self, run: RunImport, stop: asyncio.Event) -> str | None:
        """Its state once nothing is at work on it. Once the run stops nobody waits, and it goes on by itself: None.

        Raises TimeoutError where it takes too long.
        """
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not stop.is_set():
                found = await self._until_answered(lambda: self.tenant.world.imports.get(f"/v1/imports/{run.id}"))
                if found["state"] in RESTING:
                    return str(found["state"])
                await asyncio.sleep(0.2)
        return None

    def _file(self) -> bytes:
        """Rows with ids and clients that every organization's file has; some again in every file."""
        output = io.StringIO()
        table = csv.writer(output)
        table.writerow(["ID", "Name", "Phone", "Service", "Staff", "Start"])
        for row in range(ROWS):
            number = row if row < 4 else self.number * ROWS + row
            staff = self.random.choice(self.tenant.world.staff)["name"]
            starts_at = FIRST_SLOT + timedelta(minutes=30 * self.random.randrange(2_000))
            client = (f"Walk-in {number % 50}", f"+4930777{number % 50:04}")
            service = self.tenant.world.service["name"] if row else uuid4().hex
            table.writerow([f"A-{number}", *client, service, staff, stamp(starts_at)])
        return output.getvalue().encode()
