"""The API keeps to its OpenAPI document, whatever it is asked."""

from typing import Any

from slotstream_servicekit.testing.fuzzing import assert_a_running_server_keeps_to_its_document

FILE = "Client,Phone,Service,Start\nEva,030 901820,Haircut,2026-03-30 10:00\nFinn,12,Haircut,2026-03-30 10:00\n"


async def test_every_answer_is_one_that_the_openapi_document_declares(world: Any) -> None:
    import_ids = [await world.checked(FILE) for _ in range(3)] + [await world.finished(FILE)]
    # The one stream without end tells its first event and closes, as it does when the service stops.
    world.app.state.health.stopping()

    statuses = await assert_a_running_server_keeps_to_its_document(
        world.app,
        headers={"Authorization": world.http.headers["Authorization"]},
        known={"imports": import_ids},
        max_examples=20,
    )

    assert {200, 404, 409, 422} <= statuses
