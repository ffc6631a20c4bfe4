"""Whether a row can be understood, and what it asks for: all the reasons, not the first."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from imports.domain.dates import DateOrder, read_instant, read_minutes, read_time, split_date
from imports.domain.mapping import ColumnMapping, Field
from imports.domain.model import LONGEST, Catalogue, Judgement, OfferedService, RowState, Wish, fold
from slotstream_scheduling.wallclock import LocalKind, is_zone, resolve
from slotstream_servicekit.errors import Reason

ReadPhone = Callable[[str, str], str | None]
"""A phone as typed and a region, as E.164; None where it is no valid number."""

_MAX_MINUTES = LONGEST // timedelta(minutes=1)
_YEARS = range(1970, 2200)
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}\.[^@\s.]{2,}")
_MAX_TEXT = {Field.NOTES: 2_000, Field.EXTERNAL_ID: 200, Field.CLIENT_NAME: 200}


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRules:
    """What every row of one import is judged by."""

    catalogue: Catalogue
    mapping: ColumnMapping
    read_phone: ReadPhone
    now: datetime


@dataclass(slots=True)
class _Findings:
    errors: list[Reason] = field(default_factory=list)
    warnings: list[Reason] = field(default_factory=list)

    def error(self, code: str, detail: str) -> None:
        self.errors.append(Reason(code, detail))

    def warn(self, code: str, detail: str) -> None:
        self.warnings.append(Reason(code, detail))


def judge(values: Mapping[Field, str], rules: RowRules) -> Judgement:
    """Reads one row, given by field. The wish is there unless the row is invalid."""
    found = _Findings()
    values = {each: text.strip() for each, text in values.items()}
    for each, text in values.items():
        if len(text) > _MAX_TEXT.get(each, 500) or "\x00" in text:
            found.error("too_long", f"{each} is too long or holds a NUL character")
    name = _name(values, found)
    phone = _phone(values, rules, found)
    email = _email(values, found)
    service = _service(values, rules, found)
    resource_id = _resource(values, rules, found)
    starts_at = _start(values, rules, found)
    minutes = _minutes(values, rules, service, found)
    if not phone and not email and not found.errors:
        found.warn("no_contact", "No phone and no e-mail: the client cannot be told of anything")
    if starts_at is not None and starts_at < rules.now:
        found.warn("in_the_past", "The start lies in the past")
    if found.errors or starts_at is None or minutes is None or service is None:
        return Judgement(state=RowState.INVALID, reasons=(*found.errors, *found.warnings))
    wish = Wish(
        client_name=name,
        phone=phone,
        email=email,
        service_id=service.id,
        service_name=None,
        resource_id=resource_id,
        starts_at=starts_at,
        duration_minutes=minutes,
        notes=values.get(Field.NOTES) or None,
        external_id=values.get(Field.EXTERNAL_ID) or None,
    )
    state = RowState.WARNING if found.warnings else RowState.OK
    return Judgement(state=state, reasons=tuple(found.warnings), wish=wish, row_key=row_key_of(wish))


def row_key_of(wish: Wish) -> str:
    """A row's identity: its external id, or what it asks for."""
    if wish.external_id is not None:
        return f"id:{wish.external_id}"
    asked = (
        fold(wish.client_name),
        wish.phone or "",
        (wish.email or "").casefold(),
        str(wish.service_id),
        str(wish.resource_id or ""),
        wish.starts_at.isoformat(),
        str(wish.duration_minutes),
    )
    return f"sha256:{hashlib.sha256(chr(31).join(asked).encode()).hexdigest()}"


def _name(values: Mapping[Field, str], found: _Findings) -> str:
    full = values.get(Field.CLIENT_NAME) or " ".join(
        part for part in (values.get(Field.FIRST_NAME), values.get(Field.LAST_NAME)) if part
    )
    if not full:
        found.error("client_missing", "The client has no name")
    return full


