"""Every message type by its CloudEvents `type`."""

from collections.abc import Iterator, Mapping

from slotstream_contracts import (
    appointments,
    calendar_sync,
    catalogue,
    channels,
    clients,
    commands,
    holds,
    imports,
    messages,
    preferences,
    schedules,
    series,
    users,
    waiting_list,
)
from slotstream_contracts.base import Message


def _concrete(model: type[Message]) -> Iterator[type[Message]]:
    if "type" in vars(model):
        yield model
    for child in model.__subclasses__():
        yield from _concrete(child)


_MODULES = frozenset(
    module.__name__
    for module in (
        appointments,
        calendar_sync,
        catalogue,
        channels,
        clients,
        commands,
        holds,
        imports,
        messages,
        preferences,
        schedules,
        series,
        users,
        waiting_list,
    )
)

MESSAGE_TYPES: Mapping[str, type[Message]] = {
    model.type: model  # type: ignore[attr-defined]
    for model in sorted(_concrete(Message), key=lambda model: model.__name__)
    if model.__module__ in _MODULES
}
