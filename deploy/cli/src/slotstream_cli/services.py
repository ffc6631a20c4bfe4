"""The services installed beside this command line, and what they can be told."""

import os
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from pydantic import ValidationError
from pydantic_settings import SettingsError

from slotstream_cli.failures import Failure
from slotstream_servicekit.errors import StartError
from slotstream_servicekit.kafka import KafkaConnection
from slotstream_servicekit.runtime import Service
from slotstream_servicekit.settings import SHARED_PREFIX, ServiceSettings, settings_faults

GROUP = "slotstream.services"


def installed_names() -> list[str]:
    return sorted(point.name for point in entry_points(group=GROUP))


def installed(name: str) -> Service[Any]:
    """The service called `name`, hyphens or underscores. Raises Failure where it is not installed."""
    wanted = name.replace("-", "_")
    for point in entry_points(group=GROUP):
        if point.name == wanted:
            try:
                service: Service[Any] = point.load()
            except ImportError as error:
                raise Failure(f"The service {name} is installed, but cannot be loaded: {error}.") from error
            return service
    known = ", ".join(installed_names()) or "none"
    raise Failure.usage(f"There is no service {name!r} here. Installed: {known}.")


def chosen(names: list[str] | None) -> list[Service[Any]]:
    """The named services, or all that are installed."""
    return [installed(name) for name in names or installed_names()]


def settings_of(service: Service[Any], overrides: Mapping[str, object] | None = None) -> ServiceSettings:
    """The service's settings from the environment. Raises Failure with one line per fault."""
    try:
        settings: ServiceSettings = service.settings(**(overrides or {}))
    except (ValidationError, SettingsError) as error:
        faults = [f"{variable_of(service, name)}: {fault}" for name, fault in settings_faults(error)]
        raise Failure.usage(f"{service.name} lacks settings:\n  " + "\n  ".join(faults)) from None
    return settings


def kafka_of(settings: ServiceSettings) -> KafkaConnection:
    """Kafka as the service itself reaches it. Raises Failure where a file that the settings name cannot be read."""
    try:
        return settings.kafka_connection()
    except StartError as error:
        raise Failure.usage(str(error)) from None


def setting(service: Service[Any], field: str) -> str | None:
    """One setting as the environment gives it, without asking for all the others."""
    own, shared = variable_of(service, field), SHARED_PREFIX + field.upper()
    return os.environ.get(own) or os.environ.get(shared)


def variable_of(service: Service[Any], field: str) -> str:
    return str(service.settings.model_config.get("env_prefix", "")) + field.upper()
