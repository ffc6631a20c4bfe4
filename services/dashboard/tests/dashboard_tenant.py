"""What several tests share: the dashboard with one organization and its owner, browsers, caught mails."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx2
from fastapi import FastAPI
from upstream_service import Upstream

from dashboard.domain.protocols import MailNotSentError
from dashboard.first_owner import FirstOwner
from dashboard.settings import DashboardSettings
from dashboard.worker import Mailer
from slotstream_servicekit.database import Database
from slotstream_servicekit.testing.plugin import Signer

ORIGIN = "https://desk.example.com"
OWNER = "owner@example.com"
PASSWORD = "a long way to the harbour"
START = datetime(2026, 11, 2, 8, tzinfo=UTC)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaughtMail:
    recipient: str
    subject: str
    text: str
    html: str

    @property
    def link(self) -> str:
        """The path of the mail's link."""
        found = re.search(r"https://desk\.example\.com(\S+)", self.text)
        assert found is not None, self.text
        return found[1]


@dataclass(kw_only=True)
class MailCatcher:
    caught: list[CaughtMail] = field(default_factory=list)
    failure: MailNotSentError | None = None

    async def send(self, *, recipient: str, subject: str, text: str, html: str) -> None:
        if self.failure is not None:
            raise self.failure
        self.caught.append(CaughtMail(recipient=recipient, subject=subject, text=text, html=html))


class Browser:
    """Sends what a browser sends: its cookies, and which site a form comes from."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.http = http

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        return await self.http.get(path, headers=headers)

    async def submit(
        self, path: str, *, site: str | None = "same-origin", origin: str | None = ORIGIN, **fields: str
    ) -> httpx2.Response:
        headers = {"Sec-Fetch-Site": site, "Origin": origin}
        return await self.http.post(
            path, data=fields, headers={name: value for name, value in headers.items() if value is not None}
        )

    async def sign_in(self, email: str = OWNER, password: str = PASSWORD, **more: str) -> httpx2.Response:
        return await self.submit("/sign-in", email=email, password=password, **more)

    @property
    def cookie(self) -> str | None:
        return self.http.cookies.get("__Host-slotstream")

    async def session(self) -> Json:
        answer = await self.http.get("/api/session")
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]

    async def change(self, method: str, path: str, **more: Any) -> httpx2.Response:
        """A request of the web application that changes something."""
        token = (await self.session())["csrf_token"]
        headers = {"X-CSRF-Token": token, "Sec-Fetch-Site": "same-origin", **more.pop("headers", {})}
        return await self.http.request(method, path, headers=headers, **more)


@dataclass(kw_only=True)
class Tenant:
    """The service, one organization with an owner who has a password, and a clock that is turned by hand."""

    app: FastAPI
    database: Database
    settings: DashboardSettings
    signer: Signer
    mailer: Mailer
    mails: MailCatcher
    upstream: Upstream
    organization_id: UUID
    now: datetime = START
    clients: list[httpx2.AsyncClient] = field(default_factory=list)

    def browser(self, **headers: str) -> Browser:
        return self.browser_at("192.0.2.7", **headers)

    def browser_at(self, address: str, **headers: str) -> Browser:
        transport = httpx2.ASGITransport(app=self.app, raise_app_exceptions=False, client=(address, 1))
        http = httpx2.AsyncClient(transport=transport, base_url=ORIGIN, headers={"User-Agent": "Test", **headers})
        self.clients.append(http)
        return Browser(http)

    def api(self, *, role: str = "owner", organization_id: UUID | None = None) -> httpx2.AsyncClient:
        """A program with a token of another issuer, as developers and companies have them."""
        organization = organization_id or self.organization_id
        token = self.signer.token(organization_id=organization, role=role, now=self.now)
        return self.browser(Authorization=f"Bearer {token}").http

    async def signed_in(self, email: str = OWNER, password: str = PASSWORD) -> Browser:
        browser = self.browser()
        answer = await browser.sign_in(email, password)
        assert answer.status_code == 303, answer.text
        return browser

    async def invited(self, email: str, **more: Any) -> tuple[Json, CaughtMail]:
        """Somebody the owner has invited, and the mail they were sent."""
        body = {"email": email, "name": "Ada", "role": "staff", **more}
        answer = await self.api().post("/v1/users", json=body)
        assert answer.status_code == 201, answer.text
        await self.mailer.send_due()
        return answer.json(), self.mails.caught.pop()

    async def member(self, email: str = "ada@example.com", **more: Any) -> tuple[Json, Browser]:
        """Somebody who has accepted, and is signed in."""
        user, mail = await self.invited(email, **more)
        browser = self.browser()
        answer = await browser.submit(mail.link, password=PASSWORD)
        assert answer.status_code == 303, answer.text
        return user, browser

    def pass_time(self, by: timedelta) -> None:
        self.now += by


def owner_of(organization_id: UUID) -> FirstOwner:
    return FirstOwner(organization_id=organization_id, name="Salon Nord", email=OWNER)


def path_of(url: str) -> str:
    return urlsplit(url).path


def fresh_organization() -> UUID:
    return uuid4()
