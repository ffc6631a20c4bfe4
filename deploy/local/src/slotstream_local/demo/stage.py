"""What the demo plays on: this machine's stack, or a cluster."""

import json
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from slotstream_local.layout import SERVICES, Layout
from slotstream_local.smtp import mails
from slotstream_servicekit.infrastructure.processes import InfrastructureError
from slotstream_servicekit.signing import ensure_signing_key, sign_token


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where the services are, whom one signs in to, and what the demo can see and do there."""

    urls: Mapping[str, str]
    organization_id: UUID
    token_for: Callable[[UUID], str]
    """An owner's token of an organization."""
    mails: Callable[[], Sequence[tuple[str, str]]]
    """(to, subject) of each caught mail, the oldest first."""
    reads_mail: str
    """The command that reads one."""
    reads_this_machine: bool
    """Whether the services fetch a calendar that this machine serves."""
    goes_on: Callable[[UUID, str], Iterator[str]]
    """How somebody goes on with that organization and its token, line by line."""


def running_stack(layout: Layout) -> Stage:
    """Raises InfrastructureError where no stack runs."""
    if layout.supervisor() is None or not layout.ready_file.exists():
        raise InfrastructureError("No stack is running here. Start it with `make up`, in another shell.")
    running = json.loads(layout.ready_file.read_text())
    urls = {service: running[service.upper()] for service in SERVICES}

    def token_for(organization_id: UUID) -> str:
        return sign_token(ensure_signing_key(layout.folder), organization_id=organization_id)

    def goes_on(organization_id: UUID, token: str) -> Iterator[str]:
        """By a file that gives a shell this organization's token."""
        path = layout.folder / "demo-env"
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        variables = {"ORG": str(organization_id), "TOKEN": token}
        path.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()))
        yield f". {layout.shell} && . {path}"
        yield 'curl -H "Authorization: Bearer $TOKEN" "$BOOKING/v1/appointments?limit=5"'
        yield from (f"{service}: {url}/docs" for service, url in urls.items())

    return Stage(
        urls=urls,
        organization_id=UUID(running["ORG"]),
        token_for=token_for,
        mails=lambda: [(to, subject) for _, to, subject in mails(layout.mail)],
        reads_mail="make mail N=…",
        reads_this_machine=True,
        goes_on=goes_on,
    )
