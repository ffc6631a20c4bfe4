"""Mail servers of organizations: real ones, that ask for STARTTLS and for a password."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from notifications_mailbox import Mailbox

from slotstream_servicekit.infrastructure.processes import free_port
from slotstream_servicekit.testing.certificates import CertificateAuthority


@dataclass
class OwnMailServer(Mailbox):
    """Takes mails of `username`. `sign_ins` are the passwords that were tried."""

    username: str = "salon"
    password: str = "right"
    sign_ins: list[str] = field(default_factory=list)

    transports: list[asyncio.Transport] = field(default_factory=list)
    """Of those who are connected, or were."""

    async def handle_EHLO(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.transports.append(cast("asyncio.Transport", server.transport))
        return await super().handle_EHLO(server, session, envelope, hostname, responses)

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
        assert session.ssl, "a password travels encrypted"
        password = given.password.decode()
        self.sign_ins.append(password)
        return AuthResult(success=(given.login.decode(), password) == (self.username, self.password), handled=False)


@dataclass(frozen=True)
class Authority:
    """Whom the servers have their certificates from, and whom the salon trusts."""

    folder: Path
    certificates: CertificateAuthority = field(default_factory=CertificateAuthority)

    @property
    def file(self) -> Path:
        path = self.folder / "authority.pem"
        path.write_text(self.certificates.pem)
        return path

    def context(self) -> ssl.SSLContext:
        path = self.folder / "server.pem"
        path.write_text(self.certificates.issue("own.example"))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(path)
        return context


@contextmanager
def own_mail_server(authority: Authority, **settings: Any) -> Iterator[OwnMailServer]:
    box = OwnMailServer(port=free_port(), **settings)
    controller = Controller(
        box,
        hostname="127.0.0.1",
        port=box.port,
        ready_timeout=60,
        tls_context=authority.context(),
        require_starttls=True,
        auth_required=True,
        authenticator=box.sign_in,
    )
    controller.start()
    try:
        yield box
    finally:
        for transport in box.transports:
            controller.loop.call_soon_threadsafe(transport.abort)
        controller.stop()
