"""Origins of web sites that users enter, and that are later sent in a header."""

import re
from typing import Final

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PORT: Final = r"(?::[1-9][0-9]{0,4})?"
_ORIGIN: Final = re.compile(rf"https://(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?{_PORT}", re.ASCII)
_OWN_MACHINE: Final = re.compile(rf"http://(?:localhost|127\.0\.0\.1){_PORT}", re.ASCII)


def is_embed_origin(text: str) -> bool:
    """Whether `text` is the origin of a site as `frame-ancestors` takes it: scheme, host and port, nothing else.

    Of https alone, since a page that is not could be changed on its way; http is for trials on one's own machine.
    Names of other scripts are written as `xn--…`, as browsers do.
    """
    if len(text) > 255:
        return False
    return _ORIGIN.fullmatch(text) is not None or _OWN_MACHINE.fullmatch(text) is not None
