"""The channels that can be sent on, and trying one out."""

from typing import Annotated, Literal

from pydantic import StringConstraints

from notifications.domain.messages import Channel
from notifications.schemas.channel_accounts import AccountFailureOut
from notifications.schemas.templates import LocaleTag
from slotstream_servicekit.http.models import RequestModel, ResponseModel


class ChannelOut(ResponseModel):
    channel: Channel
    available: bool
    own: bool
    """Whether it goes out by an account of the organization's own."""
    failure: AccountFailureOut | None
    """Why that does not work at present; what is to go out by it waits."""


class ChannelsOut(ResponseModel):
    items: list[ChannelOut]


class ChannelTestIn(RequestModel):
    """`address`: an e-mail address, or a number in international form; none by push. `locale`: of what it says."""

    address: Annotated[str, StringConstraints(min_length=1, max_length=320)] | None = None
    locale: LocaleTag = "en"


class ChannelTestOut(ResponseModel):
    """`sent`: the provider has taken it. Else `code` and `detail` say why not, or why nobody knows."""

    status: Literal["sent", "failed", "unknown"]
    provider_id: str | None
    code: str | None
    detail: str | None
