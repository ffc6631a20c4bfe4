"""What can be wrong with a request."""

from slotstream_servicekit.errors import ErrorKind, NotFoundError, SlotstreamError


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


class RuleDisabledError(SlotstreamError):
    """A rule that is switched off gives reminders to nobody."""

    code = "rule_disabled"
    kind = ErrorKind.conflict


class RuleNotAppliedError(NotFoundError):
    """Nobody has asked to apply the rule to appointments that stand already."""

    code = "rule_not_applied"


class AppointmentInactiveError(SlotstreamError):
    code = "appointment_inactive"
    kind = ErrorKind.conflict


class ChannelUnavailableError(SlotstreamError):
    """The channel is not configured, so that nothing can be sent on it."""

    code = "channel_unavailable"
    kind = ErrorKind.conflict


class ChannelAccountsUnavailableError(SlotstreamError):
    """Nothing is there to seal an organization's credentials with, or to hear what its provider tells."""

    code = "channel_accounts_unavailable"
    kind = ErrorKind.conflict


class ChannelAccountNotFoundError(NotFoundError):
    code = "channel_account_not_found"


class CredentialRequiredError(SlotstreamError):
    """A password or token is shown to nobody else than it was typed for: a change of that needs it anew."""

    code = "credential_required"
    kind = ErrorKind.invalid


class SenderMissingError(SlotstreamError):
    """An account at Twilio by which neither texts nor calls could go out."""

    code = "sender_missing"
    kind = ErrorKind.invalid


class LimitTooHighError(SlotstreamError):
    """More in a minute than the installation allows."""

    code = "limit_too_high"
    kind = ErrorKind.invalid


class AddressMissingError(SlotstreamError):
    """Nobody is named to whom a message could go."""

    code = "no_address"
    kind = ErrorKind.invalid


class AddressInvalidError(SlotstreamError):
    code = "invalid_address"
    kind = ErrorKind.invalid


class NumberOptedOutError(SlotstreamError):
    code = "opted_out"
    kind = ErrorKind.conflict


class EndpointInvalidError(SlotstreamError):
    """An address that no push service has, or that leads into a network that is not public."""

    code = "endpoint_invalid"
    kind = ErrorKind.invalid


class PushKeysInvalidError(SlotstreamError):
    """Keys that no browser makes: nothing could be encrypted for them."""

    code = "push_keys_invalid"
    kind = ErrorKind.invalid


class TooManyTemplatesError(SlotstreamError):
    code = "too_many_templates"
    kind = ErrorKind.conflict


class TooManyRulesError(SlotstreamError):
    code = "too_many_rules"
    kind = ErrorKind.conflict


class TooManySubscriptionsError(SlotstreamError):
    code = "too_many_subscriptions"
    kind = ErrorKind.conflict


class PeopleOnlyError(SlotstreamError):
    """The caller is a program: it has no browser, and chooses nothing for itself."""

    code = "people_only"
    kind = ErrorKind.forbidden


class SignatureInvalidError(SlotstreamError):
    """A call that is not proven to be the provider's."""

    code = "signature_invalid"
    kind = ErrorKind.forbidden


class MessageNotUnknownError(SlotstreamError):
    """What became of the message is known, or somebody else has decided it."""

    code = "message_not_unknown"
    kind = ErrorKind.conflict


class SendAgainRefusedError(SlotstreamError):
    """Sending the message again helps nobody any more, or must not be; the reasons say why."""

    code = "send_again_refused"
    kind = ErrorKind.conflict


class DuplicateReminderError(SlotstreamError):
    """The same reminder twice: same channel, same time, same recipient."""

    code = "duplicate_reminder"
    kind = ErrorKind.conflict


class DuplicateFollowUpError(SlotstreamError):
    """A second rule of one level and channel: the client would be written to twice."""

    code = "duplicate_follow_up"
    kind = ErrorKind.conflict


class DuplicateError(SlotstreamError):
    code = "already_exists"
    kind = ErrorKind.conflict
