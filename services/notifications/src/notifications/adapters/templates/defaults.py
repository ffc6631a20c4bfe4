"""The built-in templates: one sentence per kind, audience and language around one common form."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from notifications.adapters.templates.arabic import ARABIC, ARABIC_SERIES, ARABIC_SMS, isolated
from notifications.adapters.templates.english import ENGLISH
from notifications.adapters.templates.french import FRENCH
from notifications.adapters.templates.german import GERMAN
from notifications.adapters.templates.language import BUSINESS, SERVICE, Language
from notifications.adapters.templates.push import push_text
from notifications.adapters.templates.series_words import SERIES_WORDS, SeriesWords
from notifications.adapters.templates.spanish import SPANISH
from notifications.adapters.templates.spoken import spoken_text
from notifications.adapters.templates.staff_words import STAFF_NEWS
from notifications.domain.messages import OF_SERIES, Audience, Channel, Kind
from notifications.domain.templates import Text

_LANGUAGES: Mapping[str, Language] = {
    "en": ENGLISH,
    "de": GERMAN,
    "es": SPANISH,
    "fr": FRENCH,
    "ar": ARABIC,
}
_SERIES: Mapping[str, SeriesWords] = {**SERIES_WORDS, "ar": ARABIC_SERIES}

BUILT_IN_LOCALES = tuple(_LANGUAGES)
DEFAULTS: tuple[tuple[Kind, Audience], ...] = (*ENGLISH.news, *SERIES_WORDS["en"].news, *STAFF_NEWS["en"])
"""The kinds and audiences that have built-in text."""


@lru_cache(maxsize=512)
def built_in(kind: Kind, audience: Audience, locale: str, channel: Channel = Channel.EMAIL) -> Text | None:
    """The built-in template's source, or None in a language that has none. An SMS is as short as it can be."""
    if channel is Channel.PUSH:
        return push_text(kind, audience, locale)
    if channel is Channel.VOICE and (text := spoken_text(kind, audience, locale)) is not None:
        return Text(subject=BUSINESS, text=text)
    if locale == "ar" and channel is Channel.SMS and (kind, audience) in ARABIC_SMS:
        return Text(subject=BUSINESS, text=ARABIC_SMS[kind, audience])
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
    about = of_series.lines() if of_series is not None else [SERVICE, language.when]
    # Whom it was taken away from is told nothing of what it is: it is somebody else's.
    details = [] if kind is Kind.WITHDRAWN else _details(language, kind, audience, about)
    closing = _closing(language) if audience is Audience.CLIENT else [BUSINESS]
    lines = [language.hello, "", sentence, "", *details, *closing]
    text = "".join(line if line.endswith("%}\n") else f"{line}\n" for line in lines)
    whole = Text(subject=subject, text=text.strip())
    return isolated(whole) if locale == "ar" else whole


def _details(language: Language, kind: Kind, audience: Audience, about: Iterable[str]) -> list[str]:
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


def _closing(language: Language) -> list[str]:
    return [
        _optional("links.offer", f"{language.take}: {{{{ links.offer }}}}\n"),
        _optional("links.confirm", f"{language.confirm}: {{{{ links.confirm }}}}"),
        _optional("links.appointment", f"{language.change}: {{{{ links.appointment }}}}\n"),
        _optional("business.phone", f"{language.questions} {language.phone}: {{{{ business.phone }}}}"),
        _optional("business.email", f"{language.email}: {{{{ business.email }}}}"),
        "",
        BUSINESS,
        _optional("links.preferences", f"\n{language.messages}: {{{{ links.preferences }}}}"),
    ]


def _sms(language: Language, subject: str, kind: Kind, audience: Audience) -> str:
    """One or two parts: what, when and in whose time, and how to reach the business. No link: it alone is a part."""
    text = f"{BUSINESS}: {subject} ({{{{ appointment.offset }}}})"
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
