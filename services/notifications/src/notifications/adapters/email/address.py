"""Addresses as a mail server takes them."""

from email.errors import MessageError
from email.headerregistry import Address

from notifications.domain.channels import InvalidAddressError


def checked_address(address: str) -> str:
    """The address with its domain in ASCII (IDNA). Raises InvalidAddressError.

    A local part beyond ASCII needs SMTPUTF8 on the whole way, which cannot be known here: it is refused.
    """
    local, _, domain = address.strip().rpartition("@")
    if not local.isascii() or any(character.isspace() or not character.isprintable() for character in local + domain):
        raise InvalidAddressError
    try:
        ascii_domain = domain.encode("idna").decode()
        parsed = Address(addr_spec=f"{local}@{ascii_domain}")
    except (MessageError, ValueError, IndexError) as error:
        raise InvalidAddressError from error
    if not parsed.username or not parsed.domain or len(parsed.addr_spec) > 254:
        raise InvalidAddressError
    return parsed.addr_spec
