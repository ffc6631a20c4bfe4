"""Booking, availability and notifications, as far as the portal asks them; they answer as the real ones do."""

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID, uuid4

import httpx2

Json = dict[str, Any]
START = datetime(2026, 11, 4, 9, tzinfo=UTC)
"""A Wednesday; 10:00 in Berlin."""
BUSINESS = {
    "id": "0195c0de-0000-7000-8000-0000000000b1",
    "name": "Salon Nord",
    "zone": "Europe/Berlin",
    "locale": "en-GB",
    "phone": "+49305550100",
    "email": None,
    "address": "Main Street 1",
}


def stamp(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


@dataclass(kw_only=True)
class PortalServices:
    """One client with appointments. `acts` holds what was done, `refusals` what is refused by verb."""

    organization_id: UUID
    client_id: UUID = field(default_factory=uuid4)
    locale: str | None = None
    zone: str | None = None
    service_name: str = "Haircut"
    appointments: dict[str, Json] = field(default_factory=dict)
    free: list[datetime] = field(default_factory=list)
    opted_out: list[str] = field(default_factory=list)
    unsubscribed_at: str | None = None
    tells_reminders: bool = True
    """Not of the version before."""
    preferences_version: int = 1
    acts: list[tuple[str, str, Json]] = field(default_factory=list)
    claims: list[Json] = field(default_factory=list)
    refusals: dict[str, str] = field(default_factory=dict)
    replies: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    """By idempotency key; refusals are kept as well."""
    duplicates: list[UUID] = field(default_factory=list)
    """Clients who were merged into this one."""
    erased: bool = False
    push_key: str | None = None
    """None where nothing is pushed."""
    browsers: dict[str, Json] = field(default_factory=dict)
    offers: dict[str, Json] = field(default_factory=dict)

    def offer(self) -> Json:
        """A slot of the waiting list that is held for the client."""
        made: Json = {
            "id": str(uuid4()),
            "business": BUSINESS,
            "service_name": self.service_name,
            "starts_at": stamp(START),
            "ends_at": stamp(START + timedelta(minutes=30)),
            "expires_at": stamp(START - timedelta(days=1)),
            "status": "open",
        }
        self.offers[made["id"]] = made
        return made

    def add(self, starts_at: datetime = START, **more: Any) -> Json:
        made: Json = {
            "id": str(uuid4()),
            "business": BUSINESS,
            "service_id": str(uuid4()),
            "service_name": self.service_name,
            "staff": ["Ada"],
            "resource_ids": [str(uuid4())],
            "starts_at": stamp(starts_at),
            "ends_at": stamp(starts_at + timedelta(minutes=30)),
            "zone": "Europe/Berlin",
            "duration_minutes": 30,
            "location": {"kind": "business", "text": None, "url": None},
            "status": "scheduled",
            "asks_confirmation": True,
            "verbs": ["confirm", "cancel", "reschedule"],
            "calendar_uid": "uid@slotstream",
            "calendar_sequence": 0,
            "updated_at": stamp(starts_at - timedelta(days=9)),
            "version": 1,
            **more,
        }
        self.appointments[made["id"]] = made
        return made

    def __call__(self, request: httpx2.Request, body: bytes) -> tuple[int, bytes]:  # noqa: C901, PLR0911 - one per route
        token = request.headers["authorization"].split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        self.claims.append(claims)
        path, sent = request.url.path, json.loads(body) if body else {}
        if path == "/v1/portal/contact":
            return said(BUSINESS)
        is_theirs = claims["client"] in {str(self.client_id), *map(str, self.duplicates)} and claims["org"] == str(
            self.organization_id
        )
        if not is_theirs or self.erased:
            return problem(404, "not_found")
        if path == "/v1/slots":
            return self._slots(parse_qs(request.url.query.decode()))
        if path == "/v1/portal/preferences":
            return self._preferences(request, sent)
        if path == "/v1/portal/preferences/unsubscribe":
            self.unsubscribed_at = self.unsubscribed_at or stamp(START)
            self.acts.append(("unsubscribe", claims["client"], sent))
            return said({"opted_out": {}, "unsubscribed_at": self.unsubscribed_at, "version": 2})
        if path.startswith("/v1/portal/offers/"):
            return self._offers(path.split("/")[4:], sent)
        if path.startswith("/v1/portal/push-subscriptions"):
            return self._push(request.method, path.split("/")[4:], sent)
        if path == "/v1/portal/appointments":
            items = [item for item in self.appointments.values() if item["status"] in ("scheduled", "confirmed")]
            return said({"client": self._client(), "items": items})
        appointment_id, *verb = path.split("/")[4:]
        appointment = self.appointments.get(appointment_id)
        if appointment is None:
            return problem(404, "not_found")
        if verb:
            return self._act(request, appointment, verb[0], sent)
        return said({"client": self._client(), "appointment": appointment})

    def _act(self, request: httpx2.Request, appointment: Json, verb: str, sent: Json) -> tuple[int, bytes]:
        key = request.headers.get("idempotency-key")
        if key is None:
            return self._acted(appointment, verb, sent)
        if key not in self.replies:
            self.replies[key] = self._acted(appointment, verb, sent)
        return self.replies[key]

    def _acted(self, appointment: Json, verb: str, sent: Json) -> tuple[int, bytes]:
        shown = datetime.fromisoformat(sent["shown_starts_at"])
        if appointment["status"] == "rescheduled" or shown != datetime.fromisoformat(appointment["starts_at"]):
            return problem(409, "overtaken")
        if verb in self.refusals:
            return problem(409, self.refusals[verb])
        self.acts.append((verb, appointment["id"], sent))
        if verb == "reschedule":
            appointment["status"] = "rescheduled"
            appointment = self.add(datetime.fromisoformat(sent["starts_at"]))
        else:
            appointment["status"] = {"confirm": "confirmed", "cancel": "cancelled"}[verb]
            appointment["verbs"] = [known for known in appointment["verbs"] if known != "confirm"]
        return said({"client": self._client(), "appointment": appointment})

    def _slots(self, query: dict[str, list[str]]) -> tuple[int, bytes]:
        assert query["detail"] == ["starts"]
        first, last = (datetime.fromisoformat(query[name][0]).replace(tzinfo=UTC) for name in ("from", "to"))
        assert last - first <= timedelta(days=32)
        days: dict[str, list[Json]] = {}
        for start in sorted(self.free):
            if first <= start < last:
                days.setdefault(start.date().isoformat(), []).append({"starts_at": stamp(start)})
        return said({"days": [{"date": day, "slots": slots} for day, slots in days.items()]})

    def _preferences(self, request: httpx2.Request, sent: Json) -> tuple[int, bytes]:
        if request.method == "PUT":
            if request.headers["if-match"] != f'"{self.preferences_version}"':
                return problem(412, "version_conflict")
            self.opted_out, self.preferences_version = sent["opted_out"], self.preferences_version + 1
            if "reminders" in sent:
                assert self.tells_reminders
                self.unsubscribed_at = None if sent["reminders"] else stamp(START)
        opted_out = dict.fromkeys(self.opted_out, "2026-11-01T00:00:00Z")
        more = {"unsubscribed_at": self.unsubscribed_at} if self.tells_reminders else {}
        return said({"opted_out": opted_out, "version": self.preferences_version, **more})

    def _offers(self, rest: list[str], sent: Json) -> tuple[int, bytes]:
        offer = self.offers.get(rest[0])
        if offer is None:
            return problem(404, "not_found")
        if len(rest) == 1:
            return said({"client": self._client(), **offer})
        if rest[1] in self.refusals:
            return problem(409, self.refusals[rest[1]])
        self.acts.append((rest[1], offer["id"], sent))
        if rest[1] == "decline":
            del self.offers[offer["id"]]
            return 204, b""
        if offer["status"] == "open":
            offer["status"] = "booked"
            self.add(id=offer["id"])
        return said({"client": self._client(), "appointment": self.appointments[offer["id"]]})

    def _push(self, method: str, rest: list[str], sent: Json) -> tuple[int, bytes]:  # noqa: PLR0911 - one per route
        if method == "DELETE":
            return (204, b"") if self.browsers.pop(rest[0], None) else problem(404, "not_found")
        if self.push_key is None:
            return problem(409, "channel_unavailable")
        if rest:
            return said({"public_key": self.push_key})
        if method == "GET":
            return said({"items": list(self.browsers.values())})
        if len(self.browsers) == 10:
            return problem(409, "too_many_subscriptions")
        if not sent["endpoint"].startswith("https://"):
            return problem(422, "endpoint_invalid")
        made = {"id": str(uuid4()), "service": "push.example", "device": sent["device"], "created_at": stamp(START)}
        self.browsers[made["id"]] = made | sent
        return 201, json.dumps(made).encode()

    def _client(self) -> Json:
        return {"id": str(self.client_id), "locale": self.locale, "zone": self.zone}


def said(document: Json) -> tuple[int, bytes]:
    return 200, json.dumps(document).encode()


def problem(status: int, code: str) -> tuple[int, bytes]:
    return status, json.dumps({"code": code}).encode()
