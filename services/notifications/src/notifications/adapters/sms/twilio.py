"""SMS by Twilio's Messages API (https://www.twilio.com/docs/messaging/api/message-resource)."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from notifications.adapters.twilio import TwilioAccount, TwilioClient, cost_of
from notifications.domain.channels import Outgoing, Receipt

if TYPE_CHECKING:
    from twilio.rest import Client

STATUS_PATH: Final = "/v1/providers/twilio/sms-status"


class TwilioSmsGateway:
    """Hands texts over to Twilio. `sender` as SmsChannel has it."""

    def __init__(self, account: TwilioAccount, *, sender: str) -> None:
        self._twilio = TwilioClient(account)
        self._sender = sender

    @property
    def longest_hand_over(self) -> timedelta:
        return self._twilio.longest_hand_over

    async def send(self, outgoing: Outgoing, *, may_hand_over: Callable[[], Awaitable[bool]]) -> Receipt:
        """Hands one text over; Twilio's receipt for it. Raises what `NotificationChannel.send` may raise."""

        def text(client: "Client") -> Awaitable[Any]:
            sent: Awaitable[Any] = client.messages.create_async(
                to=outgoing.address,
                body=outgoing.content.decode(),
                **self._from(),
                **self._callback(outgoing.reference),
            )
            return sent

        created = await self._twilio.create(text, may_hand_over=may_hand_over)
        return _receipt(created.sid, created.num_segments, created.price, created.price_unit)

    async def aclose(self) -> None:
        await self._twilio.aclose()

    def _from(self) -> dict[str, str]:
        sender = self._sender
        return {"messaging_service_sid": sender} if sender.startswith("MG") and len(sender) == 34 else {"from_": sender}

    def _callback(self, reference: str) -> dict[str, str]:
        """Our message's id travels in the address, so that Twilio can tell of a text whose answer was lost, and for the
        how manieth time it was handed over, so that nothing is believed of one that was sent again.
        """
        base = self._twilio.account.callback_url
        if base is None:
            return {}
        organization_id, message_id, attempt = reference.split(":")
        query = urlencode({"organization": organization_id, "message": message_id, "attempt": attempt})
        return {"status_callback": f"{base.rstrip('/')}{STATUS_PATH}?{query}"}


def _receipt(sid: object, segments: object, price: object, unit: object) -> Receipt:
    said = str(segments or "")
    amount, currency = cost_of(price, unit)
    return Receipt(
        provider_id=str(sid),
        segments=int(said) if said.isascii() and said.isdigit() and 0 < int(said[:4]) < 1_000 else None,
        cost_amount=amount,
        cost_currency=currency,
    )
