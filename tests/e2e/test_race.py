"""Many clients, one slot."""

import asyncio
from datetime import timedelta

import pytest
from harness.platform import Platform
from harness.world import next_weekday

pytestmark = pytest.mark.e2e


async def test_32_clients_race_for_one_slot_and_one_wins(platform: Platform) -> None:
    world = await platform.a_world()
    for hour in range(3):
        starts_at = next_weekday(9) + timedelta(hours=hour)

        answers = await asyncio.gather(
            *(
                world.booking.post("/v1/appointments", json=world.booking_of(starts_at), headers=world.fresh_key())
                for _ in range(32)
            )
        )

        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == [201] + [409] * 31
        refused = [answer.json() for answer in answers if answer.status_code == 409]
        winner = next(answer.json() for answer in answers if answer.status_code == 201)
        assert {problem["code"] for problem in refused} == {"slot_taken"}
        assert {identity for problem in refused for identity in problem["reasons"][0]["conflicts_with"]} == {
            winner["id"]
        }


async def test_one_idempotency_key_has_one_effect_however_often_it_is_sent(platform: Platform) -> None:
    world = await platform.a_world()
    body, key = world.booking_of(next_weekday(15)), world.fresh_key()

    answers = await asyncio.gather(*(world.booking.post("/v1/appointments", json=body, headers=key) for _ in range(16)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum(answer.headers.get("Idempotency-Replayed") == "true" for answer in answers) == 15
    changed = await world.booking.post("/v1/appointments", json=body | {"notes": "another wish"}, headers=key)
    assert (changed.status_code, changed.json()["code"]) == (422, "idempotency_key_reused")
