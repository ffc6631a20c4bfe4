"""The built-in push messages: what has happened, when, and with whom, as it may stand on a locked screen.

They name neither people nor services nor places: what was booked may be nobody else's business.
"""

from collections.abc import Mapping
from typing import Final

from notifications.adapters.templates.staff_words import STAFF_TITLES
from notifications.domain.messages import OF_SERIES, Audience, Kind
from notifications.domain.templates import Text

C, S = Audience.CLIENT, Audience.STAFF

_TITLES: Final[Mapping[str, Mapping[tuple[Kind, Audience], str]]] = {
    "en": {
        (Kind.REQUESTED, C): "Request received",
        (Kind.CREATED, C): "Booked",
        (Kind.CONFIRMED, C): "Confirmed",
        (Kind.RESCHEDULED, C): "New time",
        (Kind.CANCELLED, C): "Cancelled",
        (Kind.DECLINED, C): "Not possible",
        (Kind.WITHDRAWN, C): "Not your appointment",
        (Kind.REMINDER, C): "Reminder",
        (Kind.ANSWER_REFUSED, C): "Nothing was done",
        (Kind.FOLLOW_UP, C): "We missed you",
        (Kind.SLOT_OFFERED, C): "A slot is free",
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
        (Kind.WITHDRAWN, C): "Nicht Ihr Termin",
        (Kind.REMINDER, C): "Erinnerung",
        (Kind.ANSWER_REFUSED, C): "Nichts ist geschehen",
        (Kind.FOLLOW_UP, C): "Schade, dass Sie nicht da waren",
        (Kind.SLOT_OFFERED, C): "Ein Termin ist frei",
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
        (Kind.WITHDRAWN, C): "Esta cita no es suya",
        (Kind.REMINDER, C): "Recordatorio",
        (Kind.ANSWER_REFUSED, C): "No se ha hecho nada",
        (Kind.FOLLOW_UP, C): "Le echamos de menos",
        (Kind.SLOT_OFFERED, C): "Hay una hora libre",
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
        (Kind.WITHDRAWN, C): "Pas votre rendez-vous",
        (Kind.REMINDER, C): "Rappel",
        (Kind.ANSWER_REFUSED, C): "Rien n'a été fait",
        (Kind.FOLLOW_UP, C): "Vous nous avez manqué",
        (Kind.SLOT_OFFERED, C): "Un créneau est libre",
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
        (Kind.WITHDRAWN, C): "ليس موعدك",
        (Kind.REMINDER, C): "تذكير",
        (Kind.ANSWER_REFUSED, C): "لم يُنفَّذ شيء",
        (Kind.FOLLOW_UP, C): "افتقدناك",
        (Kind.SLOT_OFFERED, C): "موعد متاح",
        (Kind.ASSIGNED, S): "موعد جديد",
        (Kind.UNASSIGNED, S): "لم يعد موعدك",
        (Kind.RESCHEDULED, S): "وقت جديد",
        (Kind.CANCELLED, S): "أُلغي الموعد",
    },
}
_SERIES_TITLES: Final[Mapping[str, Mapping[Kind, str]]] = {
    "en": {
        Kind.SERIES_REQUESTED: "Request received",
        Kind.SERIES_CREATED: "Booked",
        Kind.SERIES_CHANGED: "Changed",
        Kind.SERIES_CANCELLED: "Cancelled",
        Kind.SERIES_ASSIGNED: "New appointments",
        Kind.SERIES_UNASSIGNED: "No longer yours",
    },
    "de": {
        Kind.SERIES_REQUESTED: "Anfrage erhalten",
        Kind.SERIES_CREATED: "Gebucht",
        Kind.SERIES_CHANGED: "Geändert",
        Kind.SERIES_CANCELLED: "Abgesagt",
        Kind.SERIES_ASSIGNED: "Neue Termine",
        Kind.SERIES_UNASSIGNED: "Nicht mehr bei Ihnen",
    },
    "es": {
        Kind.SERIES_REQUESTED: "Solicitud recibida",
        Kind.SERIES_CREATED: "Citas reservadas",
        Kind.SERIES_CHANGED: "Citas cambiadas",
        Kind.SERIES_CANCELLED: "Citas canceladas",
        Kind.SERIES_ASSIGNED: "Nuevas citas",
        Kind.SERIES_UNASSIGNED: "Citas reasignadas",
    },
    "fr": {
        Kind.SERIES_REQUESTED: "Demande reçue",
        Kind.SERIES_CREATED: "Rendez-vous enregistrés",
        Kind.SERIES_CHANGED: "Rendez-vous modifiés",
        Kind.SERIES_CANCELLED: "Rendez-vous annulés",
        Kind.SERIES_ASSIGNED: "Nouveaux rendez-vous",
        Kind.SERIES_UNASSIGNED: "Confiés à quelqu'un d'autre",
    },
    "ar": {
        Kind.SERIES_REQUESTED: "وصلنا طلبك",
        Kind.SERIES_CREATED: "تم حجز المواعيد",
        Kind.SERIES_CHANGED: "تغيّرت المواعيد",
        Kind.SERIES_CANCELLED: "أُلغيت المواعيد",
        Kind.SERIES_ASSIGNED: "مواعيد جديدة",
        Kind.SERIES_UNASSIGNED: "لم تعد مواعيدك",
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
    title = {**_TITLES.get(locale, {}), **STAFF_TITLES.get(locale, {})}.get((kind, audience))
    if kind in OF_SERIES and locale in _SERIES_TITLES:
        title = f"{_SERIES_TITLES[locale][kind]} ({{{{ series.count }}}})"
    if title is None:
        return None
    text = "{{ business.name }}"
    if kind is Kind.RESCHEDULED:
        formerly = f"{_FORMERLY[locale]}: {{{{ appointment.previous_date }}}}, {{{{ appointment.previous_time }}}}"
        # The first line end after a tag is the tag's own.
        text += f"{{% if appointment.previous_date %}}\n\n{formerly}{{% endif %}}"
    return Text(subject=f"{title}: {{{{ appointment.date }}}}, {{{{ appointment.time }}}}", text=text)
