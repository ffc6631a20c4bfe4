"""Mail servers of organizations' own: with STARTTLS, a certificate that the platform trusts, and a password."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from harness.mailbox import Mailbox
from slotstream_servicekit.infrastructure.processes import free_port


@dataclass
class OwnMailServer(Mailbox):
    """Takes what `username` sends with `password`."""

    username: str = "salon"
    password: str = "right"

    transports: list[asyncio.Transport] = field(default_factory=list)
    """Of those who are connected, or were."""

    async def handle_EHLO(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        del envelope
        session.host_name = hostname
        self.transports.append(cast("asyncio.Transport", server.transport))
        return responses

    def account(self, **more: Any) -> dict[str, Any]:
        """What an owner types."""
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "username": self.username,
            "password": self.password,
            "sender_address": f"{self.username}@own.example",
            **more,
        }

    def sign_in(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: LoginPassword
    ) -> AuthResult:
        del server, session, envelope, mechanism
        known = (given.login.decode(), given.password.decode()) == (self.username, self.password)
        return AuthResult(success=known, handled=False)


@contextmanager
def own_mail_server(certificate: Path, **settings: Any) -> Iterator[OwnMailServer]:
    """`certificate`: a key and what is signed of it."""
    box = OwnMailServer(port=free_port(), **settings)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    controller = Controller(
        box,
        hostname="127.0.0.1",
        port=box.port,
        ready_timeout=60,
        tls_context=context,
        require_starttls=True,
        auth_required=True,
        authenticator=box.sign_in,
    )
    controller.start()
    try:
        yield box
    finally:
        # The services keep their connections, and nobody else would close this end of them.
        for transport in box.transports:
            controller.loop.call_soon_threadsafe(transport.abort)
        controller.stop()
