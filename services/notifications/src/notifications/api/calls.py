"""/v1/providers/twilio/voice: what is said in a call, which key was pressed in it, and how it ended."""

import re
from typing import Final

from fastapi import Request, Response
from prometheus_client import Counter
from starlette.datastructures import QueryParams

from notifications.adapters.voice import CALL_PATH, TRIAL_CALL, CallAddress, Words, language_of, words_of
from notifications.adapters.voice.twiml import ask, hang_up, tell, wait
from notifications.api.dependencies import CurrentDependencies, Dependencies
from notifications.api.signed import REFUSALS, Signature, SignedRoute, attempt_of, id_of, signed_form
from notifications.domain.answers import InboundMessage, InboundStatus, Meaning
from notifications.domain.calls import KEYS
from notifications.domain.trials import trial_text
from notifications.usecases.calls import (
    Call,
    CallText,
    answer_call,
    hear_verdict,
    receive_call_status,
    receive_key,
)
from slotstream_servicekit.http import Router
from slotstream_servicekit.telemetry import current_traceparent, get_logger

log = get_logger(__name__)

KEYS_PRESSED = Counter("slotstream_call_answers", "Keys pressed in calls, by what they say", ("answer",))

router = Router(prefix="/v1/providers/twilio", tags=["providers"])

_SID: Final = re.compile(r"CA[0-9a-fA-F]{32}")
_AGAIN: Final = "again"
_LAST: Final = "last"
"""Steps: the keys have been offered once, or twice."""
_WAITS: Final = ("wait1", "wait2", "wait3", "wait4")
"""Steps: how often a caller has been asked to wait for what booking says."""


async def voice(request: Request, dependencies: CurrentDependencies, signature: Signature = "") -> Response:
    """What is to be said next, as TwiML. Which call it is, and how far, the signed address says."""
    form = await signed_form(request, dependencies, signature)
    address = _address(request.query_params)
    call = _call(address, form.get("CallSid"))
    step, key = request.query_params.get("step"), form.get("Digits")
    answered_by = form.get("AnsweredBy") if step is None else ""
    if address is None or call is None or answered_by == "fax":
        twiml = hang_up()
    elif step in (_AGAIN, _LAST) and key in KEYS:
        twiml = await _pressed(dependencies, address, call, key)
    elif step in _WAITS:
        twiml = await _waited(dependencies, address, call, step)
    elif step == _LAST:
        twiml = tell(words_of(address.language))
    else:
        by_machine = answered_by.startswith("machine")
        said = await _said(dependencies, call, language=address.language, by_machine=by_machine)
        twiml = _read_out(dependencies, address, said, next_step=_AGAIN if step is None else _LAST)
    return Response(twiml, media_type="text/xml")


async def voice_status(request: Request, dependencies: CurrentDependencies, signature: Signature = "") -> Response:
    """How a call goes, or has ended."""
    form = await signed_form(request, dependencies, signature)
    call = _call(_address(request.query_params), form.get("CallSid"))
    if call is None:
        return Response(status_code=204)
    answered_by = form.get("AnsweredBy")
    async with dependencies.database.transaction(call.organization_id) as session:
        changed = await receive_call_status(
            session=session,
            call=call,
            status=form.get("CallStatus"),
            by_machine=answered_by.startswith("machine"),
            by_fax=answered_by == "fax",
            policy=dependencies.calls,
            now=dependencies.clock(),
        )
    if changed is not None:
        log.info("message_reported", message=str(changed.id), status=changed.status)
    return Response(status_code=204)


for _path, _endpoint in (("/voice", voice), ("/voice-status", voice_status)):
    router.add_api_route(
        _path,
        _endpoint,
        methods=["POST"],
        route_class_override=SignedRoute,
        status_code=204 if _endpoint is voice_status else 200,
        response_class=Response,
        responses=REFUSALS,
    )


async def _said(dependencies: Dependencies, call: Call, *, language: str, by_machine: bool) -> CallText | None:
    if call.message_id == TRIAL_CALL:
        return CallText(text=trial_text(language).text, asks=False)
    async with dependencies.database.transaction(call.organization_id) as session:
        return await answer_call(
            session=session,
            call=call,
            by_machine=by_machine,
            channels=dependencies.channels,
            numbers=dependencies.numbers,
            policy=dependencies.calls,
            now=dependencies.clock(),
        )


def _read_out(dependencies: Dependencies, address: CallAddress, said: CallText | None, *, next_step: str) -> str:
    words = words_of(address.language)
    if said is None:
        return tell(words, words.changed)
    if not said.asks:
        return tell(words, said.text)
    return ask(words, said.text, action=_action(dependencies, address, next_step))


async def _pressed(dependencies: Dependencies, address: CallAddress, call: Call, key: str) -> str:
    async with dependencies.database.transaction(call.organization_id) as session:
        answer = await receive_key(
            session=session, call=call, key=key, now=dependencies.clock(), traceparent=current_traceparent()
        )
    words = words_of(address.language)
    if answer is None:
        return tell(words, words.changed)
    KEYS_PRESSED.labels(answer.meaning).inc()
    log.info("call_answered", answer=answer.meaning)
    if answer.status is InboundStatus.PENDING:
        return wait(words, action=_action(dependencies, address, _WAITS[0]), first=True)
    return _verdict(words, answer, phone=None)


async def _waited(dependencies: Dependencies, address: CallAddress, call: Call, step: str) -> str:
    async with dependencies.database.transaction(call.organization_id) as session:
        heard = await hear_verdict(session=session, call=call, now=dependencies.clock())
    words, following = words_of(address.language), _WAITS[_WAITS.index(step) + 1 :]
    if heard is None:
        return tell(words, words.changed)
    if heard.answer.status is InboundStatus.PENDING and following:
        return wait(words, action=_action(dependencies, address, following[0]), first=False)
    return _verdict(words, heard.answer, phone=heard.phone)


def _verdict(words: Words, answer: InboundMessage, *, phone: str | None) -> str:
    """What has come of a key, as far as that is known."""
    match answer.status, answer.meaning:
        case InboundStatus.DONE, Meaning.CONFIRM:
            return tell(words, words.confirmed)
        case InboundStatus.DONE, _:
            return tell(words, words.cancelled)
        case InboundStatus.REFUSED, _:
            return tell(words, words.refused, *([f"{words.phone} {phone}."] if phone else []))
        case InboundStatus.FOR_STAFF, Meaning.CALL_BACK:
            return tell(words, words.call_back)
    return tell(words, words.passed_on)


def _address(query: QueryParams) -> CallAddress | None:
    organization_id, message_id = (id_of(query.get(name)) for name in ("organization", "message"))
    attempt = attempt_of(query.get("call"))
    if organization_id is None or message_id is None or attempt is None:
        return None
    return CallAddress(
        organization_id=organization_id,
        message_id=message_id,
        attempt=attempt,
        language=language_of(query.get("language", "")),
    )


def _call(address: CallAddress | None, sid: str) -> Call | None:
    if address is None or not _SID.fullmatch(sid):
        return None
    return Call(
        organization_id=address.organization_id,
        message_id=address.message_id,
        attempt=address.attempt,
        provider_id=sid,
    )


def _action(dependencies: Dependencies, address: CallAddress, step: str) -> str:
    return address.url(dependencies.twilio_callback_url or "", CALL_PATH, step=step)
