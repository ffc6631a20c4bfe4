"""The built-in texts of calls: as sentences, and no more than an SMS says, since anybody may pick up."""

from collections.abc import Mapping
from typing import Final

from notifications.domain.messages import Audience, Kind

_WHAT: Final = "{{ appointment.service }}, {{ appointment.date }}, {{ appointment.time }}, {{ appointment.zone }}"
_PHONE: Final = "{{ business.phone }}"
_BUSINESS: Final = "{{ business.name }}"

_TEXTS: Final[Mapping[str, Mapping[Kind, str]]] = {
    "en": {
        Kind.REMINDER: f"Hello. This is a reminder of your appointment with {_BUSINESS}: {_WHAT}.",
        Kind.ANSWER_REFUSED: (
            f"Hello. This is {_BUSINESS}. Sorry, your answer came too late, or your appointment has changed meanwhile: "
            f"nothing was done. It is about: {_WHAT}."
        ),
        Kind.FOLLOW_UP: (
            f"Hello. This is {_BUSINESS}. We missed you at your appointment: "
            f"{_WHAT}. We would be glad to find another time."
        ),
    },
    "de": {
        Kind.REMINDER: f"Guten Tag. Wir erinnern Sie an Ihren Termin bei {_BUSINESS}: {_WHAT}.",
        Kind.ANSWER_REFUSED: (
            f"Guten Tag. Hier ist {_BUSINESS}. Leider kam Ihre Antwort zu spät, oder Ihr Termin hat sich inzwischen "
            f"geändert: Es wurde nichts getan. Es geht um: {_WHAT}."
        ),
        Kind.FOLLOW_UP: (
            f"Guten Tag. Hier ist {_BUSINESS}. Wir haben Sie bei Ihrem Termin vermisst: "
            f"{_WHAT}. Gern finden wir eine andere Zeit."
        ),
    },
    "es": {
        Kind.REMINDER: f"Hola. Le recordamos su cita con {_BUSINESS}: {_WHAT}.",
        Kind.ANSWER_REFUSED: (
            f"Hola. Le llama {_BUSINESS}. Lo sentimos: su respuesta llegó tarde, o su cita ha cambiado desde entonces. "
            f"No se ha hecho nada. Se trata de: {_WHAT}."
        ),
        Kind.FOLLOW_UP: (
            f"Hola. Le llama {_BUSINESS}. Le echamos de menos en su cita: {_WHAT}. Con gusto le buscamos otra hora."
        ),
    },
    "fr": {
        Kind.REMINDER: f"Bonjour. Nous vous rappelons votre rendez-vous chez {_BUSINESS} : {_WHAT}.",
        Kind.ANSWER_REFUSED: (
            f"Bonjour. Ici {_BUSINESS}. Désolé, votre réponse est arrivée trop tard, ou le rendez-vous a changé "
            f"entre-temps : rien n'a été fait. Il s'agit de : {_WHAT}."
        ),
        Kind.FOLLOW_UP: (
            f"Bonjour. Ici {_BUSINESS}. Nous ne vous avons pas vu à votre rendez-vous : "
            f"{_WHAT}. Trouvons un autre moment."
        ),
    },
    "ar": {
        Kind.REMINDER: f"مرحبًا. نذكّرك بموعدك لدى {_BUSINESS}: {_WHAT}.",
        Kind.ANSWER_REFUSED: (
            f"مرحبًا، معك {_BUSINESS}. عذرًا، وصل ردّك متأخرًا أو تغيّر موعدك في هذه الأثناء، ولم يُنفَّذ شيء. الموعد: {_WHAT}."
        ),
        Kind.FOLLOW_UP: (f"مرحبًا، معك {_BUSINESS}. افتقدناك في موعدك: {_WHAT}. يسعدنا أن نجد لك وقتًا آخر."),
    },
}
_AT: Final[Mapping[str, str]] = {
    "en": "You can reach us at",
    "de": "Sie erreichen uns unter",
    "es": "Puede llamarnos al",
    "fr": "Vous pouvez nous joindre au",
    "ar": "يمكنك الاتصال بنا على الرقم",
}

SPOKEN_LOCALES: Final = tuple(_TEXTS)


def spoken_text(kind: Kind, audience: Audience, locale: str) -> str | None:
    """The source of a built-in text; None for what no call tells by itself, or in a language that has none."""
    text = _TEXTS.get(locale, {}).get(kind) if audience is Audience.CLIENT else None
    return text and f"{text}{{% if business.phone %}} {_AT[locale]} {_PHONE}.{{% endif %}}"
