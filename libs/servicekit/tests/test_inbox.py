import asyncio
from datetime import timedelta

import pytest
from kit_world import World

from slotstream_servicekit.ids import new_id
from slotstream_servicekit.inbox import claim, prune

pytestmark = pytest.mark.service


async def test_a_message_is_claimed_once_per_consumer(world: World) -> None:
    first, second, third = (new_id() for _ in range(3))
    async with world.database.system_transaction() as session:
        assert await claim(session, consumer="a", ids=[first, second, first]) == {first, second}
        assert await claim(session, consumer="a", ids=[second, third]) == {third}
        assert await claim(session, consumer="b", ids=[first]) == {first}
        assert await claim(session, consumer="b", ids=[]) == frozenset()


async def test_a_claim_is_undone_with_its_transaction(world: World) -> None:
    message = new_id()
    with pytest.raises(ZeroDivisionError):
        async with world.database.system_transaction() as session:
            await claim(session, consumer="a", ids=[message])
            raise ZeroDivisionError
    async with world.database.system_transaction() as session:
        assert await claim(session, consumer="a", ids=[message]) == {message}


async def test_of_two_that_claim_at_once_one_gets_it(world: World) -> None:
    messages = [new_id() for _ in range(50)]

    async def attempt(order: int) -> int:
        async with world.database.system_transaction() as session:
            claimed = await claim(session, consumer="a", ids=messages[::order])
            await asyncio.sleep(0.05)
            return len(claimed)

    assert sorted(await asyncio.gather(*(attempt(order) for order in (1, -1, 1, -1)))) == [0, 0, 0, 50]


async def test_pruning_forgets_only_what_is_old_and_only_so_much_at_once(world: World) -> None:
    async with world.database.system_transaction() as session:
        await claim(session, consumer="a", ids=[new_id() for _ in range(5)])
    await world.run("UPDATE inbox SET received_at = now() - interval '20 days'")
    fresh = new_id()
    async with world.database.system_transaction() as session:
        await claim(session, consumer="a", ids=[fresh])
        forgotten = [await prune(session, older_than=timedelta(days=14), limit=3) for _ in range(3)]
    assert forgotten == [3, 2, 0]
    assert await world.rows("SELECT message_id FROM inbox") == [(fresh,)]
