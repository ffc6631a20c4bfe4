"""The API keeps to its OpenAPI document, whatever it is asked."""

from imports_service import ImportsService

from slotstream_servicekit.testing.fuzzing import assert_a_running_server_keeps_to_its_document

FILE = "Client,Phone,Service,Start\nEva,030 901820,Haircut,2026-03-30 10:00\nFinn,12,Haircut,2026-03-30 10:00\n"


async def test_every_answer_is_one_that_the_openapi_document_declares(service: ImportsService) -> None:
    import_ids = [await service.checked(FILE) for _ in range(3)] + [await service.finished(FILE)]
    # The one stream without end tells its first event and closes, as it does when the service stops.
    service.app.state.health.stopping()

    statuses = await assert_a_running_server_keeps_to_its_document(
        service.app,
        headers={"Authorization": service.http.headers["Authorization"]},
        known={"imports": import_ids},
        max_examples=20,
    )

    assert {200, 404, 409, 422} <= statuses
