"""Messages of which nobody knows whether they went out: staff find them, read what happened, and decide."""

from uuid import UUID, uuid4

import asyncpg
from harness.desk import Desk, see
from harness.practice import Practice
from harness.world import Json, expect, until_true

QUESTION = "We do not know whether this went out."


async def _lost(practice: Practice) -> Json:
    """An appointment of whose confirmation by mail nobody knows what became: the mail server is told so by hand."""
    name = f"Uma {uuid4().hex[:6]}"
    booked: Json = await practice.book(practice.a_day(), name, staff=0)
    notifications = practice.world.notifications
    sent: list[Json] = []

    async def is_sent() -> bool:
        answer = expect(await notifications.get("/v1/messages", params={"appointment_id": booked["id"]}))
        sent[:] = [row for row in answer["items"] if row["audience"] == "client" and row["status"] == "sent"]
        return bool(sent)

    await until_true(is_sent, what="the client is told", within=120)
    connection = await asyncpg.connect(practice.platform.database_url("notifications"))
    await connection.execute(
        "UPDATE messages SET status = 'unknown', sent_at = NULL, code = 'no_answer_after_data', version = version + 1"
        " WHERE id = $1",
        UUID(sent[0]["id"]),
    )
    await connection.close()
    return {"name": name, "id": sent[0]["id"], "address": sent[0]["address"]}


async def _message(practice: Practice, message: Json) -> Json:
    answer: Json = expect(await practice.world.notifications.get(f"/v1/messages/{message['id']}"))
    return answer


async def test_what_may_have_gone_out_is_sent_again_on_somebodys_word_by_keys_alone(
    desk: Desk, practice: Practice
) -> None:
    lost = await _lost(practice)
    drawer = await desk.open(lost["name"])
    await drawer.get_by_role("tab", name="Messages").click()
    line = drawer.locator(".ln").filter(has_text=lost["address"])
    await see(line).to_contain_text(QUESTION)
    await see(line.get_by_role("group", name=QUESTION).get_by_role("button")).to_have_count(3)

    await desk.tab_to("Send again")
    await desk.press("Enter")

    said = line.get_by_role("status")
    await see(said).to_contain_text("had it sent again")
    await see(said).to_be_focused()
    await see(line.get_by_role("button")).to_have_count(0)

    async def is_sent() -> bool:
        return (await _message(practice, lost))["status"] == "sent"

    await until_true(is_sent, what="it is sent again", within=120)
    await see(line).to_contain_text("Sent")
    row = await _message(practice, lost)
    assert (row["attempts"], row["decision"]["decision"]) == (2, "send_again")


async def test_the_ledger_counts_what_is_to_be_decided_and_shows_what_somebody_has_said(
    desk: Desk, practice: Practice
) -> None:
    lost = await _lost(practice)
    counts = expect(await practice.world.notifications.get("/v1/messages/counts", params={"status": "unknown"}))
    await desk.goto("/messages")
    states = desk.page.get_by_role("navigation", name="By state")
    badge = states.get_by_label(f"{counts['total']} to be decided", exact=True)
    await see(badge).to_be_visible()
    row = desk.row(lost["address"])
    await states.get_by_role("button", name="Unknown").click()
    await see(row).to_contain_text(QUESTION)
    # Among all, it stays where it is once it is decided.
    await states.get_by_role("button", name="All").click()

    await desk.button("It was sent", within=row).click()

    await see(row).to_contain_text("said that it was sent")
    await see(row.get_by_role("button")).to_have_count(0)
    await see(badge).to_have_count(0)
    assert (await _message(practice, lost))["code"] == "said_sent"


async def test_who_comes_second_is_told_and_sees_what_was_decided(desk: Desk, practice: Practice) -> None:
    lost = await _lost(practice)
    await desk.goto("/messages?state=unknown")
    row = desk.row(lost["address"])
    await see(row).to_contain_text(QUESTION)
    await desk.page.route("**/api/notifications/v1/messages?*", lambda route: route.abort())
    path = f"/v1/messages/{lost['id']}/give-up"
    expect(await practice.world.notifications.post(path, headers=practice.world.fresh_key()))

    await desk.button("Send again", within=row).click()

    await see(row.get_by_role("alert")).to_contain_text("Somebody else changed it just now.")
    row_now = await _message(practice, lost)
    assert (row_now["status"], row_now["attempts"]) == ("failed", 1)
