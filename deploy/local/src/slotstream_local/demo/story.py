"""What the demo does, in order, and how it tells it."""

import time
from datetime import datetime, timedelta

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from slotstream_local.demo.apis import Apis, Json, ask_until
from slotstream_local.demo.calendar import private_calendar, served
from slotstream_local.demo.organization import (
    BERLIN,
    NEW_YORK,
    Business,
    add_clients,
    next_monday,
    set_up,
    stamp,
)
from slotstream_local.demo.sheet import ROWS, appointments_csv
from slotstream_local.demo.stage import Stage


def demo(stage: Stage, console: Console) -> int:
    """Play the story: first in the organization that one signs in to, then in new ones."""
    before = len(stage.mails())
    began = time.monotonic()
    with Apis.of_an_empty_organization(stage) as apis:
        console.print(f"Organization: {apis.organization_id}\n")
        berlin, new_york = set_up(apis, BERLIN), set_up(apis, NEW_YORK)
        clients = add_clients(apis)
        _tell_organization(console, [berlin, new_york], clients)
        _import(apis, console, berlin)
        console.print("[bold]Calendars[/bold]")
        if stage.reads_this_machine:
            _connect(apis, console, berlin)
        _subscribe(apis, console, berlin)
        _work_the_desk(apis, console, [berlin, new_york], clients)
        _tell_counts(apis, console)
        _tell_mail(stage, console, before)
        _tell_how_to_go_on(apis, stage, console)
    console.print(f"\nDone in {time.monotonic() - began:.1f} s.")
    return 0


def _tell_organization(console: Console, businesses: list[Business], clients: list[Json]) -> None:
    table = _table("The organization", "business", "zone", "staff", "services", "hours")
    for business in businesses:
        table.add_row(
            business.plan.name,
            business.plan.zone,
            ", ".join(business.plan.staff),
            ", ".join(f"{name} ({minutes} min)" for name, minutes, _ in business.plan.services),
            ", ".join(f"{starts}-{ends}" for starts, ends in business.plan.hours),
        )
    console.print(table)
    console.print(f"Clients: {', '.join(client['name'] for client in clients)}\n")


def _import(apis: Apis, console: Console, business: Business) -> None:
    """Upload, take the mapping that was guessed, look at what was found, and book what is good."""
    uploaded = apis.upload(
        "imports",
        "/v1/imports",
        name="appointments.csv",
        content=appointments_csv(business),
        fields={"business_id": business.id},
    )
    path = f"/v1/imports/{uploaded['id']}"
    preview = apis.get("imports", f"{path}/preview")
    mapping = {name: preview[name] for name in ("columns", "date_order", "zone") if preview[name]}
    apis.put("imports", f"{path}/mapping", mapping)
    checked = _reached(apis, path, "checked")
    apis.post("imports", f"{path}/confirm", {})
    finished = _reached(apis, path, "finished")
    table = _table(f"A sheet of {ROWS} appointments, with flaws", "after", "rows", "what")
    for name in ("ok", "warnings", "conflicts", "invalid"):
        table.add_row("checking", str(checked["counts"][name]), name)
    for name in ("booked", "failed"):
        table.add_row("booking", str(finished["counts"][name]), name)
    console.print(table)
    console.print(f"Rows and reasons: {apis.urls['imports']}{path}/rows\n")


def _reached(apis: Apis, path: str, state: str) -> Json:
    return ask_until(
        lambda: apis.get("imports", path),
        lambda answer: answer["state"] in {state, "failed"},
        what=f"the import is {state}",
    )


def _connect(apis: Apis, console: Console, business: Business) -> None:
    """Anna's private calendar becomes busy time."""
    anna, monday = business.staff[0], next_monday()
    dentist_at = business.at(monday, 9)
    calendar = private_calendar(
        zone=business.plan.zone, dentist_at=dentist_at, yoga_at=business.at(monday + timedelta(days=1), 17)
    )
    with served(calendar) as address:
        connection = apis.post(
            "calendar_sync",
            "/v1/connections",
            {"kind": "ics", "resource_id": anna["id"], "url": address, "name": "Anna's own calendar"},
        )
        path = f"/v1/connections/{connection['id']}"
        read = ask_until(
            lambda: apis.get("calendar_sync", path),
            lambda answer: answer["busy_instances"] > 0,
            what="the calendar has been read",
        )
        # The file is gone after the demo: what was read stays, and nobody asks for it again.
        apis.patch("calendar_sync", path, {"paused": True})
    wish = {
        "service_id": business.services["Haircut"]["id"],
        "business_id": business.id,
        "resource_ids": [anna["id"]],
        "starts_at": stamp(dentist_at),
    }
    told = ask_until(
        lambda: apis.post("availability", "/v1/bookability", wish),
        lambda answer: not answer["bookable"],
        what="Anna's dentist takes her time",
    )
    console.print(f"Anna's own calendar: {read['busy_instances']} events take her time.")
    reasons = ", ".join(reason["code"] for reason in told["reasons"])
    console.print(f"While she is at the dentist she cannot be booked: {reasons}.")


