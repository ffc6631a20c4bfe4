"""After an erase nothing of a person is found in any database or topic, but where the privacy page says for how long;
and what is sent back or read again brings nobody back.
"""

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from harness.platform import Platform
from harness.records import content_of, read_topic, write_records
from harness.traces_left import Found, found_in_databases, found_in_topics
from harness.world import Json, World, expect, next_weekday, stamp, until_true

from slotstream_contracts.base import Actor
from slotstream_contracts.clients import ClientState
from slotstream_contracts.commands import AppointmentRequest, BookAppointment, ClientDetails
from slotstream_contracts.envelope import Envelope, wrap
from slotstream_contracts.messages import SendMessage
from slotstream_contracts.topics import ALL_TOPICS
from slotstream_local.services import executable
from slotstream_servicekit.topics import topic_configuration

pytestmark = pytest.mark.e2e

PRIVACY_PAGE = Path(__file__).parents[2] / "docs" / "privacy.md"
ACTOR = Actor(type="user", id="front-desk")


@dataclass
class Person:
    """Somebody of whom every field has a word of its own, so that each place where one is left can be told."""

    tag: str = field(default_factory=lambda: uuid4().hex[:10])
    words: dict[str, str] = field(default_factory=dict)
    phone: str = field(default_factory=lambda: f"+4930{uuid4().int % 10**7 + 10**7}")

    def say(self, name: str) -> str:
        """A word that stands for one field, as it is to be typed."""
        return self.words.setdefault(name, f"zq{name}{self.tag}")

    @property
    def email(self) -> str:
        return f"{self.say('email')}@example.com"

    @property
    def all_words(self) -> list[str]:
        return [*self.words.values(), self.phone.removeprefix("+49")]


async def a_client(world: World, **details: Any) -> Json:
    client: Json = expect(await world.booking.post("/v1/clients", json=details, headers=world.fresh_key()))
    return client


async def live(platform: Platform, world: World, person: Person) -> str:
    """Everything that can be typed about somebody, through every way in; returns the client's id."""
    client = await a_client(world, name=person.say("name"), phone=person.phone, email=person.email)
    double = await a_client(world, name=person.say("doublename"), email=f"{person.say('double')}@example.com")
    await book_edit_and_cancel(world, person, client["id"], double["id"])
    expect(await world.booking.post(f"/v1/clients/{double['id']}/merge", json={"into": client["id"]}))
    await run_imports(world, person)
    await send_a_message(platform, world, person, client["id"])
    await set_records_aside(platform, world, person, client["id"])
    return str(client["id"])


async def book_edit_and_cancel(world: World, person: Person, client_id: str, double_id: str) -> None:
    say = person.say
    custom = {"service_id": None, "service_name": say("service"), "duration_minutes": 30}
    typed = {
        "notes": say("notes"),
        "internal_notes": say("internal"),
        "external_id": say("external"),
        "origin": {"kind": "work_order", "reference_id": say("reference"), "url": f"https://crm.example/{say('url')}"},
        "location": {"kind": "other", "text": say("place")},
    }
    booked = await world.book(next_weekday(9), client_id=client_id, **custom, **typed)
    await world.book(next_weekday(9), client_id=double_id, override={"reason": say("override")})
    path = f"/v1/appointments/{booked['id']}"
    expect(await world.booking.patch(path, json={"notes": say("newnotes")}))
    moved = await world.act(booked["id"], "reschedule", starts_at=stamp(next_weekday(10)), reason=say("moving"))
    await world.act(moved["id"], "cancel", reason=say("cancelling"))
    again = await world.book(next_weekday(11), client_id=client_id, notes=say("morenotes"))
    bulk = {"verb": "cancel", "ids": [again["id"]], "arguments": {"reason": say("bulk")}}
    expect(await world.booking.post("/v1/appointments/bulk", json=bulk, headers=world.fresh_key()))
    series = {
        **world.booking_of(next_weekday(13), client_id=client_id, notes=say("seriesnotes")),
        "recurrence": {"freq": "weekly", "weekdays": [0], "count": 2},
    }
    expect(await world.booking.post("/v1/series", json=series, headers=world.fresh_key()))


IMPORTED_FIELDS = ("client_name", "email", "service", "starts_at", "notes")
IMPORT_HEADER = ("Name", "Email", "Service", "Start", "Notes")


async def run_imports(world: World, person: Person) -> None:
    """Files whose row is booked, waits, was given another's contacts, is above the header, or was taken for it."""
    await confirm_import(world, await check_import(world, person, [IMPORT_HEADER, a_row(world, person, "booked", 15)]))
    await check_import(world, person, [IMPORT_HEADER, a_row(world, person, "waiting", 17)])
    corrected = await check_import(world, person, [IMPORT_HEADER, a_row(world, person, "corrected", 17)])
    expect(await world.imports.patch(f"{corrected}/rows/2", json={"values": {"email": "another@example.com"}}))
    another = ("Another", "another@example.com", world.service["name"], stamp(next_weekday(12)), "")
    above = [a_row(world, person, "above", 18), IMPORT_HEADER, another]
    await check_import(world, person, above, header_row=2)
    taken = [IMPORT_HEADER, a_row(world, person, "header", 18), another]
    await confirm_import(world, await check_import(world, person, taken, header_row=2))


