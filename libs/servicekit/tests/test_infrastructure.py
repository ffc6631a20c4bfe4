"""Which infrastructure tests use, on machines with and without a Docker engine."""

import gc
import socket
import warnings
from collections.abc import Iterator

import pytest

from slotstream_servicekit.testing import infrastructure


@pytest.fixture(params=["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1", "silent", "nonsense://"])
def no_engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(infrastructure, "_PROBE_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        silent = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        monkeypatch.setenv("DOCKER_HOST", silent if request.param == "silent" else request.param)
        yield


def test_without_an_engine_processes_are_used_and_no_socket_stays_open(no_engine: None) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert infrastructure._docker_problem() == "no Docker engine answers"
        gc.collect()
    assert [str(warning.message) for warning in caught] == []
