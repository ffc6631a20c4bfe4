"""Calls by Twilio's Calls API (https://www.twilio.com/docs/voice/api/call-resource)."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from notifications.adapters.twilio import TwilioAccount, TwilioClient, cost_of
from notifications.adapters.voice.addresses import CALL_PATH, STATUS_PATH, CallAddress
from notifications.domain.channels import Outgoing, Receipt

if TYPE_CHECKING:
    from twilio.rest import Client

_RINGS_SECONDS: Final = 30
_TOLD: Final = ["initiated", "answered", "completed"]
"""`completed` stands for every end: busy, no-answer, failed and canceled as well."""


class TwilioVoiceGateway:
    """Has calls made from `sender`. What is said is asked for at `callback_url` when somebody has picked up.

    A machine's greeting is waited for to its end, so that what is left on it is on it whole.
    """

    def __init__(self, account: TwilioAccount, *, sender: str, callback_url: str) -> None:
        self._twilio = TwilioClient(account)
        self._sender = sender
        self._base = callback_url

    @property
    def longest_hand_over(self) -> timedelta:
        return self._twilio.longest_hand_over

    async def send(self, outgoing: Outgoing, *, may_hand_over: Callable[[], Awaitable[bool]]) -> Receipt:
        """Orders one call; Twilio's receipt for it. Raises what `NotificationChannel.send` may raise."""
        address = CallAddress.of_reference(outgoing.reference)

        def call(client: "Client") -> Awaitable[Any]:
            ordered: Awaitable[Any] = client.calls.create_async(
                to=outgoing.address,
                from_=self._sender,
                url=address.url(self._base, CALL_PATH),
                method="POST",
                status_callback=address.url(self._base, STATUS_PATH),
                status_callback_method="POST",
                status_callback_event=_TOLD,
                machine_detection="DetectMessageEnd",
                timeout=_RINGS_SECONDS,
            )
            return ordered

        created = await self._twilio.create(call, may_hand_over=may_hand_over)
        amount, currency = cost_of(created.price, created.price_unit)
        return Receipt(provider_id=str(created.sid), cost_amount=amount, cost_currency=currency)

    async def aclose(self) -> None:
        await self._twilio.aclose()
