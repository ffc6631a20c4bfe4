"""Phone numbers as a provider takes them."""

from notifications.domain.channels import InvalidAddressError, LandlineError
from slotstream_servicekit.phones import e164, is_landline


def checked_number(number: str) -> str:
    """The number in E.164, without its layout. Raises InvalidAddressError: a national one may be anybody's."""
    plain = e164(number)
    if plain is None:
        raise InvalidAddressError
    return plain


def texted_number(number: str) -> str:
    """As checked_number, of one that texts arrive at. Raises LandlineError where the numbering plan says otherwise."""
    plain = checked_number(number)
    if is_landline(plain):
        raise LandlineError
    return plain
