"""/v1/quiet-hours: when clients are not disturbed, by channel."""

from datetime import time

from fastapi import Response

from notifications.api.dependencies import CurrentDependencies, Reader, TemplateWriter
from notifications.domain.messages import Channel, Kind
from notifications.domain.quiet_hours import HELD_KINDS, ChannelQuietHours, QuietHours
from notifications.schemas.quiet_hours import ChannelQuietHoursOut, QuietHoursIn, QuietHoursOut
from notifications.usecases.quiet_hours import change_quiet_hours, list_quiet_hours
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.etags import IfMatch
from slotstream_servicekit.http.responses import model_response

router = Router(prefix="/v1/quiet-hours", tags=["channels"])


@router.get("")
async def get_quiet_hours(dependencies: CurrentDependencies, principal: Reader) -> QuietHoursOut:
    """Of every channel, by the clock where the recipient is, else the business's. `exempt`: what waits for none."""
    async with dependencies.database.transaction(principal) as session:
        known = await list_quiet_hours(
            session=session, context=dependencies.context_of(principal), channels=dependencies.channels
        )
    return QuietHoursOut(
        items=[_out(hours) for hours in known], exempt=[kind for kind in Kind if kind not in HELD_KINDS]
    )


@router.put("/{channel}", response_model=ChannelQuietHoursOut)
async def set_quiet_hours(
    channel: Channel,
    body: QuietHoursIn,
    dependencies: CurrentDependencies,
    principal: TemplateWriter,
    expected_version: IfMatch,
) -> Response:
    """Set the organization's own on a channel; the same time twice is none. It holds for all that is not sent yet."""
    hours = QuietHours(begins=time.fromisoformat(body.begins), ends=time.fromisoformat(body.ends))
    async with dependencies.database.transaction(principal) as session:
        changed = await change_quiet_hours(
            session=session,
            context=dependencies.context_of(principal),
            channels=dependencies.channels,
            channel=channel,
            hours=hours,
            expected_version=expected_version,
        )
    return model_response(_out(changed), version=changed.version)


@router.delete("/{channel}", status_code=204)
async def reset_quiet_hours(
    channel: Channel, dependencies: CurrentDependencies, principal: TemplateWriter, expected_version: IfMatch
) -> None:
    """Go back to the installation's."""
    async with dependencies.database.transaction(principal) as session:
        await change_quiet_hours(
            session=session,
            context=dependencies.context_of(principal),
            channels=dependencies.channels,
            channel=channel,
            hours=None,
            expected_version=expected_version,
        )


def _out(own: ChannelQuietHours) -> ChannelQuietHoursOut:
    return ChannelQuietHoursOut(
        channel=own.channel,
        begins=f"{own.hours.begins:%H:%M}",
        ends=f"{own.hours.ends:%H:%M}",
        is_default=own.version == 0,
        version=own.version,
    )
