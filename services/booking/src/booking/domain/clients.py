"""Clients: how a phone number or an e-mail address is written so that the same one is found again."""

import phonenumbers

from booking.domain.errors import InvalidBookingError


def normal_phone(text: str | None, *, region: str | None) -> str | None:
    """E.164. A national number is read by the business's region; what cannot be dialled is refused."""
    if text is None or not text.strip():
        return None
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as error:
        raise InvalidBookingError("invalid_phone", "This is not a phone number with a known region.") from error
    if not phonenumbers.is_valid_number(number):
        raise InvalidBookingError("invalid_phone", "There can be no such phone number.")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def normal_email(text: str | None) -> str | None:
    """Trimmed and lower case; one @ with something on both sides."""
    if text is None or not text.strip():
        return None
    email = text.strip().lower()
    name, at, host = email.partition("@")
    if not at or not name or "." not in host or "@" in host or len(email) > 254 or any(map(str.isspace, email)):
        raise InvalidBookingError("invalid_email", "This is not an e-mail address.")
    return email


def search_text(name: str, phone: str | None, email: str | None) -> str:
    """What partial words and digits are looked up in."""
    return " ".join(part for part in (name.lower(), phone, email) if part)
