"""What the worker does at its start and once a day: for what a process with older settings has done since."""

from typing import Final

from notifications.domain.channels import Channels
from notifications.storage import ChannelAccountStore
from notifications.usecases.organization_channels import tell_changed_channels
from slotstream_servicekit.background import BackgroundTask, repeatedly
from slotstream_servicekit.clock import Clock
from slotstream_servicekit.database import Database
from slotstream_servicekit.sealing import Sealer, reseal
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)

_DAILY_SECONDS: Final = 86_400.0


def resealing(database: Database, sealer: Sealer) -> BackgroundTask:
    """Keys change at a start only; what a process with older settings has sealed since is found the next day."""

    async def reseal_accounts() -> None:
        resealed = await reseal(database=database, box=sealer, store_of=ChannelAccountStore)
        log.info("secrets_resealed", sealed=resealed.sealed, unreadable=resealed.unreadable)

    return repeatedly("resealing", reseal_accounts, every=_DAILY_SECONDS)


def telling_channels(database: Database, channels: Channels, clock: Clock) -> BackgroundTask:
    """The installation's channels change at a start only; what a process with older settings told is found the next
    day.
    """

    async def tell() -> None:
        await tell_changed_channels(database=database, channels=channels, clock=clock)

    return repeatedly("telling_channels", tell, every=_DAILY_SECONDS)
