"""Slots over HTTP, and whether a start would be bookable."""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import unquote_plus
from uuid import UUID

import orjson
from fastapi import Query, Request, Response
from starlette.types import Scope

from availability import usecases
from availability.api.dependencies import (
    CurrentDependencies,
    Dependencies,
    OfferReader,
    SlotReader,
    dependencies_of,
)
from availability.api.moments import DisplayZone, FromMoment, Moment, ResourceIds, ToMoment, window_of
from availability.api.slot_answers import Detail, SlotAnswer, head_of
from availability.domain import MAX_LOOK_AHEAD, SlotQuery, StateVersion
from availability.schemas import BookabilityIn, BookabilityOut, FirstSlotOut, SlotsOut, StateToken
from availability.usecases.slots import settled
from slotstream_scheduling import Slot, from_epoch, zone_of
from slotstream_servicekit.errors import ForbiddenError
from slotstream_servicekit.http import Principal, Router
from slotstream_servicekit.http.auth import authenticate
from slotstream_servicekit.http.limits import rate_limited
from slotstream_servicekit.http.responses import json_response
from slotstream_servicekit.http.routes import Handler, StrictRoute
from slotstream_servicekit.limits import limit_settings

router = Router(prefix="/v1", tags=["slots"])
SLOTS_LIMIT = rate_limited("slots", per_minute=3_000, burst=300)

_TAKES_GZIP = re.compile(rb"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", re.IGNORECASE)
_NOT_BEFORE = re.compile(rb"(?:^|&)not_before=([^&]*)")
Ignored = Annotated[
    list[UUID],
    Query(max_length=100, description="Appointments or holds that give their time up: the one being moved"),
]
NotBefore = Annotated[
    list[StateToken],
    Query(max_length=10, description="What the answer has to know: tokens of booking's answers; waited for a while"),
]
Duration = Annotated[int | None, Query(ge=1, le=7 * 24 * 60, description="Another length than the service's own")]


async def list_slots(
    request: Request,
    *,
    principal: OfferReader,
    dependencies: CurrentDependencies,
    starts: FromMoment,
    ends: ToMoment,
    service_id: UUID | None = None,
    business_id: UUID | None = None,
    resource_ids: ResourceIds = [],  # noqa: B006 - FastAPI copies a default
    zone: DisplayZone = None,
    duration_minutes: Duration = None,
    detail: Annotated[
        Detail, Query(description="`starts` leaves out who is free: a much shorter answer for any resource")
    ] = "resources",
    ignore: Ignored = [],  # noqa: B006
    not_before: NotBefore = [],  # noqa: B006
) -> Response:
    _check_client(principal, detail=detail, ignored=len(ignore))
    query = _query(principal, service_id, business_id, resource_ids, duration_minutes, ignore=ignore)
    is_current = await dependencies.when_applied(principal.organization_id, not_before)

    async def ask() -> SlotAnswer:
        versions = await dependencies.reader.versions(query.organization_id)
        directory = await dependencies.reader.directory(query, versions)
        read_in = zone or settled(query, directory, or_choice=True).business.zone
        offer = usecases.Offer(query, directory, window_of(starts, ends, read_in))
        return SlotAnswer(offer, zone=read_in, detail=detail, rules=versions.rules)

    answer = await dependencies.when_known(ask)
    return _told(await _current(request, dependencies, principal, answer), is_current=is_current)


class KeptAnswersRoute(StrictRoute):
    """Puts finished answers in front of its endpoint: the same bytes, without parsing the query again.

    `not_before` is no part of what is asked, so it is not of the key either.
    """

    comes_first = True

    def handler(self) -> Handler:
        ask = super().handler()

        async def kept_or_asked(request: Request) -> Response:
            principal = await authenticate(request.scope)
            dependencies = dependencies_of(request)
            kept = dependencies.answers.get(principal.organization_id, _key(request, principal))
            tokens = _tokens(request)
            # What is kept was asked by somebody else: a client may not ask for as much.
            if kept is None or tokens is None or principal.is_outsider:
                return await ask(request)
            is_current = await dependencies.when_applied(principal.organization_id, tokens)
            versions = await dependencies.reader.versions(principal.organization_id)
            if kept.rules != versions.rules:
                return await ask(request)
            return _told(await _current(request, dependencies, principal, kept), is_current=is_current)

        return kept_or_asked


router.add_api_route(
    "/slots",
    list_slots,
    methods=["GET"],
    response_model=SlotsOut,
    dependencies=[SLOTS_LIMIT],
    route_class_override=KeptAnswersRoute,
)


def _check_client(principal: Principal, *, detail: Detail, ignored: int) -> None:
    """A client or visitor sees when there is time, and not who has it. Raises ForbiddenError."""
    if principal.is_outsider and (detail != "starts" or ignored > 1):
        raise ForbiddenError("Clients and visitors may ask for starts only, and ignore one appointment or hold.")


def _key(request: Request, principal: Principal) -> bytes:
    """What is asked, and within which limits."""
    sent: bytes = request.scope["query_string"]
    if b"not_before" in sent:
        sent = _NOT_BEFORE.sub(b"", sent)
    # No query string has a space: a caller can write no other one's limits.
    return sent + limit_settings(principal.limits).encode() if principal.is_limited else sent


def _tokens(request: Request) -> list[str] | None:
    """The tokens of the query; None where one is malformed, which the endpoint says."""
    sent = _NOT_BEFORE.findall(request.scope["query_string"])
    tokens = [unquote_plus(token.decode("latin-1")) for token in sent]
    try:
        for token in tokens:
            StateVersion.parse(token)
    except ValueError:
        return None
    return tokens


