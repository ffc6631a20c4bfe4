"""A default reminder is given to appointments that stand already: when that is asked for, once, and none at once."""

import asyncio
import random
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notifications_salon import NOW, Salon
from sqlalchemy import text
from test_planning import an_appointment
from test_reminders import a_rule, due, reminders

from notifications.domain.leads import Lead
from notifications.domain.messages import Channel
from notifications.domain.reminders import ReminderRule
from notifications.domain.rule_applications import scope_of
from notifications.domain.rules import rules_for
from notifications.storage import ReplanStore, RuleApplicationStore
from notifications.usecases import rule_applications
from notifications.usecases.replanning import replan_next
from slotstream_contracts.appointments import AppointmentSnapshot
from slotstream_servicekit.testing.plugin import ApiClientFactory, Signer

SERVICE = pytest.mark.service
HOUR = timedelta(hours=1)
NOTHING = {"planned": 0, "too_late": 0, "no_address": 0, "landline": 0, "appointment_pending": 0, "notify_off": 0}


async def standing(salon: Salon, count: int = 1, **more: Any) -> list[AppointmentSnapshot]:
    """Appointments that are there before any rule, an hour apart."""
    first = more.pop("starts_at", NOW + timedelta(days=7))
    made = [salon.snapshot(starts_at=first + place * HOUR, **more) for place in range(count)]
    await salon.receive(*[salon.created(appointment) for appointment in made])
    await salon.send()
    return made


def path_of(rule: dict[str, Any]) -> str:
    return f"/v1/reminder-rules/{rule['id']}/application"


async def apply(salon: Salon, rule: dict[str, Any]) -> dict[str, Any]:
    answer = await salon.http.post(path_of(rule))
    assert answer.status_code == 202, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def application(salon: Salon, rule: dict[str, Any]) -> dict[str, Any]:
    answer = await salon.http.get(path_of(rule))
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def preview(salon: Salon, rule: dict[str, Any]) -> dict[str, Any]:
    answer = await salon.http.get(f"{path_of(rule)}/preview")
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def step(salon: Salon, *, most: int = 2) -> bool:
    changed = await replan_next(database=salon.database, channels=salon.sender.channels, now=salon.now, most=most)
    return changed is not None


async def planned(salon: Salon) -> Counter[UUID]:
    """How many reminders are planned for each appointment."""
    async with salon.database.system_transaction() as session:
        query = "SELECT appointment_id FROM messages WHERE kind = 'reminder' AND status = 'planned'"
        return Counter((await session.execute(text(query))).scalars())


@SERVICE
async def test_a_rule_gives_nothing_to_what_stands_until_that_is_asked_for(salon: Salon) -> None:
    [appointment] = await standing(salon)
    rule = await a_rule(salon, enabled=False)
    switched_on = await salon.http.patch(f"/v1/reminder-rules/{rule['id']}", json={"enabled": True})
    assert switched_on.status_code == 200
    await salon.replan()
    assert await reminders(salon, appointment.id) == []
    not_asked = await salon.http.get(path_of(rule))
    assert (not_asked.status_code, not_asked.json()["code"]) == (404, "rule_not_applied")

    asked = await apply(salon, rule)
    assert (asked["status"], asked["total"], asked["reached"]) == ("running", 1, 0)
    assert await salon.send() == []
    assert await due(salon, appointment.id) == [("planned", appointment.starts_at - HOUR)]
    done = await application(salon, rule)
    assert (done["status"], done["reached"], done["outcomes"]) == ("finished", 1, {**NOTHING, "planned": 1})
    salon.now = appointment.starts_at - HOUR
    assert len(await salon.send()) == 1


