"""The built-in words about series, by language. Counts stand in brackets, so that one and many read alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from notifications.domain.messages import Audience, Kind

C, S = Audience.CLIENT, Audience.STAFF
_WHAT: Final = "({{ series.count }}): {{ appointment.service }}"
_WHAT_IN_FRENCH: Final = _WHAT.replace(":", " :", 1)
_FIRST: Final = "{{ appointment.date }}, {{ appointment.time }}"
_BUSINESS: Final = "{{ business.name }}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesWords:
    """`news` holds subject and sentence; the others are lines of the form."""

    more: str
    times: str
    there: str
    without: str
    goes_on: str
    news: Mapping[tuple[Kind, Audience], tuple[str, str]]

    def lines(self) -> list[str]:
        """What was booked and when, in place of a single appointment's time."""
        return [
            "{{ appointment.service }}",
            "",
            "{{ series.dates }}",
            _if("series.more", f"{self.more}"),
            _if("series.goes_on", self.goes_on),
            f"{self.times}: {{{{ series.zone }}}}",
            _if("series.business_time", f"{self.there}: {{{{ series.business_time }}}}"),
            _if(
                "series.without",
                f"\n\n{self.without}:\n{{{{ series.without }}}}"
                "{% if series.without_more %}\n+ {{ series.without_more }}{% endif %}\n\n",
            ),
        ]


def _if(variable: str, line: str) -> str:
    return f"{{% if {variable} %}}{line}\n{{% endif %}}\n"


