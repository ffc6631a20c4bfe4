"""Requests and responses."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from dashboard.domain.preferences import Density, ListColumn, MoveTelling
from dashboard.domain.users import MAX_PASSWORD, normal_email
from slotstream_servicekit.http.models import InstantOut, RequestModel, ResponseModel, ShortText
from slotstream_servicekit.http.rights import RIGHTS_OF_SCOPE

Locale = Literal["en", "de", "fr", "es", "ar"]
UserRoleName = Literal["owner", "manager", "staff", "viewer"]
ApiClientRoleName = Literal["agent", "integration"]
MAX_BUSINESSES = 500


def _known_scope(value: str) -> str:
    if value not in RIGHTS_OF_SCOPE:
        raise PydanticCustomError("unknown_scope", "There is no such scope")
    return value


def _email(value: str) -> str:
    return normal_email(value)


EmailAddress = Annotated[
    str,
    StringConstraints(min_length=3, max_length=254, pattern=r"^[^@\s\x00-\x1f<>,;:\"\\]+@[^@\s\x00-\x1f<>,;:\"\\]+$"),
    AfterValidator(_email),
    Field(examples=["ada@example.com"]),
]
Scope = Annotated[str, StringConstraints(max_length=64), AfterValidator(_known_scope), Field(examples=["slots:read"])]
BusinessIds = Annotated[list[UUID], Field(min_length=1, max_length=MAX_BUSINESSES)]
Name = Annotated[ShortText, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$")]


class InviteUserIn(RequestModel):
    id: UUID | None = None
    email: EmailAddress
    name: Name
    role: UserRoleName
    locale: Locale = "en"
    business_ids: BusinessIds | None = Field(default=None, description="None: all businesses")
    resource_id: UUID | None = Field(default=None, description="Limits the user to this resource's calendar")


class ChangeUserIn(RequestModel):
    """What is absent stays; `null` for `business_ids` and `resource_id` takes the limit away."""

    name: Name | None = None
    role: UserRoleName | None = None
    business_ids: BusinessIds | None = None
    resource_id: UUID | None = None
    active: bool | None = None


class UserOut(ResponseModel):
    id: UUID
    email: str
    name: str
    locale: str
    role: str
    state: Literal["invited", "active", "deactivated"]
    business_ids: list[UUID] | None
    resource_id: UUID | None
    last_sign_in_at: InstantOut | None
    created_at: InstantOut
    updated_at: InstantOut
    version: int


class CreateApiClientIn(RequestModel):
    id: UUID | None = None
    name: Name
    role: ApiClientRoleName
    scopes: Annotated[list[Scope], Field(max_length=50)] = Field(default_factory=list)
    business_ids: BusinessIds | None = None

    @model_validator(mode="after")
    def _scopes_are_for_integrations(self) -> "CreateApiClientIn":
        if self.role == "agent" and self.scopes:
            raise PydanticCustomError("scopes_not_allowed", "An agent's rights are its role's: it has no scopes")
        return self


class ChangeApiClientIn(RequestModel):
    name: Name | None = None
    scopes: Annotated[list[Scope], Field(max_length=50)] | None = None
    business_ids: BusinessIds | None = None
    active: bool | None = None


class RotateApiClientIn(RequestModel):
    overlap_minutes: int = Field(
        default=60, ge=0, le=30 * 24 * 60, description="How long the secrets before this one go on working"
    )


class ApiClientOut(ResponseModel):
    id: UUID
    name: str
    role: str
    scopes: list[str]
    business_ids: list[UUID] | None
    state: Literal["active", "deactivated"]
    rotation: int
    last_used_at: InstantOut | None
    created_at: InstantOut
    updated_at: InstantOut
    version: int


class IssuedApiClientOut(ApiClientOut):
    client_secret: str = Field(description="Shown now and never again")


class AuditEntryOut(ResponseModel):
    id: UUID
    at: InstantOut
    actor_type: str
    actor_id: str
    action: str
    subject_type: str
    subject_id: str
    address: str | None
    details: dict[str, object]


class SessionUserOut(ResponseModel):
    id: UUID
    name: str
    email: str
    locale: str
    role: str
    business_ids: list[UUID] | None
    resource_id: UUID | None


class NameOut(ResponseModel):
    id: UUID
    name: str


class NamesOut(ResponseModel):
    items: list[NameOut]


class ChangeProfileIn(RequestModel):
    """What is absent stays."""

    name: Name | None = None
    locale: Locale | None = None


class ChangePreferencesIn(RequestModel):
    """What is absent stays; null: as if it had never been chosen."""

    moves: MoveTelling | None = Field(
        default=None, description="A move in the calendar asks whether the client is told, or tells, or does not"
    )
    density: Density | None = Field(default=None, description="Of the rows of the appointments list")
    hidden_columns: Annotated[list[ListColumn], Field(max_length=len(ListColumn))] | None = Field(
        default=None, description="What the appointments list leaves out"
    )


class PreferencesOut(ResponseModel):
    moves: MoveTelling | None
    density: Density | None
    hidden_columns: list[ListColumn] | None


class ChangePasswordIn(RequestModel):
    current_password: Annotated[SecretStr, Field(min_length=1, max_length=MAX_PASSWORD)]
    new_password: Annotated[SecretStr, Field(min_length=1, max_length=MAX_PASSWORD, description="10 to 256 characters")]


Base64Url = Annotated[str, StringConstraints(min_length=1, pattern=r"^[A-Za-z0-9_-]+$")]
"""Bytes as WebAuthn's own JSON has them; `bytes_of` reads them."""
CredentialId = Annotated[Base64Url, StringConstraints(max_length=1_364)]


