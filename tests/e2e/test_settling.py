"""The wait for the end of a run: it says what was still to be done when its time was over."""

import asyncio

from checker.evidence.settling import until_nothing_is_open


async def test_a_wait_that_runs_out_names_all_that_is_still_open() -> None:
    async def mail() -> list[str]:
        return ["a mail is planned"]

    async def nothing() -> list[str]:
        return []

    async def outbox() -> list[str]:
        return ["two records wait"]

    assert await until_nothing_is_open([mail, nothing, outbox], within=0.01) == [
        "a mail is planned",
        "two records wait",
    ]


async def test_a_wait_ends_once_nothing_is_open() -> None:
    left = ["a mail is planned"]

    async def mail() -> list[str]:
        return [left.pop()] if left else []

    async with asyncio.timeout(10):
        assert await until_nothing_is_open([mail], within=60) == []
