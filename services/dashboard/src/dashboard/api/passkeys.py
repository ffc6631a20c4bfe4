"""/api/passkeys: the passkeys of whoever is signed in. For the web application, by its cookie."""

from typing import Any
from uuid import UUID

from fastapi import BackgroundTasks

from dashboard.adapters.base64url import bytes_of, text_of
from dashboard.adapters.passkeys import ALGORITHMS
from dashboard.api.dependencies import CurrentDependencies, CurrentVisit, Dependencies, Visit
from dashboard.domain.audit import AuditAction
from dashboard.domain.errors import PasskeyInvalidError, PasskeysUnavailableError, RecentSignInRequiredError
from dashboard.domain.passkeys import Attestation
from dashboard.schemas import AddPasskeyIn, PasskeyOptionsOut, PasskeyOut, PasskeysOut
from dashboard.storage import NO_ORGANIZATION, PasskeyStore
from dashboard.usecases.passkeys import (
    PasskeyChange,
    add_passkey,
    audit_passkey,
    begin_registration,
    remove_passkey,
    take_registration,
)
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.openapi import problem_response

router = Router(prefix="/api/passkeys", tags=["session"])

_NOT_ALLOWED: dict[int | str, dict[str, Any]] = {401: problem_response(401), 403: problem_response(403)}
_NOT_ADDED: dict[int | str, dict[str, Any]] = {**_NOT_ALLOWED, 409: problem_response(409)}


@router.get("", responses={401: problem_response(401)})
async def list_passkeys(dependencies: CurrentDependencies, visit: CurrentVisit) -> PasskeysOut:
    """One's own, the oldest first."""
    async with dependencies.database.transaction(NO_ORGANIZATION) as session:
        passkeys = await PasskeyStore(session).of_account(visit.signed_in.account_id)
    return PasskeysOut(items=[PasskeyOut.model_validate(passkey) for passkey in passkeys])


@router.post("/options", responses=_NOT_ADDED)
async def begin_adding_passkey(dependencies: CurrentDependencies, visit: CurrentVisit) -> PasskeyOptionsOut:
    """What a device is asked with. The answer to it is taken once, from this session, for five minutes."""
    host = dependencies.settings.passkey_host
    if host is None:
        raise PasskeysUnavailableError("There are no passkeys at an address of numbers: use the host's name.")
    _require_recent_sign_in(dependencies, visit)
    async with dependencies.database.transaction(NO_ORGANIZATION) as session:
        begun = await begin_registration(
            session=session,
            account_id=visit.signed_in.account_id,
            session_secret=visit.secret,
            now=dependencies.clock(),
        )
    return PasskeyOptionsOut(
        challenge=text_of(begun.challenge.challenge),
        host=host,
        user_handle=text_of(begun.challenge.user_handle or b""),
        email=begun.account.email,
        algorithms=[int(algorithm) for algorithm in ALGORITHMS],
        known_credential_ids=[text_of(credential_id) for credential_id in begun.known],
    )


@router.post("", status_code=201, responses=_NOT_ADDED)
async def create_passkey(
    body: AddPasskeyIn, dependencies: CurrentDependencies, visit: CurrentVisit, background: BackgroundTasks
) -> PasskeyOut:
    """Add the passkey that a device has made. Signing in must not be long ago; a mail tells of it."""
    _require_recent_sign_in(dependencies, visit)
    attestation = _attestation_of(body)
    now, account_id = dependencies.clock(), visit.signed_in.account_id
    async with dependencies.database.transaction(NO_ORGANIZATION) as session:
        challenge = await take_registration(session=session, session_secret=visit.secret, now=now)
    credential = dependencies.passkeys.verify_new(attestation, challenge=challenge.challenge)
    async with dependencies.database.transaction(NO_ORGANIZATION) as session:
        passkey, change = await add_passkey(
            session=session,
            account_id=account_id,
            user_handle=challenge.user_handle or b"",
            credential=credential,
            name=body.name,
            now=now,
        )
    background.add_task(audit_change, dependencies, change, AuditAction.PASSKEY_ADDED, visit.address)
    return PasskeyOut.model_validate(passkey)


@router.delete("/{passkey_id}", status_code=204, responses={**_NOT_ALLOWED, 404: problem_response(404)})
async def delete_passkey(
    passkey_id: UUID, dependencies: CurrentDependencies, visit: CurrentVisit, background: BackgroundTasks
) -> None:
    """Nobody signs in with it any more; sessions that it opened go on. A mail tells of it."""
    async with dependencies.database.transaction(NO_ORGANIZATION) as session:
        change = await remove_passkey(
            session=session,
            account_id=visit.signed_in.account_id,
            passkey_id=passkey_id,
            now=dependencies.clock(),
        )
    background.add_task(audit_change, dependencies, change, AuditAction.PASSKEY_REMOVED, visit.address)


async def audit_change(dependencies: Dependencies, change: PasskeyChange, action: AuditAction, address: str) -> None:
    """In the audit trail of every organization that the person is in."""
    for membership in change.memberships:
        async with dependencies.database.transaction(membership.organization_id) as session:
            await audit_passkey(
                session=session,
                context=dependencies.context_of_user(membership.organization_id, membership.user_id),
                action=action,
                user_id=membership.user_id,
                passkey_id=change.passkey_id,
                address=address,
            )


def _require_recent_sign_in(dependencies: Dependencies, visit: Visit) -> None:
    age = dependencies.clock() - visit.signed_in.session.created_at
    if age > dependencies.settings.recent_sign_in:
        minutes = int(dependencies.settings.recent_sign_in.total_seconds() // 60)
        raise RecentSignInRequiredError(f"Signing in must not be longer ago than {minutes} minutes: sign in again.")


def _attestation_of(body: AddPasskeyIn) -> Attestation:
    try:
        return Attestation(
            credential_id=bytes_of(body.credential_id),
            client_data=bytes_of(body.client_data),
            attestation=bytes_of(body.attestation),
        )
    except ValueError as error:
        raise PasskeyInvalidError("The passkey cannot be verified.") from error