def _told(response: Response, *, is_current: bool) -> Response:
    """Says so where the answer may not know yet what it was asked to know."""
    if not is_current:
        response.headers["Slotstream-Stale"] = "true"
    return response


async def _current(request: Request, dependencies: Dependencies, principal: Principal, answer: SlotAnswer) -> Response:
    """The answer as of now."""
    versions = await dependencies.reader.versions(principal.organization_id)
    await answer.bring_up_to(versions, dependencies.reader, dependencies.now().timestamp())
    gzip = _takes_gzip(request.scope)
    headers = {"vary": "Accept-Encoding"} | ({"content-encoding": "gzip"} if gzip else {})
    response = Response(answer.body(gzip=gzip), media_type="application/json", headers=headers)
    dependencies.answers.keep(principal.organization_id, _key(request, principal), answer)
    return response


def _takes_gzip(scope: Scope) -> bool:
    """Whether the client names gzip and does not refuse it (RFC 9110, section 12.5.3)."""
    return any(name == b"accept-encoding" and _TAKES_GZIP.search(value) for name, value in scope["headers"])


@router.get("/slots/first", response_model=FirstSlotOut, dependencies=[SLOTS_LIMIT])
async def get_first_slot(
    *,
    principal: SlotReader,
    dependencies: CurrentDependencies,
    service_id: UUID | None = None,
    business_id: UUID | None = None,
    starts: Annotated[Moment | None, Query(alias="from")] = None,
    ends: Annotated[Moment | None, Query(alias="to")] = None,
    resource_ids: ResourceIds = [],  # noqa: B006 - FastAPI copies a default
    zone: DisplayZone = None,
    duration_minutes: Duration = None,
    ignore: Ignored = [],  # noqa: B006
    not_before: NotBefore = [],  # noqa: B006
) -> Response:
    """The first slot from `from` (now) to `to` (a year later at most); `slot` is null where there is none."""
    query = _query(principal, service_id, business_id, resource_ids, duration_minutes, ignore=ignore)
    is_current = await dependencies.when_applied(principal.organization_id, not_before)
    now = dependencies.now()
    begin: datetime | date = now if starts is None else starts
    last: datetime | date = _a_year_after(begin) if ends is None else ends

    async def find() -> Response:
        directory = await dependencies.reader.directory(query)
        read_in = zone or settled(query, directory, or_choice=True).business.zone
        window = window_of(begin, last, read_in, longest=MAX_LOOK_AHEAD)
        terms, slot = await usecases.find_first_slot(
            reader=dependencies.reader, directory=directory, query=query, window=window, now=now
        )
        return _json({**head_of(terms, read_in), "slot": None if slot is None else _slot_out(slot, read_in)})

    return _told(await dependencies.when_known(find), is_current=is_current)


@router.post("/bookability", response_model=BookabilityOut)
async def check_bookability(
    *, principal: SlotReader, dependencies: CurrentDependencies, body: BookabilityIn
) -> Response:
    """Whether a start would be bookable, on the grid or off, and every reason if not."""
    query = _query(
        principal,
        body.service_id,
        body.business_id,
        body.resource_ids,
        body.duration_minutes,
        ignore=body.ignore_appointment_ids,
    )
    is_current = await dependencies.when_applied(principal.organization_id, body.not_before)

    async def judge() -> Response:
        verdict = await usecases.judge_start(
            reader=dependencies.reader,
            directory=await dependencies.reader.directory(query),
            query=query,
            starts_at=body.starts_at,
            now=dependencies.now(),
        )
        free = dict.fromkeys(candidate for place in verdict.free for candidate in place)
        return _json(
            {
                "bookable": not verdict.reasons,
                "reasons": verdict.reasons,
                "resource_ids": [] if verdict.reasons else list(free),
            }
        )

    return _told(await dependencies.when_known(judge), is_current=is_current)


def _query(
    principal: Principal,
    service_id: UUID | None,
    business_id: UUID | None,
    resource_ids: Sequence[UUID],
    duration_minutes: int | None,
    *,
    ignore: Sequence[UUID] = (),
) -> SlotQuery:
    return SlotQuery(
        organization_id=principal.organization_id,
        limits=principal.limits,
        service_id=None if service_id is None else str(service_id),
        business_id=None if business_id is None else str(business_id),
        resource_ids=tuple(dict.fromkeys(map(str, resource_ids))),
        duration=None if duration_minutes is None else timedelta(minutes=duration_minutes),
        ignore=frozenset(map(str, ignore)),
    )


def _slot_out(slot: Slot, zone: str) -> dict[str, Any]:
    free = dict.fromkeys(candidate for place in slot.free for candidate in place)
    local = datetime.fromtimestamp(slot.start, zone_of(zone))
    return {
        "starts_at": from_epoch(slot.start),
        "ends_at": from_epoch(slot.end),
        "local_time": local.strftime("%H:%M"),
        "utc_offset": local.isoformat()[19:],
        "free": len(free),
        "seats": slot.seats,
        "resource_ids": list(free),
        **({"places": slot.free} if len(slot.free) > 1 else {}),
    }


def _a_year_after(moment: datetime | date) -> datetime | date:
    return moment + MAX_LOOK_AHEAD - timedelta(days=1)


def _json(content: object) -> Response:
    return json_response(orjson.dumps(content, option=orjson.OPT_UTC_Z))
