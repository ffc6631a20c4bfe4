"""Web Push: the channel, and the ways on which it hands messages over: push services, and a console for development."""

from notifications.adapters.push.channel import PushChannel, PushGateway
from notifications.adapters.push.console import ConsolePushGateway
from notifications.adapters.push.subscriptions import checked_endpoint, checked_keys
from notifications.adapters.push.vapid import VapidKey, checked_contact
from notifications.adapters.push.webpush import PushAccount, WebPushGateway

__all__ = [
    "ConsolePushGateway",
    "PushAccount",
    "PushChannel",
    "PushGateway",
    "VapidKey",
    "WebPushGateway",
    "checked_contact",
    "checked_endpoint",
    "checked_keys",
]
