"""Access tokens that the dashboard signs, for an API client of the organization."""

import base64
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2

from cluster.looking import ADDRESS
from slotstream_servicekit.ids import new_id

SCOPES: Final = (
    "catalogue:write",
    "schedules:write",
    "slots:read",
    "appointments:write",
    "appointments:read",
    "messages:read",
    "imports:read",
    "calendars:read",
)


@dataclass(slots=True)
class ApiClient:
    """`ApiClient.made(variables)` called is a token: the present one, for half of its life, by however many threads."""

    client_id: str
    client_secret: str
    _token: str = ""
    _until: float = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def made(cls, variables: Mapping[str, str]) -> "ApiClient":
        headers = {"Authorization": f"Bearer {variables['TOKEN']}", "Idempotency-Key": str(new_id())}
        body = {"name": "Desk", "role": "integration", "scopes": SCOPES}
        answer = httpx2.post(f"{ADDRESS}/api/dashboard/v1/api-clients", json=body, headers=headers, timeout=30)
        assert answer.status_code == 201, answer.text
        return cls(answer.json()["id"], answer.json()["client_secret"])

    def __call__(self) -> str:
        with self._lock:
            if time.monotonic() > self._until:
                self._token, seconds = self._issued()
                self._until = time.monotonic() + seconds / 2
            return self._token

    def fresh(self) -> str:
        return self._issued()[0]

    def _issued(self) -> tuple[str, int]:
        form = {"grant_type": "client_credentials", "client_id": self.client_id, "client_secret": self.client_secret}
        answer = httpx2.post(f"{ADDRESS}/oauth/token", data=form, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"], answer.json()["expires_in"]


def key_of(token: str) -> str:
    """The id of the key that it is signed with."""
    return str(_part(token, 0)["kid"])


def expiry_of(token: str) -> int:
    """In seconds since 1970."""
    return int(_part(token, 1)["exp"])


def published_keys() -> set[str]:
    """The ids in the dashboard's JWKS."""
    answer = httpx2.get(f"{ADDRESS}/.well-known/jwks.json", timeout=30)
    assert answer.status_code == 200, answer.text
    return {key["kid"] for key in answer.json()["keys"]}


def _part(token: str, number: int) -> dict[str, Any]:
    text = token.split(".")[number]
    part: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return part
