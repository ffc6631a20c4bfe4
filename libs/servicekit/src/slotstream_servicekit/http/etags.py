"""Versions as ETags: `ETag: "7"` out, `If-Match: "7"` in."""

import re
from typing import Annotated

from fastapi import Depends, Header

from slotstream_servicekit.http.problems import MalformedRequestError

_STRONG = re.compile(r'"(\d{1,18})"')


class InvalidIfMatchError(MalformedRequestError):
    code = "invalid_if_match"


def etag(version: int) -> str:
    """The `ETag` header's value for an aggregate's version."""
    return f'"{version}"'


async def if_match(
    if_match: Annotated[str | None, Header(alias="If-Match", description='The version to change, as in `"7"`')] = None,
) -> int | None:
    """The version that the caller expects; None for any version (no header, or `*`)."""
    if if_match is None or if_match.strip() == "*":
        return None
    match = _STRONG.fullmatch(if_match.strip())
    if match is None:
        raise InvalidIfMatchError('If-Match holds one version in quotes, as the ETag gave it: "7"')
    return int(match[1])


IfMatch = Annotated[int | None, Depends(if_match)]
"""`expected_version: IfMatch`; compare it in the use case and raise VersionConflictError."""
