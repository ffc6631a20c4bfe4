"""The built-in templates: one sentence per kind, audience and language around one common form."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from notifications.adapters.templates.arabic import ARABIC, ARABIC_SERIES, isolated
from notifications.adapters.templates.language import BUSINESS as _BUSINESS
from notifications.adapters.templates.language import SERVICE as _SERVICE
from notifications.adapters.templates.language import WHEN_SHORT as _WHEN_SHORT
from notifications.adapters.templates.language import Language as _Language
from notifications.adapters.templates.push import push_text
from notifications.adapters.templates.series_words import SERIES_WORDS, SeriesWords
from notifications.adapters.templates.spoken import spoken_text
from notifications.adapters.templates.staff_words import STAFF_NEWS
from notifications.domain import OF_SERIES, Audience, Channel, Kind, Text

C, S = Audience.CLIENT, Audience.STAFF


_ENGLISH = _Language(
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
            f"Your request: {_SERVICE}, {_WHEN_SHORT}",
            f"{_BUSINESS} has received your request. You will hear as soon as it is approved.",
        ),
        (Kind.CREATED, C): (
            f"Your appointment: {_SERVICE}, {_WHEN_SHORT}",
            f"your appointment with {_BUSINESS} is booked.",
        ),
        (Kind.CONFIRMED, C): (
            f"Confirmed: {_SERVICE}, {_WHEN_SHORT}",
            f"your appointment with {_BUSINESS} is confirmed.",
        ),
        (Kind.RESCHEDULED, C): (
            f"New time: {_SERVICE}, {_WHEN_SHORT}",
            f"your appointment with {_BUSINESS} has a new time.",
        ),
        (Kind.CANCELLED, C): (
            f"Cancelled: {_SERVICE}, {_WHEN_SHORT}",
            f"your appointment with {_BUSINESS} is cancelled.",
        ),
        (Kind.DECLINED, C): (
            f"Not possible: {_SERVICE}, {_WHEN_SHORT}",
            f"{_BUSINESS} cannot offer you this appointment. Please choose another time.",
        ),
        (Kind.WITHDRAWN, C): (
            f"Not your appointment: {_WHEN_SHORT}",
            (
                f"the appointment with {_BUSINESS} on {_WHEN_SHORT} is not yours: "
                "it was entered under your name by mistake, and is no longer."
            ),
        ),
        (Kind.REMINDER, C): (
            f"Reminder: {_SERVICE}, {_WHEN_SHORT}",
            f"we look forward to seeing you: your appointment with {_BUSINESS} is coming up.",
        ),
        (Kind.ANSWER_REFUSED, C): (
            f"Sorry, too late or changed meanwhile, nothing was done: {_SERVICE}, {_WHEN_SHORT}",
            "sorry, your answer came too late, or your appointment has changed since: nothing was done.",
        ),
        (Kind.SLOT_OFFERED, C): (
            f"A slot is free: {_SERVICE}, {_WHEN_SHORT}",
            f"a slot that you are waiting for is free. {_BUSINESS} keeps it for you until {{{{ offer.until }}}}.",
        ),
        (Kind.FOLLOW_UP, C): (
            f"We missed you: {_SERVICE}, {_WHEN_SHORT}",
            (
                f"you had an appointment with {_BUSINESS}, and we missed you. "
                "We would be glad to find another time for you."
            ),
        ),
        (Kind.ASSIGNED, S): (f"New appointment: {_SERVICE}, {_WHEN_SHORT}", "you have a new appointment."),
        (Kind.UNASSIGNED, S): (
            f"No longer yours: {_SERVICE}, {_WHEN_SHORT}",
            "this appointment has been given to somebody else.",
        ),
        (Kind.RESCHEDULED, S): (f"New time: {_SERVICE}, {_WHEN_SHORT}", "this appointment has a new time."),
        (Kind.CANCELLED, S): (f"Cancelled: {_SERVICE}, {_WHEN_SHORT}", "this appointment is cancelled."),
    },
)

_GERMAN = _Language(
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
            f"Ihre Anfrage: {_SERVICE}, {_WHEN_SHORT} Uhr",
            f"{_BUSINESS} hat Ihre Anfrage erhalten. Sie hören von uns, sobald sie bestätigt ist.",
        ),
        (Kind.CREATED, C): (
            f"Ihr Termin: {_SERVICE}, {_WHEN_SHORT} Uhr",
            f"Ihr Termin bei {_BUSINESS} ist gebucht.",
        ),
        (Kind.CONFIRMED, C): (
            f"Bestätigt: {_SERVICE}, {_WHEN_SHORT} Uhr",
            f"Ihr Termin bei {_BUSINESS} ist bestätigt.",
        ),
        (Kind.RESCHEDULED, C): (
            f"Neue Zeit: {_SERVICE}, {_WHEN_SHORT} Uhr",
            f"Ihr Termin bei {_BUSINESS} wurde verschoben.",
        ),
        (Kind.CANCELLED, C): (
            f"Abgesagt: {_SERVICE}, {_WHEN_SHORT} Uhr",
            f"Ihr Termin bei {_BUSINESS} ist abgesagt.",
        ),
        (Kind.DECLINED, C): (
            f"Nicht möglich: {_SERVICE}, {_WHEN_SHORT} Uhr",
            f"{_BUSINESS} kann Ihnen diesen Termin leider nicht anbieten. Bitte wählen Sie eine andere Zeit.",
        ),
        (Kind.WITHDRAWN, C): (
            f"Nicht Ihr Termin: {_WHEN_SHORT} Uhr",
            (
                f"der Termin bei {_BUSINESS} am {_WHEN_SHORT} Uhr ist nicht Ihrer: "
                "Er stand aus Versehen unter Ihrem Namen und steht dort nicht mehr."
            ),
        ),
        (Kind.REMINDER, C): (
            f"Erinnerung: {_SERVICE}, {_WHEN_SHORT} Uhr",
            f"wir freuen uns auf Sie: Ihr Termin bei {_BUSINESS} steht bevor.",
        ),
        (Kind.ANSWER_REFUSED, C): (
            f"Leider zu spät oder inzwischen geändert, nichts ist geschehen: {_SERVICE}, {_WHEN_SHORT} Uhr",
            "leider kam Ihre Antwort zu spät, oder der Termin hat sich inzwischen geändert: Es ist nichts geschehen.",
        ),
        (Kind.SLOT_OFFERED, C): (
            f"Ein Termin ist frei: {_SERVICE}, {_WHEN_SHORT} Uhr",
            f"ein Termin, auf den Sie warten, ist frei. {_BUSINESS} hält ihn bis {{{{ offer.until }}}} Uhr für Sie.",
        ),
        (Kind.FOLLOW_UP, C): (
            f"Schade, dass Sie nicht da waren: {_SERVICE}, {_WHEN_SHORT} Uhr",
            (
                f"Sie hatten einen Termin bei {_BUSINESS}, und wir haben Sie vermisst. "
                "Gern finden wir eine andere Zeit für Sie."
            ),
        ),
        (Kind.ASSIGNED, S): (f"Neuer Termin: {_SERVICE}, {_WHEN_SHORT} Uhr", "Sie haben einen neuen Termin."),
        (Kind.UNASSIGNED, S): (
            f"Nicht mehr bei Ihnen: {_SERVICE}, {_WHEN_SHORT} Uhr",
            "diesen Termin hat jemand anderes übernommen.",
        ),
        (Kind.RESCHEDULED, S): (f"Neue Zeit: {_SERVICE}, {_WHEN_SHORT} Uhr", "dieser Termin wurde verschoben."),
        (Kind.CANCELLED, S): (f"Abgesagt: {_SERVICE}, {_WHEN_SHORT} Uhr", "dieser Termin ist abgesagt."),
    },
)

_FRENCH = _Language(
    take="Le prendre, ou le laisser au suivant",
    until="Pour vous jusqu'à",
    hello="Bonjour {{ recipient.name }},",
    with_whom="Avec",
    for_whom="Client",
    where="Lieu",
    questions="Une question, un empêchement ?",
    phone="Téléphone",
    email="E-mail",
    formerly="Auparavant",
    confirm="Viendrez-vous ? Confirmez ici",
    change="Déplacer ou annuler",
    messages="Choisir vos messages",
    when="{{ appointment.date }}, de {{ appointment.time }} à {{ appointment.end_time }} ({{ appointment.zone }})",
    news={
        (Kind.REQUESTED, C): (
            f"Votre demande : {_SERVICE}, {_WHEN_SHORT}",
            f"{_BUSINESS} a bien reçu votre demande. Vous serez prévenu dès qu'elle sera acceptée.",
        ),
        (Kind.CREATED, C): (
            f"Votre rendez-vous : {_SERVICE}, {_WHEN_SHORT}",
            f"votre rendez-vous chez {_BUSINESS} est enregistré.",
        ),
        (Kind.CONFIRMED, C): (
            f"Confirmé : {_SERVICE}, {_WHEN_SHORT}",
            f"votre rendez-vous chez {_BUSINESS} est confirmé.",
        ),
        (Kind.RESCHEDULED, C): (
            f"Nouvel horaire : {_SERVICE}, {_WHEN_SHORT}",
            f"votre rendez-vous chez {_BUSINESS} a été déplacé.",
        ),
        (Kind.CANCELLED, C): (
            f"Annulé : {_SERVICE}, {_WHEN_SHORT}",
            f"votre rendez-vous chez {_BUSINESS} est annulé.",
        ),
        (Kind.DECLINED, C): (
            f"Impossible : {_SERVICE}, {_WHEN_SHORT}",
            f"{_BUSINESS} ne peut pas vous proposer ce rendez-vous. Merci de choisir un autre horaire.",
        ),
        (Kind.WITHDRAWN, C): (
            f"Ce rendez-vous n'est pas le vôtre : {_WHEN_SHORT}",
            (
                f"le rendez-vous chez {_BUSINESS} du {_WHEN_SHORT} n'est pas le vôtre : "
                "il avait été noté à votre nom par erreur et ne l'est plus."
            ),
        ),
        (Kind.REMINDER, C): (
            f"Rappel : {_SERVICE}, {_WHEN_SHORT}",
            f"votre rendez-vous chez {_BUSINESS} approche. À bientôt !",
        ),
        (Kind.ANSWER_REFUSED, C): (
            f"Désolé, trop tard ou modifié entre-temps, rien n'a été fait : {_SERVICE}, {_WHEN_SHORT}",
            "désolé, votre réponse est arrivée trop tard, ou le rendez-vous a changé entre-temps : rien n'a été fait.",
        ),
        (Kind.SLOT_OFFERED, C): (
            f"Un créneau est libre : {_SERVICE}, {_WHEN_SHORT}",
            f"un créneau que vous attendez est libre. {_BUSINESS} vous le garde jusqu'à {{{{ offer.until }}}}.",
        ),
        (Kind.FOLLOW_UP, C): (
            f"Vous nous avez manqué : {_SERVICE}, {_WHEN_SHORT}",
            (
                f"vous aviez rendez-vous chez {_BUSINESS} et nous ne vous avons pas vu. "
                "Nous vous proposerons volontiers un autre moment."
            ),
        ),
        (Kind.ASSIGNED, S): (f"Nouveau rendez-vous : {_SERVICE}, {_WHEN_SHORT}", "vous avez un nouveau rendez-vous."),
        (Kind.UNASSIGNED, S): (
            f"Confié à quelqu'un d'autre : {_SERVICE}, {_WHEN_SHORT}",
            "ce rendez-vous a été confié à quelqu'un d'autre.",
        ),
        (Kind.RESCHEDULED, S): (f"Nouvel horaire : {_SERVICE}, {_WHEN_SHORT}", "ce rendez-vous a été déplacé."),
        (Kind.CANCELLED, S): (f"Annulé : {_SERVICE}, {_WHEN_SHORT}", "ce rendez-vous est annulé."),
    },
)

_SPANISH = _Language(
    take="Aceptarla o dejarla al siguiente",
    until="Suya hasta las",
    hello="Hola, {{ recipient.name }}:",
    with_whom="Con",
    for_whom="Cliente",
    where="Lugar",
    questions="¿Alguna pregunta o un cambio de planes?",
    phone="Teléfono",
    email="Correo",
    formerly="Antes",
    confirm="¿Vendrá? Confírmelo aquí",
    change="Mover o cancelar",
    messages="Elegir sus mensajes",
    when="{{ appointment.date }}, de {{ appointment.time }} a {{ appointment.end_time }} ({{ appointment.zone }})",
    news={
        (Kind.REQUESTED, C): (
            f"Su solicitud: {_SERVICE}, {_WHEN_SHORT}",
            f"{_BUSINESS} ha recibido su solicitud. Le avisaremos en cuanto se apruebe.",
        ),
        (Kind.CREATED, C): (
            f"Su cita: {_SERVICE}, {_WHEN_SHORT}",
            f"su cita con {_BUSINESS} está reservada.",
        ),
        (Kind.CONFIRMED, C): (
            f"Confirmada: {_SERVICE}, {_WHEN_SHORT}",
            f"su cita con {_BUSINESS} está confirmada.",
        ),
        (Kind.RESCHEDULED, C): (
            f"Nueva hora: {_SERVICE}, {_WHEN_SHORT}",
            f"su cita con {_BUSINESS} tiene una nueva hora.",
        ),
        (Kind.CANCELLED, C): (
            f"Cancelada: {_SERVICE}, {_WHEN_SHORT}",
            f"su cita con {_BUSINESS} está cancelada.",
        ),
        (Kind.DECLINED, C): (
            f"No es posible: {_SERVICE}, {_WHEN_SHORT}",
            f"{_BUSINESS} no puede ofrecerle esta cita. Elija otra hora, por favor.",
        ),
        (Kind.WITHDRAWN, C): (
            f"Esta cita no es suya: {_WHEN_SHORT}",
            (
                f"la cita con {_BUSINESS} del {_WHEN_SHORT} no es suya: "
                "se anotó a su nombre por error y ya no figura en él."
            ),
        ),
        (Kind.REMINDER, C): (
            f"Recordatorio: {_SERVICE}, {_WHEN_SHORT}",
            f"se acerca su cita con {_BUSINESS}. ¡Hasta pronto!",
        ),
        (Kind.ANSWER_REFUSED, C): (
            f"Lo sentimos, tarde o ya cambiada, no se ha hecho nada: {_SERVICE}, {_WHEN_SHORT}",
            "lo sentimos: su respuesta llegó tarde, o su cita ha cambiado desde entonces. No se ha hecho nada.",
        ),
        (Kind.SLOT_OFFERED, C): (
            f"Hay una hora libre: {_SERVICE}, {_WHEN_SHORT}",
            f"hay libre una hora que usted espera. {_BUSINESS} se la guarda hasta las {{{{ offer.until }}}}.",
        ),
        (Kind.FOLLOW_UP, C): (
            f"Le echamos de menos: {_SERVICE}, {_WHEN_SHORT}",
            (f"tenía una cita con {_BUSINESS} y no pudimos verle. Con gusto le buscamos otra hora."),
        ),
        (Kind.ASSIGNED, S): (f"Nueva cita: {_SERVICE}, {_WHEN_SHORT}", "tiene una nueva cita."),
        (Kind.UNASSIGNED, S): (f"Reasignada: {_SERVICE}, {_WHEN_SHORT}", "esta cita la atenderá otra persona."),
        (Kind.RESCHEDULED, S): (f"Nueva hora: {_SERVICE}, {_WHEN_SHORT}", "esta cita tiene una nueva hora."),
        (Kind.CANCELLED, S): (f"Cancelada: {_SERVICE}, {_WHEN_SHORT}", "esta cita está cancelada."),
    },
)

_ARABIC_TEXTS: Mapping[tuple[Kind, Audience], str] = {
    (Kind.ANSWER_REFUSED, C): (
        f"{_BUSINESS}: عذرًا، فات الأوان أو تغيّر الموعد، ولم يُنفَّذ شيء: {_SERVICE}، {_WHEN_SHORT}"
        " ({{ appointment.offset }}){% if business.phone %}. هاتف: {{ business.phone }}{% endif %}"
    ),
    (Kind.SLOT_OFFERED, C): (
        f"{_BUSINESS}: موعد متاح: {_SERVICE}، {_WHEN_SHORT} ({{{{ appointment.offset }}}})."
        " محجوز لك حتى {{ offer.until }}{% if links.offer %}: {{ links.offer }}{% endif %}"
    ),
    (Kind.FOLLOW_UP, C): (
        f"{_BUSINESS}: افتقدناك في موعدك: {_SERVICE}، {_WHEN_SHORT} ({{{{ appointment.offset }}}})."
        " يسعدنا أن نجد لك وقتًا آخر{% if business.phone %}. هاتف: {{ business.phone }}{% endif %}"
    ),
}
"""Of SMS: answers are understood in Arabic, so what is said to them is as well."""

_LANGUAGES: Mapping[str, _Language] = {
    "en": _ENGLISH,
    "de": _GERMAN,
    "es": _SPANISH,
    "fr": _FRENCH,
    "ar": ARABIC,
}
_SERIES: Mapping[str, SeriesWords] = {**SERIES_WORDS, "ar": ARABIC_SERIES}

BUILT_IN_LOCALES = tuple(_LANGUAGES)
DEFAULTS: tuple[tuple[Kind, Audience], ...] = (*_ENGLISH.news, *SERIES_WORDS["en"].news, *STAFF_NEWS["en"])
"""The kinds and audiences that have built-in text."""


@lru_cache(maxsize=512)
def built_in(kind: Kind, audience: Audience, locale: str, channel: Channel = Channel.EMAIL) -> Text | None:
    """The built-in template's source, or None in a language that has none. An SMS is as short as it can be."""
    if channel is Channel.PUSH:
        return push_text(kind, audience, locale)
    if channel is Channel.VOICE and (text := spoken_text(kind, audience, locale)) is not None:
        return Text(subject=_BUSINESS, text=text)
    if locale == "ar" and channel is Channel.SMS and (kind, audience) in _ARABIC_TEXTS:
        return Text(subject=_BUSINESS, text=_ARABIC_TEXTS[kind, audience])
    language = _LANGUAGES.get(locale)
    of_series = _SERIES[locale] if kind in OF_SERIES and locale in _SERIES else None
    news = of_series.news if of_series is not None else language.news if language is not None else {}
    if (kind, audience) in STAFF_NEWS.get(locale, {}):
        news = STAFF_NEWS[locale]
    if language is None or (kind, audience) not in news:
        return None
    subject, sentence = news[kind, audience]
    if channel in (Channel.SMS, Channel.VOICE):
        return Text(subject=subject, text=_sms(language, subject, kind, audience))
    about = of_series.lines() if of_series is not None else [_SERVICE, language.when]
    # Whom it was taken away from is told nothing of what it is: it is somebody else's.
    details = [] if kind is Kind.WITHDRAWN else _details(language, kind, audience, about)
    closing = _closing(language) if audience is Audience.CLIENT else [_BUSINESS]
    lines = [language.hello, "", sentence, "", *details, *closing]
    text = "".join(line if line.endswith("%}\n") else f"{line}\n" for line in lines)
    whole = Text(subject=subject, text=text.strip())
    return isolated(whole) if locale == "ar" else whole


