"""Whether a message may be sent now, whatever its kind."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.channels import Channels
from notifications.domain.messages import OF_NO_APPOINTMENT, Kind, Message, Status
from notifications.domain.retries import RetryPolicy
from notifications.storage import Settlement
from notifications.usecases.agendas import judge_agenda
from notifications.usecases.eligibility import Sendable, held_back, judge_message
from notifications.usecases.failing_accounts import judge_failing_account
from notifications.usecases.subjects import MessageSubjects
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)


def about_appointments(messages: Sequence[Message]) -> list[Message]:
    """Those whose subjects are to be read before they are judged."""
    return [message for message in messages if message.kind not in OF_NO_APPOINTMENT]


async def judge(
    *,
    session: AsyncSession,
    message: Message,
    subjects: MessageSubjects,
    channels: Channels,
    retries: RetryPolicy,
    now: datetime,
) -> Sendable | Settlement:
    """Ready to be composed and sent; or what becomes of the message instead. One that cannot be judged fails."""
    if message.kind is Kind.AGENDA:
        return await judge_agenda(session=session, message=message, channels=channels, retries=retries, now=now)
    if message.kind is Kind.ACCOUNT_FAILING:
        return await judge_failing_account(session=session, message=message, channels=channels)
    try:
        verdict = judge_message(message, subjects, channels=channels, now=now, retries=retries)
        held = held_back(verdict, subjects, channels=channels, now=now) if isinstance(verdict, Sendable) else None
    except Exception:
        log.exception("judging_failed", message=str(message.id), kind=message.kind.value)
        return Settlement(status=Status.FAILED, code="judging_failed", detail="the message could not be judged")
    return held or verdict
