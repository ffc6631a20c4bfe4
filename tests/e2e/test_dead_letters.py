"""Records that no service would write: set aside with their cause, and never in the way."""

import json
import subprocess
from typing import Any

import pytest
from harness.mailbox import Mailbox
from harness.platform import Platform
from harness.records import read_topic, write_records
from harness.subscriptions import SUBSCRIBERS
from harness.world import next_weekday, until_true

from slotstream_contracts.topics import dead_letter_topic
from slotstream_local.services import executable

pytestmark = pytest.mark.e2e

WRONG_SCHEMA = json.dumps({"specversion": "1.0", "type": "slotstream.appointment.created", "data": {}}).encode()
POISON: list[tuple[str, bytes, list[tuple[str, bytes]]]] = [
    ("bad JSON", b"{not json", []),
    ("not an event", b"[1, 2, 3]", []),
    ("wrong schema", WRONG_SCHEMA, []),
    ("a header that is not UTF-8", b"{", [("x-strange", b"\xff\xfe")]),
    ("nearly a megabyte", b"x" * 1_000_000, []),
]


def headers_of(record: Any) -> dict[str, str]:
    return {name: value.decode(errors="replace") for name, value in record.headers}


async def test_poison_on_every_topic_is_set_aside_and_the_rest_goes_on(platform: Platform, mailbox: Mailbox) -> None:
    world = await platform.a_world()
    for topic in SUBSCRIBERS:
        await write_records(platform.bootstrap, topic, [(b"poison", value, headers) for _, value, headers in POISON])

    async def set_aside() -> bool:
        for topic, services in SUBSCRIBERS.items():
            for service in services:
                letters = await read_topic(platform.bootstrap, dead_letter_topic(service).name)
                here = [letter for letter in letters if headers_of(letter).get("dlq_topic") == topic]
                if len(here) < len(POISON):
                    return False
        return True

    await until_true(set_aside, within=180, what="every poisonous record is on its dead-letter topic")
    appointment = await world.book(next_weekday(10), client={"name": "Grace", "email": "after-poison@example.com"})
    await mailbox.expect("after-poison@example.com")
    assert appointment["status"] == "scheduled"


async def test_dead_letters_can_be_listed_and_sent_back(platform: Platform) -> None:
    await write_records(platform.bootstrap, "slotstream.clients.v1", [(b"again", b"{broken", [])])
    environment = platform.stack_settings.environment("notifications", port=0)

    def dlq(*arguments: str) -> str:
        done = subprocess.run(
            [executable("slotstream"), "dlq", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    async def ours() -> list[int]:
        letters = await read_topic(platform.bootstrap, "slotstream.notifications.dead-letter.v1")
        return [record.offset for record in letters if record.value == b"{broken"]

    await until_true(ours, what="the record is set aside")
    assert "bad_json" in dlq("list", "notifications")
    [offset] = await ours()
    assert "broken" in dlq("show", "notifications", str(offset))
    dlq("replay", "notifications", str(offset))

    async def back_again() -> bool:
        return len(await ours()) == 2

    await until_true(back_again, what="the replayed record is judged again")
