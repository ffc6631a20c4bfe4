"""Access rights in Kafka, as data: missing ones are granted, and surplus ones are reported or removed.

Needs the extra `topics`.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from slotstream_servicekit.kafka import KafkaConnection
from slotstream_servicekit.topics import admin_client, as_kafka_error

Operation = Literal["read", "write", "create", "alter", "alter_configs", "describe", "describe_configs"]
_ANSWER_SECONDS: Final = 15
_ANY_HOST: Final = "*"


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Right:
    """The right of one principal (`User:booking`) to do one thing. `prefix`: for all names that begin so."""

    principal: str
    operation: Operation
    resource: Literal["topic", "group"]
    name: str
    prefix: bool = False

    def __str__(self) -> str:
        return f"{self.principal} {self.operation} {self.resource} {self.name}{'*' if self.prefix else ''}"


@dataclass(frozen=True, slots=True)
class AppliedRights:
    """What the job did. `surplus`: bindings of the named principals that were not asked for, as Kafka lists them."""

    granted: tuple[str, ...]
    unchanged: tuple[str, ...]
    surplus: tuple[str, ...]
    taken: bool
    """Whether the surplus was removed."""


async def apply_rights(
    kafka: KafkaConnection, rights: Iterable[Right], *, principals: Iterable[str], take_surplus: bool = False
) -> AppliedRights:
    """Grant the missing ones of `rights`. It may be run again, and ignores bindings of other principals.

    Bindings of `principals` that are not in `rights` are told, and deleted with `take_surplus`. Raises aiokafka's
    errors: SecurityDisabledError where the brokers have no authorizer.
    """
    return await asyncio.to_thread(_apply, admin_client(kafka), sorted(rights), sorted(principals), take_surplus)


def _apply(admin: AdminClient, rights: Sequence[Right], principals: Sequence[str], take_surplus: bool) -> AppliedRights:
    wanted = {_binding(right): right for right in rights}
    present = {binding for principal in principals for binding in _bindings_of(admin, principal)}
    missing = [binding for binding in wanted if binding not in present]
    surplus = sorted(binding for binding in present if binding not in wanted)
    if missing:
        _settle(admin.create_acls(missing, request_timeout=_ANSWER_SECONDS))
    if surplus and take_surplus:
        _settle(admin.delete_acls([_filter_of(binding) for binding in surplus], request_timeout=_ANSWER_SECONDS))
    return AppliedRights(
        granted=tuple(str(wanted[binding]) for binding in missing),
        unchanged=tuple(str(right) for binding, right in wanted.items() if binding in present),
        surplus=tuple(_told(binding) for binding in surplus),
        taken=bool(surplus) and take_surplus,
    )


def _binding(right: Right) -> AclBinding:
    return AclBinding(
        ResourceType.TOPIC if right.resource == "topic" else ResourceType.GROUP,
        right.name,
        ResourcePatternType.PREFIXED if right.prefix else ResourcePatternType.LITERAL,
        right.principal,
        _ANY_HOST,
        AclOperation[right.operation.upper()],
        AclPermissionType.ALLOW,
    )


def _bindings_of(admin: AdminClient, principal: str) -> list[AclBinding]:
    any_name: Any = None  # which the client's own annotations do not know
    everything = AclBindingFilter(
        ResourceType.ANY,
        any_name,
        ResourcePatternType.ANY,
        principal,
        any_name,
        AclOperation.ANY,
        AclPermissionType.ANY,
    )
    try:
        bindings: list[AclBinding] = admin.describe_acls(everything, request_timeout=_ANSWER_SECONDS).result(
            timeout=_ANSWER_SECONDS
        )
    except KafkaException as error:
        raise as_kafka_error(error) from error
    return bindings


def _filter_of(binding: AclBinding) -> AclBindingFilter:
    return AclBindingFilter(
        binding.restype,
        binding.name,
        binding.resource_pattern_type,
        binding.principal,
        binding.host,
        binding.operation,
        binding.permission_type,
    )


def _settle(answers: Any) -> None:
    for answer in answers.values():
        try:
            answer.result(timeout=_ANSWER_SECONDS)
        except KafkaException as error:
            raise as_kafka_error(error) from error


def _told(binding: AclBinding) -> str:
    star = "*" if binding.resource_pattern_type is ResourcePatternType.PREFIXED else ""
    verb, resource = AclOperation(binding.operation), ResourceType(binding.restype)
    denied = "" if binding.permission_type is AclPermissionType.ALLOW else "denied: "
    return f"{denied}{binding.principal} {verb.name.lower()} {resource.name.lower()} {binding.name}{star}"