def a_row(world: World, person: Person, notes: str, hour: int) -> tuple[str, ...]:
    return person.say("name"), person.email, world.service["name"], stamp(next_weekday(hour)), person.say(notes)


async def check_import(world: World, person: Person, table: Sequence[Sequence[str]], *, header_row: int = 1) -> str:
    """Uploads a file, maps it by the row that is said to name its columns, and waits; the import's path."""
    content = "".join(f"{','.join(row)}\n" for row in table).encode()
    uploaded = expect(
        await world.imports.post(
            "/v1/imports",
            files={"file": (f"{person.say('file')}.csv", content, "text/csv")},
            data={"business_id": world.business["id"]},
            headers=world.fresh_key(),
        )
    )
    path = f"/v1/imports/{uploaded['id']}"
    columns = dict(zip(IMPORTED_FIELDS, table[header_row - 1], strict=True))
    mapping = {"columns": columns, "reading": {"header_row": str(header_row)}}
    expect(await world.imports.put(f"{path}/mapping", json=mapping))
    await until_true(lambda: has_state(world, path, "checked"), what=f"{path} is checked")
    return path


async def confirm_import(world: World, path: str) -> None:
    expect(await world.imports.post(f"{path}/confirm", json={}, headers=world.fresh_key()), 202)
    await until_true(lambda: has_state(world, path, "finished"), what=f"{path} is finished")


async def has_state(world: World, path: str, state: str) -> bool:
    imported = expect(await world.imports.get(path))
    assert imported["state"] != "failed", imported
    return bool(imported["state"] == state)


async def send_a_message(platform: Platform, world: World, person: Person, client_id: str) -> None:
    appointments = expect(await world.booking.get("/v1/appointments", params={"client_id": client_id}))["items"]
    command = SendMessage(
        actor=ACTOR,
        message_id=uuid4(),
        appointment_id=UUID(appointments[0]["id"]),
        client_id=UUID(client_id),
        channel="email",
        text=f"Dear {person.say('text')}",
    )
    await send(platform, world, command, key=appointments[0]["id"])

    async def kept() -> bool:
        return Found(place="notifications.messages", word=person.say("text")) in await found_in_databases(
            platform, [person.say("text")]
        )

    await until_true(kept, what="the message is on the ledger")


async def send(platform: Platform, world: World, data: Any, *, key: str, **more: Any) -> Envelope[Any]:
    """What a service would send, or did: `time` makes it an old one."""
    envelope = wrap(
        data,
        organization=world.organization_id,
        subject=key,
        source="/slotstream/test",
        correlation_id="erase",
        **{"sequence": 1, "time": datetime.now(UTC), **more},
    )
    headers = [(name, value.encode()) for name, value in envelope.headers().items()]
    await write_records(platform.bootstrap, envelope.topic, [(key.encode(), envelope.to_json(), headers)])
    return envelope


async def set_records_aside(platform: Platform, world: World, person: Person, client_id: str) -> None:
    """Records about the person that nobody can work through, on a compacted topic and among commands."""
    headers = [("ce_organization", str(world.organization_id).encode())]
    state = f'{{"type": "slotstream.client.state", "name": "{person.say("lostname")}"}}'.encode()
    command = f'{{"type": "slotstream.command.book_appointment", "name": "{person.say("lostcommand")}"}}'.encode()
    await write_records(platform.bootstrap, "slotstream.clients.v1", [(client_id.encode(), state, headers)])
    await write_records(platform.bootstrap, "slotstream.booking.commands.v1", [(b"lost", command, headers)])

    async def aside() -> bool:
        found = await found_in_topics(platform, person.words.values())
        return {
            Found(place="slotstream.notifications.dead-letter.v1", word=person.say("lostname")),
            Found(place="slotstream.imports.dead-letter.v1", word=person.say("lostname")),
            Found(place="slotstream.booking.dead-letter.v1", word=person.say("lostcommand")),
        } <= found

    await until_true(aside, what="the records are set aside")


