"""Inviting, changing and removing users."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.domain.audit import AuditAction
from dashboard.domain.errors import (
    IdTakenError,
    InvitationDelayedError,
    LastOwnerError,
    NotInvitedError,
    OwnerLimitedError,
    UserExistsError,
)
from dashboard.domain.links import Mail, MailKind
from dashboard.domain.sessions import digest_of
from dashboard.domain.users import User, UserRole, UserState
from dashboard.storage import AccountStore, AnswerStore, DelayStore, LinkStore, MailStore, SessionStore, UserStore
from dashboard.usecases.audit import add_audit_entry
from dashboard.usecases.told_users import add_user, forget_user, save_user
from slotstream_servicekit.context import Context
from slotstream_servicekit.errors import VersionConflictError
from slotstream_servicekit.ids import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """Whom an owner invites, and as what. `email` is in its normal form."""

    email: str
    name: str
    locale: str
    role: UserRole
    business_ids: tuple[UUID, ...] | None
    resource_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChange:
    """The fields that are named in `given` are set; the others stay."""

    given: frozenset[str]
    name: str | None = None
    role: UserRole | None = None
    business_ids: tuple[UUID, ...] | None = None
    resource_id: UUID | None = None
    active: bool | None = None


async def invite_user(*, session: AsyncSession, context: Context, user_id: UUID, invitation: Invitation) -> User:
    """Adds somebody who may sign in once they have opened the link that is mailed to them.

    Raises UserExistsError, IdTakenError, InvitationDelayedError.
    """
    user = User(
        id=user_id,
        organization_id=context.organization_id,
        email=invitation.email,
        name=invitation.name,
        locale=invitation.locale,
        role=invitation.role,
        state=UserState.INVITED,
        business_ids=invitation.business_ids,
        resource_id=invitation.resource_id,
        last_sign_in_at=None,
        created_at=context.now,
        updated_at=context.now,
        version=1,
    )
    _refuse_limited_owner(user)
    if not await add_user(session=session, cause=context.cause, user=user):
        if await UserStore(session).find_by_email(context.organization_id, user.email) is not None:
            raise UserExistsError("There is a user with this address already.")
        raise IdTakenError("The id is in use already.")
    await _mail_invitation(session, context, user)
    await _audit(session, context, AuditAction.USER_INVITED, user, {"role": user.role})
    return user


async def repeat_invitation(*, session: AsyncSession, context: Context, user_id: UUID) -> User:
    """Mails a new link; the earlier one is dead at once. Raises NotInvitedError, InvitationDelayedError."""
    user = await UserStore(session).get(context.organization_id, user_id, lock=True)
    if user.state is not UserState.INVITED:
        raise NotInvitedError("The user has accepted the invitation already, or was deactivated.")
    await LinkStore(session).revoke_invitations(user.id)
    await _mail_invitation(session, context, user)
    await _audit(session, context, AuditAction.INVITATION_REPEATED, user, {})
    return user


async def change_user(
    *, session: AsyncSession, context: Context, user_id: UUID, change: UserChange, expected_version: int | None
) -> User:
    """Takes effect within a minute: sessions of somebody who is deactivated end at once."""
    user = await _locked(session, context, user_id, expected_version)
    changed = _with(user, change)
    if changed == user:
        return user
    _refuse_limited_owner(changed)
    changed = replace(changed, updated_at=context.now, version=user.version + 1)
    await _keep_an_owner(session, context, before=user, after=changed)
    await save_user(session=session, cause=context.cause, user=changed)
    if changed.state is UserState.DEACTIVATED:
        await _shut_out(session, user)
    await _audit(session, context, AuditAction.USER_CHANGED, user, _differences(user, changed))
    return changed


async def change_profile(
    *,
    session: AsyncSession,
    context: Context,
    user_id: UUID,
    account_id: UUID | None,
    name: str | None,
    locale: str | None,
) -> User:
    """What somebody changes of themselves: how they are called here, and in which language they read and are mailed."""
    user = await _locked(session, context, user_id, None)
    changed = replace(user, name=name or user.name, locale=locale or user.locale)
    if changed == user:
        return user
    changed = replace(changed, updated_at=context.now, version=user.version + 1)
    await save_user(session=session, cause=context.cause, user=changed)
    if account_id is not None:
        await AccountStore(session).set_locale(account_id, changed.locale)
    await _audit(session, context, AuditAction.USER_CHANGED, user, _differences(user, changed))
    return changed


async def remove_user(*, session: AsyncSession, context: Context, user_id: UUID, expected_version: int | None) -> None:
    """Forgets the person: name and address are gone, what they did keeps the id."""
    user = await _locked(session, context, user_id, expected_version)
    await _keep_an_owner(session, context, before=user, after=None)
    await _shut_out(session, user)
    await MailStore(session).forget_user(user.id)
    await AccountStore(session).leave(user.id)
    await forget_user(session=session, user=user)
    await AnswerStore(session).forget(context.organization_id, user.id)
    await _audit(session, context, AuditAction.USER_REMOVED, user, {"role": user.role})


def _refuse_limited_owner(user: User) -> None:
    if user.role is UserRole.OWNER and (user.business_ids is not None or user.resource_id is not None):
        raise OwnerLimitedError("An owner is not limited to businesses or to a calendar.")


def _with(user: User, change: UserChange) -> User:
    changed = user
    if "name" in change.given and change.name is not None:
        changed = replace(changed, name=change.name)
    if "role" in change.given and change.role is not None:
        changed = replace(changed, role=change.role)
    if "business_ids" in change.given:
        changed = replace(changed, business_ids=change.business_ids)
    if "resource_id" in change.given:
        changed = replace(changed, resource_id=change.resource_id)
    if "active" in change.given and change.active is not None:
        changed = replace(changed, state=_state(user, active=change.active))
    return changed


def _state(user: User, *, active: bool) -> UserState:
    """Somebody who never accepted is not active before they have: they are invited again."""
    if not active:
        return UserState.DEACTIVATED
    if user.state is UserState.DEACTIVATED and user.last_sign_in_at is None:
        return UserState.INVITED
    return UserState.ACTIVE if user.state is UserState.DEACTIVATED else user.state


async def _locked(session: AsyncSession, context: Context, user_id: UUID, expected_version: int | None) -> User:
    """The owners first, then the user: the same order for all, so that two never wait for each other."""
    await UserStore(session).lock_owners(context.organization_id)
    user = await UserStore(session).get(context.organization_id, user_id, lock=True)
    if expected_version is not None and expected_version != user.version:
        raise VersionConflictError(user.version)
    return user


async def _keep_an_owner(session: AsyncSession, context: Context, *, before: User, after: User | None) -> None:
    if not before.is_acting_owner or (after is not None and after.is_acting_owner):
        return
    owners: Sequence[User] = await UserStore(session).lock_owners(context.organization_id)
    if not any(owner.is_acting_owner and owner.id != before.id for owner in owners):
        raise LastOwnerError("The organization needs an owner who can sign in: make another one first.")


async def _shut_out(session: AsyncSession, user: User) -> None:
    await SessionStore(session).end_of_user(user.id)
    await LinkStore(session).revoke_invitations(user.id)


async def _mail_invitation(session: AsyncSession, context: Context, user: User) -> None:
    """Raises InvitationDelayedError. Counted by address: who is removed and invited anew is mailed no more often."""
    recipient = digest_of(f"invitation\x00{user.organization_id}\x00{user.email}")
    retry_at = await DelayStore(session).admit(recipient, now=context.now)
    if retry_at is not None:
        wait = max(1, ceil((retry_at - context.now).total_seconds()))
        told = f"Several invitations were mailed to this address just now. Try again in {wait} seconds."
        raise InvitationDelayedError(told, extra={"retry_after": wait})
    await MailStore(session).add(
        Mail(
            id=new_id(),
            kind=MailKind.INVITATION,
            recipient=user.email,
            locale=user.locale,
            organization_id=user.organization_id,
            user_id=user.id,
            due_at=context.now,
            created_at=context.now,
        )
    )


def _differences(before: User, after: User) -> dict[str, object]:
    """Old and new of what counts for rights; of name and language only that they changed."""
    told: dict[str, object] = {}
    for name in ("role", "state", "business_ids", "resource_id"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            told[name] = {"old": _plain(old), "new": _plain(new)}
    told |= {name: {} for name in ("name", "locale") if getattr(before, name) != getattr(after, name)}
    return told


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [str(part) for part in value]
    return str(value) if value is not None else None


async def _audit(
    session: AsyncSession, context: Context, action: AuditAction, user: User, details: dict[str, object]
) -> None:
    await add_audit_entry(
        session=session,
        context=context,
        action=action,
        subject_type="user",
        subject_id=user.id,
        details=details,
    )
