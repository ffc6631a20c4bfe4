"""Who fills which place of an appointment: decided here for whoever offers, judges or books.

An appointment takes one resource for each of its places. A service that requires nothing in particular has one
place, for any staff; one that needs a dentist and a room has two. A custom service takes exactly the resources that
are named, one place each.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from slotstream_scheduling.reasons import Code, Reason

Places: TypeAlias = tuple[tuple[str, ...], ...]
"""The candidates of each place. A place without candidates can never be filled."""
Requirements: TypeAlias = Sequence[Collection[str]]
"""The resources that can fill each place of a service; none stands for any staff."""
Names: TypeAlias = Mapping[str, str]
"""What the resources of a business are called, by id."""


@dataclass(frozen=True, slots=True)
class Performer:
    """A resource of a business as a candidate; `kind` is staff, room, equipment or business.

    `name` is what refusals call it.
    """

    id: str
    kind: str
    priority: int = 0
    name: str = "the resource"


@dataclass(frozen=True, slots=True)
class Staffing:
    """Who may fill which place of one appointment.

    Everybody in `named` must be among those who fill them. `reasons` is what speaks against it at any start.
    """

    places: Places
    named: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()

    @property
    def candidates(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(resource_id for place in self.places for resource_id in place))

    def filled_by(self, free: Sequence[Sequence[str]]) -> bool:
        """Whether the free candidates of each place can fill all places, the named ones among them."""
        return not self.reasons and can_fill(free, self.named)


class Roster:
    """The resources that work in one business."""

    def __init__(self, performers: Iterable[Performer]) -> None:
        self._performers = tuple(sorted(performers, key=lambda performer: performer.id))
        self._names = {performer.id: performer.name for performer in self._performers}
        self._places: dict[tuple[tuple[str, ...], ...], Places] = {}

    def staffing(
        self, requires: Requirements | None, named: Sequence[str] = (), *, or_choice: bool = False
    ) -> Staffing:
        """Who may fill which place of a service (or, where `requires` is None, of a custom one).

        Fewer `named` resources than places leave the rest to choose. More are refused; with `or_choice`, as a list of
        slots is narrowed, the places are to be filled from them.
        """
        named = tuple(dict.fromkeys(named))
        if requires is None and named:
            return _custom(named, self._names)
        places = self.places(requires or ())
        if not named:
            return Staffing(places, (), _unfillable(places))
        if or_choice and len(named) > len(places):
            return _chosen_from(places, named, self._names)
        return _with_named(places, named, self._names)

    def places(self, requires: Requirements) -> Places:
        """The places of a service, each with its candidates by id.

        One that requires nothing in particular takes any one staff, or the business's own calendar where it has no
        staff.
        """
        key = tuple(map(tuple, requires))
        places = self._places.get(key)
        if places is None:
            places = self._places[key] = self._places_of(key)
        return places

    def _places_of(self, requires: Requirements) -> Places:
        if requires:
            ids = [performer.id for performer in self._performers]
            return tuple(tuple(resource_id for resource_id in ids if resource_id in place) for place in requires)
        staff = tuple(performer.id for performer in self._performers if performer.kind == "staff")
        return (staff or tuple(performer.id for performer in self._performers if performer.kind == "business"),)


def can_fill(places: Sequence[Iterable[str]], named: Collection[str] = ()) -> bool:
    """Whether every place can get a resource of its own, with everybody in `named` among them.

    The two halves suffice (Mendelsohn and Dulmage): where one matching fills all places and another seats all that
    are named, there is one that does both.
    """
    candidates = [tuple(place) for place in places]
    if not _match(candidates):
        return False
    return not named or _match([_places_for(resource_id, candidates) for resource_id in named])


def _places_for(resource_id: str, places: Sequence[Sequence[str]]) -> list[int]:
    """The numbers of the places that the resource can fill."""
    return [number for number, place in enumerate(places) if resource_id in place]


def _match(choices: Sequence[Sequence[str | int]]) -> bool:
    """Whether everybody can get a choice of their own (bipartite matching)."""
    holder: dict[str | int, int] = {}

    def seat(chooser: int, tried: set[str | int]) -> bool:
        for choice in choices[chooser]:
            if choice in tried:
                continue
            tried.add(choice)
            if choice not in holder or seat(holder[choice], tried):
                holder[choice] = chooser
                return True
        return False

    return all(seat(chooser, set()) for chooser in range(len(choices)))


def _custom(named: tuple[str, ...], names: Names) -> Staffing:
    """A custom service takes whoever is named, as long as they work in the business."""
    strangers = [resource_id for resource_id in named if resource_id not in names]
    return Staffing(tuple((resource_id,) for resource_id in named), named, _cannot_perform(strangers, names))


def _with_named(places: Places, named: tuple[str, ...], names: Names) -> Staffing:
    reasons: tuple[Reason, ...] = ()
    if strangers := [resource_id for resource_id in named if not any(resource_id in place for place in places)]:
        reasons = _cannot_perform(strangers, names)
    elif len(named) > len(places) or not can_fill(places, named):
        reasons = _unfillable(places) or _wrong_number(places, named)
    if len(named) >= len(places):
        return Staffing(tuple((resource_id,) for resource_id in named), named, reasons)
    return Staffing(tuple(_left(places, at, named) for at in range(len(places))), named, reasons)


def _left(places: Places, at: int, named: tuple[str, ...]) -> tuple[str, ...]:
    """The candidates of the place `at`: only named ones where those have no room without it."""
    elsewhere = [[place for place in _places_for(resource_id, places) if place != at] for resource_id in named]
    if _match(elsewhere):
        return places[at]
    return tuple(candidate for candidate in places[at] if candidate in named)


def _chosen_from(places: Places, wanted: tuple[str, ...], names: Names) -> Staffing:
    """The places when only the wanted resources will do; one that none of them can fill stays as it is."""
    if not any(resource_id in place for place in places for resource_id in wanted):
        return Staffing(places, (), _cannot_perform(wanted, names))
    narrowed = tuple(tuple(candidate for candidate in place if candidate in wanted) or place for place in places)
    return Staffing(narrowed, (), _unfillable(narrowed))


def _unfillable(places: Places) -> tuple[Reason, ...]:
    if not all(places):
        return (Reason(Code.RESOURCE_CANNOT_PERFORM, "No resource can perform this service."),)
    if len(places) > 1 and not can_fill(places):
        return (Reason(Code.RESOURCE_CANNOT_PERFORM, "The service's places need different resources."),)
    return ()


def _cannot_perform(strangers: Iterable[str], names: Names) -> tuple[Reason, ...]:
    return tuple(
        Reason(Code.RESOURCE_CANNOT_PERFORM, _cannot_perform_detail(names.get(resource_id)), (resource_id,))
        for resource_id in strangers
    )


def _cannot_perform_detail(name: str | None) -> str:
    if name is None:
        return "The resource does not work in this business."
    return f"The service is not one that {name} can perform."


def _wrong_number(places: Places, named: tuple[str, ...]) -> tuple[Reason, ...]:
    detail = f"The service takes {len(places)} resources at once, one for each of its places."
    return (Reason(Code.RESOURCE_CANNOT_PERFORM, detail, named),)
