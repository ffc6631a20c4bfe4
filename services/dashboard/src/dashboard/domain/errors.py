"""What can go wrong, with codes that callers see."""

from slotstream_servicekit.errors import ErrorKind, SlotstreamError, TransientError


class SessionMissingError(SlotstreamError):
    """No session, an ended one, or one whose user may not sign in any more."""

    code = "session_missing"
    kind = ErrorKind.unauthenticated


class SignInRefusedError(SlotstreamError):
    """One answer for an unknown address, a wrong password and a user who was deactivated."""

    code = "sign_in_refused"
    kind = ErrorKind.unauthenticated


class SignInDelayedError(SlotstreamError):
    code = "rate_limited"
    kind = ErrorKind.rate_limited


class InvitationDelayedError(SlotstreamError):
    """One recipient has been mailed several invitations by one organization in a short time."""

    code = "rate_limited"
    kind = ErrorKind.rate_limited


class CrossSiteError(SlotstreamError):
    """A request that changes something and does not come from a page of this origin."""

    code = "cross_site_request"
    kind = ErrorKind.forbidden


class LinkInvalidError(SlotstreamError):
    """A one-time link that was used, has expired or never existed: nobody is told which."""

    code = "link_invalid"
    kind = ErrorKind.not_found


class PasswordTooWeakError(SlotstreamError):
    code = "password_too_weak"
    kind = ErrorKind.invalid


class PasswordRefusedError(SlotstreamError):
    """The present password, which a new one takes the place of, is another."""

    code = "password_refused"
    kind = ErrorKind.invalid


class PasskeyInvalidError(SlotstreamError):
    """What a device sent is not of this address, this challenge or this key, or its user was not verified."""

    code = "passkey_invalid"
    kind = ErrorKind.invalid


class PasskeyExistsError(SlotstreamError):
    code = "passkey_exists"
    kind = ErrorKind.conflict


class TooManyPasskeysError(SlotstreamError):
    code = "too_many_passkeys"
    kind = ErrorKind.conflict


class PasskeyNotFoundError(SlotstreamError):
    code = "passkey_not_found"
    kind = ErrorKind.not_found


class PasskeysUnavailableError(SlotstreamError):
    """Browsers know passkeys by a host's name: an address of numbers has none."""

    code = "passkeys_unavailable"
    kind = ErrorKind.conflict


class RecentSignInRequiredError(SlotstreamError):
    """A browser left open is not enough for this."""

    code = "recent_sign_in_required"
    kind = ErrorKind.forbidden


class NoAccountError(SlotstreamError):
    """A company's provider signed them in: it answers for its organization, and never for a person's account."""

    code = "signed_in_by_company"
    kind = ErrorKind.forbidden


class IdentityProviderNotFoundError(SlotstreamError):
    code = "identity_provider_not_found"
    kind = ErrorKind.not_found


class ClientSecretRequiredError(SlotstreamError):
    code = "client_secret_required"
    kind = ErrorKind.invalid


class IssuerInvalidError(SlotstreamError):
    """No https address, or one with a query or a name and password in it."""

    code = "issuer_invalid"
    kind = ErrorKind.invalid


class ProviderFailedError(Exception):
    """A company's provider was not reached, or said what cannot be believed. `reason` is stable, and names nobody."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class IdentityRefusedError(Exception):
    """The provider has proved who it is, and they may not sign in here. `reason` is for the audit trail."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UserNotFoundError(SlotstreamError):
    code = "user_not_found"
    kind = ErrorKind.not_found


class UserExistsError(SlotstreamError):
    code = "user_exists"
    kind = ErrorKind.conflict


class LastOwnerError(SlotstreamError):
    """Without an owner nobody could let anybody in again."""

    code = "last_owner"
    kind = ErrorKind.conflict


class OwnerLimitedError(SlotstreamError):
    """Owners manage everybody's rights, so a limit of theirs would limit nothing."""

    code = "owner_limited"
    kind = ErrorKind.invalid


class IdTakenError(SlotstreamError):
    """The id that a caller chose is in use, be it in another organization."""

    code = "id_taken"
    kind = ErrorKind.conflict


class NotInvitedError(SlotstreamError):
    """An invitation is repeated only for somebody who has not accepted it yet."""

    code = "not_invited"
    kind = ErrorKind.conflict


class SessionNotFoundError(SlotstreamError):
    code = "session_not_found"
    kind = ErrorKind.not_found


class ApiClientNotFoundError(SlotstreamError):
    code = "api_client_not_found"
    kind = ErrorKind.not_found


class ApiClientRefusedError(SlotstreamError):
    """The client's id and secret do not fit, or the client may not ask any more."""

    code = "invalid_client"
    kind = ErrorKind.unauthenticated


class PortalClosedError(SlotstreamError):
    """There are no keys for clients' links, or no service behind the portal."""

    code = "portal_closed"
    kind = ErrorKind.conflict


class NotYourClientError(SlotstreamError):
    """The caller is limited to businesses or to a calendar; a link would lead further than that."""

    code = "limited"
    kind = ErrorKind.forbidden


class PortalRefusedError(SlotstreamError):
    """A service refused what a client asked for, by this code."""

    kind = ErrorKind.conflict

    def __init__(self, status: int, code: str) -> None:
        super().__init__("The service refused it.")
        self.status = status
        self.code = code


class PortalUnavailableError(TransientError):
    """A service behind the portal does not answer right now."""

    code = "service_unavailable"


class TooManyCodesError(SlotstreamError):
    """One recipient, or one network, has been sent as many codes as there may be in an hour."""

    code = "too_many_codes"
    kind = ErrorKind.rate_limited


class UnsealableError(Exception):
    """What was sealed with another key, or for another purpose."""
