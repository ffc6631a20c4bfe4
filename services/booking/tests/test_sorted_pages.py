"""How much of a large book is read for one page of a sorted list."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from booking_fixtures import Json, Tenant
from sqlalchemy import text
from test_lists import fill

from booking.api.filters import within_limits
from booking.storage.connections import connection_of
from booking.storage.listing import AppointmentFilter, Order, Sort, list_appointments
from slotstream_servicekit.limits import UNLIMITED, Limits

LIST = "/v1/appointments"
PAGE = 50


@dataclass(frozen=True, kw_only=True)
class PageRead:
    """How a page was read: the plan as text, and how many rows and blocks that took."""

    plan: str
    rows: int
    blocks: int


@dataclass(frozen=True, kw_only=True)
class Caller:
    organization_id: UUID
    limits: Limits


async def page_read(
    tenant: Tenant, order: Order, after: tuple[Any, ...] | None, limits: Limits = UNLIMITED
) -> PageRead:
    """As the application's role, bound to its tenant and the caller's limits, reads it."""
    caller = Caller(organization_id=tenant.organization_id, limits=limits)
    async with tenant.database.transaction(caller) as session:
        connection = await connection_of(session)
        statements: list[tuple[str, tuple[Any, ...]]] = []

        class Explains:
            """A connection that remembers what is asked of it."""

            async def fetch(self, query: str, *values: Any) -> list[Any]:
                statements.append((query, values))
                return await connection.fetch(query, *values)

        await list_appointments(
            Explains(),  # type: ignore[arg-type]
            organization_id=tenant.organization_id,
            wanted=within_limits(AppointmentFilter(), limits),
            order=order,
            after=after,
            limit=PAGE + 1,
        )
        lines = [row for query, values in statements for row in await connection.fetch(f"EXPLAIN {query}", *values)]
        analyse = "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON)"
        plans = [(await connection.fetchval(f"{analyse} {query}", *values))[0]["Plan"] for query, values in statements]
    return PageRead(
        plan="\n".join(line[0] for line in lines),
        rows=sum(rows_of(node) for plan in plans for node in nodes_of(plan) if "Relation Name" in node),
        blocks=sum(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] for plan in plans),
    )


def nodes_of(plan: Json) -> Iterator[Json]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes_of(part)


def rows_of(node: Json) -> int:
    """What a scan had in its hands, whether it passed it on or not."""
    dropped = sum(node.get(f"Rows Removed by {by}", 0) for by in ("Filter", "Index Recheck"))
    return round(node["Actual Loops"] * (node["Actual Rows"] + dropped))


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(
    ("by", "index"),
    [
        (Sort.STARTS_AT, "appointments_organization_id_starts_at_id_idx"),
        (Sort.CREATED_AT, "appointments_organization_id_created_at_id_idx"),
        (Sort.UPDATED_AT, "appointments_organization_id_updated_at_id_idx"),
        (Sort.PRICE, "appointments_organization_id_price_rank_id_idx"),
        (Sort.CLIENT, "clients_organization_id_sort_name_id_idx"),
    ],
)
async def test_the_first_page_and_one_in_the_middle_cost_the_same_however_many_there_are(
    tenant: Tenant, by: Sort, index: str, *, descending: bool
) -> None:
    await fill(tenant, appointments=20_000, clients=5_000)
    async with tenant.database.transaction(tenant.organization_id) as session:
        await session.execute(
            text(
                """
                UPDATE appointments SET created_at = created_at + n * interval '1 second',
                       updated_at = updated_at + n * interval '1 second', quoted_amount = nullif(n % 500, 0)
                FROM (SELECT id AS own, row_number() OVER () AS n FROM appointments) AS numbered WHERE own = id
                """
            )
        )
    async with tenant.as_owner() as owner:
        await owner.execute("VACUUM ANALYZE appointments, clients")
    order = Order(by=by, descending=descending)
    async with tenant.database.transaction(tenant.organization_id) as session:
        middle = await list_appointments(
            await connection_of(session),
            organization_id=tenant.organization_id,
            wanted=AppointmentFilter(),
            order=order,
            limit=5_000,
        )
    for after in (None, middle[-1].key):
        read = await page_read(tenant, order, after)
        plan = read.plan
        assert index in plan, plan
        assert "Seq Scan on appointments" not in plan, plan
        # Each row's resources are sorted, and of a client's appointments those with one start: nothing else is.
        pages = [part.split("SubPlan")[0] for part in plan.split("Limit")[1:]]
        assert all("Sort  (" not in page.replace("Incremental Sort", "") for page in pages), plan
        if after is not None:
            assert after[0] is not None
            assert "Index Cond: ((organization_id" in plan, plan
            assert ") > ROW" in plan or ") < ROW" in plan or ") >= ROW" in plan or ") <= ROW" in plan, plan
        # Of each row the appointment, its client and its resource; and the other appointments of the last client.
        assert PAGE < read.rows <= 5 * PAGE, plan
        assert read.blocks <= 20 * PAGE, plan
        limited = await page_read(tenant, order, after, Limits(business_ids=frozenset([UUID(tenant.business["id"])])))
        assert PAGE < limited.rows <= 5 * PAGE, limited.plan


@pytest.mark.parametrize("by", Sort)
async def test_a_member_of_staff_reads_their_own_few_appointments_and_not_the_whole_book(
    tenant: Tenant, by: Sort
) -> None:
    bob = await tenant.add_staff("Bob")
    own = [(await tenant.book(tenant.at(hour), resource_ids=[bob["id"]]))["id"] for hour in (11, 12, 13)]
    await fill(tenant, appointments=20_000, clients=5_000)
    async with tenant.as_owner() as owner:
        await owner.execute("VACUUM ANALYZE appointments, clients, appointment_resources")
    limits = Limits(resource_id=UUID(bob["id"]))

    read = await page_read(tenant, Order(by=by), None, limits)

    assert read.rows <= PAGE, read.plan
    limited = await tenant.client_as("staff", claims={"resource": bob["id"]})
    for sort in (by, f"-{by}"):
        listed = (await limited.get(LIST, params={"sort": sort})).json()["items"]
        assert {row["id"] for row in listed} == set(own), sort
    assert (await limited.get(f"{LIST}/counts")).json()["total"] == len(own)
