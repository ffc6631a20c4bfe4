"""What visitors send: the time that they choose, and who they are. After each success the browser is sent on."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Final, Literal
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from dashboard.adapters.pages import work_script_path
from dashboard.api.booking_visits import (
    Choice,
    FreeTimes,
    NoPageError,
    Visit,
    choice_of,
    choice_of_draft,
    day_within_reach,
    draft_of,
    free_times,
    in_language,
    page_answer,
    parsed_start,
    sent_on,
    visit_of,
)
from dashboard.api.dependencies import Dependencies, dependencies_of
from dashboard.api.forms import read_form, read_id
from dashboard.api.limits import PUBLIC_BOOKING, PUBLIC_UNPROVEN
from dashboard.api.portal_links import require_own_page
from dashboard.domain.booking_codes import CodeLimits
from dashboard.domain.errors import PortalRefusedError, TooManyCodesError
from dashboard.domain.public import Booked, Draft, VisitorDetails
from dashboard.domain.users import normal_email
from dashboard.domain.work import PIECES, is_done
from dashboard.storage import NO_ORGANIZATION
from dashboard.usecases.booking_codes import send_code, try_code
from slotstream_servicekit.ids import new_id

MOST_NAME: Final = 200
MOST_PHONE: Final = 64
MOST_EMAIL: Final = 254
_WRONG_FIELDS: Final = {
    "invalid_phone": "public.phone_wrong",
    "invalid_email": "public.email_wrong",
    "contact_required": "public.contact_missing",
}

Proof = Literal["work", "code", "nothing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The visitor's form, and the draft that it is for."""

    visit: Visit
    draft: Draft
    choice: Choice
    details: VisitorDetails
    work: str
    code_id: UUID | None
    code: str


async def submit_time(request: Request) -> Response:
    """Keeps the chosen time, where there is room for another hold, and leads to the form.

    Whoever has filled it in already, for a time that somebody else took, is answered with it: their name, phone and
    e-mail may stand in no address.
    """
    dependencies = dependencies_of(request)
    require_own_page(request)
    visit = await visit_of(request)
    form = await read_form(request)
    visit = in_language(visit, form.get("lang"))
    choice, starts_at = choice_of(visit, form.get("service"), form.get("staff")), parsed_start(form.get("at"))
    if choice is None or starts_at is None:
        raise NoPageError
    day = day_within_reach(visit, dependencies, visit.calendar.day_of(starts_at))
    times = await free_times(dependencies, visit, choice, first=day)
    typed = _details_in(form, visit)
    if not times.has(starts_at):
        return _taken_page(visit, choice, times, starts_at, typed=typed)
    draft = Draft(
        id=new_id(),
        service_id=choice.service.id,
        staff_id=choice.staff.id if choice.staff is not None else None,
        starts_at=starts_at,
        hold=None,
        made_at=dependencies.clock(),
    )
    before = dependencies.drafts.open_draft(visit.address, form.get("was", ""))
    key = f"{form.get('visit', '')[:20]} {draft.service_id} {draft.staff_id} {form.get('at')}"
    try:
        hold = await dependencies.public.hold(
            visit.visitor,
            service_id=draft.service_id,
            staff_id=draft.staff_id,
            starts_at=starts_at,
            replaces=before.hold.id if before is not None and before.hold is not None else None,
            key=hashlib.sha256(key.encode()).hexdigest(),
        )
    except PortalRefusedError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            raise NoPageError from error
        if error.code != "too_many_holds":
            return _taken_page(visit, choice, times, starts_at, typed=typed)
        hold = None
    draft = replace(draft, hold=hold)
    token = dependencies.drafts.seal_draft(visit.address, draft)
    if typed.name or typed.phone or typed.email:
        return details_page(request, visit, choice, draft, token=token, typed=typed)
    return sent_on(visit.to(f"/details/{token}"))


async def submit_details(request: Request) -> Response:
    """Books, once the visitor has proved something or staff are to approve."""
    require_own_page(request)
    sent = await _sent(request)
    if (wrong := _first_wrong(sent)) is not None:
        return _wrong(request, sent, wrong)
    dependencies, email = dependencies_of(request), sent.details.email
    if await _is_booked(dependencies, sent):
        return _led_to_booked(dependencies, sent, client_id=None)
    has_worked = is_done(request.path_params["draft"], sent.work, bits=dependencies.settings.public_work_bits)
    if has_worked and not sent.visit.page.verify_by_code:
        return await _booked(request, sent, proof="work")
    if email is None:
        if not has_worked:
            rate = dependencies.settings.public_unproven_rate
            dependencies.limits.take(request.scope, sent.visit.address, PUBLIC_UNPROVEN, rate)
        return await _booked(request, sent, proof="nothing")
    return await _by_code(request, sent, email)


