"""The list sorted by what its columns show: whole, in both directions, page by page."""

from typing import Any
from uuid import UUID

import pytest
from booking_fixtures import Json, Tenant
from sqlalchemy import text

from booking.domain.search import sort_text
from booking.storage.listing import Sort
from slotstream_servicekit.http.pagination import encode_cursor

LIST = "/v1/appointments"


async def walked(tenant: Tenant, sort: str, *, limit: int = 2, **params: Any) -> list[Json]:
    """All rows, read page by page."""
    rows: list[Json] = []
    cursor: dict[str, str] = {}
    while True:
        page = await tenant.get(LIST, sort=sort, limit=limit, **params, **cursor)
        rows += page["items"]
        if page["next_cursor"] is None:
            return rows
        cursor = {"cursor": page["next_cursor"]}


async def a_client(tenant: Tenant, name: str) -> str:
    return str((await tenant.post("/v1/clients", {"name": name}, status=201))["id"])


async def test_names_are_sorted_without_case_and_accents_and_namesakes_by_client_and_start(tenant: Tenant) -> None:
    names = ["Émile", "emil", "Zoë", "Ölkur", "olaf", "Ann", "Ann", "anna"]
    clients = [(name, await a_client(tenant, name)) for name in names]
    for place, (_, client_id) in enumerate(clients):
        await tenant.book(tenant.at(9, day=9 - place), client_id=client_id)
    again = [await tenant.book(tenant.at(hour, day=10), client_id=clients[5][1]) for hour in (12, 10)]

    rows = await walked(tenant, "client", limit=3)

    shown = [(row["client"]["name"], row["client_id"], row["starts_at"]) for row in rows]
    assert shown == sorted(shown, key=lambda row: (sort_text(row[0]), *row[1:]))
    assert [name for name, *_ in shown] == ["Ann"] * 4 + ["anna", "emil", "Émile", "olaf", "Ölkur", "Zoë"]
    assert {row["id"] for row in again} < {row["id"] for row in rows}
    assert [row["id"] for row in await walked(tenant, "-client", limit=3)] == [row["id"] for row in reversed(rows)]


async def test_a_client_who_is_renamed_is_sorted_by_the_new_name(tenant: Tenant) -> None:
    other = await a_client(tenant, "Bea")
    first, second = await tenant.book(tenant.at(9)), await tenant.book(tenant.at(10), client_id=other)
    assert [row["id"] for row in await walked(tenant, "client")] == [second["id"], first["id"]]
    await tenant.api.patch(f"/v1/clients/{tenant.client['id']}", json={"name": "Àda"})
    assert [row["id"] for row in await walked(tenant, "client")] == [first["id"], second["id"]]


async def test_a_client_who_comes_with_the_booking_is_sorted_by_name_too(tenant: Tenant) -> None:
    known = await tenant.book(tenant.at(9))
    new = await tenant.book(tenant.at(10), client_id=None, client={"name": "Äbby", "phone": "+49 30 5550100"})
    assert [row["id"] for row in await walked(tenant, "client")] == [new["id"], known["id"]]


async def test_what_was_paid_goes_before_what_was_quoted_and_no_price_comes_last_either_way(tenant: Tenant) -> None:
    tenant.service = await tenant.add_service()

    async def priced(hour: int, amount: str | None) -> str:
        price = {"amount": amount, "currency": "EUR"} if amount else None
        return str((await tenant.book(tenant.at(hour), quoted_price=price))["id"])

    free = [await priced(7, None), await priced(8, None), await priced(9, None)]
    nine, ten, hundred = await priced(10, "9.50"), await priced(11, "10.00"), await priced(12, "100.00")
    same = await priced(13, "10.00")
    tenant.now[0] = tenant.now[0].replace(month=6)
    await tenant.post(f"{LIST}/{hundred}/complete", {"actual_price": {"amount": "1.00", "currency": "EUR"}})

    up = [row["id"] for row in await walked(tenant, "price")]
    down = [row["id"] for row in await walked(tenant, "-price")]

    assert up[:2] == [hundred, nine]
    assert up[2:4] == sorted([ten, same])
    assert up[4:] == sorted(free)
    assert down == [*reversed(up[:4]), *reversed(up[4:])]


@pytest.mark.parametrize("limit", [1, 3, 200])
@pytest.mark.parametrize("sort", [sign + name for name in Sort for sign in ("", "-")])
async def test_pages_of_every_order_have_each_row_once_however_many_are_alike(
    tenant: Tenant, sort: str, limit: int
) -> None:
    booked = [await tenant.book(tenant.at(hour, minute)) for hour in (6, 7, 8) for minute in (0, 30)]
    async with tenant.database.transaction(tenant.organization_id) as session:
        # As after an import: everything at one instant.
        await session.execute(text("UPDATE appointments SET created_at = '2027-01-01Z', updated_at = '2027-01-01Z'"))
    rows = await walked(tenant, sort, limit=limit)
    assert sorted(row["id"] for row in rows) == sorted(row["id"] for row in booked)
    assert len(rows) == len(booked)


