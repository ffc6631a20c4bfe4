"""The file that says which principal reads and writes which topics."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from slotstream_cli.failures import Failure
from slotstream_servicekit.acls import Operation, Right

_MANAGING: tuple[Operation, ...] = ("create", "alter", "alter_configs", "describe", "describe_configs")


class Role(BaseModel):
    """One principal. A name that ends in `*` means all that begin so."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    principal: str = Field(pattern="^User:.+$")
    group: str | None = None
    """The consumer group that it may join."""
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    manages: tuple[str, ...] = ()
    """Topics that it creates and configures."""

    def rights(self) -> Iterator[Right]:
        if self.group is not None:
            yield Right(principal=self.principal, operation="read", resource="group", name=self.group)
        yield from self._on_topics(self.reads, ("read",))
        yield from self._on_topics(self.writes, ("write",))
        yield from self._on_topics(self.manages, _MANAGING)

    def _on_topics(self, names: Iterable[str], operations: tuple[Operation, ...]) -> Iterator[Right]:
        for name in names:
            for operation in operations:
                yield Right(
                    principal=self.principal,
                    operation=operation,
                    resource="topic",
                    name=name.removesuffix("*"),
                    prefix=name.endswith("*"),
                )


class Manifest(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    services: Mapping[str, Role]
    operators: Mapping[str, Role]

    def roles(self) -> list[Role]:
        return [*self.services.values(), *self.operators.values()]

    def principals(self) -> set[str]:
        return {role.principal for role in self.roles()}

    def rights(self) -> set[Right]:
        return {right for role in self.roles() for right in role.rights()}


def read_manifest(path: Path) -> Manifest:
    """Raises Failure where the file is missing or says something that it cannot."""
    try:
        return Manifest.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise Failure.usage(f"{path} cannot be read ({type(error).__name__}).") from None
    except tomllib.TOMLDecodeError as error:
        raise Failure.usage(f"{path} is not TOML: {error}.") from None
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        raise Failure.usage(f"{path}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}.") from None
