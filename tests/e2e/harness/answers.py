"""What the services would answer about one fixed day in a salon, so that a page looks the same wherever and whenever."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import jsonschema

Json = dict[str, Any]

NOW: Final = datetime(2027, 6, 15, 11, 20, tzinfo=ZoneInfo("Europe/Berlin"))
_OPENAPI: Final = Path(__file__).parents[3] / "docs" / "openapi"
_NAMES: Final = UUID("0198f0a4-8c1d-7d0e-9a55-5f0e5f1b7c00")
_LONG_AGO: Final = "2027-01-04T08:00:00Z"
_STAFF: Final = ("Anna Berg", "Ben Kurz", "Clara Voss", "Deniz Aydın")
_SERVICES: Final = {"Haircut": 45, "Colour": 90}
_BOOKED: Final = (
    # Staff, start, client, service, status.
    (0, "09:00", "Grace Hopper", "Haircut", "completed"),
    (0, "09:45", "Alan Turing", "Colour", "confirmed"),
    (0, "14:00", "Edsger Dijkstra", "Haircut", "scheduled"),
    (0, "15:00", "Barbara Liskov", "Colour", "pending"),
    (1, "09:00", "Katherine Johnson", "Colour", "no_show"),
    (1, "11:15", "Lena Öztürk", "Haircut", "confirmed"),
    (1, "14:30", "Radia Perlman", "Colour", "scheduled"),
    (2, "09:30", "Jean Bartik", "Haircut", "completed"),
    (2, "10:15", "Dorothy Vaughan", "Haircut", "scheduled"),
    (2, "11:00", "Dennis Ritchie", "Colour", "confirmed"),
    (3, "10:00", "Annie Easley", "Colour", "confirmed"),
    (3, "12:00", "عمر الخيام", "Haircut", "scheduled"),
    (3, "14:45", "Margaret Hamilton", "Haircut", "cancelled"),
)


def an_id(name: str) -> str:
    return str(uuid5(_NAMES, name))


BUSINESS: Final = an_id("Salon Nord")
FIRST: Final = an_id("appointment 1")


def answer(path: str, query: Mapping[str, list[str]]) -> Json:
    """Raises KeyError where a page asks for something else. Each answer is of the shape that is documented."""
    if path == "/api/session":
        return _checked("dashboard", "CurrentSessionOut", _session())
    if path == "/api/session/preferences":
        return _checked("dashboard", "PreferencesOut", _session()["preferences"])
    service, _, rest = path.removeprefix("/api/").partition("/v1")
    if (service, rest) == ("booking", "/appointments"):
        items = _appointments() if not query.get("id") else []
        return _checked(service, "Page_ListedAppointmentOut_", _page(items))
    if (service, rest) == ("booking", f"/appointments/{FIRST}"):
        return _checked(service, "ListedAppointmentOut", next(item for item in _appointments() if item["id"] == FIRST))
    schema, body = {
        ("booking", f"/appointments/{FIRST}/history"): ("HistoryOut", {"chain": [], "items": [], "messages": []}),
        ("booking", "/appointments/counts"): ("CountsOut", _counts(query.get("status", []))),
        ("booking", "/businesses"): ("Page_BusinessOut_", _page([_business()])),
        ("booking", "/resources"): ("Page_ResourceOut_", _page([_resource(name) for name in _STAFF])),
        ("booking", "/services"): ("Page_ServiceOut_", _page([_service(name) for name in _SERVICES])),
        ("booking", "/actions"): ("Page_ActionOut_", _page([_named("First visit") | {"position": 1}])),
        ("booking", "/clients"): ("Page_ClientOut_", _page([_client(row[2]) for row in _BOOKED])),
        ("booking", "/holds"): ("Page_HoldOut_", _page([_hold()])),
        ("availability", "/calendar"): ("CalendarOut", _calendar()),
        ("notifications", "/inbound-messages/unread"): ("UnreadOut", {"unread": 0}),
        ("notifications", "/messages/counts"): ("MessageCountsOut", {"total": 0, "by_status": {}}),
        ("notifications", "/messages/by-appointment"): ("AppointmentMessagesOut", {"items": []}),
    }[service, rest]
    return _checked(service, schema, body)


def _checked(service: str, schema: str, body: Json) -> Json:
    components = json.loads((_OPENAPI / f"{service}.json").read_text())["components"]
    jsonschema.validate(body, {"$ref": f"#/components/schemas/{schema}", "components": components})
    return body


def _page(items: list[Json]) -> Json:
    return {"items": items, "next_cursor": None}


def _named(name: str) -> Json:
    stamps = {"created_at": _LONG_AGO, "updated_at": _LONG_AGO}
    return {"id": an_id(name), "name": name, "archived": False, "version": 1} | stamps


def _session() -> Json:
    user = {
        "id": an_id("Anna Berg's user"),
        "name": "Anna Berg",
        "email": "anna@example.com",
        "locale": "en",
        "role": "owner",
        "business_ids": None,
        "resource_id": None,
    }
    rights = ["book", "override", "write_appointments", "read_appointments", "read_clients", "write_clients"]
    return {
        "session_id": an_id("session"),
        "csrf_token": "none",
        "user": user,
        "organization": {"id": an_id("organization"), "name": "Salon Nord"},
        "rights": [*rights, "erase_clients", "read_messages", "read_reports", "read_imports"],
        "expires_at": "2027-07-01T08:00:00Z",
        "has_account": True,
        "preferences": {"moves": None, "density": None, "hidden_columns": None},
        "live_place": "none-since-0",
    }


def _business() -> Json:
    more = {"zone": "Europe/Berlin", "locale": "de", "phone_region": "DE", "country": "DE", "currency": "EUR"}
    reached = {"email": None, "phone": None, "address": None, "assignment": "least_loaded"}
    return (
        _named("Salon Nord") | more | reached | {"public_booking": False, "verify_by_code": False, "embed_origins": []}
    )


def _resource(name: str) -> Json:
    more = {"kind": "staff", "zone": "Europe/Berlin", "business_ids": [BUSINESS], "priority": 0}
    return _named(name) | more | {"email": None, "phone": None, "user_id": None}


def _service(name: str) -> Json:
    numbers = ("buffer_before_minutes", "buffer_after_minutes", "minimum_notice_minutes")
    notices = ("cancellation_notice_minutes", "reschedule_notice_minutes")
    more = {
        "business_id": BUSINESS,
        "duration_minutes": _SERVICES[name],
        "booking_window_days": None,
        "slot_interval_minutes": 15,
        "capacity": 1,
        "requires": [],
        "price": {"amount": f"{_SERVICES[name]}.00", "currency": "EUR"},
        "needs_approval": False,
        "pending_occupies": True,
        "client_confirms": False,
        "max_reschedules": None,
        "public_booking": False,
    }
    return _named(name) | dict.fromkeys((*numbers, *notices), 0) | more


def _client(name: str) -> Json:
    phone = f"+493055501{len(name):02}"
    return _named(name) | {
        "phone": phone,
        "email": f"{len(name)}@example.com",
        "locale": None,
        "zone": None,
        "consent": None,
        "merged_into": None,
    }


def _at(clock: str) -> datetime:
    hour, minute = map(int, clock.split(":"))
    return NOW.replace(hour=hour, minute=minute)


def _stamp(at: datetime) -> str:
    return at.astimezone(ZoneInfo("UTC")).strftime("%Y-%m-%dT%H:%M:%SZ")


def _appointments() -> list[Json]:
    """By their start, as a list has them."""
    rows = sorted(enumerate(_BOOKED), key=lambda row: (row[1][1], row[0]))
    return [_appointment(number, *row) for number, row in rows]


def _appointment(number: int, staff: int, start: str, client: str, service: str, status: str) -> Json:
    kept = _client(client)
    nothing = ("action_id", "action_name", "series_id", "rescheduled_from", "rescheduled_to", "previous_starts_at")
    unused = ("actual_price", "external_id", "batch_id", "cancellation_reason", "notes")
    verbs = {"pending": ["approve", "decline"], "scheduled": ["confirm", "complete", "reschedule", "cancel"]}
    more = {
        "id": an_id(f"appointment {number}"),
        "organization_id": an_id("organization"),
        "business_id": BUSINESS,
        "zone": "Europe/Berlin",
        "client_id": kept["id"],
        "client": {name: kept[name] for name in ("id", "name", "phone", "email")},
        "service_id": an_id(service),
        "service_name": service,
        "starts_at": _stamp(_at(start)),
        "ends_at": _stamp(_at(start) + timedelta(minutes=_SERVICES[service])),
        "duration_minutes": _SERVICES[service],
        "buffer_before_minutes": 0,
        "buffer_after_minutes": 10 if service == "Colour" else 0,
        "resources": [{"id": an_id(_STAFF[staff]), "kind": "staff", "name": _STAFF[staff], "seat": 0}],
        "status": status,
        "source": "voice_ai" if number % 3 == 0 else "manual",
        "origin": {"kind": "independent", "reference_id": None, "url": None},
        "location": {"kind": "business", "text": None, "url": None},
        "internal_notes": "Allergic to ammonia" if number % 4 == 1 else None,
        "share_with_client": True,
        "notify_client": True,
        "reschedule_count": 0,
        "calendar_uid": f"{number}@slotstream",
        "calendar_sequence": 0,
        "quoted_price": {"amount": "45.00", "currency": "EUR"},
        "archived": False,
        "occupies": status != "cancelled",
        "created_at": _LONG_AGO,
        "updated_at": _LONG_AGO,
        "version": 1,
        "verbs": verbs.get(status, ["complete", "reschedule", "cancel"] if status == "confirmed" else ["reopen"]),
    }
    return dict.fromkeys((*nothing, *unused)) | more


def _counts(wanted: list[str]) -> Json:
    statuses = [row[4] for row in _BOOKED if not wanted or row[4] in wanted]
    return {"total": len(statuses), "by_status": {status: statuses.count(status) for status in statuses}}


def _hold() -> Json:
    return {
        "id": an_id("hold"),
        "business_id": BUSINESS,
        "service_id": an_id("Haircut"),
        "starts_at": _stamp(_at("13:00")),
        "ends_at": _stamp(_at("13:45")),
        "resource_ids": [an_id("Clara Voss")],
        "expires_at": _stamp(NOW + timedelta(minutes=4)),
        "held_by": {"type": "client", "id": None},
    }


def _calendar() -> Json:
    spans = [("09:00", "13:00"), ("14:00", "18:00")]
    working = [{"starts_at": _stamp(_at(start)), "ends_at": _stamp(_at(end))} for start, end in spans]
    lanes = [
        {
            "resource_id": an_id(name),
            "name": name,
            "kind": "staff",
            "working": working,
            "absences": [],
            "appointments": [],
            "external": [],
        }
        for name in _STAFF
    ]
    business = {
        "business_id": BUSINESS,
        "name": "Salon Nord",
        "zone": "Europe/Berlin",
        "closures": [],
        "resources": lanes,
    }
    day = {"starts_at": _stamp(_at("00:00")), "ends_at": _stamp(_at("00:00") + timedelta(days=1))}
    return {"zone": "Europe/Berlin", "dates": [f"{NOW:%Y-%m-%d}"], "businesses": [business]} | day
