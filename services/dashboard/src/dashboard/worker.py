"""What the worker does by the clock: mails of sign-in, the next signing key, and forgetting."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dashboard.adapters.mails import code_mail, invitation_mail, notice_mail, reset_mail
from dashboard.adapters.visitors import DerivedVisitorSecrets
from dashboard.domain.links import Mail, MailKind, Prepared
from dashboard.domain.protocols import MailNotSentError, MailSender
from dashboard.domain.sessions import new_secret
from dashboard.settings import DashboardSettings
from dashboard.storage import NO_ORGANIZATION, MailStore
from dashboard.usecases.booking_codes import COUNTED_FOR, prepare_code
from dashboard.usecases.mails import prepare_invitation, prepare_notice, prepare_reset
from dashboard.usecases.told_users import tell_untold_users
from slotstream_servicekit.background import BackgroundTask, repeatedly
from slotstream_servicekit.database import Database
from slotstream_servicekit.housekeeping import IDEMPOTENCY_KEYS, Sweep
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)

_LEASE: Final = timedelta(minutes=2)
_AT_ONCE: Final = 20
_USERS_AT_ONCE: Final = 500
_MOST_ATTEMPTS: Final = 12
_LONGEST_PAUSE: Final = timedelta(minutes=30)


async def tell_users(database: Database) -> int:
    """Tells of those who were there before users were told of; how many."""
    async with database.system_transaction() as session:
        return await tell_untold_users(session=session, limit=_USERS_AT_ONCE)


def sweeps(settings: DashboardSettings) -> list[Sweep]:
    """What is over is forgotten; the audit trail stays."""
    return [
        IDEMPOTENCY_KEYS,
        Sweep(
            table="sessions",
            where="expires_at < now() OR last_used_at < now() - CAST(:idle AS interval)",
            parameters={"idle": settings.session_idle},
        ),
        Sweep(table="one_time_links", where="expires_at < now()"),
        Sweep(table="passkey_challenges", where="expires_at < now()"),
        Sweep(
            table="booking_codes",
            where="created_at < now() - CAST(:kept AS interval)",
            parameters={"kept": COUNTED_FOR},
        ),
        Sweep(table="provider_visits", where="expires_at < now()"),
        Sweep(table="logout_tokens", where="expires_at < now()"),
        Sweep(table="sign_in_delays", where="failed_at < now() - interval '2 hours'"),
        Sweep(table="signing_keys", where="published_until < now()"),
        Sweep(table="api_client_secrets", where="expires_at < now()"),
        Sweep(
            table="live_events",
            where="created_at < now() - CAST(:kept AS interval)",
            parameters={"kept": settings.live_retention},
        ),
    ]


@dataclass(slots=True, kw_only=True)
class Mailer:
    """Sends what is due. The link in a mail is made in the moment of sending; an attempt's own link is its last."""

    database: Database
    sender: MailSender
    settings: DashboardSettings
    clock: Callable[[], datetime]

    def task(self) -> BackgroundTask:
        return repeatedly("mails", self.send_due, every=self.settings.mail_every.total_seconds())

    async def send_due(self) -> int:
        """Sends what is due now; how many mails were looked at."""
        async with self.database.transaction(NO_ORGANIZATION) as session:
            due = await MailStore(session).claim_due(now=self.clock(), lease=_LEASE, limit=_AT_ONCE)
        for mail in due:
            await self._send(mail)
        return len(due)

    async def _send(self, mail: Mail) -> None:
        """One that cannot be sent is tried again later; one that can never be is given up."""
        try:
            prepared = await self._prepare(mail)
            if prepared is not None:
                await self._hand_over(mail, prepared)
        except MailNotSentError as error:
            log.warning("mail_not_sent", mail=str(mail.id), kind=mail.kind, reason=str(error), attempt=mail.attempts)
            if error.passing and mail.attempts < _MOST_ATTEMPTS:
                await self._postpone(mail)
                return
        except Exception:
            log.exception("mail_failed", mail=str(mail.id), kind=mail.kind, attempt=mail.attempts)
            if mail.attempts < _MOST_ATTEMPTS:
                await self._postpone(mail)
                return
        async with self.database.transaction(NO_ORGANIZATION) as session:
            await MailStore(session).remove(mail.id)

    async def _postpone(self, mail: Mail) -> None:
        pause = min(timedelta(seconds=5) * (1 << min(mail.attempts, 12)), _LONGEST_PAUSE)
        async with self.database.transaction(NO_ORGANIZATION) as session:
            await MailStore(session).postpone(mail.id, until=self.clock() + pause)

    async def _prepare(self, mail: Mail) -> Prepared | None:
        """Makes and stores the link before it is sent. None: there is nobody to write to."""
        secret, now = new_secret(), self.clock()
        if mail.kind is MailKind.RESET:
            async with self.database.transaction(NO_ORGANIZATION) as session:
                return await prepare_reset(
                    session=session, mail=mail, secret=secret, now=now, lifetime=self.settings.reset_lifetime
                )
        if mail.kind is MailKind.INVITATION and mail.organization_id is not None:
            async with self.database.transaction(mail.organization_id) as session:
                return await prepare_invitation(
                    session=session, mail=mail, secret=secret, now=now, lifetime=self.settings.invitation_lifetime
                )
        if mail.kind is MailKind.BOOKING_CODE:
            secrets = DerivedVisitorSecrets(self.settings.secret_keys[0].get_secret_value())
            async with self.database.transaction(NO_ORGANIZATION) as session:
                return await prepare_code(session=session, secrets=secrets, mail=mail, now=now)
        return prepare_notice(mail)

    async def _hand_over(self, mail: Mail, prepared: Prepared) -> None:
        base = self.settings.public_url.rstrip("/")
        if mail.kind is MailKind.RESET:
            content = reset_mail(prepared, base_url=base, lifetime=self.settings.reset_lifetime)
        elif mail.kind is MailKind.INVITATION:
            content = invitation_mail(prepared, base_url=base, lifetime=self.settings.invitation_lifetime)
        elif mail.kind is MailKind.BOOKING_CODE:
            content = code_mail(prepared, lifetime=self.settings.public_code_lifetime)
        else:
            content = notice_mail(prepared, kind=mail.kind, base_url=base)
        await self.sender.send(
            recipient=prepared.recipient, subject=content.subject, text=content.text, html=content.html
        )
        log.info("mail_sent", mail=str(mail.id), kind=mail.kind)
