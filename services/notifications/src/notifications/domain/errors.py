"""What can be wrong with a request."""

from slotstream_servicekit.errors import ErrorKind, NotFoundError, SlotstreamError


class TemplateRefusedError(SlotstreamError):
    """A template that does not parse, uses what is not allowed, or names an unknown variable."""

    code = "template_refused"
    kind = ErrorKind.invalid


class BusinessUnknownError(NotFoundError):
    code = "business_not_found"


class ServiceUnknownError(NotFoundError):
    code = "service_not_found"


class ReminderLevelError(SlotstreamError):
    code = "business_or_service"
    kind = ErrorKind.invalid


class ReminderInThePastError(SlotstreamError):
    code = "reminder_in_the_past"
    kind = ErrorKind.conflict


class AppointmentInactiveError(SlotstreamError):
    code = "appointment_inactive"
    kind = ErrorKind.conflict


class ChannelUnavailableError(SlotstreamError):
    """The channel is not configured, so that nothing can be sent on it."""

    code = "channel_unavailable"
    kind = ErrorKind.conflict


class SignatureInvalidError(SlotstreamError):
    """A call that is not proven to be the provider's."""

    code = "signature_invalid"
    kind = ErrorKind.forbidden


class DuplicateReminderError(SlotstreamError):
    """The same reminder twice: same channel, same time, same recipient."""

    code = "duplicate_reminder"
    kind = ErrorKind.conflict


class DuplicateError(SlotstreamError):
    code = "already_exists"
    kind = ErrorKind.conflict
