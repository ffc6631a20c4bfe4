"""Answers about one appointment, each with the version that slots can be asked to know.

`Slotstream-Version: appointment:<id>:<version>`: `GET /v1/slots?not_before=<that>` waits until it knows this change.
"""

from typing import Any, Final

from starlette.responses import Response

from booking.api.dependencies import sees_internal_notes
from booking.domain.appointments import Appointment
from booking.schemas.appointments import appointment_out
from slotstream_servicekit.http.principal import Principal
from slotstream_servicekit.http.responses import model_response

VERSION_HEADER: Final = "Slotstream-Version"


def tells_versions(status: int) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: what its answers of this status say in the header."""
    schema = {"type": "string", "examples": ["appointment:0195c0de-0000-7000-8000-000000000001:3"]}
    description = "What was changed, for `GET /v1/slots?not_before=`; several are separated by commas"
    return {status: {"headers": {VERSION_HEADER: {"description": description, "schema": schema}}}}


def with_versions(response: Response, *versions: str) -> Response:
    response.headers[VERSION_HEADER] = ", ".join(versions)
    return response


def appointment_version(appointment: Appointment) -> str:
    return f"appointment:{appointment.id}:{appointment.version}"


def appointment_response(appointment: Appointment, principal: Principal) -> Response:
    document = appointment_out(appointment, staff=sees_internal_notes(principal))
    response = model_response(document, version=appointment.version)
    return with_versions(response, appointment_version(appointment))