def _phone(values: Mapping[Field, str], rules: RowRules, found: _Findings) -> str | None:
    typed = values.get(Field.PHONE)
    if not typed:
        return None
    phone = rules.read_phone(typed, rules.catalogue.business.phone_region)
    if phone is None:
        found.error("invalid_phone", f"The phone is not valid in {rules.catalogue.business.phone_region}")
    return phone


def _email(values: Mapping[Field, str], found: _Findings) -> str | None:
    email = values.get(Field.EMAIL)
    if not email:
        return None
    if not _EMAIL.fullmatch(email):
        found.error("invalid_email", "The e-mail address is not one")
    return email


def _service(values: Mapping[Field, str], rules: RowRules, found: _Findings) -> OfferedService | None:
    wanted = values.get(Field.SERVICE) or str(rules.mapping.service_id or "")
    if not wanted:
        found.error("service_missing", "The service is missing")
        return None
    service = rules.catalogue.services.get(fold(wanted))
    if service is None:
        found.error("unknown_service", f"The business has no service {wanted!r}")
    return service


def _resource(values: Mapping[Field, str], rules: RowRules, found: _Findings) -> UUID | None:
    wanted = values.get(Field.STAFF)
    if not wanted:
        return None
    resource_id = rules.catalogue.resources.get(fold(wanted))
    if resource_id is None:
        found.error("unknown_staff", f"The business has no staff or resource {wanted!r}")
    return resource_id


def _start(values: Mapping[Field, str], rules: RowRules, found: _Findings) -> datetime | None:
    typed = values.get(Field.STARTS_AT) or ""
    if Field.DATE in values and Field.TIME in values:
        typed = typed or f"{values[Field.DATE]} {values[Field.TIME]}".strip()
    if not typed:
        found.error("start_missing", "The start is missing")
        return None
    try:
        start = (read_instant(typed) or _wall_clock_start(typed, values, rules, found)).astimezone(UTC)
    except (_UnreadableStart, OverflowError, ValueError):
        found.error("invalid_start", f"{typed[:60]!r} is not a date and time in the order that was chosen")
        return None
    if start.year not in _YEARS:
        found.error("invalid_start", f"The year {start.year} is too far off to be meant")
        return None
    return start


class _UnreadableStart(Exception):  # noqa: N818 - a way out, caught right here
    """The text is no date with a time."""


def _wall_clock_start(typed: str, values: Mapping[Field, str], rules: RowRules, found: _Findings) -> datetime:
    split = split_date(typed, rules.mapping.date_order or DateOrder.YEAR_FIRST)
    clock = read_time(split[1]) if split is not None else None
    if split is None or clock is None:
        raise _UnreadableStart
    zone = values.get(Field.ZONE) or rules.mapping.zone or rules.catalogue.business.zone
    if not is_zone(zone):
        found.error("unknown_zone", f"{zone[:60]!r} is not an IANA time zone")
        zone = "UTC"
    wall = datetime.combine(split[0], clock)
    resolution = resolve(wall, zone)
    if resolution.kind is LocalKind.GAP:
        found.error("nonexistent_time", f"{wall:%Y-%m-%d %H:%M} does not exist in {zone}: clocks go forward")
    elif resolution.kind is LocalKind.FOLD:
        found.warn("ambiguous_time", f"{wall:%Y-%m-%d %H:%M} happens twice in {zone}: the first is taken")
    return datetime.fromtimestamp(resolution.first, UTC)


def _minutes(
    values: Mapping[Field, str], rules: RowRules, service: OfferedService | None, found: _Findings
) -> int | None:
    typed = values.get(Field.DURATION)
    usual = rules.mapping.duration_minutes or (service.duration_minutes if service else None)
    if not typed and usual is None:
        return None
    minutes = read_minutes(typed) if typed else usual
    if minutes is None or not 1 <= minutes <= _MAX_MINUTES:
        found.error("invalid_duration", f"{(typed or str(usual))[:40]!r} is not a duration between a minute and a week")
        return None
    return minutes
