"""Ports, secrets and the claim on the state folder."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from slotstream_local.layout import PARTS, Layout, Memory, StackRunningError, wanted_ports
from slotstream_servicekit.infrastructure.processes import InfrastructureError, free_port


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_already_taken_is_refused_with_what_to_do(taken_port: int) -> None:
    with pytest.raises(InfrastructureError, match=rf"Port {taken_port} \(BOOKING_PORT\) is taken .* choose another"):
        wanted_ports({"BOOKING_PORT": str(taken_port)})


@pytest.mark.parametrize("value", ["abc", "0", "70000", "-1"])
def test_what_is_no_port_is_refused(value: str) -> None:
    with pytest.raises(InfrastructureError, match="is not a port number"):
        wanted_ports({"KAFKA_PORT": value})


def test_one_port_cannot_be_given_twice() -> None:
    port = str(free_port())
    with pytest.raises(InfrastructureError, match="given twice"):
        wanted_ports({"KAFKA_PORT": port, "BOOKING_PORT": port})


def test_ports_and_secrets_are_remembered(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "state")
    layout.make()
    first = Memory.load(layout)
    first.complete(wanted={})
    first.save(layout)
    second = Memory.load(layout)
    second.complete(wanted={})
    assert second == first
    assert sorted(first.ports) == sorted(PARTS)
    assert len(set(first.ports.values())) == len(PARTS)


def test_a_given_port_wins_over_a_remembered_one(tmp_path: Path) -> None:
    memory = Memory()
    memory.complete(wanted={})
    port = free_port()
    memory.complete(wanted={"booking": port})
    assert memory.ports["booking"] == port


def test_a_remembered_port_that_somebody_took_is_replaced(taken_port: int) -> None:
    memory = Memory(ports={"booking": taken_port})
    memory.complete(wanted={})
    assert memory.ports["booking"] != taken_port


def test_secrets_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "state")
    layout.make()
    Memory().save(layout)
    assert (layout.folder / "memory.json").stat().st_mode & 0o077 == 0


def test_a_stack_already_running_is_said(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "state")
    layout.make()
    assert layout.supervisor() is None
    with layout.claimed(os.getpid()):
        assert layout.supervisor() == os.getpid()
        with pytest.raises(StackRunningError, match=r"running already\. `make down` stops it"), layout.claimed(1):
            pass
    assert layout.supervisor() is None


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(InfrastructureError, match="cannot be written"):
        Layout(blocked / "state").make()