def _subscribe(apis: Apis, console: Console, business: Business) -> None:
    """Anna's appointments become a calendar to subscribe to."""
    feed = {"resource_id": business.staff[0]["id"], "name": "Anna at Salon Nord"}
    url = apis.post("calendar_sync", "/v1/feeds", feed)["url"]
    console.print(f"Anna's appointments as a calendar: {url}\n", soft_wrap=True)


def _work_the_desk(apis: Apis, console: Console, businesses: list[Business], clients: list[Json]) -> None:
    """Ask for slots and book, confirm, reschedule and cancel, in both businesses."""
    table = _table("At the desk", "what", "business", "when there", "client", "answer")
    berlin, new_york = businesses
    plan = [
        (berlin, "Haircut", clients[0], "confirm"),
        (berlin, "Colour", clients[1], "reschedule"),
        (new_york, "Check-up", clients[2], "confirm"),
        (new_york, "Check-up", clients[0], "cancel"),
    ]
    for business, service, client, verb in plan:
        slots = _slots(apis, business, service)
        chosen = slots[len(slots) // 2]
        booked = apis.post("booking", "/v1/appointments", _wish(business, service, client, chosen))
        _row(table, f"book {service}", business, booked, client, booked["status"])
        again = apis.try_post(
            "booking",
            "/v1/appointments",
            {
                **_wish(business, service, client, chosen),
                "resource_ids": [resource["id"] for resource in booked["resources"]],
            },
        )
        _row(table, "book it again", business, booked, client, f"{again.status_code} {again.json().get('code', '')}")
        after = _act(apis, booked["id"], verb, slots)
        _row(table, verb, business, after, client, after["status"])
    console.print(table)
    console.print()


def _act(apis: Apis, appointment_id: str, verb: str, slots: list[str]) -> Json:
    path = f"/v1/appointments/{appointment_id}/{verb}"
    if verb == "reschedule":
        moved: Json = apis.post("booking", path, {"starts_at": slots[-1]})["appointment"]
        return moved
    return apis.post("booking", path, {"reason": "The client called"} if verb == "cancel" else {})


def _slots(apis: Apis, business: Business, service: str) -> list[str]:
    day = next_monday() + timedelta(days=2)
    answer = ask_until(
        lambda: apis.get(
            "availability",
            "/v1/slots",
            business_id=business.id,
            service_id=business.services[service]["id"],
            **{"from": f"{day:%Y-%m-%d}", "to": f"{day + timedelta(days=1):%Y-%m-%d}"},
        ),
        lambda answer: bool(answer["days"]),
        what=f"{business.plan.name} offers slots",
    )
    return [slot["starts_at"] for day in answer["days"] for slot in day["slots"]]


def _wish(business: Business, service: str, client: Json, starts_at: str) -> Json:
    return {
        "business_id": business.id,
        "service_id": business.services[service]["id"],
        "client_id": client["id"],
        "starts_at": starts_at,
    }


def _row(table: Table, what: str, business: Business, appointment: Json, client: Json, answer: str) -> None:
    local = datetime.fromisoformat(appointment["starts_at"]).astimezone(business.zone)
    table.add_row(what, business.plan.name, f"{local:%a %d %b, %H:%M}", client["name"], answer)


def _tell_counts(apis: Apis, console: Console) -> None:
    table = _table("The book now", "status", "appointments")
    for status, number in apis.get("booking", "/v1/appointments/counts")["by_status"].items():
        table.add_row(status, str(number))
    console.print(table)
    console.print()


def _tell_mail(stage: Stage, console: Console, before: int) -> None:
    """Wait until the messages of the desk have come out at the other end, and list them."""
    deadline = time.monotonic() + 15
    seen, since = before, time.monotonic()
    while time.monotonic() < deadline and (seen == before or time.monotonic() - since < 2):
        now = len(stage.mails())
        if now != seen:
            seen, since = now, time.monotonic()
        time.sleep(0.1)
    table = _table("Mail", "#", "to", "subject")
    for number, (to, subject) in enumerate(stage.mails()[before:], start=before + 1):
        table.add_row(str(number), escape(to), escape(subject))
    console.print(table)
    console.print(f"`{stage.reads_mail}` reads one; it carries a calendar file.\n")


def _tell_how_to_go_on(apis: Apis, stage: Stage, console: Console) -> None:
    console.print("[bold]Go on[/bold]")
    for line in stage.goes_on(apis.organization_id, apis.token):
        console.print(line, soft_wrap=True)


def _table(title: str, *columns: str) -> Table:
    return Table(*columns, title=title, title_justify="left", title_style="bold", header_style="dim", box=None)
