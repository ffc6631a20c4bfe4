"""A cluster as what the demo plays on: everything by the one address, mails out of the catcher's pod."""

import json
from collections.abc import Iterator, Sequence
from typing import Final
from uuid import UUID

from slotstream_local.demo import Stage
from slotstream_local.kube.kubectl import NAMESPACE, Kubectl
from slotstream_local.kube.secrets import Secrets
from slotstream_local.layout import SERVICES
from slotstream_servicekit.signing import sign_token

ADDRESS: Final = "http://localhost:30100"
"""As the overlay says it: links, cookies and passkeys go by it."""
MAIL: Final = f"kubectl --namespace {NAMESPACE} exec deployment/smtp -- slotstream-local --state / mail"
_MAILS: Final = """
import json, pathlib
from slotstream_local.smtp import mails
print(json.dumps([mail[1:] for mail in mails(pathlib.Path("/mail"))]))
"""


def stage_of(kubectl: Kubectl, secrets: Secrets) -> Stage:
    """Its pods reach the internet and each other: a calendar that this machine serves is out of reach."""
    urls = {service: f"{ADDRESS}/api/{service.replace('_', '-')}" for service in SERVICES}

    def caught() -> Sequence[tuple[str, str]]:
        answer = kubectl.here("exec", "deployment/smtp", "--", "python", "-c", _MAILS)
        return [(to, subject) for to, subject in json.loads(answer)]

    def goes_on(organization_id: UUID, token: str) -> Iterator[str]:
        yield f"BOOKING={urls['booking']} ORG={organization_id}"
        yield f"TOKEN={token}"
        yield 'curl -H "Authorization: Bearer $TOKEN" "$BOOKING/v1/appointments?limit=5"'

    return Stage(
        urls=urls,
        organization_id=secrets.organization_id,
        token_for=lambda organization_id: sign_token(secrets.signing, organization_id=organization_id),
        mails=caught,
        reads_mail=f"{MAIL} …",
        reads_this_machine=False,
        goes_on=goes_on,
    )
