"""Results of commands, so that a command that comes twice is answered twice and done once."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from slotstream_servicekit.database import Connection
from slotstream_servicekit.locks import LockClass


async def await_turn(connection: Connection, organization_id: UUID, *, alone: bool) -> None:
    """Waits until no other batch stands against doing the organization's commands, up to the transaction's end.

    A batch of several steps holds what the first has booked while it books more, in an order that nobody else keeps.
    Another one of the same organization could hold what it wants, and want what it holds: it is `alone`.
    """
    lock = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
    await connection.execute(f"SELECT {lock}({LockClass.COMMANDS:d}, hashtext($1::text))", str(organization_id))


async def read_results(
    connection: Connection, organization_id: UUID, command_ids: Sequence[UUID]
) -> dict[UUID, tuple[str, bytes]]:
    """The (type, data) of those commands that were answered before."""
    rows = await connection.fetch(
        """
        SELECT command_id, type, data::text AS data FROM command_results
        WHERE organization_id = $1 AND command_id = ANY($2)
        """,
        organization_id,
        list(command_ids),
    )
    return {row["command_id"]: (row["type"], row["data"].encode()) for row in rows}


async def save_results(
    connection: Connection, organization_id: UUID, results: Mapping[UUID, tuple[str, bytes]], *, now: datetime
) -> None:
    await connection.execute(
        """
        INSERT INTO command_results (organization_id, command_id, type, data, created_at)
        SELECT $1, r.command_id, r.type, r.data::json, $5
        FROM unnest($2::uuid[], $3::text[], $4::text[]) AS r(command_id, type, data)
        """,
        organization_id,
        list(results),
        [kind for kind, _ in results.values()],
        [data.decode() for _, data in results.values()],
        now,
    )
