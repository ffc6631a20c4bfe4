"""A front desk that works while the cluster changes, and what has to hold of its work afterwards.

Each desk books one time after the other for a new client each, and cancels every third booking. A request that fails
is written down and sent again with its key until it is answered, as contracts ask of callers.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self
from uuid import uuid4

import httpx2

from cluster.looking import ADDRESS, mails, sql, until
from slotstream_local.kube.kubectl import Kubectl
from slotstream_servicekit.ids import new_id

DESKS: Final = 4
TIMES_A_DAY: Final = 32
MINUTES: Final = 15
PAUSE_SECONDS: Final = 0.1
GIVE_UP_SECONDS: Final = 240.0


@dataclass(slots=True)
class Wish:
    """A time that a desk wants for a client of its own."""

    resource_id: str
    starts_at: datetime
    email: str
    appointment_id: str = ""
    cancelled: bool = False


@dataclass(slots=True)
class Load:
    """Desks on a business of their own: `with Load(variables) as load: …`, and afterwards `load.holds(kubectl)`."""

    variables: Mapping[str, str]
    token: Callable[[], str] | None = None
    """Whose requests these are, asked before each; the developer's of `variables` where nothing is given."""
    wishes: list[Wish] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    """What a first sending of a request did not get: an answer of 2xx."""
    broken: list[str] = field(default_factory=list)
    """What no repetition mended."""
    business_id: str = field(default_factory=lambda: str(new_id()))
    service_id: str = field(default_factory=lambda: str(new_id()))
    _stop: threading.Event = field(default_factory=threading.Event)
    _desks: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        staff = self._open_business()
        self._desks = [threading.Thread(target=self._work, args=(member,), daemon=True) for member in staff]
        for desk in self._desks:
            desk.start()
        return self

    def __exit__(self, *_raised: object) -> None:
        self._stop.set()
        for desk in self._desks:
            desk.join(GIVE_UP_SECONDS + 30)

    def books_on(self, *, bookings: int = 20, seconds: float = 120) -> None:
        """Returns when so many more bookings have been made."""
        wanted = len(self.wishes) + bookings
        until(lambda: len(self.wishes) >= wanted, seconds=seconds, what="no bookings go through")

    def holds(self, kubectl: Kubectl) -> None:
        """Nothing is lost, nothing is there twice, everybody was told once. Call it when the desks have gone home."""
        assert not self.broken, self.broken[:5]
        booked, cancelled = len(self.wishes), sum(wish.cancelled for wish in self.wishes)
        assert booked, "nothing was booked"
        of_here = f"FROM appointments WHERE business_id = '{self.business_id}'"
        counted = f"SELECT count(*), count(*) FILTER (WHERE status = 'cancelled') {of_here}"
        assert sql(kubectl, "booking", counted) == f"{booked}|{cancelled}"
        # Availability has heard of each, and of each end.
        taken = f"SELECT count(*) FROM occupancy WHERE service_id = '{self.service_id}'"
        until(
            lambda: sql(kubectl, "availability", taken) == str(booked - cancelled),
            seconds=180,
            what="availability did not hear of everything",
        )
        kept = {wish.email for wish in self.wishes if not wish.cancelled}
        until(lambda: not self._untold(kubectl, kept), seconds=240, what="some were never told")
        mine = mails(kubectl, self.business_id)
        twice = [message_id for message_id, times in Counter(message_id for _, message_id in mine).items() if times > 1]
        assert not twice, f"sent twice: {twice[:5]}"
        told = Counter(to for to, _ in mine)
        known = kept - self._of_whom_nobody_knows(kubectl)
        assert {email: told[email] for email in known} == dict.fromkeys(known, 1)
        assert all(told[wish.email] <= 2 for wish in self.wishes)

    def _untold(self, kubectl: Kubectl, emails: set[str]) -> set[str]:
        """Who has no mail, but for those of whom nobody can know."""
        untold = emails - {to for to, _ in mails(kubectl, self.business_id)}
        return untold - self._of_whom_nobody_knows(kubectl) if untold else untold

    def _of_whom_nobody_knows(self, kubectl: Kubectl) -> set[str]:
        """Whose mail was being handed over when its worker died, as the ledger says: it is not sent twice."""
        emails = {wish.appointment_id: wish.email for wish in self.wishes}
        ids = sql(kubectl, "notifications", "SELECT appointment_id FROM messages WHERE status = 'unknown'").split()
        return {emails[appointment_id] for appointment_id in ids if appointment_id in emails}

    def _open_business(self) -> list[str]:
        staff = [str(new_id()) for _ in range(DESKS)]
        business = {"name": "Salon Nord", "zone": "UTC", "phone_region": "DE", "currency": "EUR"}
        day = [{"from": "08:00", "to": "18:00"}]
        with self._client() as client:
            self._sent(client, "POST", "/booking/v1/businesses", {"id": self.business_id, **business})
            for member in staff:
                body = {"id": member, "name": "Ada", "business_ids": [self.business_id], "zone": "UTC"}
                self._sent(client, "POST", "/booking/v1/resources", body)
            body = {"id": self.service_id, "business_id": self.business_id, "name": "Cut", "duration_minutes": MINUTES}
            self._sent(client, "POST", "/booking/v1/services", body)
            hours = {"weekly": [{"weekday": number, "intervals": day} for number in range(7)]}
            path = f"/availability/v1/businesses/{self.business_id}/schedule"
            self._sent(client, "PUT", path, hours)
            first = f"/availability/v1/slots/first?service_id={self.service_id}"
            until(lambda: client.get(first).json().get("slot"), seconds=60, what="no slots")
            # The same hours travel to booking by a topic of their own.
            probe = Wish(staff[0], _time(0), f"first-{self.business_id}@example.com")
            body = self._booking(probe)

            def books() -> bool:
                answer = client.post("/booking/v1/appointments", json=body)
                probe.appointment_id = answer.json().get("id", "")
                return answer.status_code == 201

            until(books, seconds=90, what="booking does not learn the hours")
        self.wishes.append(probe)
        self.failures.clear()
        return staff

    def _booking(self, wish: Wish) -> dict[str, Any]:
        return {
            "business_id": self.business_id,
            "service_id": self.service_id,
            "resource_ids": [wish.resource_id],
            "starts_at": wish.starts_at.isoformat().replace("+00:00", "Z"),
            "client": {"name": "Grace Hopper", "email": wish.email},
        }

    def _work(self, resource_id: str) -> None:
        number = 0
        with self._client() as client:
            while not self._stop.is_set():
                number += 1
                wish = Wish(resource_id, _time(number), f"{new_id()}-{self.business_id}@example.com")
                try:
                    booked = self._sent(client, "POST", "/booking/v1/appointments", self._booking(wish))
                    wish.appointment_id = booked["id"]
                    self.wishes.append(wish)
                    if number % 3 == 0:
                        path = f"/booking/v1/appointments/{wish.appointment_id}/cancel"
                        self._sent(client, "POST", path, {"reason": "tried"})
                        wish.cancelled = True
                except AssertionError as error:
                    self.broken.append(str(error))
                time.sleep(PAUSE_SECONDS)

    def _client(self) -> httpx2.Client:
        return httpx2.Client(base_url=f"{ADDRESS}/api", auth=self._authorized, timeout=30)

    def _authorized(self, request: httpx2.Request) -> httpx2.Request:
        token = self.token() if self.token is not None else self.variables["TOKEN"]
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    def _sent(self, client: httpx2.Client, method: str, path: str, body: Mapping[str, Any]) -> Any:
        """The answer's body, in the end."""
        key = {"Idempotency-Key": uuid4().hex}
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while True:
            try:
                answer = client.request(method, path, json=dict(body), headers=key)
            except httpx2.TransportError as error:
                problem = f"{type(error).__name__}: {error}"
            else:
                if answer.status_code < 300:
                    return answer.json()
                problem = f"{answer.status_code}: {answer.text[:300]}"
                assert answer.status_code >= 500 or answer.status_code == 429, f"{method} {path}: {problem}"
            self.failures.append(f"{datetime.now(UTC):%H:%M:%S} {method} {path.partition('?')[0]}: {problem}")
            assert time.monotonic() < deadline, f"{method} {path}: {problem}"
            time.sleep(0.5)


def _time(number: int) -> datetime:
    """The start that a desk wants next; each has a member of staff, and so a calendar, of its own."""
    day, turn = divmod(number, TIMES_A_DAY)
    opening = datetime.now(UTC).replace(hour=8, minute=0, second=0, microsecond=0)
    return opening + timedelta(days=2 + day, minutes=MINUTES * turn)
