"""What administrators are told of an account that does not work, in five languages: no template of an appointment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from notifications.domain.channel_accounts import ChannelAccount, Provider
from notifications.domain.templates import Text


@dataclass(frozen=True, slots=True)
class _Words:
    """`subject` and `says` by provider; `{code}` is ours for what the provider answered."""

    subject: Mapping[Provider, str]
    says: Mapping[Provider, str]
    waits: str
    where: str


_WORDS: Final[Mapping[str, _Words]] = {
    "en": _Words(
        {Provider.SMTP: "Your mail account does not work", Provider.TWILIO: "Your Twilio account does not work"},
        {
            Provider.SMTP: "Your organization's own mail server refuses what we send by it ({code}).",
            Provider.TWILIO: "Your organization's own account at Twilio refuses what we send by it ({code}).",
        },
        "What is to go out by it waits for a day at most and then fails. We go on trying.",
        "Please check the account and its password, in Slotstream under Settings, Channels.",
    ),
    "de": _Words(
        {
            Provider.SMTP: "Ihr Mailkonto funktioniert nicht",
            Provider.TWILIO: "Ihr Konto bei Twilio funktioniert nicht",
        },
        {
            Provider.SMTP: "Der eigene Mailserver Ihrer Organisation lehnt ab, was wir über ihn senden ({code}).",
            Provider.TWILIO: "Das eigene Twilio-Konto Ihrer Organisation lehnt ab, was wir darüber senden ({code}).",
        },
        "Was darüber hinausgehen soll, wartet höchstens einen Tag und schlägt dann fehl. Wir versuchen es weiter.",
        "Bitte prüfen Sie das Konto und sein Passwort, in Slotstream unter Einstellungen, Kanäle.",
    ),
    "fr": _Words(
        {
            Provider.SMTP: "Votre compte de messagerie ne fonctionne pas",
            Provider.TWILIO: "Votre compte Twilio ne fonctionne pas",
        },
        {
            Provider.SMTP: "Le serveur de messagerie de votre organisation refuse nos envois ({code}).",
            Provider.TWILIO: "Le compte Twilio de votre organisation refuse nos envois ({code}).",
        },
        "Ce qui doit partir par ce compte attend un jour au plus, puis échoue. Nous essayons encore.",
        "Veuillez vérifier le compte et son mot de passe, dans Slotstream sous Paramètres, Canaux.",
    ),
    "es": _Words(
        {
            Provider.SMTP: "Su cuenta de correo no funciona",
            Provider.TWILIO: "Su cuenta de Twilio no funciona",
        },
        {
            Provider.SMTP: "El servidor de correo de su organización rechaza lo que enviamos ({code}).",
            Provider.TWILIO: "La cuenta de Twilio de su organización rechaza lo que enviamos ({code}).",
        },
        "Lo que debe salir por ella espera un día como máximo y después falla. Lo seguimos intentando.",
        "Compruebe la cuenta y su contraseña, en Slotstream, en Ajustes, Canales.",
    ),
    "ar": _Words(
        {Provider.SMTP: "حساب البريد لديكم لا يعمل", Provider.TWILIO: "حسابكم لدى Twilio لا يعمل"},
        {
            Provider.SMTP: "خادم البريد الخاص بمؤسستكم يرفض ما نرسله عبره ({code}).",
            Provider.TWILIO: "حساب Twilio الخاص بمؤسستكم يرفض ما نرسله عبره ({code}).",
        },
        "ما ينبغي إرساله عبره ينتظر يومًا على الأكثر ثم يفشل. نحن نواصل المحاولة.",
        "يرجى التحقق من الحساب وكلمة مروره، في لوحة العمل ضمن الإعدادات ثم القنوات.",
    ),
}


def failing_account_text(account: ChannelAccount, *, locale: str | None, settings: str | None) -> tuple[Text, str]:
    """The text and its language; one that has no words is told in English.

    Of the account its provider alone: more of it is for administrators, and others read the ledger too.
    `settings` is where it is put right.
    """
    language = (locale or "en").replace("_", "-").lower().partition("-")[0]
    language = language if language in _WORDS else "en"
    words = _WORDS[language]
    says = words.says[account.provider].format(code=account.failure_code or "")
    lines = [says, "", words.waits, words.where, *([settings] if settings else [])]
    return Text(subject=words.subject[account.provider], text="\n".join(lines) + "\n"), language
