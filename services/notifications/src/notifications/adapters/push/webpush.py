"""Push messages by the browsers' push services (RFC 8030), encrypted for each browser (RFC 8291).

Endpoints are told by browsers, so anybody may name any address: what is sent goes through the guard against networks
that are not public, follows no redirect, and reads of an answer no more than its head and a few bytes.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final
from uuid import UUID

import http_ece
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from notifications.adapters.push.payload import without_text
from notifications.adapters.push.vapid import VapidKey
from notifications.adapters.retry_after import wait_of
from notifications.domain.channels import (
    DeliveryError,
    NotHandedOverError,
    OutcomeUnknownError,
    Outgoing,
    Receipt,
    RefusedForGoodError,
    RefusedForNowError,
)
from notifications.domain.push import PushSubscription
from slotstream_servicekit.clock import Clock, system_clock
from slotstream_servicekit.http.guarded import GuardedAnswer, GuardedHttp, GuardedHttpError
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)

_RECORDING: Final = timedelta(seconds=30)
_GONE: Final = frozenset({404, 410})
_OURS_TO_MEND: Final = frozenset({400, 401, 403})
"""Our key, our clock or our contact: an operator mends them, not the recipient."""
_TOO_LARGE: Final = 413
_NOT_SENT: Final = frozenset({"unreachable", "insecure", "invalid_url"})
"""What the guard says where no request has left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushAccount:
    """By which key and contact push services know this installation; `seconds` is what one may take to answer."""

    key: VapidKey = field(repr=False)
    contact: str
    seconds: float = 10.0


class _Outcome(Enum):
    TAKEN = auto()
    UNKNOWN = auto()
    LATER = auto()
    REFUSED = auto()
    GONE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What became of the message for one browser."""

    device: UUID
    outcome: _Outcome
    code: str = ""
    wait: timedelta | None = None


class WebPushGateway:
    def __init__(self, account: PushAccount, http: GuardedHttp, *, clock: Clock = system_clock) -> None:
        self._account = account
        self._http = http
        self._clock = clock

    @property
    def longest_hand_over(self) -> timedelta:
        """Each browser may be asked twice, all of them at once."""
        return timedelta(seconds=2 * self._account.seconds) + _RECORDING

    async def send(self, outgoing: Outgoing, *, may_hand_over: Callable[[], Awaitable[bool]]) -> Receipt:
        if not await may_hand_over():
            raise NotHandedOverError
        answers = await asyncio.gather(*(self._tell(device, outgoing) for device in outgoing.devices))
        return _outcome_of(answers)

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _tell(self, device: PushSubscription, outgoing: Outgoing) -> _Answer:
        try:
            answer = await self._post(device, outgoing, outgoing.content)
            if answer.status == _TOO_LARGE:
                answer = await self._post(device, outgoing, without_text(outgoing.content))
        except GuardedHttpError as error:
            outcome = _Outcome.LATER if error.code in _NOT_SENT else _Outcome.UNKNOWN
            return _Answer(device=device.id, outcome=outcome, code=f"push_{error.code}")
        except Exception:
            log.exception("push_broke", service=device.service)
            return _Answer(device=device.id, outcome=_Outcome.UNKNOWN, code="push_broke")
        if answer.status in _OURS_TO_MEND:
            log.warning("push_refused_us", service=device.service, status=answer.status)
        return _answer_of(device.id, answer, now=self._clock())

    async def _post(self, device: PushSubscription, outgoing: Outgoing, payload: bytes) -> GuardedAnswer:
        account, now = self._account, self._clock()
        message_id = UUID(outgoing.reference.rpartition(":")[2])
        return await self._http.post(
            device.endpoint,
            _encrypted(payload, device),
            headers={
                "Authorization": account.key.authorization(device.endpoint, contact=account.contact, now=now),
                "Content-Encoding": "aes128gcm",
                "Content-Type": "application/octet-stream",
                "TTL": str(int(outgoing.lifetime.total_seconds())),
                # Of a message that is sent again after all, the later one takes the place of the first.
                "Topic": base64.urlsafe_b64encode(message_id.bytes).rstrip(b"=").decode(),
                "Urgency": "normal",
            },
        )


def _encrypted(payload: bytes, device: PushSubscription) -> bytes:
    content: bytes = http_ece.encrypt(
        payload,
        private_key=generate_private_key(SECP256R1()),
        dh=device.p256dh,
        auth_secret=device.auth,
        version="aes128gcm",
    )
    return content


def _answer_of(device: UUID, answer: GuardedAnswer, *, now: datetime) -> _Answer:
    status, code = answer.status, f"push_{answer.status}"
    if 200 <= status < 300:
        return _Answer(device=device, outcome=_Outcome.TAKEN)
    if status in _GONE:
        return _Answer(device=device, outcome=_Outcome.GONE, code=code)
    if status == 429 or status >= 500:
        wait = wait_of(answer.headers.get("retry-after"), now)
        return _Answer(device=device, outcome=_Outcome.LATER, code=code, wait=wait)
    return _Answer(device=device, outcome=_Outcome.LATER if status in _OURS_TO_MEND else _Outcome.REFUSED, code=code)


def _outcome_of(answers: Sequence[_Answer]) -> Receipt:
    """Sent where one browser is told; else unknown where one may have been, else later where one may still be."""
    gone = tuple(answer.device for answer in answers if answer.outcome is _Outcome.GONE)
    worst = min(answers, key=lambda answer: answer.outcome.value, default=None)
    if worst is not None and worst.outcome is _Outcome.TAKEN:
        told = sum(answer.outcome is _Outcome.TAKEN for answer in answers)
        return Receipt(provider_id=f"{told} of {len(answers)}", gone=gone)
    error = _error_of(worst, answers)
    error.gone = gone
    raise error


def _error_of(worst: _Answer | None, answers: Sequence[_Answer]) -> DeliveryError:
    if worst is None or worst.outcome is _Outcome.GONE:
        return RefusedForGoodError("push_gone", "no browser of the recipient is subscribed any more")
    detail = f"the push service's answer: {worst.code.removeprefix('push_')}"
    match worst.outcome:
        case _Outcome.UNKNOWN:
            return OutcomeUnknownError(worst.code, detail)
        case _Outcome.LATER:
            waits = [answer.wait or timedelta() for answer in answers if answer.outcome is _Outcome.LATER]
            return RefusedForNowError(worst.code, detail, wait=min(waits))
        case _:
            return RefusedForGoodError(worst.code, detail)
