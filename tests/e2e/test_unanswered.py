"""Every command is answered, also one that nobody can work through: whoever waits for the answer goes on."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from harness.platform import Platform
from harness.records import content_of, read_topic, write_record
from harness.world import World, expect, until_true
from planted import TableBug, spoiled_table
from test_imports import a_file_without_flaws, ask, reached, upload

from slotstream_contracts.envelope import schema_uri
from slotstream_contracts.topics import BOOKING_COMMANDS, BOOKING_RESULTS, dead_letter_topic

pytestmark = pytest.mark.e2e

ROWS = 30


async def results_of(platform: Platform, command_id: UUID) -> list[dict[str, Any]]:
    events = [content_of(record) for record in await read_topic(platform.bootstrap, BOOKING_RESULTS.name)]
    return [dict(event) for event in events if event and event["data"].get("command_id") == str(command_id)]


def an_invalid_command(world: World, command_id: UUID) -> bytes:
    """An envelope as it should be, around data that its type does not allow."""
    return json.dumps(
        {
            "specversion": "1.0",
            "id": str(command_id),
            "source": "/slotstream/imports",
            "type": "slotstream.command.book_appointment",
            "dataschema": schema_uri("slotstream.command.book_appointment"),
            "subject": "a-row",
            "partitionkey": "a-row",
            "sequence": 0,
            "time": "2026-11-28T12:00:00Z",
            "organization": str(world.organization_id),
            "correlationid": "a-file",
            "data": {
                "actor": {"type": "user", "id": "u"},
                "appointment_id": str(uuid4()),
                "request": {"business_id": str(uuid4()), "source": "import", "starts_at": "yesterday"},
            },
        }
    ).encode()


async def test_an_invalid_command_that_is_an_envelope_is_answered_refused_with_its_fault(platform: Platform) -> None:
    world = await platform.a_world()
    command_id = uuid4()
    await write_record(
        platform.bootstrap, BOOKING_COMMANDS.name, key=b"a-row", value=an_invalid_command(world, command_id)
    )

    await until_true(lambda: results_of(platform, command_id), what="the command is answered")

    [answer] = await results_of(platform, command_id)
    assert answer["type"] == "slotstream.command.refused"
    assert answer["organization"] == str(world.organization_id)
    assert answer["data"]["command_type"] == "slotstream.command.book_appointment"
    assert (answer["data"]["code"], "starts_at" in answer["data"]["detail"]) == ("wrong_schema", True)


async def test_an_import_whose_batch_ends_as_a_dead_letter_is_told_and_does_not_hang(platform: Platform) -> None:
    world, other = await platform.a_world(), await platform.a_world()
    identity = await upload(world, a_file_without_flaws(world, ROWS))
    await reached(world, identity, "checked")
    breaks = TableBug(
        breaks="every command is answered, a broken one refused",
        service="booking",
        table="appointments",
        body="RAISE EXCEPTION 'a bug of ours';",
    )
    async with spoiled_table(platform, breaks, 0, organization_id=world.organization_id, foreign=""):
        await ask(world, identity, "confirm")
        counts = await reached(world, identity, "finished")
        assert (counts["new"], counts["failed"]) == (0, ROWS)
        # Neither do others wait for it.
        theirs = await upload(other, a_file_without_flaws(other, ROWS))
        await reached(other, theirs, "checked")
        await ask(other, theirs, "confirm")
        assert (await reached(other, theirs, "finished"))["new"] == ROWS

    letters = await read_topic(platform.bootstrap, dead_letter_topic("booking").name)
    assert any(str(world.organization_id).encode() in (letter.value or b"") for letter in letters)
    errors = (await world.imports.get(f"/v1/imports/{identity}/errors.csv")).text.splitlines()
    assert len(errors) == 1 + ROWS
    # And the way on: what was not booked is booked by importing it again.
    again = await upload(world, a_file_without_flaws(world, ROWS))
    await reached(world, again, "checked")
    await ask(world, again, "confirm")
    assert (await reached(world, again, "finished"))["new"] == ROWS
    expect(await world.booking.get("/v1/appointments", params={"limit": "1"}))
