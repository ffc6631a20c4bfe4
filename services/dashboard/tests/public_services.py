"""Booking and availability, as far as public pages ask them; they answer as the real ones do."""

import base64
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID, uuid4

import httpx2
from portal_services import BUSINESS, START, Json, problem, said, stamp

BUSINESS_ID = UUID(str(BUSINESS["id"]))


@dataclass(kw_only=True)
class PublicServices:
    """One business with a page. `booked` holds what was booked by its id, `requests` what was sent to book it."""

    organization_id: UUID
    is_on: bool = True
    verify_by_code: bool = False
    embed_origins: list[str] = field(default_factory=list)
    name: str = "Salon Nord"
    services: list[Json] = field(default_factory=list)
    free: list[datetime] = field(default_factory=list)
    holds: dict[str, Json] = field(default_factory=dict)
    booked: dict[str, Json] = field(default_factory=dict)
    requests: list[Json] = field(default_factory=list)
    claims: list[Json] = field(default_factory=list)
    hold_refusal: str | None = None
    refusal: tuple[int, str] | None = None
    now: datetime = START - timedelta(days=1)

    def add_service(self, name: str = "Haircut", *, staff: tuple[str, ...] = (), **more: Any) -> Json:
        made: Json = {
            "id": str(uuid4()),
            "name": name,
            "duration_minutes": 30,
            "price": {"amount": "45.00", "currency": "EUR"},
            "needs_approval": False,
            "staff": [{"id": str(uuid4()), "name": one} for one in staff],
            **more,
        }
        self.services.append(made)
        return made

    def __call__(self, request: httpx2.Request, body: bytes) -> tuple[int, bytes]:
        token = request.headers["authorization"].split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        self.claims.append(claims)
        path, sent = request.url.path, json.loads(body) if body else {}
        is_theirs = claims["org"] == str(self.organization_id) and claims["businesses"] == [str(BUSINESS_ID)]
        if not self.is_on or not is_theirs:
            return problem(404, "not_found")
        if path == "/v1/public/page":
            return said(self._page())
        if path == "/v1/slots":
            return self._slots(parse_qs(request.url.query.decode()))
        if path == "/v1/public/holds":
            return self._hold(sent)
        if path == "/v1/public/appointments":
            return self._book(sent)
        known = self.booked.get(path.rpartition("/")[2])
        return said({"appointment": known}) if known is not None else problem(404, "not_found")

    def _page(self) -> Json:
        return {
            "business": {**BUSINESS, "name": self.name},
            "verify_by_code": self.verify_by_code,
            "embed_origins": self.embed_origins,
            "services": self.services,
        }

    def _slots(self, query: dict[str, list[str]]) -> tuple[int, bytes]:
        assert (query["detail"], query["zone"]) == (["starts"], ["Europe/Berlin"])
        days: dict[str, list[Json]] = {}
        for start in sorted(self.free):
            local = start + timedelta(hours=1)
            if query["from"][0] <= local.date().isoformat() < query["to"][0]:
                days.setdefault(local.date().isoformat(), []).append({"starts_at": stamp(start)})
        return said({"days": [{"date": day, "slots": slots} for day, slots in days.items()]})

    def _hold(self, sent: Json) -> tuple[int, bytes]:
        self.holds.pop(str(sent["replaces"]), None)
        if self.hold_refusal is not None:
            return problem(409, self.hold_refusal)
        made = {"id": str(uuid4()), "expires_at": stamp(self.now + timedelta(minutes=10))}
        self.holds[str(made["id"])] = sent
        return said(made)

    def _book(self, sent: Json) -> tuple[int, bytes]:
        start = datetime.fromisoformat(sent["starts_at"])
        if self.refusal is not None:
            return problem(*self.refusal)
        if sent["id"] in self.booked or start not in self.free:
            return problem(409, "slot_taken")
        self.free.remove(start)
        self.requests.append(sent)
        self.booked[sent["id"]] = {
            "id": sent["id"],
            "business": {**BUSINESS, "name": self.name},
            "service_id": sent["service_id"],
            "service_name": next(one["name"] for one in self.services if one["id"] == sent["service_id"]),
            "staff": ["Ada"],
            "resource_ids": [],
            "starts_at": sent["starts_at"],
            "ends_at": stamp(start + timedelta(minutes=30)),
            "zone": "Europe/Berlin",
            "duration_minutes": 30,
            "location": {"kind": "business", "text": None, "url": None},
            "status": "pending" if sent["asks_approval"] else "scheduled",
            "asks_confirmation": False,
            "verbs": [],
            "calendar_uid": "uid@slotstream",
            "calendar_sequence": 0,
            "updated_at": stamp(self.now),
            "version": 1,
        }
        return said({"appointment": self.booked[sent["id"]], "client_id": str(uuid4())})