def hours_on_the_privacy_page() -> dict[str, int]:
    """The topics that may still hold something of an erased person, and for how many hours at most."""
    lines = [
        line for line in PRIVACY_PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `slotstream.")
    ]
    told = {line.split("|")[1]: re.search(r"\b(\d+) hours", line) for line in lines}
    return {
        topic: int(hours[1]) for names, hours in told.items() if hours for topic in re.findall(r"`([\w.*-]+)`", names)
    }


def allowed_hours(topic: str) -> int | None:
    pattern = re.sub(r"^slotstream\.[\w-]+\.dead-letter\.v1$", "slotstream.*.dead-letter.v1", topic)
    return hours_on_the_privacy_page().get(pattern)


def dlq(platform: Platform, *arguments: str) -> str:
    environment = platform.stack_settings.environment("notifications", port=0)
    command = [executable("slotstream"), "dlq", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_topics_job_deletes_as_soon_as_the_privacy_page_says() -> None:
    told = {topic.name: hours for topic in ALL_TOPICS if (hours := allowed_hours(topic.name)) is not None}
    assert len(told) >= 2 + 5, "commands and dead letters"
    for topic in ALL_TOPICS:
        if topic.name in told:
            settings = topic_configuration(topic)
            kept = timedelta(milliseconds=int(settings["retention.ms"]) + int(settings["segment.ms"]))
            assert kept <= timedelta(hours=told[topic.name]), topic.name


async def test_nothing_of_an_erased_person_is_left_but_what_the_privacy_page_says(platform: Platform) -> None:
    world = await platform.a_world()
    person = Person()
    client_id = await live(platform, world, person)
    before = await found_in_databases(platform, person.all_words)
    assert {found.word for found in before} >= set(person.all_words) - {
        person.say("lostname"),
        person.say("lostcommand"),
    }, "what is never stored cannot be erased"
    assert await found_in_topics(platform, person.all_words)
    old = datetime.now(UTC)

    erase = {"open_appointments": "cancel"}
    expect(await world.booking.post(f"/v1/clients/{client_id}/erase", json=erase, headers=world.fresh_key()), 204)

    async def forgotten() -> bool:
        left = await found_in_databases(platform, person.all_words)
        assert not left, sorted(left)
        unbounded = [
            found for found in await found_in_topics(platform, person.all_words) if allowed_hours(found.place) is None
        ]
        assert not unbounded, sorted(unbounded)
        return True

    await until_true(forgotten, within=60, what="nothing is left")
    await read_again(platform, world, person, client_id, old)
    await forgotten()


async def read_again(platform: Platform, world: World, person: Person, client_id: str, old: datetime) -> None:
    """Dead letters are sent back, and an old command and an old state come again."""
    for service in ("notifications", "imports"):
        numbers = await letters_about(platform, service, person.say("lostname"))
        assert "1 dropped: something newer has taken their place" in dlq(platform, "replay", service, *numbers)
    await an_old_command_is_refused(platform, world, person, old)
    await an_old_state_is_ignored(platform, world, person, client_id, old)


async def letters_about(platform: Platform, service: str, word: str) -> list[str]:
    letters = await read_topic(platform.bootstrap, f"slotstream.{service}.dead-letter.v1")
    return [str(record.offset) for record in letters if word.encode() in (record.value or b"")]


async def an_old_command_is_refused(platform: Platform, world: World, person: Person, old: datetime) -> None:
    """As one would be that was set aside before the erase and sent back after it."""
    request = AppointmentRequest(
        business_id=UUID(world.business["id"]),
        service_id=UUID(world.service["id"]),
        client=ClientDetails(name=person.say("name"), email=person.email),
        starts_at=next_weekday(18),
        source="import",
        notes=person.say("notes"),
    )
    booking = BookAppointment(actor=ACTOR, appointment_id=uuid4(), request=request)
    command = await send(platform, world, booking, key=str(booking.appointment_id), time=old)

    async def refused() -> bool:
        records = await read_topic(platform.bootstrap, "slotstream.booking.results.v1")
        results = [content["data"] for record in records if (content := content_of(record))]
        codes = [result.get("code") for result in results if result.get("command_id") == str(command.id)]
        return codes == ["client_erased"]

    await until_true(refused, what="the old command is refused")


async def an_old_state_is_ignored(
    platform: Platform, world: World, person: Person, client_id: str, old: datetime
) -> None:
    state = ClientState(
        id=UUID(client_id),
        organization_id=world.organization_id,
        name=person.say("name"),
        phone=person.phone,
        email=person.email,
        updated_at=old,
        version=1,
    )
    await send(platform, world, state, key=client_id)
    after = state.model_copy(update={"id": uuid4(), "name": f"after{person.tag}", "phone": None, "email": None})
    # Of the same key, and so read after it.
    await send(platform, world, after, key=client_id)

    async def read() -> bool:
        word = f"after{person.tag}"
        return Found(place="notifications.clients", word=word) in await found_in_databases(platform, [word])

    await until_true(read, what="what came after the old state is read")
    assert await found_in_databases(platform, person.all_words) == set()
    await bury_again(platform, world, client_id)


async def bury_again(platform: Platform, world: World, client_id: str) -> None:
    """The key's last record is a tombstone again, as compaction would leave it, for whoever reads the topic next."""
    headers = [
        ("ce_id", str(uuid4()).encode()),
        ("ce_type", ClientState.type.encode()),
        ("ce_organization", str(world.organization_id).encode()),
        ("ce_sequence", b"9"),
    ]
    await write_records(platform.bootstrap, "slotstream.clients.v1", [(client_id.encode(), None, headers)])
