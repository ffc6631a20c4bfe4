"""The text of a daily agenda, in five languages: no template, since it is a list."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date

from notifications.adapters.templates.pages import document
from notifications.adapters.templates.series import time_of_day
from notifications.adapters.templates.zones import zone_name
from notifications.domain.agenda import Agenda, AgendaEntry
from notifications.domain.templates import Text
from slotstream_servicekit.calendars import is_repeated

_DASH: Final = "\N{EN DASH}"


@dataclass(frozen=True, slots=True)
class _Words:
    """`{…}` are filled in: `subject` with day and number, `zone` with the zone's name, `more` with a number."""

    subject: str
    zone: str
    pending: str
    more: str
    chosen: str


_WORDS: Final[Mapping[str, _Words]] = {
    "en": _Words(
        "Agenda for {day} ({number})",
        "All times are in {zone}.",
        "requested, not approved yet",
        "And {number} more.",
        "You get this mail every day that has appointments, as chosen in your profile.",
    ),
    "de": _Words(
        "Tagesplan für {day} ({number})",
        "Alle Zeiten in {zone}.",
        "angefragt, noch nicht bestätigt",
        "Und {number} weitere.",
        "Diese Mail kommt an jedem Tag mit Terminen, wie in Ihrem Profil gewählt.",
    ),
    "es": _Words(
        "Agenda del {day} ({number})",
        "Todas las horas en {zone}.",
        "solicitada, sin aprobar todavía",
        "Y {number} más.",
        "Recibe este correo cada día con citas, según lo elegido en su perfil.",
    ),
    "fr": _Words(
        "Programme du {day} ({number})",
        "Toutes les heures : {zone}.",
        "demandé, pas encore accepté",
        "Et {number} de plus.",
        "Vous recevez cet e-mail chaque jour avec des rendez-vous, comme choisi dans votre profil.",
    ),
    "ar": _Words(
        "جدول {day} ({number})",
        "جميع الأوقات بتوقيت: {zone}.",
        "مطلوب، ولم تتم الموافقة عليه بعد",
        "و{number} أخرى.",
        "تصلك هذه الرسالة كل يوم فيه مواعيد، كما اخترت في ملفك الشخصي.",
    ),
}
AGENDA_LOCALES: Final = tuple(_WORDS)


def agenda_text(agenda: Agenda, *, locale: Locale, profile: str | None) -> Text:
    """`profile` is where the reader chooses it. A language that has no words is told in English."""
    if locale.language not in _WORDS:
        locale = Locale.parse("en")
    words, page = _WORDS[locale.language], _Page(agenda, locale)
    number = len(agenda.entries) + agenda.left_out
    subject = words.subject.format(day=format_date(agenda.day, "full", locale=locale), number=number)
    zone = words.zone.format(zone=page.zone)
    closing = [*([words.more.format(number=agenda.left_out)] if agenda.left_out else []), zone]
    chosen = f"{words.chosen} {profile}" if profile else words.chosen
    lines = [f"{time}  {', '.join(what)}" for time, what in page.lines(words)]
    text = "\n".join([subject, "", *lines, "", *closing, "", chosen]) + "\n"
    return Text(subject=subject, text=text, html=_html(page, words, subject, closing, profile))


class _Page:
    def __init__(self, agenda: Agenda, locale: Locale) -> None:
        self.agenda = agenda
        self.locale = locale
        self._zone = ZoneInfo(agenda.zone)

    @property
    def language(self) -> str:
        return self.locale.language

    @property
    def zone(self) -> str:
        """The zone's name; both, where clocks change on that day."""
        starts = (entry.appointment.starts_at.astimezone(self._zone) for entry in self.agenda.entries)
        return f" {_DASH} ".join(dict.fromkeys(zone_name(start, self.locale) for start in starts))

    def lines(self, words: _Words) -> Iterator[tuple[str, list[str]]]:
        """Of each entry its time, and what it is: service, client, place, what else there is to know."""
        for entry in self.agenda.entries:
            appointment = entry.appointment
            what = [appointment.service_name, entry.client_name, entry.business_name]
            notes = [self._business_time(entry), words.pending if appointment.status == "pending" else ""]
            yield self._time(entry), [" ".join(part.split()) for part in (*what, *notes) if part.strip()]

    def _time(self, entry: AgendaEntry) -> str:
        """With the offset where clocks change meanwhile or show the hour twice; with the date of another day."""
        first, last = (
            moment.astimezone(self._zone) for moment in (entry.appointment.starts_at, entry.appointment.ends_at)
        )
        with_offset = first.utcoffset() != last.utcoffset() or is_repeated(first) or is_repeated(last)
        return f" {_DASH} ".join(self._moment(moment, with_offset=with_offset) for moment in (first, last))

    def _moment(self, moment: datetime, *, with_offset: bool) -> str:
        time = time_of_day(moment, self.locale, with_offset=with_offset)
        if moment.date() == self.agenda.day:
            return time
        return f"{format_date(moment.date(), 'short', locale=self.locale)}, {time}"

    def _business_time(self, entry: AgendaEntry) -> str:
        """By the business's clock, where that is another one than the reader's."""
        starts_at, zone = entry.appointment.starts_at, entry.appointment.zone
        here, there = starts_at.astimezone(self._zone), starts_at.astimezone(ZoneInfo(zone))
        if here.utcoffset() == there.utcoffset():
            return ""
        time = time_of_day(there, self.locale, with_offset=is_repeated(there))
        return f"{time} {zone_name(there, self.locale)}"


def _html(page: _Page, words: _Words, subject: str, closing: list[str], profile: str | None) -> str:
    """One row for each entry."""
    cell = "padding:6px 0;vertical-align:top;border-bottom:1px solid #8884"
    times = f"{cell};padding-inline-end:16px;overflow-wrap:normal;word-break:normal"
    rows = "\n".join(
        f'<tr><td style="{times}">{_unbroken(time)}</td>'
        f'<td style="{cell}">{", ".join(f"<bdi>{escape(part)}</bdi>" for part in what)}</td></tr>'
        for time, what in page.lines(words)
    )
    chosen = escape(words.chosen)
    if profile is not None:
        chosen = f'<a href="{escape(profile)}">{chosen}</a>'
    body = (
        f'<h1 style="font-size:20px;margin:0 0 16px">{escape(subject)}</h1>\n'
        f'<table style="border-collapse:collapse;width:100%">\n{rows}\n</table>\n'
        f'<p style="margin:16px 0">{"<br>".join(map(escape, closing))}</p>\n'
        f'<p style="font-size:13px;margin:0">{chosen}</p>'
    )
    return document(body, title=subject, language=page.language)


def _unbroken(time: str) -> str:
    """Where it has no room in one line it breaks after the dash alone."""
    return f"&nbsp;{_DASH} ".join(escape(moment).replace(" ", "&nbsp;") for moment in time.split(f" {_DASH} "))
