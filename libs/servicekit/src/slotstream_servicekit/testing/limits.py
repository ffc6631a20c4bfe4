"""A walk over every route of a service by callers who are limited: what lies outside is neither shown nor changed.

A service's test lists one or more probes for each route. A route without a probe fails the test, and so does a probe
that would not succeed for somebody without limits: it would prove nothing.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import httpx2
from fastapi import FastAPI
from sqlalchemy import text

from slotstream_servicekit.database import Database
from slotstream_servicekit.http.routes import StrictRoute
from slotstream_servicekit.schema import RowLimit

HIDDEN: Final = "hidden"
"""Answered with success, and with nothing of what lies outside."""
OPEN: Final = "open"
"""The organization's: open to limited callers as to others."""
NOT_FOUND: Final = (404, "not_found")
BUSINESS: Final = (403, "outside_your_businesses")
CALENDAR: Final = (403, "outside_your_calendar")
SHARED: Final = (403, "organization_wide")

FORBIDDEN: Final = (403, "forbidden")

Expected = str | tuple[int, str]
"""HIDDEN, OPEN, or status and code of the refusal."""

Kind = Literal["businesses", "calendar"]
KINDS: Final[tuple[Kind, ...]] = ("businesses", "calendar")
"""What a caller can be limited to."""


def claims_of(kind: Kind, *, business_id: object, resource_id: object) -> dict[str, Any]:
    """The claims of a token that is limited to this business, or to this resource's calendar."""
    return {"businesses": [str(business_id)]} if kind == "businesses" else {"resource": str(resource_id)}


def check_tables(limits: Iterable[RowLimit], reasons: Collection[str], *, tables: Iterable[str]) -> None:
    """Each of the tenant's tables has limits or a reason why not, and none has both."""
    limited, named = {limit.table for limit in limits}, set(tables)
    _none([f"{table}: neither limits nor a reason why not" for table in named - limited - set(reasons)])
    _none([f"{table}: limits, and a reason why not" for table in limited & set(reasons)])
    _none([f"{table}: no such table" for table in (limited | set(reasons)) - named])


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A request at what lies outside. `route` is "METHOD /path/{id}", `path` the address where it has ids in it.

    `controls`: whether it succeeds for a caller without limits and, of HIDDEN ones, shows what is to be hidden.
    """

    route: str
    expected: Expected
    path: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    controls: bool = True
    shows: bool = True

    async def sent_by(self, client: httpx2.AsyncClient) -> httpx2.Response:
        method, _, path = self.route.partition(" ")
        body: dict[str, Any] = {} if self.json is None else {"json": self.json}
        if self.content is not None:
            body["content"] = self.content
        return await client.request(
            method, self.path or path, params=dict(self.params), headers=dict(self.headers), **body
        )

    def marks_in(self, answer: httpx2.Response, marks: Collection[str]) -> list[str]:
        """What of the outside the answer tells, apart from what the request itself named."""
        asked = f"{self.path} {self.params} {self.json}"
        return [mark for mark in marks if mark not in asked and mark in answer.text]


def routes_of(app: FastAPI) -> set[str]:
    """Every route that asks for a caller, as "METHOD /path"."""
    return {
        f"{method} {route.path}"
        for route in app.router.routes
        if isinstance(route, StrictRoute)
        for method in route.methods or ()
    }


def check_complete(app: FastAPI, probes: Iterable[Probe], *, public: Collection[str] = ()) -> None:
    """Each route has a probe, and each probe a route. `public` routes know no caller."""
    named = {probe.route for probe in probes} | set(public)
    _none([f"{route}: no stated expectation" for route in routes_of(app) - named])
    _none([f"{route}: no such route" for route in named - routes_of(app)])


def _none(failures: Sequence[str]) -> None:
    if failures:
        raise AssertionError("\n".join(sorted(failures)))


async def fingerprint(database: Database, tables: Sequence[str]) -> dict[str, str]:
    """What the tables hold, as a digest of each."""
    query = " UNION ALL ".join(
        f"SELECT '{table}' AS name, md5(string_agg(t::text, '|' ORDER BY t::text)) AS digest FROM {table} AS t"
        for table in tables
    )
    async with database.system_transaction() as session:
        return {row.name: row.digest for row in await session.execute(text(query.replace(":", r"\:")))}


async def walk(
    probes: Sequence[Probe],
    *,
    limited: httpx2.AsyncClient,
    marks: Collection[str],
    database: Database,
    tables: Sequence[str],
) -> None:
    """Sends every probe as the limited caller: answered as expected, and nothing is changed by what is refused."""
    before = await fingerprint(database, tables)
    failures: list[str] = []
    for probe in probes:
        answer = await probe.sent_by(limited)
        failures += _judged(probe, answer, marks)
        after = await fingerprint(database, tables)
        changed = [table for table in tables if before[table] != after[table]]
        if changed and probe.expected != OPEN:
            failures.append(f"{probe.route}: changed {changed}")
        before = after
    _none(failures)


def _judged(probe: Probe, answer: httpx2.Response, marks: Collection[str]) -> list[str]:
    where = f"{probe.route} {dict(probe.params)}"
    if probe.expected == OPEN:
        return [] if answer.is_success else [f"{where}: {answer.status_code} {answer.text[:300]}"]
    told = probe.marks_in(answer, marks)
    failures = [f"{where}: tells {told}: {answer.text[:600]}"] if told else []
    if probe.expected == HIDDEN:
        return failures if answer.is_success else [*failures, f"{where}: {answer.status_code} {answer.text[:300]}"]
    code = answer.json().get("code") if "json" in answer.headers.get("content-type", "") else None
    if (answer.status_code, code) != probe.expected:
        failures.append(f"{where}: {answer.status_code} {answer.text[:300]}, expected {probe.expected}")
    return failures


async def check_controls(probes: Sequence[Probe], *, unlimited: httpx2.AsyncClient, marks: Collection[str]) -> None:
    """The same requests succeed for a caller without limits, and show what is hidden from others."""
    failures: list[str] = []
    for probe in probes:
        if not probe.controls:
            continue
        answer = await probe.sent_by(unlimited)
        if not answer.is_success:
            failures.append(f"{probe.route}: {answer.status_code} {answer.text[:300]}")
        elif probe.expected == HIDDEN and probe.shows and not any(mark in answer.text for mark in marks):
            failures.append(f"{probe.route}: shows nothing that could be hidden: {answer.text[:300]}")
    _none(failures)