async def test_created_and_updated_are_told_apart_and_archived_rows_are_sorted_too(tenant: Tenant) -> None:
    first, second = await tenant.book(tenant.at(10)), await tenant.book(tenant.at(9))
    tenant.now[0] = tenant.now[0].replace(minute=1)
    third = await tenant.book(tenant.at(8))
    tenant.now[0] = tenant.now[0].replace(minute=2)
    await tenant.api.patch(f"{LIST}/{first['id']}", json={"notes": "news"})
    assert next(row["id"] for row in await walked(tenant, "-updated_at")) == first["id"]
    assert next(row["id"] for row in await walked(tenant, "-created_at")) == third["id"]
    for booked in (first, second):
        await tenant.post(f"{LIST}/{booked['id']}/cancel", {"reason": "ill"})
        await tenant.post(f"{LIST}/{booked['id']}/archive")
    archived = await walked(tenant, "created_at", limit=1, archived="true")
    assert [row["id"] for row in archived] == sorted([first["id"], second["id"]])


async def test_a_limited_caller_reads_no_row_of_others_in_any_order(tenant: Tenant) -> None:
    bob = await tenant.add_staff("Bob")
    own = {(await tenant.book(tenant.at(hour)))["id"] for hour in (9, 10, 11)}
    for hour in (9, 10, 11):
        await tenant.book(tenant.at(hour), resource_ids=[bob["id"]])
    tenant.api = await tenant.client_as("staff", claims={"resource": str(tenant.staff[0]["id"])})
    for sort in (sign + name for name in Sort for sign in ("", "-")):
        assert {row["id"] for row in await walked(tenant, sort)} == own, sort


async def test_the_list_is_narrowed_by_action(tenant: Tenant) -> None:
    call = await tenant.post("/v1/actions", {"name": "Send a card"}, status=201)
    booked = await tenant.book(tenant.at(9), action_id=call["id"])
    await tenant.book(tenant.at(10))
    assert [row["id"] for row in (await tenant.get(LIST, action_id=call["id"]))["items"]] == [booked["id"]]
    assert (await tenant.get(f"{LIST}/counts", action_id=call["id"]))["total"] == 1
    order = await tenant.post(
        f"{LIST}/bulk", {"verb": "cancel", "filter": {"action_id": [call["id"]]}, "arguments": {"reason": "ill"}}
    )
    assert [result["id"] for result in order["results"]] == [booked["id"]]


async def test_an_order_that_there_is_not_and_a_forged_cursor_are_refused(tenant: Tenant) -> None:
    answer = await tenant.api.get(LIST, params={"sort": "notes"})
    assert answer.status_code == 422
    one = UUID(int=1)
    for sort, key in (
        ("client", ("a\0", one, "2027-01-01T00:00:00+00:00", one)),
        ("price", (2**63, one)),
        ("created_at", ("2027-01-01T00:00:00", one)),
        ("created_at", (None, one)),
        ("created_at", ("0001-01-01T00:00:00+14:00", one)),
        ("created_at", ("9999-12-31T23:59:59-14:00", one)),
        ("created_at", ("2027-01-01T00:00:00+00:00", 5)),
        ("price", (1, None)),
        ("client", ("a", None, None, None)),
    ):
        cursor = encode_cursor(*key, scope=f"appointments:{sort}")
        answer = await tenant.api.get(LIST, params={"sort": sort, "cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor"), (sort, key)


@pytest.mark.parametrize(
    ("path", "scope", "key"),
    [
        (f"/v1/bulk/{UUID(int=1)}/results", "bulk", (2**31,)),
        (f"/v1/bulk/{UUID(int=1)}/results", "bulk", (None,)),
        ("/v1/overrides", "overrides", ("2027-01-01T00:00:00+00:00", UUID(int=1), 2**31)),
        ("/v1/overrides", "overrides", ("0001-01-01T00:00:00+14:00", UUID(int=1), 1)),
        ("/v1/series", "series", ("9999-12-31T23:59:59-14:00", UUID(int=1))),
        ("/v1/holds", "holds", ("2027-01-01T00:00:00+00:00", 1)),
        ("/v1/clients", "clients:sort_name", ("a\0", UUID(int=1))),
        ("/v1/services", "service:name", (None, UUID(int=1))),
    ],
)
async def test_no_list_takes_a_cursor_that_its_columns_cannot_be_compared_with(
    tenant: Tenant, path: str, scope: str, key: tuple[str | int | UUID | None, ...]
) -> None:
    answer = await tenant.api.get(path, params={"cursor": encode_cursor(*key, scope=scope)})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor")
