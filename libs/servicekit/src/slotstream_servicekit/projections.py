"""Stores states of other services, in batches and by version: repeated and late records change nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import is_dataclass
from datetime import timedelta
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, Final

import orjson
from sqlalchemy import Column, Table, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

if TYPE_CHECKING:
    # The API role reads projections, and must not import a Kafka client.
    from slotstream_servicekit.consumer.records import Received

_DIALECT: Final = postgresql.dialect()  # type: ignore[no-untyped-call]
_POLL: Final = timedelta(milliseconds=50)

Key = tuple[Any, ...]


def newest_by_key(batch: "Iterable[Received[Any]]") -> "dict[str, Received[Any]]":
    """The last record of each key, also if it is a tombstone: in a compacted topic only the last one counts."""
    return {received.key: received for received in batch}


class VersionedTable:
    """A projection table that is written by version.

    The table has the columns `version` and `applied_at`. Rows are dataclass instances or mappings whose fields are
    its other columns. A row is written unless a newer version is stored; an equal version only renews `applied_at`,
    which is how a rebuild tells what the topic still holds.
    """

    def __init__(self, table: Table) -> None:
        self._key = [str(column.name) for column in table.primary_key.columns]
        self._upsert = text(_upsert_of(table, self._key))
        self._forget = text(_forget_of(table, self._key))
        self._differing = text(_differing_of(table, self._key))
        self._kept = text(_kept_of(table, self._key))
        self._page, self._first_page = (text(_page_of(table, self._key, after=after)) for after in (True, False))
        # With one name they give the value, with several a tuple.
        self._key_of_object, self._key_of_mapping = attrgetter(*self._key), itemgetter(*self._key)

    async def put(self, session: AsyncSession, rows: Iterable[Any]) -> set[Key]:
        """Writes the newest row of each key. Returns the keys that were written, in the order of the primary key."""
        newest: dict[Any, tuple[int, Any]] = {}
        for row in rows:
            key, version = self._key_and_version(row)
            if key not in newest or version >= newest[key][0]:
                newest[key] = version, row
        if not newest:
            return set()
        written = await session.execute(self._upsert, {"rows": _json([row for _, row in newest.values()])})
        return {tuple(row) for row in written}

    async def forget(self, session: AsyncSession, versions: Mapping[Key, int | None]) -> set[Key]:
        """Deletes the rows with these primary keys that are not newer than the version of the tombstone; without a
        version, whatever theirs is. Returns the keys that were deleted.
        """
        named = [{**dict(zip(self._key, key, strict=True)), "gone": version} for key, version in versions.items()]
        if not named:
            return set()
        gone = await session.execute(self._forget, {"keys": _json(named)})
        return {tuple(row) for row in gone}

    async def differing(self, session: AsyncSession, rows: Sequence[Any]) -> set[Key]:
        """The keys of rows that the table does not have, has in an older version, or has with other values."""
        if not rows:
            return set()
        return {tuple(row) for row in await session.execute(self._differing, {"rows": _json(rows)})}

    async def kept(self, session: AsyncSession, versions: Mapping[Key, int | None]) -> set[Key]:
        """The keys of rows that the table has, although there is a tombstone with their version or a newer one."""
        if not versions:
            return set()
        named = [{**dict(zip(self._key, key, strict=True)), "gone": version} for key, version in versions.items()]
        return {tuple(row) for row in await session.execute(self._kept, {"keys": _json(named)})}

    async def keys_after(self, session: AsyncSession, key: Key | None, *, limit: int) -> list[Key]:
        """The next keys in order; the first ones after None."""
        if key is None:
            return [tuple(row) for row in await session.execute(self._first_page, {"limit": limit})]
        values = {**dict(zip(self._key, key, strict=True)), "limit": limit}
        return [tuple(row) for row in await session.execute(self._page, values)]

    def key_of(self, row: Any) -> Key:
        """The primary key of a row."""
        key = self._key_and_version(row)[0]
        return tuple(key) if len(self._key) > 1 else (key,)

    def _key_and_version(self, row: Any) -> tuple[Any, int]:
        if isinstance(row, Mapping):
            return self._key_of_mapping(row), row["version"]
        if not is_dataclass(row):
            raise TypeError(f"a row is a dataclass instance or a mapping, not {type(row).__name__}")
        return self._key_of_object(row), row.version  # type: ignore[union-attr]  # as the docstring asks


def _json(value: Sequence[Any]) -> str:
    return orjson.dumps(value, default=_plain).decode()


def _plain(value: Any) -> Any:
    """Sets as sorted lists, other types that JSON does not have as text."""
    return sorted(value) if isinstance(value, set | frozenset) else str(value)


def _upsert_of(table: Table, key: Sequence[str]) -> str:
    columns = [column for column in table.columns if column.name != "applied_at"]
    names = ", ".join(column.name for column in columns)
    values = ", ".join(f"r.{column.name}" for column in columns)
    changes = ", ".join(f"{column.name} = excluded.{column.name}" for column in columns if column.name not in key)
    # In the order of the keys, so that two batches cannot deadlock.
    return f"""
        INSERT INTO {table.name} AS t ({names}, applied_at)
        SELECT {values}, clock_timestamp() FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r({_record(columns)})
        ORDER BY {", ".join(f"r.{name}" for name in key)}
        ON CONFLICT ({", ".join(key)}) DO UPDATE SET {changes}, applied_at = excluded.applied_at
        WHERE excluded.version >= t.version
        RETURNING {", ".join(f"t.{name}" for name in key)}
    """


def _forget_of(table: Table, key: Sequence[str]) -> str:
    columns = [table.columns[name] for name in key]
    matches = " AND ".join(f"t.{name} = r.{name}" for name in key)
    return f"""
        DELETE FROM {table.name} AS t
        USING jsonb_to_recordset(CAST(:keys AS jsonb)) AS r({_record(columns)}, gone bigint)
        WHERE {matches} AND t.version <= coalesce(r.gone, t.version) RETURNING {", ".join(f"t.{name}" for name in key)}
    """


def _differing_of(table: Table, key: Sequence[str]) -> str:
    columns = [column for column in table.columns if column.name != "applied_at"]
    values = [column.name for column in columns if column.name not in {*key, "version"}]
    ours, told = (", ".join(f"{side}.{name}" for name in values) for side in "tr")
    return f"""
        SELECT {", ".join(f"r.{name}" for name in key)}
        FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r({_record(columns)})
        LEFT JOIN {table.name} AS t ON {" AND ".join(f"t.{name} = r.{name}" for name in key)}
        WHERE t.version IS NULL OR t.version < r.version
           OR (t.version = r.version AND ROW({ours}) IS DISTINCT FROM ROW({told}))
    """


def _kept_of(table: Table, key: Sequence[str]) -> str:
    columns = [table.columns[name] for name in key]
    return f"""
        SELECT {", ".join(f"t.{name}" for name in key)} FROM {table.name} AS t
        JOIN jsonb_to_recordset(CAST(:keys AS jsonb)) AS r({_record(columns)}, gone bigint)
          ON {" AND ".join(f"t.{name} = r.{name}" for name in key)}
        WHERE t.version <= coalesce(r.gone, t.version)
    """


def _page_of(table: Table, key: Sequence[str], *, after: bool) -> str:
    names = ", ".join(key)
    condition = f"WHERE ({names}) > ({', '.join(f':{name}' for name in key)})" if after else ""
    return f"SELECT {names} FROM {table.name} {condition} ORDER BY {names} LIMIT :limit"


def _record(columns: Sequence[Column[Any]]) -> str:
    return ", ".join(f"{column.name} {column.type.compile(dialect=_DIALECT)}" for column in columns)


async def wait_until(is_known: Callable[[], Awaitable[bool]], *, within: timedelta, every: timedelta = _POLL) -> None:
    """Waits for something that was created a moment ago to arrive from its topic.

    Returns when `is_known` is true, or after `within`, so the caller must still check. `is_known` opens its own
    transaction each time.
    """
    deadline = asyncio.get_running_loop().time() + within.total_seconds()
    while not await is_known():
        if asyncio.get_running_loop().time() >= deadline:
            return
        await asyncio.sleep(every.total_seconds())
