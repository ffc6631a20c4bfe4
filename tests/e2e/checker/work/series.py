"""Series, and changes to all of their dates."""

from typing import Any
from uuid import uuid4

from checker.work.desk import EMERGENCY, Desk


async def create_series(desk: Desk) -> None:
    """Four weeks, as far as they can be had."""
    identity = str(uuid4())
    body = desk.booking_of(desk.any_slot(), id=identity)
    body |= {"recurrence": {"freq": "weekly", "count": 4}, "on_conflict": "skip"}
    operation = await desk.ask("series", "/v1/series", body, key=uuid4().hex)
    if operation.outcome == "ok":
        desk.tenant.series.append(identity)
        desk.tenant.known.extend(operation.occurrences())


async def change_series(desk: Desk) -> None:
    """All dates with somebody else, or at another time, whoever is in the way."""
    if not desk.tenant.series:
        return
    change: dict[str, Any] = desk.random.choice(
        (
            {"resource_ids": [desk.any_staff()]},
            {"local_time": f"{desk.random.randrange(24):02}:{desk.random.choice((0, 30)):02}"},
        )
    )
    policy: dict[str, Any] = desk.random.choice(
        ({"on_conflict": "skip"}, {"on_conflict": "fail"}, {"on_conflict": "override", "override": EMERGENCY})
    )
    path = f"/v1/series/{desk.random.choice(desk.tenant.series)}"
    operation = await desk.ask("series change", path, {"scope": "all"} | change | policy, method="PATCH")
    if operation.outcome == "ok":
        desk.tenant.known.extend(operation.occurrences())
