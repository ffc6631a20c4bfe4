"""/v1/send-limits: how much the organization sends in a minute, by channel."""

from fastapi import Response

from notifications.api.dependencies import CurrentDependencies, Reader, TemplateWriter
from notifications.domain.messages import Channel
from notifications.domain.send_limits import ChannelLimit
from notifications.schemas.send_limits import SendLimitIn, SendLimitOut, SendLimitsOut
from notifications.usecases.send_limits import change_limit, list_limits
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.etags import IfMatch
from slotstream_servicekit.http.responses import model_response

router = Router(prefix="/v1/send-limits", tags=["channels"])


@router.get("")
async def get_send_limits(dependencies: CurrentDependencies, principal: Reader) -> SendLimitsOut:
    """Of every channel. What is above it waits for its turn, and is not dropped."""
    async with dependencies.database.transaction(principal) as session:
        limits = await list_limits(
            session=session, context=dependencies.context_of(principal), channels=dependencies.channels
        )
    return SendLimitsOut(items=[_out(limit, dependencies) for limit in limits])


@router.put("/{channel}", response_model=SendLimitOut)
async def set_send_limit(
    channel: Channel,
    body: SendLimitIn,
    dependencies: CurrentDependencies,
    principal: TemplateWriter,
    expected_version: IfMatch,
) -> Response:
    """Send less in a minute than the installation allows. It holds for all that is not sent yet."""
    async with dependencies.database.transaction(principal) as session:
        limit = await change_limit(
            session=session,
            context=dependencies.context_of(principal),
            channels=dependencies.channels,
            channel=channel,
            per_minute=body.per_minute,
            expected_version=expected_version,
        )
    return model_response(_out(limit, dependencies), version=limit.version)


@router.delete("/{channel}", status_code=204)
async def reset_send_limit(
    channel: Channel, dependencies: CurrentDependencies, principal: TemplateWriter, expected_version: IfMatch
) -> None:
    """Go back to the installation's."""
    async with dependencies.database.transaction(principal) as session:
        await change_limit(
            session=session,
            context=dependencies.context_of(principal),
            channels=dependencies.channels,
            channel=channel,
            per_minute=None,
            expected_version=expected_version,
        )


def _out(limit: ChannelLimit, dependencies: CurrentDependencies) -> SendLimitOut:
    return SendLimitOut(
        channel=limit.channel,
        per_minute=limit.per_minute or None,
        most=dependencies.channels.per_minute_of(limit.channel) or None,
        is_default=limit.version == 0,
        version=limit.version,
    )
