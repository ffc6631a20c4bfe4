"""Ada as a user of the dashboard, and what she has in her calendar."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import httpx2
from notifications_salon import Salon

from slotstream_contracts.appointments import AppointmentSnapshot
from slotstream_contracts.users import UserState

STAFF_PREFERENCES = "/v1/staff-preferences"


@dataclass
class Ada:
    """Ada as a user of the dashboard, whose calendar is the salon's first."""

    salon: Salon
    http: httpx2.AsyncClient
    user_id: UUID
    version: int = 0

    def state(self, **more: Any) -> UserState:
        self.version += 1
        values: dict[str, Any] = {
            "id": self.user_id,
            "organization_id": self.salon.organization_id,
            "email": "ada@salon.example",
            "name": "Ada",
            "locale": "en",
            "role": "staff",
            "state": "active",
            "updated_at": self.salon.now,
            "version": self.version,
        }
        return UserState(**{**values, **more})

    async def becomes(self, **more: Any) -> None:
        await self.salon.receive_states(self.state(**more))

    async def is_removed(self) -> None:
        await self.salon.remove_user(self.user_id)

    async def chooses(self, agenda_at: str | None, *, agenda_ahead: bool = False) -> dict[str, Any]:
        answer = await self.http.put(STAFF_PREFERENCES, json={"agenda_at": agenda_at, "agenda_ahead": agenda_ahead})
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]

    async def prefers(self, **chosen: Any) -> dict[str, Any]:
        """What she is told of and reminded by; the rest stays as it was, but for the agenda, which is off."""
        answer = await self.http.put(STAFF_PREFERENCES, json={"agenda_at": None, **chosen})
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]

    async def is_reminded(self, minutes: int | None, *, channel: str = "email", by_clock: bool = False) -> None:
        lead = {"minutes_before": minutes, "by_clock": by_clock} if minutes is not None else None
        await self.prefers(reminders={channel: lead})

    async def reminders(self) -> list[tuple[str, str | None]]:
        """What became of each, oldest first."""
        rows = [row for row in await self.salon.ledger() if row["kind"] == "staff_reminder"]
        return [(row["status"], row["reason"] or row["code"]) for row in rows]

    async def agendas(self) -> list[tuple[str, str | None]]:
        """What became of each, oldest first."""
        rows = [row for row in await self.salon.ledger() if row["kind"] == "agenda"]
        return [(row["status"], row["reason"] or row["code"]) for row in rows]

    async def at(self, hour: int, minute: int = 0, *, day: int = 10) -> list[EmailMessage]:
        """What is sent to her by then, in March 2026, UTC."""
        self.salon.now = datetime(2026, 3, day, hour, minute, tzinfo=UTC)
        return [mail for mail in await self.salon.send() if "ada@salon.example" in str(mail["To"])]


async def booked(salon: Salon, hour: int, minute: int = 0, *, day: int = 10, **more: Any) -> AppointmentSnapshot:
    """At that time in UTC; nobody is told of it."""
    starts_at = datetime(2026, 3, day, hour, minute, tzinfo=UTC)
    snapshot = salon.snapshot(starts_at=starts_at, source="import", notify_client=False, **more)
    await salon.receive(salon.created(snapshot))
    return snapshot


def plain(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())
