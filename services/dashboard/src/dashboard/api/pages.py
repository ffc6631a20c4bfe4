"""The pages of signing in: forms that work without a script. Links in mails act by POST alone."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from dashboard.adapters.localization import Texts
from dashboard.adapters.pages import passkey_script_path, stylesheet, stylesheet_path
from dashboard.api.browsers import (
    browser_of,
    clear_session_cookie,
    client_address,
    remembered_company,
    require_csrf_token,
    require_same_origin,
    session_secret,
    set_session_cookie,
)
from dashboard.api.dependencies import Dependencies, dependencies_of
from dashboard.api.forms import KEPT_FOR_EVER, page, read_form, texts_for
from dashboard.api.limits import ADDRESS
from dashboard.api.signing_in import MAX_EMAIL, Refused, sign_in
from dashboard.domain.delays import network_of
from dashboard.domain.errors import CrossSiteError, SessionNotFoundError, SignInDelayedError
from dashboard.domain.redirects import safe_target
from dashboard.domain.sessions import csrf_token_of
from dashboard.domain.users import normal_email
from dashboard.storage import NO_ORGANIZATION, OrganizationStore
from dashboard.usecases.passwords import request_reset
from dashboard.usecases.sessions import end_session
from dashboard.usecases.sign_in import Browser
from slotstream_servicekit.errors import TransientError
from slotstream_servicekit.http.limits import RateLimitedError

_NOTICES: Final = frozenset({"signed_out", "password_set", "joined"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A form of the sign-in page, from a page of this origin and within the limits of its address."""

    dependencies: Dependencies
    form: Mapping[str, str]
    browser: Browser
    replaced_secret: str | None


async def show_sign_in(request: Request) -> Response:
    """With `again` also to somebody who is signed in: what is delicate asks for a sign-in of a short while ago."""
    dependencies = dependencies_of(request)
    target = safe_target(request.query_params.get("next"))
    again = "again" in request.query_params
    secret = session_secret(request, dependencies.settings)
    if not again and await dependencies.sessions.find(secret) is not None:
        return RedirectResponse(target, status_code=303)
    notice = request.query_params.get("notice")
    texts = texts_for(request)
    told = texts(f"sign_in.{notice}") if notice in _NOTICES else None
    return sign_in_page(request, texts, target=target, notice=told)


async def submit_sign_in(request: Request) -> Response:
    async def by_password(submitted: Submitted) -> str | Refused:
        return await sign_in(
            submitted.dependencies,
            email=submitted.form.get("email", ""),
            password=submitted.form.get("password", ""),
            browser=submitted.browser,
            replaced_secret=submitted.replaced_secret,
        )

    return await submit(request, by_password, refused="sign_in.refused")


async def submit(
    request: Request, sign_in_by: Callable[[Submitted], Awaitable[str | Refused]], *, refused: str
) -> Response:
    """Signs in, or shows the page again with what was wrong; `refused` is the text for what does not fit."""
    dependencies = dependencies_of(request)
    settings = dependencies.settings
    form = await read_form(request)
    texts, target, email = texts_for(request, form), safe_target(form.get("next")), form.get("email", "")
    show = partial(sign_in_page, request, texts, target=target, email=email[:MAX_EMAIL])
    try:
        require_same_origin(request, settings)
        limit_address(request, dependencies)
        outcome = await sign_in_by(
            Submitted(
                dependencies=dependencies,
                form=form,
                browser=browser_of(request, settings),
                replaced_secret=session_secret(request, settings),
            )
        )
    except CrossSiteError:
        return show(status=403, error=texts("sign_in.cross_site"))
    except RateLimitedError as error:
        return _delayed(show, texts, error)
    except TransientError:
        return show(status=503, error=texts("sign_in.busy"), headers={"Retry-After": "1"})
    if isinstance(outcome, Refused):
        if isinstance(outcome.error, SignInDelayedError):
            return _delayed(show, texts, outcome.error)
        afterwards = BackgroundTask(outcome.afterwards) if outcome.afterwards is not None else None
        return show(status=401, error=texts(refused), afterwards=afterwards)
    answer = RedirectResponse(target, status_code=303)
    set_session_cookie(answer, outcome, settings)
    return answer


