"""Slots over HTTP. A finished answer is kept as bytes and sent again while nothing has changed."""

import gzip
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import Query, Request, Response
from starlette.types import Scope

from availability import usecases
from availability.api.context import (
    DisplayZone,
    FromMoment,
    Moment,
    ResourceIds,
    ToMoment,
    patiently,
    window_of,
    world_of,
)
from availability.domain import MAX_LOOK_AHEAD, Terms
from availability.schemas import BookabilityIn, BookabilityOut, FirstSlotOut, SlotsOut
from availability.storage.caches import Answer
from availability.storage.reads import Versions
from availability.usecases import Question
from slotstream_scheduling import Slot, from_epoch, zone_of
from slotstream_servicekit.http import Principal, Right, Router, requires
from slotstream_servicekit.http.auth import authenticate
from slotstream_servicekit.http.routes import Handler, StrictRoute

router = Router(prefix="/v1", tags=["slots"])

Asker = Annotated[Principal, requires(Right.READ_SLOTS)]
Detail = Literal["resources", "starts"]
_TAKES_GZIP = re.compile(rb"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", re.IGNORECASE)
Duration = Annotated[int | None, Query(ge=1, le=7 * 24 * 60, description="Another length than the service's own")]


async def list_slots(
    request: Request,
    *,
    principal: Asker,
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
) -> Response:
    question = _question(principal, service_id, business_id, resource_ids, duration_minutes)

    async def answer() -> Answer:
        return await _answer(request, question, starts, ends, zone, detail)

    found = await patiently(request, answer)
    world_of(request).answers.put(principal.organization_id, request.scope["query_string"], found)
    return _sent(request.scope, found)


class KeptAnswersRoute(StrictRoute):
    """Puts finished answers in front of its endpoint: the same bytes, without parsing the question again."""

    comes_first = True

    def handler(self) -> Handler:
        ask = super().handler()

        async def kept_or_asked(request: Request) -> Response:
            principal = await authenticate(request.scope)
            kept = await world_of(request).kept_answer(principal.organization_id, request.scope["query_string"])
            return await ask(request) if kept is None else _sent(request.scope, kept)

        return kept_or_asked


router.add_api_route(
    "/slots", list_slots, methods=["GET"], response_model=SlotsOut, route_class_override=KeptAnswersRoute
)


def _sent(scope: Scope, answer: Answer) -> Response:
    headers = {"vary": "Accept-Encoding"}
    if not _takes_gzip(scope):
        return Response(answer.body, media_type="application/json", headers=headers)
    return Response(answer.packed, media_type="application/json", headers=headers | {"content-encoding": "gzip"})


def _takes_gzip(scope: Scope) -> bool:
    """Whether the client names gzip and does not refuse it (RFC 9110, section 12.5.3)."""
    return any(name == b"accept-encoding" and _TAKES_GZIP.search(value) for name, value in scope["headers"])


@router.get("/slots/first", response_model=FirstSlotOut)
async def get_first_slot(
    request: Request,
    *,
    principal: Asker,
    service_id: UUID | None = None,
    business_id: UUID | None = None,
    starts: Annotated[Moment | None, Query(alias="from")] = None,
    ends: Annotated[Moment | None, Query(alias="to")] = None,
    resource_ids: ResourceIds = [],  # noqa: B006 - FastAPI copies a default
    zone: DisplayZone = None,
    duration_minutes: Duration = None,
) -> Response:
    """The first slot from `from` (now) to `to` (a year later at most); `slot` is null where there is none."""
    question = _question(principal, service_id, business_id, resource_ids, duration_minutes)
    world = world_of(request)
    now = world.now()

    async def answer() -> Response:
        directory = await world.directory(question.organization_id)
        read_in = zone or question.terms(directory).business.zone
        begin: datetime | date = now if starts is None else starts
        last: datetime | date = ends if ends is not None else _a_year_after(begin)
        window = window_of(begin, last, read_in, longest=MAX_LOOK_AHEAD)
        terms, slot = await usecases.find_first_slot(
            world=world, directory=directory, question=question, start=window[0], end=window[1], now=now
        )
        found = None if slot is None else next(_slots_out([slot], read_in, "resources"))
        if found is not None:
            del found["date"]
        return _json({**_head(terms, read_in), "slot": found})

    return await patiently(request, answer)


