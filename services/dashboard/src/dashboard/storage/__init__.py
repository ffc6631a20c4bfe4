"""What the dashboard remembers."""

from dashboard.storage.accounts import AccountStore
from dashboard.storage.answers import AnswerStore
from dashboard.storage.api_clients import ApiClientStore
from dashboard.storage.audit import AuditStore
from dashboard.storage.booking_codes import BookingCodeStore
from dashboard.storage.client_links import RevocationStore
from dashboard.storage.delays import DelayStore
from dashboard.storage.identity_providers import (
    IdentityProviderStore,
    IdentityStore,
    LogoutTokenStore,
    ProviderVisitStore,
)
from dashboard.storage.links import LinkStore
from dashboard.storage.live import LiveEventStore, NumberedEvent
from dashboard.storage.mails import MailStore
from dashboard.storage.organizations import OrganizationStore
from dashboard.storage.passkeys import PasskeyStore
from dashboard.storage.preferences import UserPreferenceStore
from dashboard.storage.sessions import SessionStore
from dashboard.storage.signing_keys import SigningKeyStore
from dashboard.storage.tables import metadata, schema
from dashboard.storage.users import UserStore

__all__ = [
    "NO_ORGANIZATION",
    "AccountStore",
    "AnswerStore",
    "ApiClientStore",
    "AuditStore",
    "BookingCodeStore",
    "DelayStore",
    "IdentityProviderStore",
    "IdentityStore",
    "LinkStore",
    "LiveEventStore",
    "LogoutTokenStore",
    "MailStore",
    "NumberedEvent",
    "OrganizationStore",
    "PasskeyStore",
    "ProviderVisitStore",
    "RevocationStore",
    "SessionStore",
    "SigningKeyStore",
    "UserPreferenceStore",
    "UserStore",
    "metadata",
    "schema",
]

from uuid import UUID

NO_ORGANIZATION = UUID(int=0)
"""What a transaction is bound to that looks at shared tables only: row-level security shows it nobody's rows."""
