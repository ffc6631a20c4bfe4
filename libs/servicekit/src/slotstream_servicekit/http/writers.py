"""Writes JSON directly from an object, without making a model of it: for the few answers that are sent all the time.

    _BOOKED = writer_of(BookedAppointmentOut, given=("client_notes",))
    body = _BOOKED(appointment, client_notes=[])

The writer is made from the fields of the model. It writes what `model.model_validate(source).model_dump_json()` would
write, five times as fast, but validates nothing: `source` must be an object of our own domain, with its times in UTC.
"""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Protocol, Union, get_args, get_origin

import orjson
from pydantic import BaseModel

_OPTIONS: Final = orjson.OPT_UTC_Z
_NOTHING: Final[Mapping[str, object]] = {}
_Value = Callable[[Any], Any]


class Writer(Protocol):
    def __call__(self, source: object, **given: object) -> bytes: ...


def writer_of(model: type[BaseModel], *, given: Sequence[str] = ()) -> Writer:
    """A writer of `model`. The values of its last fields, `given`, are passed with each call, and not in `source`.

    Raises TypeError for a model with aliases, computed fields, or a field of more than one model.
    """
    values_of = _values_of(model, given=tuple(given))

    def write(source: object, **values: object) -> bytes:
        return orjson.dumps(values_of(source, values), default=str, option=_OPTIONS)

    return write


def _values_of(model: type[BaseModel], *, given: tuple[str, ...] = ()) -> Callable[..., dict[str, Any]]:
    fields = model.model_fields
    if model.model_computed_fields or any(field.alias for field in fields.values()):
        raise TypeError(f"{model.__name__} has aliases or computed fields")
    names = tuple(fields)[: len(fields) - len(given)]
    if names + given != tuple(fields):
        raise TypeError(f"{given} are not the last fields of {model.__name__}")
    read = attrgetter(*names) if len(names) > 1 else lambda source: (getattr(source, names[0]),)
    nested = [(name, value) for name, field in fields.items() if (value := _nested(field.annotation)) is not None]

    def values_of(source: Any, beside: Mapping[str, object] = _NOTHING) -> dict[str, Any]:
        values: dict[str, Any] = dict(zip(names, read(source), strict=True)) | dict(beside)
        for name, value in nested:
            if values[name] is not None:
                values[name] = value(values[name])
        return values

    return values_of


def _nested(annotation: Any) -> _Value | None:
    """How a value of this type is read if it consists of models; None for a plain value."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _nested(arguments[0])
    if origin in {Union, UnionType}:
        ways = [way for argument in arguments if argument is not NoneType and (way := _nested(argument))]
        if len(ways) > 1:
            raise TypeError(f"{annotation} may be one of several models")
        return ways[0] if ways else None
    if origin in {list, tuple, Sequence}:
        way = _nested(arguments[0])
        return None if way is None else lambda values: [way(value) for value in values]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _values_of(annotation)
    return None
