"""Whether a row can be understood, and what it asks for: all the reasons, not the first."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from imports.domain.catalogue import Catalogue, OfferedService, fold
from imports.domain.findings import Findings
from imports.domain.locations import read_location
from imports.domain.mapping import ColumnMapping, Field
from imports.domain.rows import (
    Judgement,
    RequestedAppointment,
    RowState,
    Span,
    contact_digests,
    name_digest,
    row_key_of,
)
from imports.domain.statuses import ONLY_AFTER_THE_START, FinalStatus, is_confirmed, read_status
from imports.domain.times import TimeReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """`is_assumed`: the number, as typed, could have been read as another one."""

    e164: str
    is_assumed: bool = False


ReadPhone = Callable[[str, str], Phone | None]
"""A phone as typed, and the region whose numbers have no country code; None where it is no valid number."""

FindPhones = Callable[[str, str], Iterable[str]]
"""The phones (E.164) that stand somewhere in a text of several lines, by the same region."""

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}\.[^@\s.]{2,}")
_MAX_TEXT = {Field.NOTES: 10_000, Field.EXTERNAL_ID: 200, Field.CLIENT_NAME: 200}
_USUAL_MAX_TEXT = 500
_LOST = "\ufffd"
_EMAIL_INSIDE = re.compile(r"[^@\s<>()\[\],;:|\"]{1,64}@[^@\s<>()\[\],;:|\"]{1,255}\.[^@\s<>()\[\],;:|\".]{2,}")
_FREE_TEXT = (Field.CLIENT_NAME, Field.FIRST_NAME, Field.LAST_NAME, Field.LOCATION, Field.NOTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """What rows are judged with, whichever import they belong to."""

    read_phone: ReadPhone
    find_phones: FindPhones


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRules:
    """What every row of one import is judged by."""

    catalogue: Catalogue
    mapping: ColumnMapping
    judging: Judging
    now: datetime


def judge(values: Mapping[Field, str], rules: RowRules) -> Judgement:
    """Reads one row, given by field. What it asks for is there unless the row is invalid."""
    findings = Findings()
    values = {name: text if name is Field.NOTES else text.strip() for name, text in values.items()}
    _check_text(values, findings)
    name = _name(values, findings)
    phone = _phone(values, rules, findings)
    email = _email(values, findings)
    service = _service(values, rules, findings)
    resource_id = _resource(values, rules, findings)
    times = TimeReader(
        mapping=rules.mapping,
        zone=values.get(Field.ZONE) or rules.mapping.zone or rules.catalogue.business.zone,
        findings=findings,
    ).read(values, usual_minutes=rules.mapping.duration_minutes or (service.duration_minutes if service else None))
    status = _status(values, rules, times[0] if times else None, findings)
    if not phone and not email and not findings.errors:
        findings.warn("no_contact", "No phone and no e-mail: the client cannot be told of anything")
    if findings.errors or times is None or service is None or status is None:
        reasons = (*findings.errors, *findings.warnings)
        contacts = contact_digests(phone, email, *_contacts_inside(values.values(), rules))
        return Judgement(state=RowState.INVALID, reasons=reasons, contacts=contacts or _named(name))
    free_text = [values[name] for name in _FREE_TEXT if name in values]
    requested = RequestedAppointment(
        client_name=name,
        phone=phone,
        email=email,
        service_id=service.id,
        resource_id=resource_id,
        starts_at=times[0],
        duration_minutes=times[1],
        notes=_notes(values),
        external_id=values.get(Field.EXTERNAL_ID) or None,
        status=status,
        location=read_location(values.get(Field.LOCATION, "")),
    )
    return Judgement(
        state=RowState.WARNING if findings.warnings else RowState.OK,
        reasons=tuple(findings.warnings),
        requested=requested,
        span=_span(requested, service),
        contacts=contact_digests(phone, email, *_contacts_inside(free_text, rules)) or _named(name),
        row_key=row_key_of(requested),
    )


def _named(name: str) -> tuple[str, ...]:
    """A name alone tells of anybody who bears it, so it counts only where there is nothing else."""
    return (name_digest(name),) if name else ()


def _contacts_inside(cells: Iterable[str], rules: RowRules) -> Iterator[str]:
    """Phones and e-mails that stand where none is expected: in notes, or in columns that were taken for others."""
    text = "\n".join(cells)
    if "@" in text:
        yield from _EMAIL_INSIDE.findall(text)
    yield from rules.judging.find_phones(text, rules.catalogue.business.phone_region)


def _notes(values: Mapping[Field, str]) -> str | None:
    """As they are written, blanks and tabs included: so an export that is imported comes out the same."""
    notes = values.get(Field.NOTES, "")
    return notes if notes.strip() else None


def _span(requested: RequestedAppointment, service: OfferedService) -> Span | None:
    """The row's number is put in by whoever knows it. None for what is over: booking takes nobody's time for it."""
    if requested.status is not FinalStatus.SCHEDULED:
        return None
    blocked_from, blocked_to = service.blocked(requested.starts_at, requested.duration_minutes)
    return Span(
        row=0,
        starts_at=requested.starts_at,
        blocked_from=blocked_from,
        blocked_to=blocked_to,
        service_id=requested.service_id,
        resource_id=requested.resource_id,
    )


def _check_text(values: Mapping[Field, str], findings: Findings) -> None:
    lost: list[str] = []
    for name, text in values.items():
        if len(text) > _MAX_TEXT.get(name, _USUAL_MAX_TEXT) or "\x00" in text:
            findings.error("too_long", f"{name} is too long or holds a NUL character")
        if _LOST in text:
            lost.append(name)
    if lost:
        detail = f"Letters in {', '.join(lost)} could not be read and stand as {_LOST}: correct them, or the encoding"
        findings.warn("undecodable_text", detail)


def _name(values: Mapping[Field, str], findings: Findings) -> str:
    full = values.get(Field.CLIENT_NAME) or " ".join(
        part for part in (values.get(Field.FIRST_NAME), values.get(Field.LAST_NAME)) if part
    )
    if not full:
        findings.error("client_missing", "The client has no name")
    return full


def _phone(values: Mapping[Field, str], rules: RowRules, findings: Findings) -> str | None:
    typed = values.get(Field.PHONE)
    if not typed:
        return None
    phone = rules.judging.read_phone(typed, rules.catalogue.business.phone_region)
    if phone is None:
        findings.error("invalid_phone", f"The phone is not valid in {rules.catalogue.business.phone_region}")
        return None
    if phone.is_assumed:
        detail = f"The phone begins with the country's code and is read as {phone.e164}"
        findings.warn("assumed_country_code", detail)
    return phone.e164


def _email(values: Mapping[Field, str], findings: Findings) -> str | None:
    email = values.get(Field.EMAIL)
    if not email:
        return None
    if not _EMAIL.fullmatch(email):
        findings.error("invalid_email", "The e-mail address is not one")
    return email


def _service(values: Mapping[Field, str], rules: RowRules, findings: Findings) -> OfferedService | None:
    wanted = values.get(Field.SERVICE) or str(rules.mapping.service_id or "")
    if not wanted:
        findings.error("service_missing", "The service is missing")
        return None
    service = rules.catalogue.services.get(fold(wanted))
    if service is None:
        findings.error("unknown_service", f"The business has no service {wanted!r}")
    return service


def _resource(values: Mapping[Field, str], rules: RowRules, findings: Findings) -> UUID | None:
    wanted = values.get(Field.STAFF)
    if not wanted:
        return None
    resource_id = rules.catalogue.resources.get(fold(wanted))
    if resource_id is None:
        findings.error("unknown_staff", f"The business has no staff or resource {wanted!r}")
    return resource_id


def _status(
    values: Mapping[Field, str], rules: RowRules, starts_at: datetime | None, findings: Findings
) -> FinalStatus | None:
    word = values.get(Field.STATUS)
    status = read_status(word, rules.mapping.statuses) if word else FinalStatus.SCHEDULED
    if status is None:
        findings.error("unknown_status", f"The status {(word or '')[:60]!r} is not known: say what it means")
        return None
    if word and status is FinalStatus.SCHEDULED and is_confirmed(word):
        findings.warn("status_simplified", "A confirmed appointment comes in as scheduled")
    if starts_at is not None and status in ONLY_AFTER_THE_START and starts_at > rules.now:
        findings.error("status_in_the_future", f"An appointment that is still to come cannot be {status}")
    if starts_at is not None and starts_at < rules.now and status is FinalStatus.SCHEDULED:
        findings.warn("in_the_past", "The start lies in the past")
    return status
