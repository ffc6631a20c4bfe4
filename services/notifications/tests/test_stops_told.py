"""Who has something sent to clients learns of a STOP, whoever has the number, and of a START."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from notifications_phone import GRACE, Phone
from notifications_salon import Salon
from notifications_twilio import Answer, FakeTwilio
from test_sms_sending import fall_due, remind

pytestmark = pytest.mark.service


async def told(salon: Salon) -> list[tuple[UUID, list[str], int]]:
    """Takes what is waiting to be published: of which client what is told, and the version."""
    return [
        (UUID(item["data"]["client_id"]), item["data"]["opted_out"], item["data"]["version"])
        for item in await salon.take_published()
        if item["type"] == "slotstream.client_preferences.state"
    ]


async def test_a_stop_is_told_at_once_of_all_who_have_the_number_and_start_takes_it_back(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    tom, elsewhere = uuid4(), uuid4()
    await salon.receive_states(
        salon.client(id=tom, name="Tom", phone=GRACE), salon.client(id=elsewhere, organization_id=uuid4(), phone=GRACE)
    )
    assert await told(salon) == []
    sid = await phone.text("STOP")
    await phone.text("STOP", sid=sid)
    await phone.text("stop.")
    everybody = {salon.client_id, tom, elsewhere}
    assert sorted(await told(salon)) == sorted((client_id, ["sms"], 1) for client_id in everybody)

    await phone.text("START")
    await phone.text("UNSTOP")
    assert sorted(await told(salon)) == sorted((client_id, [], 2) for client_id in everybody)
    await phone.text("STOP", sid=sid)
    assert await told(salon) == []


async def test_what_staff_have_set_and_what_the_phone_has_stopped_are_told_together(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    path = f"/v1/clients/{salon.client_id}/preferences"
    await phone.text("STOP")
    answer = await salon.http.put(path, json={"opted_out": ["email"]})
    assert answer.json()["version"] == 2
    await salon.http.put(path, json={"opted_out": ["sms"]})
    await phone.text("START")
    assert [(channels, version) for _, channels, version in await told(salon)] == [
        (["sms"], 1),
        (["email", "sms"], 2),
        (["sms"], 3),
        (["sms"], 4),
    ]


async def test_a_client_who_comes_with_a_stopped_number_or_gets_another_is_told_of(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    await phone.text("STOP")
    await told(salon)
    again = uuid4()
    await salon.receive_states(salon.client(id=again, phone=GRACE))
    await salon.receive_states(salon.client(id=again, phone=GRACE))
    assert await told(salon) == [(again, ["sms"], 1)]
    await salon.receive_states(salon.client(id=again, phone="+447700900124", version=2))
    await salon.receive_states(salon.client(id=again, phone=GRACE, version=1))
    assert await told(salon) == [(again, [], 2)]
    await salon.receive_states(salon.client(id=again, phone=None, version=3), salon.client(id=uuid4(), phone=None))
    assert await told(salon) == []


async def test_an_erased_client_is_told_of_no_more(salon: Salon, twilio: FakeTwilio, phone: Phone) -> None:
    await phone.text("STOP")
    await told(salon)
    await salon.erase(salon.client_id)
    await phone.text("START")
    await salon.receive_states(salon.client(phone=GRACE, version=9))
    await phone.text("STOP")
    assert await told(salon) == []


async def test_a_stop_that_the_provider_tells_of_is_told_as_well(salon: Salon, twilio: FakeTwilio) -> None:
    appointment, _ = await remind(salon)
    twilio.answers = [Answer(400, 21610)]
    await fall_due(salon, appointment)
    assert await told(salon) == [(salon.client_id, ["sms"], 1)]


async def test_a_rebuild_tells_nobody(salon: Salon, twilio: FakeTwilio, phone: Phone) -> None:
    await phone.text("STOP")
    await told(salon)
    known: Any = salon.handlers.numbers
    salon.handlers.numbers = None
    await salon.receive_states(salon.client(phone=GRACE, version=4), salon.client(id=uuid4(), phone=GRACE))
    salon.handlers.numbers = known
    assert await told(salon) == []
