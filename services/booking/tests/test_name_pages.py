"""Lists by name: every page leads to the next, whatever somebody is called, and reads no more than it shows."""

from dataclasses import dataclass
from uuid import UUID

import pytest
from booking_fixtures import Json, Tenant
from test_lists import fill

from booking.storage.clients import ClientKey, ClientStore, ListedClient
from booking.storage.connections import connection_of
from slotstream_servicekit.http.pagination import encode_cursor
from slotstream_servicekit.limits import UNLIMITED, Limits

pytestmark = pytest.mark.service

CLIENTS = "/v1/clients"
LONGEST = "𝔅" * 200
"""As many letters as a name may have, of four bytes each."""
ALIKE = "b" * 150
PAGE = 50


async def walked(tenant: Tenant, path: str) -> list[Json]:
    """One entry a page."""
    found: list[Json] = []
    cursor: dict[str, str] = {}
    while True:
        page = await tenant.get(path, limit=1, **cursor)
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


def entry(tenant: Tenant, path: str, name: str) -> Json:
    return {
        CLIENTS: {"name": name},
        "/v1/businesses": {"name": name, "zone": "Europe/Berlin", "phone_region": "DE", "currency": "EUR"},
        "/v1/resources": {"name": name, "business_ids": [tenant.business["id"]], "zone": "Europe/Berlin"},
        "/v1/services": {"name": name, "business_id": tenant.business["id"], "duration_minutes": 30},
        "/v1/actions": {"name": name},
    }[path]


@pytest.mark.parametrize("path", [CLIENTS, "/v1/businesses", "/v1/resources", "/v1/services", "/v1/actions"])
async def test_no_name_is_so_long_that_its_list_ends_at_it(tenant: Tenant, path: str) -> None:
    for name in (LONGEST, f"{LONGEST[:-1]}c", f"{ALIKE}1", f"{ALIKE}2", "z"):
        await tenant.post(path, entry(tenant, path, name), status=201)
    listed = (await tenant.get(path))["items"]
    assert [one["id"] for one in await walked(tenant, path)] == [one["id"] for one in listed]
    assert len({one["id"] for one in listed}) == len(listed) >= 5


async def test_clients_are_listed_by_name_without_case_and_accents(tenant: Tenant) -> None:
    names = ["ada", "Berta", "çelik", "Dora", "Émile"]
    for name in reversed(names):
        await tenant.post(CLIENTS, {"name": name}, status=201)
    assert [client["name"] for client in await walked(tenant, CLIENTS)] == [*names, tenant.client["name"]]


@pytest.mark.parametrize(("path", "scope"), [(CLIENTS, "clients"), ("/v1/services", "service")])
async def test_a_cursor_of_the_former_order_is_refused(tenant: Tenant, path: str, scope: str) -> None:
    cursor = encode_cursor("Grace Hopper", UUID(int=1), scope=scope)
    answer = await tenant.api.get(path, params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor")


@dataclass(frozen=True, kw_only=True)
class Caller:
    organization_id: UUID
    limits: Limits


@pytest.mark.parametrize(
    ("query", "most"),
    [
        (None, 2 * PAGE),
        # Many have it: a page of them is near at hand.
        ("client", 2 * PAGE),
        # Few have it: the index of words names them.
        ("client 1234", 2 * PAGE),
    ],
)
async def test_a_page_of_clients_reads_no_more_than_it_shows_however_many_there_are(
    tenant: Tenant, query: str | None, most: int
) -> None:
    await fill(tenant, appointments=0, clients=20_000)
    async with tenant.as_owner() as owner:
        await owner.execute("VACUUM ANALYZE clients, client_search")
    for limits in (UNLIMITED, Limits(resource_id=UUID(tenant.staff[0]["id"]))):
        for after in (None, ("client 12", UUID(int=0))):
            page, read = await read_page(tenant, limits, query=query, after=after)
            assert read <= most
            assert page == sorted(page, key=lambda row: row.key)
            assert after is None or page[0].key > after
            assert len(page) == PAGE + 1 or query == "client 1234"


@pytest.mark.parametrize("query", [None, "client"])
async def test_a_page_of_archived_clients_reads_no_others(tenant: Tenant, query: str | None) -> None:
    """Nor those who were erased or merged, all of whom are archived as well."""
    await fill(tenant, appointments=0, clients=20_000)
    await tenant.rows(
        """
        UPDATE clients SET archived = true, erased = right(name, 1) IN ('1', '2'),
            merged_into = CASE WHEN right(name, 1) IN ('3', '4') THEN id END
        WHERE right(name, 1) IN ('1', '2', '3', '4') OR name LIKE '%00' RETURNING 1
        """
    )
    async with tenant.as_owner() as owner:
        await owner.execute("VACUUM ANALYZE clients, client_search")
    for limits in (UNLIMITED, Limits(resource_id=UUID(tenant.staff[0]["id"]))):
        for after in (None, ("client 12", UUID(int=0))):
            page, read = await read_page(tenant, limits, query=query, after=after, archived=True)
            assert len(page) == PAGE + 1
            assert read <= 2 * PAGE


async def read_page(
    tenant: Tenant, limits: Limits, *, query: str | None, after: ClientKey | None, archived: bool = False
) -> tuple[list[ListedClient], int]:
    """A page, and how many clients were read for it."""
    caller = Caller(organization_id=tenant.organization_id, limits=limits)
    async with tenant.database.transaction(caller) as session:
        connection = await connection_of(session)
        read = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'clients'"
        before = await connection.fetchval(read)
        page = await ClientStore(session).page(
            tenant.organization_id, query=query, archived=archived, after=after, limit=PAGE + 1
        )
        return page, await connection.fetchval(read) - before
