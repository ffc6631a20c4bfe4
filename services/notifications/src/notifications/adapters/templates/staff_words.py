"""The built-in words of what staff alone are told of: reminders, and what clients have answered."""

from collections.abc import Mapping
from typing import Final

from notifications.domain.messages import Audience, Kind

S: Final = Audience.STAFF
_WHEN: Final = "{{ appointment.date }}, {{ appointment.time }}"
_WHEN_IN_ARABIC: Final = "{{ appointment.date }}، {{ appointment.time }}"
_SERVICE: Final = "{{ appointment.service }}"

STAFF_NEWS: Final[Mapping[str, Mapping[tuple[Kind, Audience], tuple[str, str]]]] = {
    "en": {
        (Kind.STAFF_REMINDER, S): (f"Coming up: {_SERVICE}, {_WHEN}", "this appointment of yours is coming up."),
        (Kind.CLIENT_CONFIRMED, S): (f"Confirmed: {_SERVICE}, {_WHEN}", "the client has confirmed this appointment."),
        (Kind.CLIENT_WROTE, S): (
            f"The client has written: {_SERVICE}, {_WHEN}",
            "the client of this appointment has written. You read it in Slotstream, under Messages.",
        ),
    },
    "de": {
        (Kind.STAFF_REMINDER, S): (f"Steht bevor: {_SERVICE}, {_WHEN} Uhr", "dieser Termin steht Ihnen bevor."),
        (Kind.CLIENT_CONFIRMED, S): (
            f"Bestätigt: {_SERVICE}, {_WHEN} Uhr",
            "der Kunde hat diesen Termin bestätigt.",
        ),
        (Kind.CLIENT_WROTE, S): (
            f"Der Kunde hat geschrieben: {_SERVICE}, {_WHEN} Uhr",
            "der Kunde dieses Termins hat geschrieben. Sie lesen es in Slotstream unter Nachrichten.",
        ),
    },
    "fr": {
        (Kind.STAFF_REMINDER, S): (f"Bientôt : {_SERVICE}, {_WHEN}", "ce rendez-vous approche."),
        (Kind.CLIENT_CONFIRMED, S): (f"Confirmé : {_SERVICE}, {_WHEN}", "le client a confirmé ce rendez-vous."),
        (Kind.CLIENT_WROTE, S): (
            f"Le client a écrit : {_SERVICE}, {_WHEN}",
            "le client de ce rendez-vous a écrit. Vous le lirez dans Slotstream, sous Messages.",
        ),
    },
    "es": {
        (Kind.STAFF_REMINDER, S): (f"Próxima cita: {_SERVICE}, {_WHEN}", "se acerca esta cita suya."),
        (Kind.CLIENT_CONFIRMED, S): (f"Confirmada: {_SERVICE}, {_WHEN}", "el cliente ha confirmado esta cita."),
        (Kind.CLIENT_WROTE, S): (
            f"El cliente ha escrito: {_SERVICE}, {_WHEN}",
            "el cliente de esta cita ha escrito. Puede leerlo en Slotstream, en Mensajes.",
        ),
    },
    "ar": {
        (Kind.STAFF_REMINDER, S): (f"موعد قريب: {_SERVICE}، {_WHEN_IN_ARABIC}", "اقترب موعدك هذا."),
        (Kind.CLIENT_CONFIRMED, S): (f"تم التأكيد: {_SERVICE}، {_WHEN_IN_ARABIC}", "أكّد العميل هذا الموعد."),
        (Kind.CLIENT_WROTE, S): (
            f"كتب العميل: {_SERVICE}، {_WHEN_IN_ARABIC}",
            "كتب عميل هذا الموعد. تقرؤه في لوحة العمل ضمن الرسائل.",
        ),
    },
}

STAFF_TITLES: Final[Mapping[str, Mapping[tuple[Kind, Audience], str]]] = {
    "en": {
        (Kind.STAFF_REMINDER, S): "Coming up",
        (Kind.CLIENT_CONFIRMED, S): "Confirmed by the client",
        (Kind.CLIENT_WROTE, S): "The client has written",
    },
    "de": {
        (Kind.STAFF_REMINDER, S): "Steht bevor",
        (Kind.CLIENT_CONFIRMED, S): "Vom Kunden bestätigt",
        (Kind.CLIENT_WROTE, S): "Der Kunde hat geschrieben",
    },
    "fr": {
        (Kind.STAFF_REMINDER, S): "Bientôt",
        (Kind.CLIENT_CONFIRMED, S): "Confirmé par le client",
        (Kind.CLIENT_WROTE, S): "Le client a écrit",
    },
    "es": {
        (Kind.STAFF_REMINDER, S): "Próxima cita",
        (Kind.CLIENT_CONFIRMED, S): "Confirmada por el cliente",
        (Kind.CLIENT_WROTE, S): "El cliente ha escrito",
    },
    "ar": {
        (Kind.STAFF_REMINDER, S): "موعد قريب",
        (Kind.CLIENT_CONFIRMED, S): "أكّده العميل",
        (Kind.CLIENT_WROTE, S): "كتب العميل",
    },
}
"""Of push messages."""
