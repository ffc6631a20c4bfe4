"""JSON responses with the version as ETag."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pydantic import BaseModel
from starlette.responses import Response

from slotstream_servicekit.http.etags import etag

JSON = "application/json"
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


def json_response(
    body: bytes,
    *,
    status: int = 200,
    version: int | None = None,
    location: str | None = None,
    headers: Mapping[str, str] = _NO_HEADERS,
) -> Response:
    """A response of serialised JSON. `version` is the ETag, `location` the path of what was created."""
    headers = dict(headers)
    if version is not None:
        headers["ETag"] = etag(version)
    if location is not None:
        headers["Location"] = location
    return Response(body, status_code=status, media_type=JSON, headers=headers)


def model_response(
    content: BaseModel, *, status: int = 200, version: int | None = None, location: str | None = None
) -> Response:
    """A model as JSON, with the aliases of its fields."""
    body = content.model_dump_json(by_alias=True).encode()
    return json_response(body, status=status, version=version, location=location)