class AddPasskeyIn(RequestModel):
    """What `navigator.credentials.create` has given, its bytes in base64url."""

    name: Name
    credential_id: CredentialId
    client_data: Annotated[Base64Url, StringConstraints(max_length=4_096)]
    attestation: Annotated[Base64Url, StringConstraints(max_length=16_384)]


class PasskeyOptionsOut(ResponseModel):
    """What `navigator.credentials.create` is told; bytes are in base64url."""

    challenge: str
    host: str = Field(description="The relying party's id")
    user_handle: str
    email: str
    algorithms: list[int]
    known_credential_ids: list[str] = Field(description="Devices that hold one of these make no second one")


class PasskeyOut(ResponseModel):
    id: UUID
    name: str
    created_at: InstantOut
    last_used_at: InstantOut | None


class PasskeysOut(ResponseModel):
    items: list[PasskeyOut]


def _domain(value: str) -> str:
    return value.lower()


EmailDomain = Annotated[
    str,
    StringConstraints(
        max_length=253,
        pattern=r"^[A-Za-z0-9](-*[A-Za-z0-9]){0,62}(\.[A-Za-z0-9](-*[A-Za-z0-9]){0,62})+$",
    ),
    AfterValidator(_domain),
    Field(examples=["example.com"]),
]
MappedRoleName = Literal["manager", "staff", "viewer"]
ClaimText = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class IdentityProviderIn(RequestModel):
    issuer: Annotated[str, StringConstraints(min_length=8, max_length=500)] = Field(
        examples=["https://login.example.com"]
    )
    client_id: ClaimText
    client_secret: Annotated[SecretStr, Field(min_length=1, max_length=1_000)] | None = Field(
        default=None, description="Absent: the one that is set stays. Another issuer or client needs its own"
    )
    email_domains: Annotated[list[EmailDomain], Field(min_length=1, max_length=50)]
    role_claim: ClaimText | None = Field(
        default=None, description="The claim that roles are taken from, at each sign-in; null: roles are set here"
    )
    role_values: Annotated[dict[ClaimText, MappedRoleName], Field(max_length=100)] = Field(default_factory=dict)
    default_role: MappedRoleName | None = Field(
        default=None, description="For whom no value fits; null: they are refused"
    )
    creates_users: bool = Field(default=False, description="Whoever the provider knows becomes a user")
    required: bool = Field(default=False, description="Nobody but owners signs in without the provider")


class IdentityProviderOut(ResponseModel):
    issuer: str
    client_id: str
    email_domains: list[str]
    role_claim: str | None
    role_values: dict[str, str]
    default_role: str | None
    creates_users: bool
    required: bool
    sign_in_url: str = Field(description="Where the organization's people begin")
    redirect_uri: str = Field(description="To be registered at the provider")
    backchannel_logout_uri: str = Field(description="To be registered there too, so that signing out there ends ours")
    updated_at: InstantOut
    version: int


class IdentityProviderTestOut(ResponseModel):
    ok: bool
    reason: str | None = Field(description="A stable code of what is wrong")


class OrganizationOut(ResponseModel):
    id: UUID
    name: str


class CurrentSessionOut(ResponseModel):
    """Who is signed in, and what a page needs in order to act."""

    session_id: UUID
    csrf_token: str = Field(description="Goes into X-CSRF-Token of every request that changes something")
    user: SessionUserOut
    organization: OrganizationOut
    rights: list[str]
    expires_at: InstantOut
    has_account: bool = Field(description="False: a company's provider signed them in; there is no password here")
    preferences: PreferencesOut
    live_place: str = Field(
        description="`last_event_id` of /events/stream for whoever reads after this answer: nothing falls in between"
    )


class SessionOut(ResponseModel):
    id: UUID
    current: bool
    address: str
    user_agent: str
    created_at: InstantOut
    last_used_at: InstantOut
    expires_at: InstantOut


class SessionsOut(ResponseModel):
    items: list[SessionOut]


class TokenOut(ResponseModel):
    """RFC 6749 §5.1."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the type's name
    expires_in: int
    scope: str


class JwksOut(ResponseModel):
    keys: list[dict[str, str]]


class CreateClientLinkIn(RequestModel):
    """Without `appointment_id` the link leads to all appointments that are shared with the client."""

    client_id: UUID
    appointment_id: UUID | None = None


class RevokeClientLinksIn(RequestModel):
    client_id: UUID


class ClientLinkOut(ResponseModel):
    url: str
    expires_at: InstantOut