async def _by_code(request: Request, sent: Sent, email: str) -> Response:
    """Has a code sent, or looks at the one that was typed."""
    dependencies = dependencies_of(request)
    if sent.code_id is None or not sent.code:
        return await _code_sent(request, sent, email)
    async with dependencies.database.transaction(NO_ORGANIZATION) as session:
        verdict = await try_code(
            session=session,
            secrets=dependencies.visitor_secrets,
            limits=_code_limits(dependencies),
            code_id=sent.code_id,
            draft_id=sent.draft.id,
            email=email,
            typed=sent.code,
            now=dependencies.clock(),
        )
    if verdict != "right":
        told = sent.visit.texts(f"public.code_{verdict}")
        return _code_page(request, sent, code_id=sent.code_id if verdict == "wrong" else None, error=told)
    return await _booked(request, sent, proof="code")


def details_page(
    request: Request,
    visit: Visit,
    choice: Choice,
    draft: Draft,
    *,
    token: str,
    typed: VisitorDetails | None = None,
    error: str | None = None,
) -> Response:
    """The form. What was typed stays in it."""
    settings = dependencies_of(request).settings
    return page_answer(
        visit,
        "booking_details.html",
        status=422 if error else 200,
        error=error,
        choice=choice,
        draft=draft,
        token=token,
        held_until=_held_until(request, draft),
        name=typed.name if typed is not None else "",
        phone=(typed.phone or "") if typed is not None else "",
        email=(typed.email or "") if typed is not None else "",
        most={"name": MOST_NAME, "phone": MOST_PHONE, "email": MOST_EMAIL},
        script=work_script_path(),
        bits=settings.public_work_bits,
        pieces=PIECES,
    )


def _wrong(request: Request, sent: Sent, error: str) -> Response:
    token = request.path_params["draft"]
    return details_page(request, sent.visit, sent.choice, sent.draft, token=token, typed=sent.details, error=error)


async def _sent(request: Request) -> Sent:
    visit = await visit_of(request)
    form = await read_form(request)
    visit = in_language(visit, form.get("lang"))
    draft = draft_of(request, visit)
    return Sent(
        visit=visit,
        draft=draft,
        choice=choice_of_draft(visit, draft),
        details=_details_in(form, visit),
        work=form.get("work", ""),
        code_id=read_id(form.get("code_id")),
        code="".join(form.get("code", "").split())[:20],
    )


def _details_in(form: Mapping[str, str], visit: Visit) -> VisitorDetails:
    return VisitorDetails(
        name=_one_line(form.get("name", "")),
        phone=_one_line(form.get("phone", "")) or None,
        email=normal_email(form.get("email", "")) or None,
        locale=visit.texts.locale,
    )


def _first_wrong(sent: Sent) -> str | None:
    """What can be said before anybody is asked. Whether a phone can be called is booking's to say."""
    texts, details = sent.visit.texts, sent.details
    if not details.name or len(details.name) > MOST_NAME:
        return texts("public.name_missing")
    if details.email is None and details.phone is None:
        return texts("public.contact_missing")
    if details.phone is not None and (len(details.phone) > MOST_PHONE or not details.phone.isprintable()):
        return texts("public.phone_wrong")
    email = details.email
    if email is None:
        return None
    name, at, host = email.partition("@")
    is_plain = email.isascii() and email.isprintable() and " " not in email and "," not in email
    if not (is_plain and name and at and "." in host and "@" not in host and len(email) <= MOST_EMAIL):
        return texts("public.email_wrong")
    return None


