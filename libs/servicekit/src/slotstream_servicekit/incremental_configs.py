"""Kafka's IncrementalAlterConfigs (KIP-339), which the client library does not speak: it sets what is named and
leaves all else, where AlterConfigs replaces everything by what its caller believed to be there.
"""

from collections.abc import Mapping
from typing import Any, Final

from aiokafka.admin.config_resource import ConfigResourceType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int8, Int16, Int32, Schema, String

_SET: Final = 0
_API_KEY: Final = 44


class _Response(Response):  # type: ignore[misc]
    API_KEY = _API_KEY
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "resources",
            Array(
                ("error_code", Int16),
                ("error_message", String("utf-8")),
                ("resource_type", Int8),
                ("resource_name", String("utf-8")),
            ),
        ),
    )


class _Request(RequestStruct):  # type: ignore[misc]
    API_KEY = _API_KEY
    API_VERSION = 0
    RESPONSE_TYPE = _Response
    SCHEMA = Schema(
        (
            "resources",
            Array(
                ("resource_type", Int8),
                ("resource_name", String("utf-8")),
                (
                    "configs",
                    Array(
                        ("name", String("utf-8")),
                        ("config_operation", Int8),
                        ("value", String("utf-8")),
                    ),
                ),
            ),
        ),
        ("validate_only", Boolean),
    )


class SetTopicConfigs(Request[_Request]):  # type: ignore[misc]
    """Settings to make, by topic. Answered with `resources`: (code, message, type, name) for each topic."""

    API_KEY = _API_KEY

    def __init__(self, settings: Mapping[str, Mapping[str, str]]) -> None:
        self._settings = settings

    def build(self, request_struct_class: type[_Request]) -> Any:
        resources = [
            (ConfigResourceType.TOPIC, topic, [(name, _SET, value) for name, value in configs.items()])
            for topic, configs in self._settings.items()
        ]
        return request_struct_class(resources, False)
