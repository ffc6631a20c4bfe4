"""Templates that users write: only listed syntax is allowed, the size is bounded, and Jinja's sandbox renders them.

The sandbox alone does not bound cost (`{{ 'a' * 10**9 }}`), so what is not on the lists below is refused before
anything is compiled: no loops, calls, arithmetic, subscripts, macros or includes. What remains is text, known
variables, conditions, and filters that keep a value's length; so output and time are linear in the template's size.
"""

import re
import time
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Final, Protocol

from jinja2 import ChainableUndefined, Template, nodes
from jinja2.exceptions import TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from slotstream_servicekit.errors import TemplateRefusedError

MAX_SOURCE: Final = 20_000
MAX_OUTPUT: Final = 200_000
MAX_NODES: Final = 2_000
_SECONDS: Final = 0.5
"""Seconds of processor time, so that a busy machine does not make a template too expensive."""
_LONGEST_NUMBER: Final = 9

_ALLOWED_NODES: Final = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.Getattr,
    nodes.Filter,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
)
ALLOWED_FILTERS: Final = ("capitalize", "default", "lower", "title", "trim", "upper")
_NUMBER = re.compile(rf"\d{{{_LONGEST_NUMBER + 1},}}")


class _Environment(ImmutableSandboxedEnvironment):
    """Has only the allowed filters, no tests and no globals."""

    def __init__(self, *, autoescape: bool) -> None:
        # Without the optimizer, constant expressions are not evaluated by the compiler.
        super().__init__(
            autoescape=autoescape,
            undefined=ChainableUndefined,
            optimized=False,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=False,
            cache_size=0,
        )
        self.filters = {name: self.filters[name] for name in ALLOWED_FILTERS}
        self.tests.clear()
        self.globals.clear()


_PLAIN = _Environment(autoescape=False)
_HTML = _Environment(autoescape=True)


class _Compile(Protocol):
    def __call__(self, source: str, *, html: bool, piece: str) -> Template: ...


class TemplateSandbox:
    """Checks and renders templates with these variables, by group. `piece`: what error texts call a template."""

    def __init__(self, variables: Mapping[str, Collection[str]]) -> None:
        self._variables = variables
        self._compiled: _Compile = lru_cache(maxsize=2_000)(self._compile)

    def check(self, source: str, *, piece: str = "text", html: bool = False) -> None:
        """Raises TemplateRefusedError with the piece, the line, and what is wrong with it."""
        self._compiled(source, html=html, piece=piece)

    def render(
        self, source: str, values: Mapping[str, Mapping[str, str]], *, piece: str = "text", html: bool = False
    ) -> str:
        """Renders the template with the values. Raises TemplateRefusedError."""
        template = self._compiled(source, html=html, piece=piece)
        deadline = time.thread_time() + _SECONDS
        parts: list[str] = []
        length = 0
        try:
            for part in template.generate(**values):
                parts.append(part)
                length += len(part)
                if length > MAX_OUTPUT:
                    raise TemplateRefusedError(f"The {piece} grows beyond {MAX_OUTPUT} characters")
                if time.thread_time() > deadline:
                    raise TemplateRefusedError(f"The {piece} takes too long to fill in")
        except (TemplateError, ArithmeticError, TypeError, ValueError, RecursionError) as error:
            raise TemplateRefusedError(f"The {piece} cannot be filled in: {type(error).__name__}") from error
        return "".join(parts)

    def _compile(self, source: str, *, html: bool, piece: str) -> Template:
        if len(source) > MAX_SOURCE:
            raise TemplateRefusedError(f"The {piece} is longer than {MAX_SOURCE} characters")
        if "\x00" in source:
            raise TemplateRefusedError(f"The {piece} holds a NUL character")
        environment = _HTML if html else _PLAIN
        try:
            if _NUMBER.search(source) and "{" in source:
                _refuse_long_numbers(environment, source, piece)
            _check(environment.parse(source), self._variables, piece)
            return environment.from_string(source)
        except TemplateSyntaxError as error:
            raise TemplateRefusedError(f"The {piece}, line {error.lineno}: {error.message}") from error
        except (TemplateError, RecursionError, MemoryError, SyntaxError, ValueError) as error:
            raise TemplateRefusedError(f"The {piece} is nested too deeply or cannot be read") from error


def _refuse_long_numbers(environment: _Environment, source: str, piece: str) -> None:
    """Refuses long numbers before they are parsed, which takes the square of their length."""
    for _, token, value in environment.lex(source):
        if token in ("integer", "float") and len(value) > _LONGEST_NUMBER:
            raise TemplateRefusedError(f"The {piece} holds a number that is too long")


def _check(tree: nodes.Template, variables: Mapping[str, Collection[str]], piece: str) -> None:
    """Walks the tree without recursion, and refuses what is not on the lists."""
    waiting: list[nodes.Node] = [tree]
    seen = 0
    while waiting:
        node = waiting.pop()
        seen += 1
        if seen > MAX_NODES:
            raise TemplateRefusedError(f"The {piece} has too many parts")
        if isinstance(node, nodes.Getattr):
            _check_variable(node, variables, piece)
            continue
        if not isinstance(node, _ALLOWED_NODES):
            raise _refused(node, piece, f"'{type(node).__name__.lower()}' is not allowed here")
        if isinstance(node, nodes.Name):
            raise _refused(node, piece, _unknown(node.name, variables))
        if isinstance(node, nodes.Filter):
            _check_filter(node, piece)
        waiting.extend(node.iter_child_nodes())


def _check_variable(node: nodes.Getattr, variables: Mapping[str, Collection[str]], piece: str) -> None:
    group = node.node.name if isinstance(node.node, nodes.Name) else ""
    if node.attr not in variables.get(group, ()):
        raise _refused(node, piece, _unknown(f"{group}.{node.attr}" if group else node.attr, variables))


def _check_filter(node: nodes.Filter, piece: str) -> None:
    if node.name not in ALLOWED_FILTERS:
        raise _refused(node, piece, f"there is no filter '{node.name}'; there are {', '.join(ALLOWED_FILTERS)}")
    if node.name != "default" and (node.args or node.kwargs or node.dyn_args or node.dyn_kwargs):
        raise _refused(node, piece, f"the filter '{node.name}' takes no argument")


def _unknown(variable: str, variables: Mapping[str, Collection[str]]) -> str:
    known = ", ".join(f"{group}.{name}" for group, names in variables.items() for name in names)
    return f"there is no variable '{variable}'; there are {known}"


def _refused(node: nodes.Node, piece: str, sentence: str) -> TemplateRefusedError:
    return TemplateRefusedError(f"The {piece}, line {node.lineno}: {sentence}")
