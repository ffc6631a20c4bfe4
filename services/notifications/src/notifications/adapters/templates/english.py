"""The built-in words in English."""

from typing import Final

from notifications.adapters.templates.language import BUSINESS, SERVICE, WHEN_SHORT, Language
from notifications.domain.messages import Audience, Kind

C, S = Audience.CLIENT, Audience.STAFF

ENGLISH: Final = Language(
    take="Take it, or leave it to the next",
    until="Yours until",
    hello="Hello {{ recipient.name }},",
    with_whom="With",
    for_whom="Client",
    where="Where",
    questions="Questions, or a change of plans?",
    phone="Call",
    email="Write to",
    formerly="Formerly",
    confirm="Will you come? Confirm here",
    change="Change or cancel",
    messages="Which messages you get",
    when="{{ appointment.date }}, {{ appointment.time }} to {{ appointment.end_time }} ({{ appointment.zone }})",
    news={
        (Kind.REQUESTED, C): (
            f"Your request: {SERVICE}, {WHEN_SHORT}",
            f"{BUSINESS} has received your request. You will hear as soon as it is approved.",
        ),
        (Kind.CREATED, C): (
            f"Your appointment: {SERVICE}, {WHEN_SHORT}",
            f"your appointment with {BUSINESS} is booked.",
        ),
        (Kind.CONFIRMED, C): (
            f"Confirmed: {SERVICE}, {WHEN_SHORT}",
            f"your appointment with {BUSINESS} is confirmed.",
        ),
        (Kind.RESCHEDULED, C): (
            f"New time: {SERVICE}, {WHEN_SHORT}",
            f"your appointment with {BUSINESS} has a new time.",
        ),
        (Kind.CANCELLED, C): (
            f"Cancelled: {SERVICE}, {WHEN_SHORT}",
            f"your appointment with {BUSINESS} is cancelled.",
        ),
        (Kind.DECLINED, C): (
            f"Not possible: {SERVICE}, {WHEN_SHORT}",
            f"{BUSINESS} cannot offer you this appointment. Please choose another time.",
        ),
        (Kind.WITHDRAWN, C): (
            f"Not your appointment: {WHEN_SHORT}",
            (
                f"the appointment with {BUSINESS} on {WHEN_SHORT} is not yours: "
                "it was entered under your name by mistake, and is no longer."
            ),
        ),
        (Kind.REMINDER, C): (
            f"Reminder: {SERVICE}, {WHEN_SHORT}",
            f"we look forward to seeing you: your appointment with {BUSINESS} is coming up.",
        ),
        (Kind.ANSWER_REFUSED, C): (
            f"Sorry, too late or changed meanwhile, nothing was done: {SERVICE}, {WHEN_SHORT}",
            "sorry, your answer came too late, or your appointment has changed since: nothing was done.",
        ),
        (Kind.SLOT_OFFERED, C): (
            f"A slot is free: {SERVICE}, {WHEN_SHORT}",
            f"a slot that you are waiting for is free. {BUSINESS} keeps it for you until {{{{ offer.until }}}}.",
        ),
        (Kind.FOLLOW_UP, C): (
            f"We missed you: {SERVICE}, {WHEN_SHORT}",
            (
                f"you had an appointment with {BUSINESS}, and we missed you. "
                "We would be glad to find another time for you."
            ),
        ),
        (Kind.ASSIGNED, S): (f"New appointment: {SERVICE}, {WHEN_SHORT}", "you have a new appointment."),
        (Kind.UNASSIGNED, S): (
            f"No longer yours: {SERVICE}, {WHEN_SHORT}",
            "this appointment has been given to somebody else.",
        ),
        (Kind.RESCHEDULED, S): (f"New time: {SERVICE}, {WHEN_SHORT}", "this appointment has a new time."),
        (Kind.CANCELLED, S): (f"Cancelled: {SERVICE}, {WHEN_SHORT}", "this appointment is cancelled."),
    },
)
