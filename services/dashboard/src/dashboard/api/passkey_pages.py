"""Signing in with a passkey, from the sign-in page: a script asks for a challenge, then sends the page's form."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dashboard.adapters.base64url import bytes_of, text_of
from dashboard.adapters.pages import passkey_script, passkey_script_path
from dashboard.api.browsers import cookie_value, require_same_origin
from dashboard.api.dependencies import Dependencies, dependencies_of
from dashboard.api.forms import KEPT_FOR_EVER
from dashboard.api.pages import Submitted, limit_address, show_sign_in, submit
from dashboard.api.passkeys import audit_change
from dashboard.api.signing_in import Refused, open_first, refusal, too_early
from dashboard.domain.audit import AuditAction
from dashboard.domain.errors import PasskeyInvalidError
from dashboard.domain.passkeys import CHALLENGE_LIFETIME, MAX_CREDENTIAL_ID, Assertion
from dashboard.domain.sessions import new_secret
from dashboard.storage import NO_ORGANIZATION, AccountStore
from dashboard.usecases.passkeys import Attempt, PasskeyChange, begin_sign_in, find_attempt, use_passkey
from dashboard.usecases.sign_in import Browser


async def give_challenge(request: Request) -> Response:
    """The same for everybody: a device shows which accounts it has passkeys of."""
    dependencies = dependencies_of(request)
    settings = dependencies.settings
    require_same_origin(request, settings)
    limit_address(request, dependencies)
    if settings.passkey_host is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    secret = new_secret()
    async with dependencies.database.transaction(NO_ORGANIZATION) as session:
        challenge = await begin_sign_in(session=session, secret=secret, now=dependencies.clock())
    answer = JSONResponse({"challenge": text_of(challenge.challenge), "host": settings.passkey_host})
    answer.set_cookie(
        settings.passkey_cookie_name,
        secret,
        max_age=int(CHALLENGE_LIFETIME.total_seconds()),
        path="/",
        secure=settings.is_secure,
        httponly=True,
        samesite="strict",
    )
    return answer


async def submit_passkey(request: Request) -> Response:
    settings = dependencies_of(request).settings

    async def sign_in(submitted: Submitted) -> str | Refused:
        return await _sign_in(
            submitted.dependencies,
            assertion=_assertion_of(submitted.form),
            challenge_secret=cookie_value(request, settings.passkey_cookie_name),
            browser=submitted.browser,
            replaced_secret=submitted.replaced_secret,
        )

    answer = await submit(request, sign_in, refused="sign_in.passkey_refused")
    answer.delete_cookie(
        settings.passkey_cookie_name, path="/", secure=settings.is_secure, httponly=True, samesite="strict"
    )
    return answer


async def _sign_in(
    dependencies: Dependencies,
    *,
    assertion: Assertion | None,
    challenge_secret: str | None,
    browser: Browser,
    replaced_secret: str | None,
) -> str | Refused:
    """The new session's secret. Whatever is wrong, it is refused in the same words."""
    if assertion is None or challenge_secret is None:
        return refusal(dependencies, None, browser)
    now = dependencies.clock()
    async with dependencies.database.transaction(NO_ORGANIZATION) as session:
        attempt = await find_attempt(
            session=session,
            secret=challenge_secret,
            credential_id=assertion.credential_id,
            browser=browser,
            now=now,
        )
    if attempt.retry_at is not None:
        return too_early(attempt.retry_at, now)
    account = attempt.account
    if account is None or not await _is_proved(dependencies, attempt, assertion, browser):
        return refusal(dependencies, account, browser)
    secret = await open_first(
        dependencies, account=account, browser=browser, replaced_secret=replaced_secret, how="passkey"
    )
    return secret if secret is not None else refusal(dependencies, account, browser)


async def _is_proved(dependencies: Dependencies, attempt: Attempt, assertion: Assertion, browser: Browser) -> bool:
    passkey, challenge = attempt.passkey, attempt.challenge
    if passkey is None or challenge is None or challenge.user_handle is not None:
        return False
    if assertion.user_handle != passkey.user_handle:
        return False
    try:
        sign_count = dependencies.passkeys.verify_use(
            assertion, challenge=challenge.challenge, public_key=passkey.public_key
        )
    except PasskeyInvalidError:
        return False
    async with dependencies.database.transaction(NO_ORGANIZATION) as session:
        grown = await use_passkey(
            session=session, passkey=passkey, sign_count=sign_count, browser=browser, now=dependencies.clock()
        )
        memberships = await AccountStore(session).memberships(passkey.account_id) if not grown else ()
    if not grown:
        change = PasskeyChange(passkey_id=passkey.id, memberships=tuple(memberships))
        await audit_change(dependencies, change, AuditAction.PASSKEY_REFUSED, browser.address)
    return grown


def _assertion_of(form: Mapping[str, str]) -> Assertion | None:
    try:
        assertion = Assertion(
            credential_id=bytes_of(form.get("credential_id", "")),
            client_data=bytes_of(form.get("client_data", "")),
            authenticator_data=bytes_of(form.get("authenticator_data", "")),
            signature=bytes_of(form.get("signature", "")),
            user_handle=bytes_of(form.get("user_handle", "")),
        )
    except ValueError:
        return None
    return assertion if 0 < len(assertion.credential_id) <= MAX_CREDENTIAL_ID else None


async def show_script(_request: Request) -> Response:
    return Response(passkey_script(), media_type="text/javascript", headers={"Cache-Control": KEPT_FOR_EVER})


def routes() -> list[Route]:
    return [
        Route("/sign-in/passkey/challenge", give_challenge, methods=["POST"]),
        Route("/sign-in/passkey", show_sign_in, methods=["GET"]),
        Route("/sign-in/passkey", submit_passkey, methods=["POST"]),
        Route(passkey_script_path(), show_script, methods=["GET"]),
    ]
