"""An organization with an identity provider of its own, as the tests of company sign-in have it."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import httpx2
from dashboard_tenant import Browser, Tenant

from slotstream_servicekit.testing.company_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    CompanyProvider,
    query_of,
)


@dataclass(kw_only=True)
class Company:
    """An organization of the dashboard with a provider of its own."""

    tenant: Tenant
    provider: CompanyProvider
    organization_id: UUID
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"/sign-in/o/{self.organization_id}"

    async def configure(self, **settings: Any) -> httpx2.Response:
        self.settings |= settings
        body = {
            "issuer": self.provider.issuer,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "email_domains": ["example.com"],
            **self.settings,
        }
        api = self.tenant.api(organization_id=self.organization_id)
        answer = await api.put("/v1/identity-provider", json=body)
        assert answer.status_code == 200, answer.text
        return answer

    async def begin(self, browser: Browser, *, target: str = "/") -> dict[str, str]:
        """The browser is sent to the provider: what it is sent with."""
        answer = await browser.get(f"{self.address}?{urlencode({'next': target})}")
        assert answer.status_code == 303, answer.text
        assert answer.headers["location"].startswith(f"{self.provider.issuer}/authorize?")
        return query_of(answer.headers["location"])

    async def come_back(self, browser: Browser, query: dict[str, str], **changed: str) -> httpx2.Response:
        """The provider signs its person in and sends the browser back, perhaps with something changed."""
        returned = query_of(self.provider.send_back(query)) | changed
        answer = await browser.get(f"{self.address}/callback?{urlencode(returned)}")
        assert isinstance(answer, httpx2.Response)
        return answer

    async def sign_in(self, browser: Browser | None = None, *, target: str = "/") -> httpx2.Response:
        browser = browser or self.tenant.browser()
        return await self.come_back(browser, await self.begin(browser, target=target))

    async def audit(self) -> list[dict[str, Any]]:
        api = self.tenant.api(organization_id=self.organization_id)
        return (await api.get("/v1/audit")).json()["items"]  # type: ignore[no-any-return]

    async def reason(self) -> str:
        """Why the newest refusal was one."""
        return next(entry["details"]["reason"] for entry in await self.audit() if entry["action"] == "identity_refused")
