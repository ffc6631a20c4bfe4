"""The built-in words in Spanish."""

from typing import Final

from notifications.adapters.templates.language import BUSINESS, SERVICE, WHEN_SHORT, Language
from notifications.domain.messages import Audience, Kind

C, S = Audience.CLIENT, Audience.STAFF

SPANISH: Final = Language(
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
            f"Su solicitud: {SERVICE}, {WHEN_SHORT}",
            f"{BUSINESS} ha recibido su solicitud. Le avisaremos en cuanto se apruebe.",
        ),
        (Kind.CREATED, C): (
            f"Su cita: {SERVICE}, {WHEN_SHORT}",
            f"su cita con {BUSINESS} está reservada.",
        ),
        (Kind.CONFIRMED, C): (
            f"Confirmada: {SERVICE}, {WHEN_SHORT}",
            f"su cita con {BUSINESS} está confirmada.",
        ),
        (Kind.RESCHEDULED, C): (
            f"Nueva hora: {SERVICE}, {WHEN_SHORT}",
            f"su cita con {BUSINESS} tiene una nueva hora.",
        ),
        (Kind.CANCELLED, C): (
            f"Cancelada: {SERVICE}, {WHEN_SHORT}",
            f"su cita con {BUSINESS} está cancelada.",
        ),
        (Kind.DECLINED, C): (
            f"No es posible: {SERVICE}, {WHEN_SHORT}",
            f"{BUSINESS} no puede ofrecerle esta cita. Elija otra hora, por favor.",
        ),
        (Kind.WITHDRAWN, C): (
            f"Esta cita no es suya: {WHEN_SHORT}",
            (
                f"la cita con {BUSINESS} del {WHEN_SHORT} no es suya: "
                "se anotó a su nombre por error y ya no figura en él."
            ),
        ),
        (Kind.REMINDER, C): (
            f"Recordatorio: {SERVICE}, {WHEN_SHORT}",
            f"se acerca su cita con {BUSINESS}. ¡Hasta pronto!",
        ),
        (Kind.ANSWER_REFUSED, C): (
            f"Lo sentimos, tarde o ya cambiada, no se ha hecho nada: {SERVICE}, {WHEN_SHORT}",
            "lo sentimos: su respuesta llegó tarde, o su cita ha cambiado desde entonces. No se ha hecho nada.",
        ),
        (Kind.SLOT_OFFERED, C): (
            f"Hay una hora libre: {SERVICE}, {WHEN_SHORT}",
            f"hay libre una hora que usted espera. {BUSINESS} se la guarda hasta las {{{{ offer.until }}}}.",
        ),
        (Kind.FOLLOW_UP, C): (
            f"Le echamos de menos: {SERVICE}, {WHEN_SHORT}",
            (f"tenía una cita con {BUSINESS} y no pudimos verle. Con gusto le buscamos otra hora."),
        ),
        (Kind.ASSIGNED, S): (f"Nueva cita: {SERVICE}, {WHEN_SHORT}", "tiene una nueva cita."),
        (Kind.UNASSIGNED, S): (f"Reasignada: {SERVICE}, {WHEN_SHORT}", "esta cita la atenderá otra persona."),
        (Kind.RESCHEDULED, S): (f"Nueva hora: {SERVICE}, {WHEN_SHORT}", "esta cita tiene una nueva hora."),
        (Kind.CANCELLED, S): (f"Cancelada: {SERVICE}, {WHEN_SHORT}", "esta cita está cancelada."),
    },
)