@router.post("/bookability", response_model=BookabilityOut)
async def check_bookability(request: Request, principal: Asker, body: BookabilityIn) -> Response:
    """Whether a start would be bookable, on the grid or off, and every reason if not."""
    question = _question(principal, body.service_id, body.business_id, list(body.resource_ids), body.duration_minutes)
    world = world_of(request)

    async def answer() -> Response:
        verdict = await usecases.judge_start(
            world=world,
            directory=await world.directory(question.organization_id),
            question=question,
            starts_at=body.starts_at,
            ignore=frozenset(str(one) for one in body.ignore_appointment_ids),
            now=world.now(),
        )
        free = dict.fromkeys(one for place in verdict.free for one in place)
        return _json(
            {
                "bookable": not verdict.reasons,
                "reasons": verdict.reasons,
                "resource_ids": [] if verdict.reasons else list(free),
            }
        )

    return await patiently(request, answer)


def _question(
    principal: Principal,
    service_id: UUID | None,
    business_id: UUID | None,
    resource_ids: Sequence[UUID],
    duration_minutes: int | None,
) -> Question:
    return Question(
        organization_id=principal.organization_id,
        service_id=None if service_id is None else str(service_id),
        business_id=None if business_id is None else str(business_id),
        resource_ids=tuple(dict.fromkeys(str(one) for one in resource_ids)),
        duration=None if duration_minutes is None else timedelta(minutes=duration_minutes),
    )


async def _answer(
    request: Request,
    question: Question,
    starts: datetime | date,
    ends: datetime | date,
    zone: str | None,
    detail: Detail,
) -> Answer:
    world = world_of(request)
    now = world.now()
    versions: Versions = await world.versions(question.organization_id)
    directory = await world.directory(question.organization_id, versions)
    read_in = zone or question.terms(directory).business.zone
    start, end = window_of(starts, ends, read_in)
    offer = await usecases.find_slots(
        world=world, directory=directory, question=question, start=start, end=end, now=now
    )
    days = groupby(_slots_out(offer.slots, read_in, detail), key=lambda slot: slot.pop("date"))
    body = _dump(
        {
            **_head(offer.terms, read_in),
            "days": [{"date": day, "slots": list(slots)} for day, slots in days],
        }
    )
    return Answer(versions, offer.valid_until, body, gzip.compress(body, compresslevel=1))


def _slots_out(slots: Sequence[Slot], zone: str, detail: Detail) -> Iterator[dict[str, Any]]:
    rules = zone_of(zone)
    for slot in slots:
        local = datetime.fromtimestamp(slot.start, rules)
        free = slot.free[0] if len(slot.free) == 1 else tuple(dict.fromkeys(sum(slot.free, ())))
        out: dict[str, Any] = {
            "date": local.date(),
            "starts_at": from_epoch(slot.start),
            "ends_at": from_epoch(slot.end),
            "local_time": local.strftime("%H:%M"),
            "free": len(free),
            "seats": slot.seats,
        }
        if detail == "resources":
            out["resource_ids"] = free
            if len(slot.free) > 1:
                out["places"] = slot.free
        yield out


def _head(terms: Terms, zone: str) -> dict[str, Any]:
    return {
        "business_id": terms.business.id,
        "service_id": terms.service_id,
        "zone": zone,
        "duration_minutes": terms.rules.duration_seconds // 60,
    }


def _a_year_after(moment: datetime | date) -> datetime | date:
    return moment + MAX_LOOK_AHEAD - timedelta(days=1)


def _json(content: object) -> Response:
    return Response(_dump(content), media_type="application/json")


def _dump(content: object) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_UTC_Z)
