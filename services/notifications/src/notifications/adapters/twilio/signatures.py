"""X-Twilio-Signature: proof that a call is Twilio's (https://www.twilio.com/docs/usage/security#validating-requests)."""

import hmac
from base64 import b64encode
from collections.abc import Iterator, Sequence
from urllib.parse import parse_qsl, urlsplit, urlunsplit

Form = Sequence[tuple[str, str]]
_PORTS = {"https": 443, "http": 80}
_MOST_FIELDS = 200


def form_of(body: bytes) -> Form:
    """The form's fields, empty ones too, which are signed like the others. Raises ValueError for what is no form."""
    return parse_qsl(
        body.decode("ascii"), keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=_MOST_FIELDS
    )


def signature_of(token: str, url: str, form: Form) -> str:
    """Over the address as Twilio was given it, and all fields by name; one that comes twice by its different values."""
    signed = url + "".join(name + value for name, value in sorted(set(form)))
    return b64encode(hmac.new(token.encode(), signed.encode(), "sha1").digest()).decode()


def is_signed(signature: str, *, token: str, url: str, form: Form) -> bool:
    """Twilio signs with the standard port or without it."""
    given = signature.encode("utf-8", "replace")
    return any(hmac.compare_digest(given, signature_of(token, each, form).encode()) for each in _with_ports(url))


def _with_ports(url: str) -> Iterator[str]:
    parts = urlsplit(url)
    yield url
    standard = f":{_PORTS.get(parts.scheme)}"
    if parts.port is None:
        yield urlunsplit(parts._replace(netloc=parts.netloc + standard))
    elif parts.netloc.endswith(standard):
        yield urlunsplit(parts._replace(netloc=parts.netloc.removesuffix(standard)))