SERIES_WORDS: Final[Mapping[str, SeriesWords]] = {
    "en": SeriesWords(
        more="… and {{ series.more }} more: the calendar file has them all.",
        times="Times",
        there="The first one by the clock there",
        without="No appointment on",
        goes_on="Further dates follow in the same rhythm.",
        news={
            (Kind.SERIES_REQUESTED, C): (
                f"Your request {_WHAT}, from {_FIRST}",
                f"{_BUSINESS} has received your request for these dates. You will hear as soon as they are approved.",
            ),
            (Kind.SERIES_CREATED, C): (
                f"Your appointments {_WHAT}, from {_FIRST}",
                f"your appointments with {_BUSINESS} are booked.",
            ),
            (Kind.SERIES_CHANGED, C): (
                f"Changed appointments {_WHAT}, from {_FIRST}",
                f"your appointments with {_BUSINESS} have changed. These are your dates now:",
            ),
            (Kind.SERIES_CANCELLED, C): (
                f"Cancelled {_WHAT}, from {_FIRST}",
                f"your appointments with {_BUSINESS} are cancelled:",
            ),
            (Kind.SERIES_ASSIGNED, S): (f"New appointments {_WHAT}, from {_FIRST}", "you have new appointments."),
            (Kind.SERIES_UNASSIGNED, S): (
                f"No longer yours {_WHAT}, from {_FIRST}",
                "these appointments have been given to somebody else.",
            ),
            (Kind.SERIES_CHANGED, S): (
                f"Changed appointments {_WHAT}, from {_FIRST}",
                "a series has changed. These are your dates now:",
            ),
            (Kind.SERIES_CANCELLED, S): (f"Cancelled {_WHAT}, from {_FIRST}", "these appointments are cancelled."),
        },
    ),
    "de": SeriesWords(
        more="… und {{ series.more }} weitere: Die Kalenderdatei enthält alle.",
        times="Zeiten",
        there="Der erste nach der Uhr vor Ort",
        without="Kein Termin am",
        goes_on="Weitere Termine folgen im selben Rhythmus.",
        news={
            (Kind.SERIES_REQUESTED, C): (
                f"Ihre Anfrage {_WHAT}, ab {_FIRST} Uhr",
                (
                    f"{_BUSINESS} hat Ihre Anfrage für diese Termine erhalten. "
                    "Sie hören von uns, sobald sie bestätigt sind."
                ),
            ),
            (Kind.SERIES_CREATED, C): (
                f"Ihre Termine {_WHAT}, ab {_FIRST} Uhr",
                f"Ihre Termine bei {_BUSINESS} sind gebucht.",
            ),
            (Kind.SERIES_CHANGED, C): (
                f"Geänderte Termine {_WHAT}, ab {_FIRST} Uhr",
                f"Ihre Termine bei {_BUSINESS} haben sich geändert. Es gelten nun:",
            ),
            (Kind.SERIES_CANCELLED, C): (
                f"Abgesagt {_WHAT}, ab {_FIRST} Uhr",
                f"Ihre Termine bei {_BUSINESS} sind abgesagt:",
            ),
            (Kind.SERIES_ASSIGNED, S): (f"Neue Termine {_WHAT}, ab {_FIRST} Uhr", "Sie haben neue Termine."),
            (Kind.SERIES_UNASSIGNED, S): (
                f"Nicht mehr bei Ihnen {_WHAT}, ab {_FIRST} Uhr",
                "diese Termine hat jemand anderes übernommen.",
            ),
            (Kind.SERIES_CHANGED, S): (
                f"Geänderte Termine {_WHAT}, ab {_FIRST} Uhr",
                "eine Terminserie hat sich geändert. Ihre Termine sind nun:",
            ),
            (Kind.SERIES_CANCELLED, S): (f"Abgesagt {_WHAT}, ab {_FIRST} Uhr", "diese Termine sind abgesagt."),
        },
    ),
    "fr": SeriesWords(
        more="… et {{ series.more }} de plus : le fichier de calendrier les contient tous.",
        times="Horaires",
        there="Le premier à l'heure locale",
        without="Pas de rendez-vous le",
        goes_on="D'autres dates suivront au même rythme.",
        news={
            (Kind.SERIES_REQUESTED, C): (
                f"Votre demande {_WHAT_IN_FRENCH}, à partir du {_FIRST}",
                (
                    f"{_BUSINESS} a bien reçu votre demande pour ces dates. "
                    "Vous serez prévenu dès qu'elles seront acceptées."
                ),
            ),
            (Kind.SERIES_CREATED, C): (
                f"Vos rendez-vous {_WHAT_IN_FRENCH}, à partir du {_FIRST}",
                f"vos rendez-vous chez {_BUSINESS} sont enregistrés.",
            ),
            (Kind.SERIES_CHANGED, C): (
                f"Rendez-vous modifiés {_WHAT_IN_FRENCH}, à partir du {_FIRST}",
                f"vos rendez-vous chez {_BUSINESS} ont changé. Voici désormais vos dates :",
            ),
            (Kind.SERIES_CANCELLED, C): (
                f"Annulés {_WHAT_IN_FRENCH}, à partir du {_FIRST}",
                f"vos rendez-vous chez {_BUSINESS} sont annulés :",
            ),
            (Kind.SERIES_ASSIGNED, S): (
                f"Nouveaux rendez-vous {_WHAT_IN_FRENCH}, à partir du {_FIRST}",
                "vous avez de nouveaux rendez-vous.",
            ),
            (Kind.SERIES_UNASSIGNED, S): (
                f"Confiés à quelqu'un d'autre {_WHAT_IN_FRENCH}, à partir du {_FIRST}",
                "ces rendez-vous ont été confiés à quelqu'un d'autre.",
            ),
            (Kind.SERIES_CHANGED, S): (
                f"Rendez-vous modifiés {_WHAT_IN_FRENCH}, à partir du {_FIRST}",
                "une série a changé. Voici désormais vos dates :",
            ),
            (Kind.SERIES_CANCELLED, S): (
                f"Annulés {_WHAT_IN_FRENCH}, à partir du {_FIRST}",
                "ces rendez-vous sont annulés.",
            ),
        },
    ),
    "es": SeriesWords(
        more="… y {{ series.more }} más: el archivo de calendario las contiene todas.",
        times="Horarios",
        there="La primera según la hora local",
        without="Sin cita el",
        goes_on="Seguirán más fechas con el mismo ritmo.",
        news={
            (Kind.SERIES_REQUESTED, C): (
                f"Su solicitud {_WHAT}, desde {_FIRST}",
                f"{_BUSINESS} ha recibido su solicitud para estas fechas. Le avisaremos en cuanto se aprueben.",
            ),
            (Kind.SERIES_CREATED, C): (
                f"Sus citas {_WHAT}, desde {_FIRST}",
                f"sus citas con {_BUSINESS} están reservadas.",
            ),
            (Kind.SERIES_CHANGED, C): (
                f"Citas cambiadas {_WHAT}, desde {_FIRST}",
                f"sus citas con {_BUSINESS} han cambiado. Estas son ahora sus fechas:",
            ),
            (Kind.SERIES_CANCELLED, C): (
                f"Canceladas {_WHAT}, desde {_FIRST}",
                f"sus citas con {_BUSINESS} están canceladas:",
            ),
            (Kind.SERIES_ASSIGNED, S): (f"Nuevas citas {_WHAT}, desde {_FIRST}", "tiene nuevas citas."),
            (Kind.SERIES_UNASSIGNED, S): (
                f"Reasignadas {_WHAT}, desde {_FIRST}",
                "estas citas las atenderá otra persona.",
            ),
            (Kind.SERIES_CHANGED, S): (
                f"Citas cambiadas {_WHAT}, desde {_FIRST}",
                "una serie ha cambiado. Estas son ahora sus fechas:",
            ),
            (Kind.SERIES_CANCELLED, S): (f"Canceladas {_WHAT}, desde {_FIRST}", "estas citas están canceladas."),
        },
    ),
}
