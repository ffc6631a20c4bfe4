"""`slotstream token` and `rotate-key`: bearer tokens for local development, and the key that signs them."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from slotstream_cli.failures import Failure, told_plainly
from slotstream_servicekit.http.rights import RIGHTS_OF_SCOPE, Role
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.signing import ensure_signing_key, rotate_signing_key, sign_token

State = Annotated[Path, typer.Option(envvar="SLOTSTREAM_STATE", help="The local stack's state folder.")]


def token(
    org: Annotated[UUID | None, typer.Option(help="The organization; a new one, if not given.")] = None,
    role: Annotated[Role, typer.Option(help="The caller's role.")] = Role.OWNER,
    scope: Annotated[list[str] | None, typer.Option(help="For integrations: what it may do; repeatable.")] = None,
    subject: Annotated[str, typer.Option(help="Who the caller is.")] = "local-user",
    hours: Annotated[float, typer.Option(min=0.01, max=24 * 366, help="How long it is valid.")] = 12,
    state: State = Path(".slotstream"),
) -> None:
    """Print a token signed with the local stack's key. Only services told of that key accept it."""
    with told_plainly():
        scopes = scope or []
        if unknown := [each for each in scopes if each not in RIGHTS_OF_SCOPE]:
            raise Failure.usage(f"There is no scope {unknown[0]!r}. There are: {', '.join(RIGHTS_OF_SCOPE)}.")
        organization_id = org or new_id()
        if org is None:
            typer.echo(f"organization {organization_id}", err=True)
        try:
            key = ensure_signing_key(state)
        except OSError as error:
            raise Failure(f"The key in {state} cannot be read or made: {error.strerror}.") from None
        typer.echo(
            sign_token(
                key,
                organization_id=organization_id,
                role=role,
                subject=subject,
                scopes=scopes,
                lifetime=timedelta(hours=hours),
            )
        )


def rotate_key(state: State = Path(".slotstream")) -> None:
    """Make a new key for tokens. Those of the former key are accepted until the next rotation."""
    with told_plainly():
        try:
            key = rotate_signing_key(state)
        except OSError as error:
            raise Failure(f"The key in {state} cannot be read or made: {error.strerror}.") from None
        typer.echo(f"tokens are signed with the key {key.key.kid} from now on")
