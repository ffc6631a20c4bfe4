"""Another organization's ids, with one's own token: used, named as new, and keys that are equal everywhere."""

from typing import Any
from uuid import uuid4

from checker.work.desk import Desk


async def use_foreign_ids(desk: Desk) -> None:
    """A booking with another organization's business, service, staff or client."""
    theirs = desk.foreign
    stolen: dict[str, Any] = desk.random.choice(
        (
            {"business_id": theirs.world.business["id"]},
            {"service_id": theirs.world.service["id"]},
            {"resource_ids": [theirs.world.staff[0]["id"]]},
            {"client_id": theirs.clients[0]},
        )
    )
    body = desk.booking_of(desk.any_slot()) | stolen
    operation = await desk.ask("trespass", "/v1/appointments", body, key=uuid4().hex)
    desk.history.trespasses.append(operation)


async def act_on_foreign(desk: Desk) -> None:
    """A verb, an edit or an erase on what another organization has."""
    appointment = desk.random.choice(desk.foreign.known or desk.foreign.clients)
    paths: tuple[tuple[str, dict[str, Any]], ...] = (
        (f"/v1/appointments/{appointment}/cancel", {"reason": "not ours"}),
        (f"/v1/appointments/{appointment}/reschedule", {"starts_at": desk.any_slot().isoformat()}),
        (f"/v1/clients/{desk.foreign.clients[0]}/erase", {"open_appointments": "cancel"}),
        (f"/v1/clients/{desk.foreign.clients[0]}/merge", {"into": desk.any_client()}),
        (f"/v1/clients/{desk.any_client()}/merge", {"into": desk.foreign.clients[0]}),
    )
    path, body = desk.random.choice(paths)
    desk.history.trespasses.append(await desk.ask("trespass", path, body, key=uuid4().hex))


async def take_equal_ids(desk: Desk) -> None:
    """An id of another organization's as the id of something new: taken, and nothing is said of whose it is."""
    theirs, business = desk.foreign, desk.tenant.world.business["id"]
    makers: list[tuple[str, dict[str, Any]]] = [
        ("/v1/clients", {"id": theirs.clients[0], "name": "Client 0"}),
        ("/v1/resources", {"id": theirs.visiting, "name": "Ada", "business_ids": [business]}),
        ("/v1/services", {"id": theirs.group, "name": "Yoga", "business_id": business, "duration_minutes": 30}),
    ]
    if theirs.known:
        makers.append(("/v1/appointments", desk.booking_of(desk.any_slot(), id=desk.random.choice(theirs.known))))
    if theirs.series:
        again = {"id": desk.random.choice(theirs.series), "recurrence": {"freq": "weekly", "count": 2}}
        makers.append(("/v1/series", desk.booking_of(desk.any_slot()) | again))
    path, body = desk.random.choice(makers)
    desk.history.trespasses.append(await desk.ask("equal id", path, body, key=uuid4().hex))


async def use_equal_keys(desk: Desk) -> None:
    """Idempotency-Keys and external ids that every organization uses: each has them to itself."""
    desk.equal_keys += 1
    equal = f"equal-{desk.place}-{desk.equal_keys}"
    operation = await desk.ask(
        "create_equal", "/v1/appointments", desk.booking_of(desk.any_slot(), external_id=equal), key=equal
    )
    if operation.outcome == "ok" and operation.answer["id"] not in desk.tenant.known:
        desk.tenant.known.append(operation.answer["id"])
