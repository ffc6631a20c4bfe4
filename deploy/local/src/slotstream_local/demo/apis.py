"""The APIs of what the demo plays on, as one organization's owner."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import httpx2

from slotstream_local.demo.stage import Stage
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.infrastructure.processes import InfrastructureError

Json = dict[str, Any]
_PATIENCE_SECONDS = 60.0


class UnexpectedAnswerError(InfrastructureError):
    """A service answered otherwise than the demo's story needs."""


@dataclass(slots=True)
class Apis:
    """HTTP clients by service; POSTs carry a fresh Idempotency-Key."""

    organization_id: UUID
    token: str
    urls: Mapping[str, str]
    client: httpx2.Client

    @classmethod
    def of_an_empty_organization(cls, stage: Stage) -> "Apis":
        """The one that one signs in to while nothing is in it, else a new one."""
        own = cls._as_owner(stage, stage.organization_id)
        if not own.get("booking", "/v1/businesses")["items"]:
            return own
        own.client.close()
        return cls._as_owner(stage, new_id())

    @classmethod
    def _as_owner(cls, stage: Stage, organization_id: UUID) -> "Apis":
        token = stage.token_for(organization_id)
        client = httpx2.Client(headers={"Authorization": f"Bearer {token}"}, timeout=30)
        return cls(organization_id, token, stage.urls, client)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()

    def get(self, service: str, path: str, **params: Any) -> Json:
        return self._answer(self.client.get(self.urls[service] + path, params=params))

    def put(self, service: str, path: str, body: Json) -> Json:
        return self._answer(self.client.put(self.urls[service] + path, json=body))

    def patch(self, service: str, path: str, body: Json) -> Json:
        return self._answer(self.client.patch(self.urls[service] + path, json=body))

    def post(self, service: str, path: str, body: Json) -> Json:
        return self._answer(self.try_post(service, path, body))

    def try_post(self, service: str, path: str, body: Json) -> httpx2.Response:
        """The raw answer, for requests that may well be refused."""
        return self.client.post(self.urls[service] + path, json=body, headers=_fresh_key())

    def upload(self, service: str, path: str, *, name: str, content: bytes, fields: dict[str, str]) -> Json:
        files = {"file": (name, content, "text/csv")}
        return self._answer(self.client.post(self.urls[service] + path, files=files, data=fields, headers=_fresh_key()))

    @staticmethod
    def _answer(response: httpx2.Response) -> Json:
        if response.is_error:
            request = response.request
            raise UnexpectedAnswerError(
                f"{request.method} {request.url} answered {response.status_code}: {response.text[:500]}"
            )
        answer: Json = response.json()
        return answer


def ask_until(ask: Callable[[], Json], until: Callable[[Json], bool], *, what: str) -> Json:
    """Ask again until the answer is the wanted one: what goes over Kafka takes a moment."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        answer = ask()
        if until(answer):
            return answer
        if time.monotonic() > deadline:
            raise UnexpectedAnswerError(f"Waited {_PATIENCE_SECONDS:.0f} s until {what}; the last answer: {answer}")
        time.sleep(0.1)


def _fresh_key() -> dict[str, str]:
    return {"Idempotency-Key": str(new_id())}