async def _booked(request: Request, sent: Sent, *, proof: Proof) -> Response:
    dependencies, visit, draft = dependencies_of(request), sent.visit, sent.draft
    rate = dependencies.settings.public_booking_rate
    dependencies.limits.take(request.scope, (visit.address, visit.network), PUBLIC_BOOKING, rate)
    try:
        client_id = await dependencies.public.book(visit.visitor, draft, sent.details, asks_approval=proof == "nothing")
    except PortalRefusedError as error:
        if await _is_booked(dependencies, sent):
            # The same form at the same moment, or one that was changed after it had booked.
            return _led_to_booked(dependencies, sent, client_id=None)
        if error.status == HTTPStatus.NOT_FOUND:
            raise NoPageError from error
        if error.status == HTTPStatus.UNPROCESSABLE_ENTITY:
            told = visit.texts(_WRONG_FIELDS.get(error.code, "public.details_wrong"))
            return _wrong(request, sent, told)
        return await _taken(request, sent)
    return _led_to_booked(dependencies, sent, client_id=client_id if proof == "code" else None)


async def _is_booked(dependencies: Dependencies, sent: Sent) -> bool:
    """Whether the draft has become an appointment: its id is the appointment's."""
    try:
        await dependencies.public.booked(sent.visit.visitor, sent.draft.id)
    except PortalRefusedError:
        return False
    return True


async def _taken(request: Request, sent: Sent) -> Response:
    """Somebody was faster, or the hold ran out and somebody came: the next free times, to be chosen at once."""
    dependencies, visit, draft = dependencies_of(request), sent.visit, sent.draft
    day = day_within_reach(visit, dependencies, visit.calendar.day_of(draft.starts_at))
    times = await free_times(dependencies, visit, sent.choice, first=day)
    ran_out = draft.hold.until if draft.hold is not None and draft.hold.until <= dependencies.clock() else None
    return _taken_page(visit, sent.choice, times, draft.starts_at, typed=sent.details, ran_out=ran_out)


def _taken_page(
    visit: Visit,
    choice: Choice,
    times: FreeTimes,
    wanted: datetime,
    *,
    typed: VisitorDetails,
    ran_out: datetime | None = None,
) -> Response:
    return page_answer(
        visit,
        "booking_taken.html",
        status=409,
        choice=choice,
        starts=times.next_free(wanted),
        ran_out=ran_out,
        typed=typed,
    )


def _led_to_booked(dependencies: Dependencies, sent: Sent, *, client_id: UUID | None) -> Response:
    booked = Booked(
        appointment_id=sent.draft.id,
        client_id=client_id,
        by_mail=sent.details.email is not None,
        made_at=dependencies.clock(),
    )
    token = dependencies.drafts.seal_booked(sent.visit.address, booked)
    return sent_on(sent.visit.to(f"/booked/{token}"))


async def _code_sent(request: Request, sent: Sent, email: str) -> Response:
    dependencies = dependencies_of(request)
    try:
        async with dependencies.database.transaction(NO_ORGANIZATION) as session:
            code_id = await send_code(
                session=session,
                secrets=dependencies.visitor_secrets,
                limits=_code_limits(dependencies),
                draft_id=sent.draft.id,
                email=email,
                network=sent.visit.network,
                business_name=sent.visit.page.business.name,
                locale=sent.visit.texts.locale,
                now=dependencies.clock(),
            )
    except TooManyCodesError:
        told = sent.visit.texts("public.codes_too_many")
        return page_answer(sent.visit, "portal_trouble.html", status=429, told=told)
    return _code_page(request, sent, code_id=code_id)


def _code_page(request: Request, sent: Sent, *, code_id: UUID | None, error: str | None = None) -> Response:
    settings = dependencies_of(request).settings
    return page_answer(
        sent.visit,
        "booking_code.html",
        status=422 if error else 200,
        error=error,
        token=request.path_params["draft"],
        choice=sent.choice,
        draft=sent.draft,
        held_until=_held_until(request, sent.draft),
        details=sent.details,
        code_id=code_id,
        minutes=int(settings.public_code_lifetime.total_seconds() // 60),
    )


def _held_until(request: Request, draft: Draft) -> datetime | None:
    if draft.hold is None or draft.hold.until <= dependencies_of(request).clock():
        return None
    return draft.hold.until


def _code_limits(dependencies: Dependencies) -> CodeLimits:
    settings = dependencies.settings
    return CodeLimits(
        lifetime=settings.public_code_lifetime,
        attempts=settings.public_code_attempts,
        per_recipient=settings.public_codes_per_recipient,
        per_network=settings.public_codes_per_address,
    )


def _one_line(text: str) -> str:
    """Without what cannot be seen."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())