@SERVICE
async def test_the_preview_is_what_applying_does(salon: Salon) -> None:
    unknown = uuid4()
    await salon.receive_states(salon.client(id=unknown, email=None))
    await standing(salon, 3)
    await standing(salon, 2, client_id=unknown)
    await standing(salon, starts_at=NOW + timedelta(minutes=30), created_at=NOW - timedelta(days=9))
    await standing(salon, status="pending")
    await standing(salon, notify_client=False)
    edited, cancelled, moved = await standing(salon, 3, starts_at=NOW + timedelta(days=9))
    by_hand = f"/v1/appointments/{edited.id}/reminders"
    assert (await salon.http.post(by_hand, json={"minutes_before": 20})).status_code == 201
    await salon.receive(salon.cancelled(cancelled))
    await salon.receive(*salon.rescheduled(moved, moved.starts_at + HOUR))
    rule = await a_rule(salon)
    await standing(salon, 2, starts_at=NOW + timedelta(days=8))

    expected = {"planned": 4, "too_late": 1, "no_address": 2, "landline": 0, "appointment_pending": 1, "notify_off": 1}
    shown = await preview(salon, rule)
    assert shown == {"appointments": 9, "have_it": 2, "edited": 1, "looked_at": 9, "outcomes": expected}
    assert (await apply(salon, rule))["total"] == 9
    await salon.replan()
    assert (await application(salon, rule))["outcomes"] == expected
    after = await preview(salon, rule)
    assert after == {"appointments": 0, "have_it": 11, "edited": 1, "looked_at": 0, "outcomes": NOTHING}


@SERVICE
async def test_a_preview_judges_those_that_begin_first_and_counts_all(
    salon: Salon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule_applications, "MOST_LOOKED_AT", 3)
    monkeypatch.setattr(rule_applications, "_CHUNK", 2)
    await standing(salon, 4)
    await standing(salon, starts_at=NOW + timedelta(minutes=30), created_at=NOW - timedelta(days=9))
    shown = await preview(salon, await a_rule(salon))
    assert (shown["appointments"], shown["looked_at"]) == (5, 3)
    assert shown["outcomes"] == {**NOTHING, "planned": 2, "too_late": 1}


@SERVICE
@pytest.mark.parametrize("ahead", [timedelta(minutes=1), timedelta(minutes=59), HOUR])
async def test_what_is_due_by_then_is_on_the_ledger_as_too_late_and_never_sent(salon: Salon, ahead: timedelta) -> None:
    [appointment] = await standing(salon, starts_at=NOW + ahead, created_at=NOW - timedelta(days=9))
    await apply(salon, await a_rule(salon))
    assert await salon.send() == []
    assert [(row["status"], row["reason"]) for row in await reminders(salon, appointment.id)] == [
        ("suppressed", "too_late")
    ]
    # Nor does another change of the appointment bring it back.
    await salon.receive(salon.confirmed(appointment))
    assert "Reminder" not in [str(mail["Subject"]).partition(":")[0] for mail in await salon.send()]


@SERVICE
async def test_what_falls_due_while_it_waits_for_its_turn_is_not_sent_late(salon: Salon) -> None:
    [appointment] = await standing(salon, starts_at=NOW + timedelta(minutes=90), created_at=NOW - timedelta(days=9))
    await apply(salon, await a_rule(salon))
    salon.now += timedelta(minutes=31)
    assert await salon.send() == []
    assert [row["reason"] for row in await reminders(salon, appointment.id)] == ["too_late"]


@SERVICE
async def test_asking_twice_plans_nothing_twice_and_one_under_way_goes_on(salon: Salon) -> None:
    made = await standing(salon, 3)
    rule = await a_rule(salon)
    first = await apply(salon, rule)
    await step(salon)
    under_way = await apply(salon, rule)
    assert (under_way["reached"], under_way["requested_at"]) == (2, first["requested_at"])
    await salon.replan()
    salon.now += timedelta(minutes=5)
    again = await apply(salon, rule)
    assert (again["total"], again["outcomes"]) == (0, NOTHING)
    await salon.replan()
    assert await planned(salon) == Counter({appointment.id: 1 for appointment in made})


@SERVICE
async def test_the_same_reminder_of_another_rule_is_not_given_again(salon: Salon) -> None:
    old = await a_rule(salon)
    [appointment] = await standing(salon)
    assert (await salon.http.delete(f"/v1/reminder-rules/{old['id']}")).status_code == 204
    rule = await a_rule(salon)
    assert (await preview(salon, rule))["have_it"] == 1
    await apply(salon, rule)
    await salon.replan()
    assert await planned(salon) == Counter({appointment.id: 1})


