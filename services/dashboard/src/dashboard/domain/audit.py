"""The record of sign-ins and of every change of users and API clients. It names ids, never people."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class AuditAction(StrEnum):
    SIGNED_IN = "signed_in"
    SIGN_IN_FAILED = "sign_in_failed"
    SIGNED_OUT = "signed_out"
    SESSION_ENDED = "session_ended"
    PASSWORD_SET = "password_set"  # noqa: S105 - the action's name
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_REMOVED = "passkey_removed"
    PASSKEY_REFUSED = "passkey_refused"
    IDENTITY_PROVIDER_SET = "identity_provider_set"
    IDENTITY_PROVIDER_REMOVED = "identity_provider_removed"
    IDENTITY_REFUSED = "identity_refused"
    PROVIDER_ENDED_SESSIONS = "provider_ended_sessions"
    USER_JOINED = "user_joined"
    RESET_REQUESTED = "reset_requested"
    ORGANIZATION_CREATED = "organization_created"
    USER_INVITED = "user_invited"
    INVITATION_REPEATED = "invitation_repeated"
    INVITATION_ACCEPTED = "invitation_accepted"
    USER_CHANGED = "user_changed"
    USER_REMOVED = "user_removed"
    API_CLIENT_CREATED = "api_client_created"
    API_CLIENT_CHANGED = "api_client_changed"
    API_CLIENT_ROTATED = "api_client_rotated"
    API_CLIENT_REMOVED = "api_client_removed"
    CLIENT_LINK_CREATED = "client_link_created"
    CLIENT_LINKS_REVOKED = "client_links_revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    id: UUID
    organization_id: UUID
    at: datetime
    actor_type: str
    actor_id: str
    action: AuditAction
    subject_type: str
    subject_id: str
    address: str | None = None
    details: Mapping[str, object] = field(default_factory=dict)
