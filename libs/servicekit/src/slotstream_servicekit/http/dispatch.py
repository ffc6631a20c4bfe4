"""Finding the route of a request without trying every pattern."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

_DEPTH = 3
"""How many leading segments (as in /v1/appointments) choose the few routes that are tried."""


class Dispatcher:
    """Goes straight to a route whose path has no parameters, tries the others by number of segments.

    A path without parameters wins over one with, whatever their order: `/things/counts` needs no place before
    `/things/{thing_id}`. A path that is known with another method answers 405 with all methods it does know.
    Everything else (mounts, patterns that span segments) is left to the `fallback`.
    """

    def __init__(self, routes: Iterable[Route], fallback: ASGIApp) -> None:
        self._fallback = fallback
        self._exact: dict[str, dict[str, Route]] = defaultdict(dict)
        patterns: dict[tuple[int, tuple[str, ...]], list[Route]] = defaultdict(list)
        for route in routes:
            if not route.param_convertors:
                for method in route.methods or ():
                    self._exact[route.path].setdefault(method, route)
            elif _is_regular(route):
                patterns[_key(route.path)].append(route)
        self._patterns = dict(patterns)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope.get("root_path"):
            await self._fallback(scope, receive, send)
            return
        path, method = scope["path"], scope["method"]
        exact = self._exact.get(path)
        if exact is not None and (route := exact.get(method)) is not None:
            scope.update(route=route, endpoint=route.endpoint, path_params={})
            await route.app(scope, receive, send)
            return
        allowed = set(exact or ())
        for route in self._candidates(path):
            match, found = route.matches(scope)
            if match is Match.FULL:
                scope.update(found, route=route)
                await route.app(scope, receive, send)
                return
            if match is Match.PARTIAL:
                scope["route"] = route
                allowed |= route.methods or set()
        if allowed:
            scope.setdefault("route", next(iter((exact or {}).values()), None))
            raise HTTPException(405, headers={"Allow": ", ".join(sorted(allowed))})
        await self._fallback(scope, receive, send)

    def _candidates(self, path: str) -> Sequence[Route]:
        return self._patterns.get(_key(path), ())


def _key(path: str) -> tuple[int, tuple[str, ...]]:
    segments = path.split("/")
    return len(segments), tuple(segments[:_DEPTH])


def _is_regular(route: Any) -> bool:
    """Whether parameters are whole segments, none of them among the leading ones."""
    segments = route.path.split("/")
    leading_is_plain = not any("{" in each for each in segments[:_DEPTH])
    whole = all(each.startswith("{") and each.endswith("}") for each in segments if "{" in each)
    return leading_is_plain and whole and ":" not in route.path