def _details(language: _Language, kind: Kind, audience: Audience, about: Iterable[str]) -> list[str]:
    details = [*about]
    if kind is Kind.RESCHEDULED:
        formerly = f"{language.formerly}: {{{{ appointment.previous_date }}}}, {{{{ appointment.previous_time }}}}"
        details.append(_optional("appointment.previous_date", formerly))
    if audience is Audience.CLIENT:
        details.append(_optional("appointment.staff", f"{language.with_whom}: {{{{ appointment.staff }}}}"))
        details.append(_optional("appointment.location", f"{language.where}: {{{{ appointment.location }}}}"))
    else:
        details.append(_optional("client.name", f"{language.for_whom}: {{{{ client.name }}}}"))
    return [*details, ""]


def _closing(language: _Language) -> list[str]:
    return [
        _optional("links.offer", f"{language.take}: {{{{ links.offer }}}}\n"),
        _optional("links.confirm", f"{language.confirm}: {{{{ links.confirm }}}}"),
        _optional("links.appointment", f"{language.change}: {{{{ links.appointment }}}}\n"),
        _optional("business.phone", f"{language.questions} {language.phone}: {{{{ business.phone }}}}"),
        _optional("business.email", f"{language.email}: {{{{ business.email }}}}"),
        "",
        _BUSINESS,
        _optional("links.preferences", f"\n{language.messages}: {{{{ links.preferences }}}}"),
    ]


def _sms(language: _Language, subject: str, kind: Kind, audience: Audience) -> str:
    """One or two parts: what, when and in whose time, and how to reach the business. No link: it alone is a part."""
    text = f"{_BUSINESS}: {subject} ({{{{ appointment.offset }}}})"
    if kind is Kind.RESCHEDULED:
        formerly = f"{language.formerly}: {{{{ appointment.previous_date }}}}, {{{{ appointment.previous_time }}}}"
        text += f"{{% if appointment.previous_date %}}. {formerly}{{% endif %}}"
    if kind is Kind.SLOT_OFFERED:
        # Without its link it could not be answered in time.
        text += f". {language.until} {{{{ offer.until }}}}{{% if links.offer %}}: {{{{ links.offer }}}}{{% endif %}}"
    elif audience is Audience.CLIENT:
        text += f"{{% if business.phone %}}. {language.phone}: {{{{ business.phone }}}}{{% endif %}}"
    return text


def _optional(variable: str, line: str) -> str:
    """A line that is there only if the variable is not empty."""
    return f"{{% if {variable} %}}{line}\n{{% endif %}}\n"
