"""One client of the API: asks, asks again where no answer came, and logs everything."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx2

from checker.history import History, Operation
from checker.tenants import FIRST_SLOT, Tenant

RETRYABLE = frozenset({429, 502, 503, 504})
BACK_OFF_SECONDS = 0.2
EMERGENCY = {"reason": "an emergency"}

Body = Mapping[str, Any]


@dataclass(kw_only=True)
class Desk:
    """One client of the API working on one organization's book."""

    number: int
    place: int
    """Its number within its organization: desks of the same place use the same keys."""
    tenant: Tenant
    foreign: Tenant
    """Whose ids are tried."""
    history: History
    random: random.Random
    faults_in_force: list[str]
    equal_keys: int = 0

    def any_slot(self) -> datetime:
        """One hot slot, one of a few, or any of many."""
        spread = self.random.choices((1, 16, 2_000), (20, 30, 50))[0]
        return FIRST_SLOT + timedelta(minutes=30 * self.random.randrange(spread))

    def any_client(self) -> str:
        return self.random.choice(self.tenant.clients)

    def any_staff(self) -> str:
        identity: str = self.random.choice(self.tenant.world.staff)["id"]
        return identity

    def booking_of(self, starts_at: datetime, **more: Any) -> dict[str, Any]:
        """A request for one of the known clients, unless `more` says otherwise."""
        return self.tenant.world.booking_of(starts_at, **({"client_id": self.any_client()} | more))

    async def create(self, starts_at: datetime, *, identity: str | None = None, **more: Any) -> Operation:
        """Book under an id of the caller's own, so that an unknown outcome can be looked up."""
        identity = identity or str(uuid4())
        body = self.booking_of(starts_at, id=identity, **more)
        operation = await self.ask("create", "/v1/appointments", body, target=identity, key=uuid4().hex)
        if operation.outcome == "ok":
            self.tenant.known.append(identity)
        return operation

    async def ask(
        self,
        verb: str,
        path: str,
        body: Body | None = None,
        *,
        target: str | None = None,
        key: str | None = None,
        method: str = "POST",
        by: httpx2.AsyncClient | None = None,
        version: int | None = None,
    ) -> Operation:
        """Ask, and ask again under the same key, a few times, where no answer came. `by`: another service's client."""
        for _ in range(self.random.randint(1, 8) if key else 1):
            operation = self._logged(verb, body, target=target, key=key)
            headers = {"Idempotency-Key": key} if key else {}
            if version is not None:
                headers["If-Match"] = f'"{version}"'
            await self._send(operation, by or self.tenant.world.booking, method, path, body=body, headers=headers)
            if operation.outcome != "unknown":
                break
            await asyncio.sleep(BACK_OFF_SECONDS)
        return operation

    def _logged(self, verb: str, body: Body | None, *, target: str | None, key: str | None) -> Operation:
        operation = Operation(
            client=self.number,
            organization=self.tenant.organization,
            verb=verb,
            target=target,
            key=key,
            body=dict(body or {}),
            sent_at=datetime.now(UTC),
            under=self.faults_in_force[-1] if self.faults_in_force else None,
        )
        self.history.operations.append(operation)
        return operation

    @staticmethod
    async def _send(
        operation: Operation,
        client: httpx2.AsyncClient,
        method: str,
        path: str,
        *,
        body: Body | None,
        headers: Mapping[str, str],
    ) -> None:
        try:
            response = await client.request(method, path, json=body, headers=dict(headers))
        except httpx2.TransportError:
            return
        operation.answered_at = datetime.now(UTC)
        operation.status = response.status_code
        operation.replayed = response.headers.get("Idempotency-Replayed") == "true"
        operation.answer = response.json() if response.content else {}
        if response.status_code < 300:
            operation.outcome = "ok"
        elif response.status_code not in RETRYABLE:
            operation.outcome = "refused"
