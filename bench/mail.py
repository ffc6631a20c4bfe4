"""From a booking's request to its mail in the SMTP server's hands."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from uuid import uuid4

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from bench.setting import Setting
from bench.world import BenchWorld

PATIENCE_SECONDS = 30


class _Arrivals:
    """aiosmtpd's handler: the time at which each mail was handed over, by recipient."""

    def __init__(self) -> None:
        self.mails: SimpleQueue[tuple[str, float]] = SimpleQueue()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - its name
        del server, session
        self.mails.put((envelope.rcpt_tos[0], time.perf_counter()))
        return "250 OK"


@contextmanager
def smtp_server(port: int) -> Iterator[SimpleQueue[tuple[str, float]]]:
    arrivals = _Arrivals()
    controller = Controller(arrivals, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield arrivals.mails
    finally:
        controller.stop()


def mail_milliseconds(setting: Setting, world: BenchWorld, *, bookings: int, first: int) -> list[float]:
    """Milliseconds from each request to its mail, one booking after the other, each for a client of its own."""
    took = []
    with (
        smtp_server(setting.stack_settings.smtp_port) as mails,
        setting.service("booking", "all") as booking,
        setting.service("notifications", "all"),
        setting.client(booking, world.organization_id) as desk,
    ):
        for number in range(bookings):
            address = f"{uuid4().hex}@example.com"
            body = world.request(first + number) | {"client": {"name": "Grace Hopper", "email": address}}
            del body["client_id"]
            began = time.perf_counter()
            desk.post("/v1/appointments", json=body, headers={"Idempotency-Key": address}).raise_for_status()
            recipient = ""
            while recipient != address:
                recipient, arrived = mails.get(timeout=PATIENCE_SECONDS)
            took.append((arrived - began) * 1000)
    return took
