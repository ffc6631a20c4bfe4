"""Answers about one appointment, each with the version that slots can be asked to know.

`Slotstream-Version: appointment:<id>:<version>`: `GET /v1/slots?not_before=<that>` waits until it knows this change.
"""

from typing import Final

from starlette.responses import Response

from booking.api.dependencies import sees_internal_notes
from booking.domain.appointments import Appointment
from booking.schemas.appointments import appointment_out
from slotstream_servicekit.http.principal import Principal
from slotstream_servicekit.http.responses import model_response

VERSION_HEADER: Final = "Slotstream-Version"


def with_versions(response: Response, *versions: str) -> Response:
    response.headers[VERSION_HEADER] = ", ".join(versions)
    return response


def appointment_version(appointment: Appointment) -> str:
    return f"appointment:{appointment.id}:{appointment.version}"


def appointment_response(appointment: Appointment, principal: Principal) -> Response:
    document = appointment_out(appointment, staff=sees_internal_notes(principal))
    response = model_response(document, version=appointment.version)
    return with_versions(response, appointment_version(appointment))
