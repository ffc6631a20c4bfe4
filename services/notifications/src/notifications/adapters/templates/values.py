"""What templates are filled with: names, and times as the recipient writes them, in their own zone."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from uuid import UUID
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date

from notifications.adapters.templates.series import SAMPLE_SERIES, series_values, time_of_day
from notifications.adapters.templates.zones import utc_offset, zone_name
from notifications.domain.appointments import Appointment, Staff
from notifications.domain.contacts import CatalogueItem
from notifications.domain.series import ToldSeries
from slotstream_contracts.template_variables import VARIABLES
from slotstream_servicekit.calendars import is_repeated

TemplateValues = Mapping[str, Mapping[str, str]]

_NOBODY = UUID(int=0)
SAMPLE_APPOINTMENT = Appointment(
    id=_NOBODY,
    organization_id=_NOBODY,
    business_id=_NOBODY,
    zone="Europe/Berlin",
    client_id=_NOBODY,
    service_id=None,
    service_name="Haircut",
    location_kind="business",
    action_name=None,
    starts_at=datetime(2026, 11, 26, 9, 30, tzinfo=UTC),
    ends_at=datetime(2026, 11, 26, 10, tzinfo=UTC),
    status="scheduled",
    source="manual",
    notify_client=True,
    share_with_client=True,
    rescheduled_from=None,
    rescheduled_to=None,
    previous_starts_at=None,
    calendar_uid="sample@slotstream",
    calendar_sequence=0,
    archived=False,
    staff=(Staff(id=_NOBODY, name="Ada"),),
    created_at=datetime(2026, 11, 1, tzinfo=UTC),
    updated_at=datetime(2026, 11, 1, tzinfo=UTC),
    version=1,
)


@lru_cache(maxsize=512)
def locale_of(tag: str, country: str | None = None) -> Locale:
    """The locale of a BCP 47 tag; without a region of its own, as it is written in `country`. Else English."""
    language, _, region = tag.replace("_", "-").partition("-")
    for candidate in (f"{language}_{region}", f"{language}_{country}" if country and not region else "", language):
        try:
            return Locale.parse(candidate)
        except (UnknownLocaleError, ValueError, TypeError):
            continue
    return Locale.parse("en")


def closest_tag(locale: str, tags: Iterable[str | None]) -> str:
    """The first of these BCP 47 tags that is of the language of `locale`; else itself."""
    language = locale.partition("-")[0]
    return next((tag for tag in tags if tag and tag.replace("_", "-").lower().split("-")[0] == language), locale)


def values_of(
    *,
    appointment: Appointment,
    business: CatalogueItem,
    client_name: str,
    recipient_name: str,
    location: str,
    previous_starts_at: datetime | None,
    locale: Locale,
    zone: str,
    links: Mapping[str, str] | None = None,
    series: ToldSeries | None = None,
    offered_until: datetime | None = None,
) -> TemplateValues:
    """Everything a template can name, as text."""
    local = ZoneInfo(zone)
    starts_at, ends_at = appointment.starts_at.astimezone(local), appointment.ends_at.astimezone(local)
    # Where clocks change meanwhile, or show the hour twice, a time of day alone does not tell the instant.
    with_offset = starts_at.utcoffset() != ends_at.utcoffset() or is_repeated(starts_at) or is_repeated(ends_at)
    previous = previous_starts_at.astimezone(local) if previous_starts_at else None
    minutes = int((appointment.ends_at - appointment.starts_at).total_seconds()) // 60
    values = {
        "recipient": {"name": recipient_name},
        "client": {"name": client_name},
        "business": {
            "name": business.name,
            "phone": business.phone or "",
            "email": business.email or "",
            "address": business.address or "",
        },
        "appointment": {
            "service": appointment.service_name,
            "action": appointment.action_name or "",
            "date": format_date(starts_at.date(), "full", locale=locale),
            "time": time_of_day(starts_at, locale, with_offset=with_offset),
            "end_time": time_of_day(ends_at, locale, with_offset=with_offset),
            "zone": _zone(starts_at, ends_at, locale),
            "offset": utc_offset(starts_at),
            "duration_minutes": str(minutes),
            "staff": ", ".join(member.name for member in appointment.staff),
            "location": location,
            "previous_date": format_date(previous.date(), "full", locale=locale) if previous else "",
            "previous_time": time_of_day(previous, locale, with_offset=is_repeated(previous)) if previous else "",
        },
        "series": series_values(series, locale=locale, zone=zone),
        "offer": {"until": _until(offered_until, local, locale)},
        "links": {name: (links or {}).get(name, "") for name in VARIABLES["links"]},
    }
    assert {group: set(names) for group, names in values.items()} == {  # noqa: S101 - a variable without a value
        group: set(names) for group, names in VARIABLES.items()
    }
    return values


def _until(instant: datetime | None, zone: ZoneInfo, locale: Locale) -> str:
    if instant is None:
        return ""
    local = instant.astimezone(zone)
    return time_of_day(local, locale, with_offset=is_repeated(local))


@lru_cache(maxsize=32)
def sample_values(locale: str) -> TemplateValues:
    """TemplateValues for trying out a template, as they would read in `locale`."""
    return values_of(
        appointment=SAMPLE_APPOINTMENT,
        business=CatalogueItem(
            organization_id=_NOBODY,
            kind="business",
            id=_NOBODY,
            name="Salon Nord",
            phone="+49 30 5550100",
            email="hello@example.com",
            address="Hauptstraße 1, Berlin",
            version=1,
        ),
        client_name="Grace Hopper",
        recipient_name="Grace Hopper",
        location="Hauptstraße 1, Berlin",
        previous_starts_at=SAMPLE_APPOINTMENT.starts_at - timedelta(days=1),
        locale=locale_of(locale),
        zone=SAMPLE_APPOINTMENT.zone,
        series=SAMPLE_SERIES,
        offered_until=SAMPLE_APPOINTMENT.starts_at - timedelta(days=1),
        links={
            "offer": "https://example.com/p/sample/offers/sample",
            "appointment": "https://example.com/p/sample",
            "confirm": "https://example.com/p/sample",
            "preferences": "https://example.com/p/sample/preferences",
        },
    )


def _zone(starts_at: datetime, ends_at: datetime, locale: Locale) -> str:
    first, last = zone_name(starts_at, locale), zone_name(ends_at, locale)
    return first if first == last else f"{first} \N{EN DASH} {last}"
