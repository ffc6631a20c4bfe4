"""The built-in words in German."""

from typing import Final

from notifications.adapters.templates.language import BUSINESS, SERVICE, WHEN_SHORT, Language
from notifications.domain.messages import Audience, Kind

C, S = Audience.CLIENT, Audience.STAFF

GERMAN: Final = Language(
    take="Nehmen oder dem Nächsten lassen",
    until="Für Sie bis",
    hello="Guten Tag {{ recipient.name }},",
    with_whom="Bei",
    for_whom="Kunde",
    where="Ort",
    questions="Fragen, oder kommt etwas dazwischen?",
    phone="Telefon",
    email="E-Mail",
    formerly="Bisher",
    confirm="Kommen Sie? Hier bestätigen",
    change="Verschieben oder absagen",
    messages="Welche Nachrichten Sie bekommen",
    when="{{ appointment.date }}, {{ appointment.time }} bis {{ appointment.end_time }} Uhr ({{ appointment.zone }})",
    news={
        (Kind.REQUESTED, C): (
            f"Ihre Anfrage: {SERVICE}, {WHEN_SHORT} Uhr",
            f"{BUSINESS} hat Ihre Anfrage erhalten. Sie hören von uns, sobald sie bestätigt ist.",
        ),
        (Kind.CREATED, C): (
            f"Ihr Termin: {SERVICE}, {WHEN_SHORT} Uhr",
            f"Ihr Termin bei {BUSINESS} ist gebucht.",
        ),
        (Kind.CONFIRMED, C): (
            f"Bestätigt: {SERVICE}, {WHEN_SHORT} Uhr",
            f"Ihr Termin bei {BUSINESS} ist bestätigt.",
        ),
        (Kind.RESCHEDULED, C): (
            f"Neue Zeit: {SERVICE}, {WHEN_SHORT} Uhr",
            f"Ihr Termin bei {BUSINESS} wurde verschoben.",
        ),
        (Kind.CANCELLED, C): (
            f"Abgesagt: {SERVICE}, {WHEN_SHORT} Uhr",
            f"Ihr Termin bei {BUSINESS} ist abgesagt.",
        ),
        (Kind.DECLINED, C): (
            f"Nicht möglich: {SERVICE}, {WHEN_SHORT} Uhr",
            f"{BUSINESS} kann Ihnen diesen Termin leider nicht anbieten. Bitte wählen Sie eine andere Zeit.",
        ),
        (Kind.WITHDRAWN, C): (
            f"Nicht Ihr Termin: {WHEN_SHORT} Uhr",
            (
                f"der Termin bei {BUSINESS} am {WHEN_SHORT} Uhr ist nicht Ihrer: "
                "Er stand aus Versehen unter Ihrem Namen und steht dort nicht mehr."
            ),
        ),
        (Kind.REMINDER, C): (
            f"Erinnerung: {SERVICE}, {WHEN_SHORT} Uhr",
            f"wir freuen uns auf Sie: Ihr Termin bei {BUSINESS} steht bevor.",
        ),
        (Kind.ANSWER_REFUSED, C): (
            f"Leider zu spät oder inzwischen geändert, nichts ist geschehen: {SERVICE}, {WHEN_SHORT} Uhr",
            "leider kam Ihre Antwort zu spät, oder der Termin hat sich inzwischen geändert: Es ist nichts geschehen.",
        ),
        (Kind.SLOT_OFFERED, C): (
            f"Ein Termin ist frei: {SERVICE}, {WHEN_SHORT} Uhr",
            f"ein Termin, auf den Sie warten, ist frei. {BUSINESS} hält ihn bis {{{{ offer.until }}}} Uhr für Sie.",
        ),
        (Kind.FOLLOW_UP, C): (
            f"Schade, dass Sie nicht da waren: {SERVICE}, {WHEN_SHORT} Uhr",
            (
                f"Sie hatten einen Termin bei {BUSINESS}, und wir haben Sie vermisst. "
                "Gern finden wir eine andere Zeit für Sie."
            ),
        ),
        (Kind.ASSIGNED, S): (f"Neuer Termin: {SERVICE}, {WHEN_SHORT} Uhr", "Sie haben einen neuen Termin."),
        (Kind.UNASSIGNED, S): (
            f"Nicht mehr bei Ihnen: {SERVICE}, {WHEN_SHORT} Uhr",
            "diesen Termin hat jemand anderes übernommen.",
        ),
        (Kind.RESCHEDULED, S): (f"Neue Zeit: {SERVICE}, {WHEN_SHORT} Uhr", "dieser Termin wurde verschoben."),
        (Kind.CANCELLED, S): (f"Abgesagt: {SERVICE}, {WHEN_SHORT} Uhr", "dieser Termin ist abgesagt."),
    },
)