@SERVICE
@pytest.mark.parametrize("edit", ["added", "removed", "added and removed"])
async def test_whose_reminders_somebody_has_edited_keeps_them(salon: Salon, edit: str) -> None:
    await a_rule(salon, minutes_before=120)
    [appointment] = await standing(salon)
    path = f"/v1/appointments/{appointment.id}/reminders"
    [by_rule] = await reminders(salon, appointment.id)
    if "added" in edit:
        added = await salon.http.post(path, json={"minutes_before": 30})
        assert added.status_code == 201
    if "removed" in edit:
        gone = by_rule["id"] if edit == "removed" else added.json()["id"]
        assert (await salon.http.delete(f"{path}/{gone}")).status_code == 204
    before = await reminders(salon, appointment.id)
    rule = await a_rule(salon)
    await apply(salon, rule)
    await salon.replan()
    assert await reminders(salon, appointment.id) == before
    # Also where the appointment moves afterwards.
    _, new = salon.rescheduled(appointment, appointment.starts_at + timedelta(days=1))
    await salon.receive(new)
    assert 60 not in [row["minutes_before"] for row in await reminders(salon, new.data.appointment.id)]


@SERVICE
async def test_a_rule_reaches_those_alone_that_would_get_it_if_they_were_made_now(salon: Salon) -> None:
    [haircut] = await standing(salon)
    [other] = await standing(salon, service_id=None)
    of_service = await a_rule(salon, minutes_before=30, service_id=str(salon.service_id), enabled=False)
    of_all = await a_rule(salon)
    await apply(salon, of_all)
    await salon.replan()
    assert (await due(salon, haircut.id), len(await due(salon, other.id))) == ([], 1)

    switched_off = await salon.http.post(path_of(of_service))
    assert (switched_off.status_code, switched_off.json()["code"]) == (409, "rule_disabled")
    assert (await preview(salon, of_service))["appointments"] == 1
    await salon.http.patch(f"/v1/reminder-rules/{of_service['id']}", json={"enabled": True})
    await apply(salon, of_service)
    await salon.replan()
    assert [row["minutes_before"] for row in await reminders(salon, haircut.id)] == [30]


@SERVICE
@pytest.mark.parametrize("change", [{"minutes_before": 90}, {"enabled": False}, None])
async def test_a_rule_that_changes_meanwhile_stops_it_and_what_was_planned_stays(
    salon: Salon, change: dict[str, Any] | None
) -> None:
    made = await standing(salon, 3)
    rule = await a_rule(salon)
    await apply(salon, rule)
    await step(salon)
    at = f"/v1/reminder-rules/{rule['id']}"
    assert (await (salon.http.delete(at) if change is None else salon.http.patch(at, json=change))).is_success
    await salon.replan()
    assert await planned(salon) == Counter({appointment.id: 1 for appointment in made[:2]})
    if change is None:
        assert (await salon.http.get(path_of(rule))).status_code == 404
    else:
        assert (await application(salon, rule))["status"] == "stopped"
    if change == {"minutes_before": 90}:
        # Those that have the rule's reminder keep it as it was given.
        assert (await apply(salon, rule))["total"] == 1
        await salon.replan()
        assert [await due(salon, item.id) for item in made] == [
            [("planned", item.starts_at - timedelta(minutes=minutes))]
            for item, minutes in zip(made, (60, 60, 90), strict=True)
        ]


@SERVICE
async def test_a_rule_that_changes_before_a_step_notices_is_applied_anew(salon: Salon) -> None:
    made = await standing(salon, 3)
    rule = await a_rule(salon)
    await apply(salon, rule)
    await step(salon)
    await salon.http.patch(f"/v1/reminder-rules/{rule['id']}", json={"minutes_before": 90})
    assert (await apply(salon, rule))["rule_version"] == 2
    await salon.replan()
    assert (await application(salon, rule))["outcomes"] == {**NOTHING, "planned": 1}
    assert await planned(salon) == Counter({appointment.id: 1 for appointment in made})


