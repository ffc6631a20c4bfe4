"""What is said in a call beside its text, in five languages, by voices that Twilio has."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Of one language; `voice` and `tag` as Twilio names them (https://www.twilio.com/docs/voice/twiml/say)."""

    voice: str
    tag: str
    keys: str
    wait: str
    confirmed: str
    cancelled: str
    call_back: str
    passed_on: str
    refused: str
    changed: str
    phone: str
    goodbye: str


_WORDS: Final[Mapping[str, Words]] = {
    "en": Words(
        voice="Polly.Amy",
        tag="en-GB",
        keys="Press 1 to confirm, 2 to cancel, or 3 to be called back.",
        wait="Thank you. One moment, please.",
        confirmed="Your appointment is confirmed.",
        cancelled="Your appointment is cancelled.",
        call_back="We will call you back.",
        passed_on="Thank you. We have passed it on.",
        refused="Sorry, it is too late for that, or your appointment has changed meanwhile: nothing was done.",
        changed="Your appointment has changed meanwhile: there is nothing to be done about this call.",
        phone="You can reach us at",
        goodbye="Goodbye.",
    ),
    "de": Words(
        voice="Polly.Vicki",
        tag="de-DE",
        keys="Drücken Sie die 1, um zu bestätigen, die 2, um abzusagen, oder die 3 für einen Rückruf.",
        wait="Danke. Einen Moment, bitte.",
        confirmed="Ihr Termin ist bestätigt.",
        cancelled="Ihr Termin ist abgesagt.",
        call_back="Wir rufen Sie zurück.",
        passed_on="Danke. Wir haben es weitergegeben.",
        refused="Leider ist es dafür zu spät, oder Ihr Termin hat sich inzwischen geändert: Es wurde nichts getan.",
        changed="Ihr Termin hat sich inzwischen geändert: Dieser Anruf hat sich erledigt.",
        phone="Sie erreichen uns unter",
        goodbye="Auf Wiederhören.",
    ),
    "es": Words(
        voice="Polly.Lucia",
        tag="es-ES",
        keys="Pulse 1 para confirmar, 2 para cancelar o 3 para que le llamemos.",
        wait="Gracias. Un momento, por favor.",
        confirmed="Su cita está confirmada.",
        cancelled="Su cita está cancelada.",
        call_back="Le llamaremos.",
        passed_on="Gracias. Lo hemos transmitido.",
        refused="Lo sentimos: es demasiado tarde, o su cita ha cambiado desde entonces. No se ha hecho nada.",
        changed="Su cita ha cambiado desde entonces: no tiene que hacer nada.",
        phone="Puede llamarnos al",
        goodbye="Adiós.",
    ),
    "fr": Words(
        voice="Polly.Lea",
        tag="fr-FR",
        keys="Tapez 1 pour confirmer, 2 pour annuler, ou 3 pour être rappelé.",
        wait="Merci. Un instant, s'il vous plaît.",
        confirmed="Votre rendez-vous est confirmé.",
        cancelled="Votre rendez-vous est annulé.",
        call_back="Nous vous rappellerons.",
        passed_on="Merci. Nous l'avons transmis.",
        refused="Désolé, il est trop tard, ou le rendez-vous a changé entre-temps : rien n'a été fait.",
        changed="Votre rendez-vous a changé entre-temps : vous n'avez rien à faire.",
        phone="Vous pouvez nous joindre au",
        goodbye="Au revoir.",
    ),
    "ar": Words(
        voice="Polly.Zeina",
        tag="arb",
        keys="اضغط 1 للتأكيد، أو 2 للإلغاء، أو 3 لنعاود الاتصال بك.",
        wait="شكرًا. لحظة من فضلك.",
        confirmed="تم تأكيد موعدك.",
        cancelled="تم إلغاء موعدك.",
        call_back="سنعاود الاتصال بك.",
        passed_on="شكرًا. لقد أبلغنا بذلك.",
        refused="عذرًا، فات الأوان أو تغيّر موعدك في هذه الأثناء، ولم يُنفَّذ شيء.",
        changed="لقد تغيّر موعدك في هذه الأثناء، ولا داعي لفعل أي شيء.",
        phone="يمكنك الاتصال بنا على الرقم",
        goodbye="مع السلامة.",
    ),
}


def language_of(tag: str) -> str:
    """The language of a BCP 47 tag, if calls speak it; else English."""
    language = tag.replace("_", "-").partition("-")[0].lower()
    return language if language in _WORDS else "en"


def words_of(tag: str) -> Words:
    return _WORDS[language_of(tag)]
