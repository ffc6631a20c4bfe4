"""The example organization: two businesses in different zones, their staff, services, hours and clients."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from slotstream_local.demo.apis import Apis, Json

_WEEKDAYS: Final = range(5)


@dataclass(frozen=True, slots=True)
class BusinessPlan:
    name: str
    zone: str
    phone_region: str
    currency: str
    staff: tuple[str, ...]
    services: tuple[tuple[str, int, str], ...]
    """Name, minutes, price."""
    hours: tuple[tuple[str, str], ...]


BERLIN: Final = BusinessPlan(
    name="Salon Nord",
    zone="Europe/Berlin",
    phone_region="DE",
    currency="EUR",
    staff=("Anna Berg", "Ben Kurz", "Clara Voss"),
    services=(("Haircut", 30, "38.00"), ("Colour", 90, "95.00")),
    hours=(("09:00", "13:00"), ("14:00", "18:00")),
)
NEW_YORK: Final = BusinessPlan(
    name="Hudson Dental",
    zone="America/New_York",
    phone_region="US",
    currency="USD",
    staff=("Dr. Dana Lee", "Dr. Omar Haddad"),
    services=(("Check-up", 45, "120.00"),),
    hours=(("08:00", "16:00"),),
)
CLIENTS: Final = (
    ("Grace Hopper", "grace@example.com", "+4915155500101"),
    ("Alan Turing", "alan@example.com", "+4915155500102"),
    ("Mary Jackson", "mary@example.com", "+12125550143"),
)


@dataclass(slots=True)
class Business:
    """A business as the APIs answered it."""

    plan: BusinessPlan
    entry: Json
    staff: list[Json] = field(default_factory=list)
    services: dict[str, Json] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return str(self.entry["id"])

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.plan.zone)

    def at(self, day: datetime, hour: int, minute: int = 0) -> datetime:
        """An instant by the wall clock of the business."""
        return datetime(day.year, day.month, day.day, hour, minute, tzinfo=self.zone)


def next_monday(*, weeks_ahead: int = 1) -> datetime:
    """Midnight UTC of a Monday that lies wholly in the future."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today + timedelta(days=7 - today.weekday() + 7 * (weeks_ahead - 1))


def stamp(instant: datetime) -> str:
    """RFC 3339 in UTC."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def set_up(apis: Apis, plan: BusinessPlan) -> Business:
    """Create the business with staff and services, and open it by its hours."""
    entry = apis.post(
        "booking",
        "/v1/businesses",
        {
            "name": plan.name,
            "zone": plan.zone,
            "phone_region": plan.phone_region,
            "country": plan.phone_region,
            "currency": plan.currency,
        },
    )
    business = Business(plan, entry)
    for name in plan.staff:
        person = {"name": name, "kind": "staff", "business_ids": [business.id], "zone": plan.zone}
        business.staff.append(apis.post("booking", "/v1/resources", person))
    for name, minutes, amount in plan.services:
        business.services[name] = apis.post(
            "booking",
            "/v1/services",
            {
                "business_id": business.id,
                "name": name,
                "duration_minutes": minutes,
                "slot_interval_minutes": 30,
                "price": {"amount": amount, "currency": plan.currency},
            },
        )
    weekly = [
        {"weekday": weekday, "intervals": [{"from": starts, "to": ends} for starts, ends in plan.hours]}
        for weekday in _WEEKDAYS
    ]
    apis.put("availability", f"/v1/businesses/{business.id}/schedule", {"weekly": weekly})
    return business


def add_clients(apis: Apis) -> list[Json]:
    return [
        apis.post("booking", "/v1/clients", {"name": name, "email": email, "phone": phone})
        for name, email, phone in CLIENTS
    ]