@SERVICE
async def test_who_dies_in_a_step_leaves_it_to_the_next_one(salon: Salon, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await standing(salon, 5)
    rule = await a_rule(salon)
    await apply(salon, rule)
    assert await step(salon)

    async def dies(*_: Any, **__: Any) -> None:
        raise RuntimeError("it dies")

    with monkeypatch.context() as broken:
        broken.setattr(RuleApplicationStore, "put", dies)
        with pytest.raises(RuntimeError, match="it dies"):
            await step(salon)
    assert sum((await planned(salon)).values()) == 2
    assert (await application(salon, rule))["reached"] == 2
    salon.now += timedelta(minutes=1)
    await salon.replan()
    assert await planned(salon) == Counter({appointment.id: 1 for appointment in made})
    assert (await application(salon, rule))["outcomes"] == {**NOTHING, "planned": 5}


@SERVICE
async def test_one_that_moves_to_before_those_that_had_their_turn_is_reached_all_the_same(salon: Salon) -> None:
    made = await standing(salon, 5)
    rule = await a_rule(salon)
    await apply(salon, rule)
    await step(salon)
    old, new = salon.rescheduled(made[-1], made[0].starts_at - timedelta(days=1))
    await salon.receive(old, new)
    while await step(salon):
        pass
    assert await due(salon, new.data.appointment.id) == [("planned", new.data.appointment.starts_at - HOUR)]
    assert sum((await planned(salon)).values()) == 5
    assert (await application(salon, rule))["status"] == "finished"


@SERVICE
@pytest.mark.parametrize("seed", range(6))
async def test_beside_changes_of_appointments_each_is_planned_once_and_none_for_what_is_off(
    salon: Salon, seed: int
) -> None:
    """Applied twice, with steps at random between moves, cancellations, reopenings and edits."""
    chance = random.Random(seed)
    newest = dict(enumerate(await standing(salon, 8)))
    rule = await a_rule(salon)
    await apply(salon, rule)
    edited: set[int] = set()
    for _ in range(24):
        number = chance.randrange(len(newest))
        appointment = newest[number]
        match chance.choice(["step", "step", "apply", "move", "cancel", "reopen", "remove"]):
            case "step":
                await step(salon, most=chance.randint(1, 3))
            case "apply":
                await apply(salon, rule)
            case "move" if appointment.status == "scheduled":
                old, new = salon.rescheduled(appointment, NOW + timedelta(hours=chance.randint(100, 300)))
                await salon.receive(*chance.sample([old, new], 2))
                newest[number] = new.data.appointment
            case "cancel" if appointment.status == "scheduled":
                gone = salon.cancelled(appointment)
                await salon.receive(gone)
                newest[number] = gone.data.appointment
            case "reopen" if appointment.status == "cancelled":
                back = salon.reopened(appointment)
                await salon.receive(back)
                newest[number] = back.data.appointment
            case "remove":
                for row in await reminders(salon, appointment.id):
                    await salon.http.delete(f"/v1/appointments/{appointment.id}/reminders/{row['id']}")
                    edited.add(number)
            case _:
                pass
    await salon.replan()
    await apply(salon, rule)
    await salon.replan()
    wanted = {item.id for number, item in newest.items() if item.status == "scheduled" and number not in edited}
    assert await planned(salon) == Counter(dict.fromkeys(wanted, 1))


@SERVICE
@pytest.mark.parametrize("change", ["edited", "cancelled"])
async def test_what_changes_between_the_look_and_the_lock_is_judged_as_it_is_then(
    salon: Salon, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    changed, other = await standing(salon, 2)
    rule = await a_rule(salon)
    await apply(salon, rule)
    look = RuleApplicationStore.next_ones

    async def and_then_it_changes(*args: Any, **more: Any) -> Any:
        page = await look(*args, **more)
        if change == "cancelled":
            await salon.receive(salon.cancelled(changed))
        else:
            added = await salon.http.post(f"/v1/appointments/{changed.id}/reminders", json={"minutes_before": 20})
            assert added.status_code == 201
        return page

    with monkeypatch.context() as patched:
        patched.setattr(RuleApplicationStore, "next_ones", and_then_it_changes)
        await step(salon, most=5)
    assert [row["minutes_before"] for row in await reminders(salon, changed.id)] == ([20] if change == "edited" else [])
    assert [row["minutes_before"] for row in await reminders(salon, other.id)] == [60]
    assert (await application(salon, rule))["reached"] == 1


@SERVICE
async def test_two_workers_and_two_who_ask_plan_each_reminder_once(salon: Salon) -> None:
    made = await standing(salon, 6)
    rule = await a_rule(salon)

    async def work() -> None:
        while await step(salon):
            pass

    for _ in range(2):
        await asyncio.gather(apply(salon, rule), apply(salon, rule), work(), work())
    await work()
    assert await planned(salon) == Counter({appointment.id: 1 for appointment in made})
    assert (await application(salon, rule))["status"] == "finished"


@SERVICE
async def test_an_organization_has_its_own_alone(salon: Salon) -> None:
    [appointment] = await standing(salon)
    rule = await a_rule(salon)
    for client, status in ((salon.stranger, 404), (salon.anonymous, 401)):
        assert (await client.get(path_of(rule))).status_code == status
        assert (await client.get(f"{path_of(rule)}/preview")).status_code == status
        assert (await client.post(path_of(rule))).status_code == status
    assert (await salon.viewer.post(path_of(rule))).status_code == 403
    theirs = await salon.stranger.post("/v1/reminder-rules", json={"minutes_before": 60})
    assert (await salon.stranger.get(f"{path_of(theirs.json())}/preview")).json()["appointments"] == 0
    await salon.stranger.post(path_of(theirs.json()))
    await salon.replan()
    assert await reminders(salon, appointment.id) == []
    assert (await salon.viewer.get(f"{path_of(rule)}/preview")).json()["appointments"] == 1


@SERVICE
async def test_what_cannot_be_applied_is_refused_and_changes_nothing(salon: Salon) -> None:
    await standing(salon)
    rule = await a_rule(salon)
    stale = await salon.http.post(path_of(rule), headers={"If-Match": '"7"'})
    assert stale.status_code == 412
    missing = await salon.http.post(path_of({"id": uuid4()}))
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    assert (await salon.http.post(path_of({"id": "x"}))).status_code == 422
    salon.use_channels()
    unavailable = await salon.http.post(path_of(rule))
    assert (unavailable.status_code, unavailable.json()["code"]) == (409, "channel_unavailable")
    assert (await salon.http.get(path_of(rule))).status_code == 404
    async with salon.database.system_transaction() as session:
        assert await ReplanStore(session).lock_next(now=salon.now) is None


@SERVICE
async def test_an_idempotency_key_answers_as_before(salon: Salon) -> None:
    await standing(salon)
    rule = await a_rule(salon)
    headers = {"Idempotency-Key": "k"}
    first = await salon.http.post(path_of(rule), headers=headers)
    await salon.replan()
    again = await salon.http.post(path_of(rule), headers=headers)
    assert (first.json(), first.headers["Location"]) == (again.json(), path_of(rule))
    assert (await application(salon, rule))["status"] == "finished"


@SERVICE
async def test_a_manager_of_a_business_applies_its_rules_to_its_appointments(
    salon: Salon, api_client: ApiClientFactory, signer: Signer
) -> None:
    business = uuid4()
    await salon.receive_states(salon.business(id=business, name="Annex"))
    [here] = await standing(salon)
    [there] = await standing(salon, business_id=business, service_id=None)
    claims = {"businesses": [str(salon.business_id)]}
    token = signer.token(organization_id=salon.organization_id, role="manager", claims=claims)
    limited = await api_client(salon.app, token=token)
    rule = (
        await limited.post("/v1/reminder-rules", json={"minutes_before": 60, "business_id": str(salon.business_id)})
    ).json()
    assert (await limited.get(f"{path_of(rule)}/preview")).json()["appointments"] == 1
    assert (await limited.post(path_of(rule))).json()["total"] == 1
    await salon.replan()
    assert (await limited.get(path_of(rule))).json()["outcomes"]["planned"] == 1
    assert (len(await due(salon, here.id)), await due(salon, there.id)) == (1, [])


PLACES = [UUID(int=number) for number in range(1, 4)]
LEVELS = st.one_of(
    st.just((None, None)),
    st.sampled_from(PLACES).map(lambda business: (business, None)),
    st.sampled_from(PLACES).map(lambda service: (None, service)),
)


@given(
    st.lists(st.tuples(LEVELS, st.booleans()), min_size=1, max_size=6),
    st.sampled_from(PLACES),
    st.one_of(st.none(), st.sampled_from(PLACES)),
)
def test_the_scope_of_a_rule_is_what_the_closest_level_says(
    levels: list[tuple[tuple[UUID | None, UUID | None], bool]], business_id: UUID, service_id: UUID | None
) -> None:
    rules = [a_rule_of(level, enabled=enabled) for level, enabled in levels]
    appointment = an_appointment(organization_id=PLACES[0], business_id=business_id, service_id=service_id)
    chosen = rules_for(appointment, rules)
    for rule in rules:
        assert (rule.enabled and scope_of(rule, rules).covers(appointment)) == (rule in chosen)


def a_rule_of(level: tuple[UUID | None, UUID | None], *, enabled: bool) -> ReminderRule:
    return ReminderRule(
        organization_id=PLACES[0],
        id=uuid4(),
        business_id=level[0],
        service_id=level[1],
        channel=Channel.EMAIL,
        lead=Lead(HOUR),
        template_id=None,
        enabled=enabled,
        created_at=NOW,
        updated_at=NOW,
        version=1,
    )
