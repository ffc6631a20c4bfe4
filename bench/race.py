"""Many clients go for one slot at the same instant: how long a refusal takes in the database, and deadlocks."""

import asyncio
import statistics
from dataclasses import dataclass
from typing import Any

import asyncpg

from bench.baseline import record_calls
from bench.setting import Setting
from bench.world import BenchWorld

CLIENTS = 32
GATE = 32
"""An advisory lock: all wait for it, so that they start together and the load generator has no part in the race."""
WARM_UP_ROUNDS = 6
ATTEMPT = """
CREATE OR REPLACE FUNCTION bench_attempt(p_n int, OUT won int, OUT took float8) LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(32);
    began := clock_timestamp();
    won := (SELECT cardinality(booked) FROM {table}_book(p_n));
    took := extract(epoch FROM clock_timestamp() - began) * 1000;
END
$$
"""
ALL_WAIT = f"""
SELECT count(*) = {CLIENTS} FROM pg_locks WHERE locktype = 'advisory' AND objid = {GATE} AND NOT granted
"""
PATIENCE_SECONDS = 20
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


@dataclass(frozen=True, slots=True)
class Race:
    p99_milliseconds: float
    """Of the refusals, from the statement's start to its end: a loser's wait for the winner's commit is in it."""
    deadlocks: int
    winners: int


def race_for_slots(setting: Setting, world: BenchWorld, *, slots: range) -> Race:
    """32 connections try each slot at once. They have booked and lost before, as those of a running service have."""
    return asyncio.run(_race(setting, world, slots))


async def _race(setting: Setting, world: BenchWorld, slots: range) -> Race:
    alone = range(slots.stop, slots.stop + WARM_UP_ROUNDS * CLIENTS)
    together = [slot for slot in range(alone.stop, alone.stop + WARM_UP_ROUNDS) for _ in range(CLIENTS)]
    race = [slot for slot in slots for _ in range(CLIENTS)]
    table = f"bench_race_{slots.start}"
    await record_calls(setting, world, table, [*alone, *together, *race])
    gate = await asyncpg.connect(setting.admin_url("booking"))
    await gate.execute(ATTEMPT.format(table=table))
    calls = [row["n"] for row in await gate.fetch(f"SELECT n FROM {table} ORDER BY n")]
    url = setting.stack_settings.database_url("booking", "app").replace("postgresql+asyncpg", "postgresql")
    racers = [await asyncpg.connect(url) for _ in range(CLIENTS)]
    before = await gate.fetchval(DEADLOCKS)
    answers: list[Any] = []
    for first in range(0, len(calls), CLIENTS):
        answers += await _heat(gate, racers, calls[first : first + CLIENTS])
    deadlocks = await gate.fetchval(DEADLOCKS) - before
    for connection in (gate, *racers):
        await connection.close()
    counted = answers[-len(race) :]
    refusals = [took for won, took in counted if not won]
    return Race(statistics.quantiles(refusals, n=100)[98], deadlocks, sum(won for won, _ in counted))


async def _heat(gate: Any, racers: list[Any], calls: list[int]) -> list[Any]:
    await gate.execute(f"SELECT pg_advisory_lock({GATE})")
    attempts = [
        asyncio.ensure_future(racer.fetchrow("SELECT * FROM bench_attempt($1)", call))
        for racer, call in zip(racers, calls, strict=True)
    ]
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while not await gate.fetchval(ALL_WAIT):
        if asyncio.get_running_loop().time() > deadline:
            raise RuntimeError(f"not all {CLIENTS} clients came to the start")
    await gate.execute(f"SELECT pg_advisory_unlock({GATE})")
    return await asyncio.gather(*attempts)
