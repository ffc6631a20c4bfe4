"""The built-in push messages: what has happened, when, and with whom, as it may stand on a locked screen.

They name neither people nor services nor places: what was booked may be nobody else's business.
"""

from collections.abc import Mapping
from typing import Final

from notifications.domain import Audience, Kind, Text

C, S = Audience.CLIENT, Audience.STAFF

_TITLES: Final[Mapping[str, Mapping[tuple[Kind, Audience], str]]] = {
    "en": {
        (Kind.REQUESTED, C): "Request received",
        (Kind.CREATED, C): "Booked",
        (Kind.CONFIRMED, C): "Confirmed",
        (Kind.RESCHEDULED, C): "New time",
        (Kind.CANCELLED, C): "Cancelled",
        (Kind.DECLINED, C): "Not possible",
        (Kind.REMINDER, C): "Reminder",
        (Kind.ANSWER_REFUSED, C): "Nothing was done",
        (Kind.ASSIGNED, S): "New appointment",
        (Kind.UNASSIGNED, S): "No longer yours",
        (Kind.RESCHEDULED, S): "New time",
        (Kind.CANCELLED, S): "Cancelled",
    },
    "de": {
        (Kind.REQUESTED, C): "Anfrage erhalten",
        (Kind.CREATED, C): "Gebucht",
        (Kind.CONFIRMED, C): "Bestätigt",
        (Kind.RESCHEDULED, C): "Neue Zeit",
        (Kind.CANCELLED, C): "Abgesagt",
        (Kind.DECLINED, C): "Nicht möglich",
        (Kind.REMINDER, C): "Erinnerung",
        (Kind.ANSWER_REFUSED, C): "Nichts ist geschehen",
        (Kind.ASSIGNED, S): "Neuer Termin",
        (Kind.UNASSIGNED, S): "Nicht mehr bei Ihnen",
        (Kind.RESCHEDULED, S): "Neue Zeit",
        (Kind.CANCELLED, S): "Abgesagt",
    },
    "es": {
        (Kind.REQUESTED, C): "Solicitud recibida",
        (Kind.CREATED, C): "Cita reservada",
        (Kind.CONFIRMED, C): "Cita confirmada",
        (Kind.RESCHEDULED, C): "Nueva hora",
        (Kind.CANCELLED, C): "Cita cancelada",
        (Kind.DECLINED, C): "No es posible",
        (Kind.REMINDER, C): "Recordatorio",
        (Kind.ANSWER_REFUSED, C): "No se ha hecho nada",
        (Kind.ASSIGNED, S): "Nueva cita",
        (Kind.UNASSIGNED, S): "Cita reasignada",
        (Kind.RESCHEDULED, S): "Nueva hora",
        (Kind.CANCELLED, S): "Cita cancelada",
    },
    "fr": {
        (Kind.REQUESTED, C): "Demande reçue",
        (Kind.CREATED, C): "Rendez-vous enregistré",
        (Kind.CONFIRMED, C): "Rendez-vous confirmé",
        (Kind.RESCHEDULED, C): "Nouvel horaire",
        (Kind.CANCELLED, C): "Rendez-vous annulé",
        (Kind.DECLINED, C): "Impossible",
        (Kind.REMINDER, C): "Rappel",
        (Kind.ANSWER_REFUSED, C): "Rien n'a été fait",
        (Kind.ASSIGNED, S): "Nouveau rendez-vous",
        (Kind.UNASSIGNED, S): "Confié à quelqu'un d'autre",
        (Kind.RESCHEDULED, S): "Nouvel horaire",
        (Kind.CANCELLED, S): "Rendez-vous annulé",
    },
    "ar": {
        (Kind.REQUESTED, C): "وصلنا طلبك",
        (Kind.CREATED, C): "تم حجز الموعد",
        (Kind.CONFIRMED, C): "تم تأكيد الموعد",
        (Kind.RESCHEDULED, C): "وقت جديد",
        (Kind.CANCELLED, C): "أُلغي الموعد",
        (Kind.DECLINED, C): "غير ممكن",
        (Kind.REMINDER, C): "تذكير",
        (Kind.ANSWER_REFUSED, C): "لم يُنفَّذ شيء",
        (Kind.ASSIGNED, S): "موعد جديد",
        (Kind.UNASSIGNED, S): "لم يعد موعدك",
        (Kind.RESCHEDULED, S): "وقت جديد",
        (Kind.CANCELLED, S): "أُلغي الموعد",
    },
}
_FORMERLY: Final[Mapping[str, str]] = {
    "en": "Formerly",
    "de": "Bisher",
    "es": "Antes",
    "fr": "Auparavant",
    "ar": "سابقًا",
}
PUSH_LOCALES: Final = tuple(_TITLES)


def push_text(kind: Kind, audience: Audience, locale: str) -> Text | None:
    """The title in `subject`; None in a language that has none."""
    title = _TITLES.get(locale, {}).get((kind, audience))
    if title is None:
        return None
    text = "{{ business.name }}"
    if kind is Kind.RESCHEDULED:
        text += f"\n{_FORMERLY[locale]}: {{{{ appointment.previous_date }}}}, {{{{ appointment.previous_time }}}}"
    return Text(subject=f"{title}: {{{{ appointment.date }}}}, {{{{ appointment.time }}}}", text=text)