async def submit_sign_out(request: Request) -> Response:
    """Ends the session. Repeated, or with one that is over, it does nothing and says the same."""
    dependencies = dependencies_of(request)
    settings = dependencies.settings
    form = await read_form(request)
    secret = session_secret(request, settings)
    signed_in = await dependencies.sessions.find(secret)
    if signed_in is not None and secret is not None:
        require_csrf_token(request, secret, settings, given=form.get("csrf_token", ""))
        user = signed_in.user
        try:
            async with dependencies.database.transaction(user.organization_id) as session:
                await end_session(
                    session=session,
                    context=dependencies.context_of_user(user.organization_id, user.id),
                    signed_in=signed_in,
                    session_id=signed_in.session.id,
                    address=client_address(request, settings),
                )
        except SessionNotFoundError:
            pass
        dependencies.sessions.forget()
    answer = RedirectResponse(f"/sign-in?notice=signed_out&lang={texts_for(request, form).locale}", status_code=303)
    # Another site's form comes without the cookie, and must not take it away either.
    with suppress(CrossSiteError):
        require_same_origin(request, settings)
        clear_session_cookie(answer, settings)
    return answer


async def show_reset(request: Request) -> Response:
    return page(request, "reset.html", texts=texts_for(request))


async def submit_reset(request: Request) -> Response:
    """Says the same whether there is such an account or not: what is done about it is done by the worker."""
    dependencies = dependencies_of(request)
    form = await read_form(request)
    texts = texts_for(request, form)
    try:
        require_same_origin(request, dependencies.settings)
        limit_address(request, dependencies)
    except CrossSiteError:
        return page(request, "reset.html", texts=texts, status=403, error=texts("sign_in.cross_site"))
    except RateLimitedError as error:
        return _delayed(partial(page, request, "reset.html", texts=texts), texts, error)
    email = normal_email(form.get("email", ""))
    if "@" in email and len(email) <= MAX_EMAIL and email.isprintable():
        async with dependencies.database.transaction(NO_ORGANIZATION) as session:
            await request_reset(session=session, email=email, locale=texts.locale, now=dependencies.clock())
    minutes = int(dependencies.settings.reset_lifetime.total_seconds() // 60)
    return page(request, "reset_sent.html", texts=texts, minutes=minutes)


async def show_home(request: Request) -> Response:
    """The start page where the web application is not built; who is not signed in is led to sign in."""
    dependencies = dependencies_of(request)
    secret = session_secret(request, dependencies.settings)
    signed_in = await dependencies.sessions.find(secret)
    if signed_in is None or secret is None:
        return RedirectResponse("/sign-in", status_code=303)
    user = signed_in.user
    async with dependencies.database.transaction(user.organization_id) as session:
        organization = await OrganizationStore(session).name_of(user.organization_id)
    chosen = Texts(user.locale) if "lang" not in request.query_params else texts_for(request)
    return page(
        request,
        "home.html",
        texts=chosen,
        name=user.name,
        organization=organization,
        role=user.role.value,
        csrf_token=csrf_token_of(secret),
    )


async def show_stylesheet(_request: Request) -> Response:
    return Response(stylesheet(), media_type="text/css", headers={"Cache-Control": KEPT_FOR_EVER})


def sign_in_page(
    request: Request,
    texts: Texts,
    *,
    target: str,
    email: str = "",
    status: int = 200,
    error: str | None = None,
    notice: str | None = None,
    headers: Mapping[str, str] | None = None,
    afterwards: BackgroundTask | None = None,
) -> Response:
    return page(
        request,
        "sign_in.html",
        texts=texts,
        status=status,
        error=error,
        notice=notice,
        headers=headers,
        afterwards=afterwards,
        target=target,
        email=email,
        company=remembered_company(request, dependencies_of(request).settings),
        passkey_script=passkey_script_path() if dependencies_of(request).settings.passkey_host else None,
    )


def _delayed(show: Callable[..., Response], texts: Texts, error: RateLimitedError | SignInDelayedError) -> Response:
    seconds = error.extra.get("retry_after", 1)
    told = texts("sign_in.delayed", seconds=seconds)
    return show(status=429, error=told, headers={"Retry-After": str(seconds)})


def limit_address(request: Request, dependencies: Dependencies) -> None:
    settings = dependencies.settings
    network = network_of(client_address(request, settings))
    dependencies.limits.take(request.scope, network, ADDRESS, settings.address_rate)


def routes(*, has_application: bool) -> list[Route]:
    """Where the web application is not built, a plain start page stands in for it."""
    return [
        *([] if has_application else [Route("/", show_home, methods=["GET"])]),
        Route("/sign-in", show_sign_in, methods=["GET"]),
        Route("/sign-in", submit_sign_in, methods=["POST"]),
        Route("/sign-out", submit_sign_out, methods=["POST"]),
        Route("/reset", show_reset, methods=["GET"]),
        Route("/reset", submit_reset, methods=["POST"]),
        Route(stylesheet_path(), show_stylesheet, methods=["GET"]),
    ]
