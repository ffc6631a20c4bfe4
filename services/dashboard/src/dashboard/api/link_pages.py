"""The pages behind links in mails: they show on GET, and act on POST alone, since mail scanners open every link.

The link's secret is what entitles to the form's POST. It leaves no trace: not in logs, and not in a Referer.
"""

from collections.abc import Mapping

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from dashboard.adapters.localization import Texts
from dashboard.api.browsers import browser_of, client_address, session_secret, set_session_cookie
from dashboard.api.dependencies import Dependencies, dependencies_of
from dashboard.api.forms import page, read_form, texts_for
from dashboard.api.limits import ADDRESS
from dashboard.api.new_passwords import audit_new_password, hash_of_new
from dashboard.api.signing_in import open_first
from dashboard.domain.delays import network_of
from dashboard.domain.errors import CrossSiteError, LinkInvalidError, PasswordTooWeakError
from dashboard.domain.users import MAX_PASSWORD, MIN_PASSWORD, Account, normal_password
from dashboard.storage import NO_ORGANIZATION
from dashboard.usecases.invitations import (
    OpenInvitation,
    accept_invitation,
    find_invitation_link,
    read_invitation,
)
from dashboard.usecases.passwords import find_reset_link, reset_password

_PRIVATE = {"Referrer-Policy": "no-referrer"}


async def show_password_reset(request: Request) -> Response:
    dependencies, texts = dependencies_of(request), texts_for(request)
    try:
        async with dependencies.database.transaction(NO_ORGANIZATION) as session:
            link = await find_reset_link(
                session=session, secret=request.path_params["secret"], now=dependencies.clock()
            )
    except LinkInvalidError:
        return _invalid(request, texts, is_reset=True)
    return _password_page(request, texts, email=link.email)


async def submit_password_reset(request: Request) -> Response:
    dependencies = dependencies_of(request)
    form = await read_form(request)
    texts, secret = texts_for(request, form), request.path_params["secret"]
    try:
        _admit(request, dependencies)
        async with dependencies.database.transaction(NO_ORGANIZATION) as session:
            link = await find_reset_link(session=session, secret=secret, now=dependencies.clock())
        password_hash = await hash_of_new(dependencies, form.get("password", ""), email=link.email)
        async with dependencies.database.transaction(NO_ORGANIZATION) as session:
            changed = await reset_password(
                session=session, secret=secret, password_hash=password_hash, now=dependencies.clock()
            )
    except LinkInvalidError:
        return _invalid(request, texts, is_reset=True)
    except PasswordTooWeakError:
        return _password_page(request, texts, email=link.email, error=_weakness(texts, form))
    dependencies.sessions.forget()
    audit = BackgroundTask(audit_new_password, dependencies, changed, client_address(request, dependencies.settings))
    return RedirectResponse(
        f"/sign-in?notice=password_set&lang={texts.locale}", status_code=303, headers=_PRIVATE, background=audit
    )


async def show_invitation(request: Request) -> Response:
    dependencies, texts = dependencies_of(request), texts_for(request)
    try:
        invitation = await _invitation(dependencies, request.path_params["secret"])
    except LinkInvalidError:
        return _invalid(request, texts, is_reset=False)
    return _invitation_page(request, texts, invitation)


async def submit_invitation(request: Request) -> Response:
    """Makes the user active. Whoever chose a password here is signed in; whoever had one signs in as usual."""
    dependencies = dependencies_of(request)
    form = await read_form(request)
    texts, secret = texts_for(request, form), request.path_params["secret"]
    try:
        _admit(request, dependencies)
        invitation = await _invitation(dependencies, secret)
        user = invitation.user
        password_hash = (
            None
            if invitation.has_password
            else await hash_of_new(dependencies, form.get("password", ""), email=user.email)
        )
        async with dependencies.database.transaction(user.organization_id) as session:
            account = await accept_invitation(
                session=session,
                context=dependencies.context_of_user(user.organization_id, user.id),
                secret=secret,
                invitation=invitation,
                password_hash=password_hash,
            )
    except LinkInvalidError:
        return _invalid(request, texts, is_reset=False)
    except PasswordTooWeakError:
        return _invitation_page(request, texts, invitation, error=_weakness(texts, form))
    if password_hash is None:
        return RedirectResponse(f"/sign-in?notice=joined&lang={texts.locale}", status_code=303, headers=_PRIVATE)
    return await _signed_in(request, dependencies, account)


async def _signed_in(request: Request, dependencies: Dependencies, account: Account) -> Response:
    settings = dependencies.settings
    opened = await open_first(
        dependencies,
        account=account,
        browser=browser_of(request, settings),
        replaced_secret=session_secret(request, settings),
        how="invitation",
    )
    answer = RedirectResponse("/", status_code=303, headers=_PRIVATE)
    if opened is not None:
        set_session_cookie(answer, opened, settings)
    return answer


async def _invitation(dependencies: Dependencies, secret: str) -> OpenInvitation:
    """Raises LinkInvalidError."""
    async with dependencies.database.transaction(NO_ORGANIZATION) as session:
        link = await find_invitation_link(session=session, secret=secret, now=dependencies.clock())
    assert link.organization_id is not None  # noqa: S101 - the table's constraint
    async with dependencies.database.transaction(link.organization_id) as session:
        return await read_invitation(session=session, link=link)


def _weakness(texts: Texts, form: Mapping[str, str]) -> str:
    length = len(normal_password(form.get("password", "")))
    if MIN_PASSWORD <= length <= MAX_PASSWORD:
        return texts("password.too_easy")
    return texts("password.too_short", minimum=MIN_PASSWORD, maximum=MAX_PASSWORD)


def _admit(request: Request, dependencies: Dependencies) -> None:
    """A browser that says that another site sent the form is believed. Raises CrossSiteError, RateLimitedError."""
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise CrossSiteError("The form was not sent from its own page.")
    settings = dependencies.settings
    network = network_of(client_address(request, settings))
    dependencies.limits.take(request.scope, network, ADDRESS, settings.address_rate)


def _password_page(request: Request, texts: Texts, *, email: str, error: str | None = None) -> Response:
    return page(
        request,
        "password.html",
        texts=texts,
        status=422 if error else 200,
        error=error,
        headers=_PRIVATE,
        email=email,
        minimum=MIN_PASSWORD,
        maximum=MAX_PASSWORD,
    )


def _invitation_page(
    request: Request, texts: Texts, invitation: OpenInvitation, *, error: str | None = None
) -> Response:
    name = invitation.organization_name
    return page(
        request,
        "invitation.html",
        texts=texts,
        status=422 if error else 200,
        error=error,
        headers=_PRIVATE,
        heading=texts("invitation.title", organization=name) if name else texts("invitation.title_unnamed"),
        email=invitation.user.email,
        has_password=invitation.has_password,
        minimum=MIN_PASSWORD,
        maximum=MAX_PASSWORD,
    )


def _invalid(request: Request, texts: Texts, *, is_reset: bool) -> Response:
    return page(request, "link_invalid.html", texts=texts, status=404, headers=_PRIVATE, is_reset=is_reset)


def routes() -> list[Route]:
    return [
        Route("/reset/{secret}", show_password_reset, methods=["GET"]),
        Route("/reset/{secret}", submit_password_reset, methods=["POST"]),
        Route("/invitation/{secret}", show_invitation, methods=["GET"]),
        Route("/invitation/{secret}", submit_invitation, methods=["POST"]),
    ]
