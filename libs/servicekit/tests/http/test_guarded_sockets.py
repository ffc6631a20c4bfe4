"""Hosts that users supply are dialled through the same guard, whatever is spoken with them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_network

import pytest

from slotstream_servicekit.http.guarded import GuardedHttpError
from slotstream_servicekit.http.guarded_sockets import GuardedSockets

LOOPBACK = (ip_network("127.0.0.0/8"),)


def resolving_to(*addresses: str) -> Callable[[str, int], Awaitable[Sequence[str]]]:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    return resolve


async def test_a_socket_is_connected_to_an_address_that_is_allowed() -> None:
    greeted = asyncio.Event()

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        await writer.drain()
        greeted.set()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with await GuardedSockets(allowed=LOOPBACK).connect("localhost", port) as connected:
            await greeted.wait()
            assert await asyncio.get_running_loop().sock_recv(connected, 100) == b"220 hello\r\n"


@pytest.mark.parametrize(
    ("addresses", "port"),
    [
        (["127.0.0.1"], 25),
        (["10.0.0.1"], 587),
        (["169.254.169.254"], 587),
        (["::1"], 587),
        (["fd00::1"], 587),
        (["::ffff:10.0.0.1"], 587),
        (["93.184.216.34", "10.0.0.1"], 587),
        (["93.184.216.34"], 5432),
        ([], 587),
    ],
)
async def test_no_other_address_is_dialled(
    addresses: Sequence[str], port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()

    async def dialled(*_: object) -> None:
        raise AssertionError("it must not be dialled")

    monkeypatch.setattr(loop, "sock_connect", dialled)
    sockets = GuardedSockets(ports=(587, 25), resolve=resolving_to(*addresses), connect_seconds=0.05)
    with pytest.raises(GuardedHttpError) as refused:
        await sockets.connect("mail.example", port)
    assert refused.value.code == "unreachable"


async def test_a_closed_port_is_told_as_one_that_is_refused() -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    with pytest.raises(GuardedHttpError) as refused:
        await GuardedSockets(allowed=LOOPBACK, connect_seconds=0.05).connect("127.0.0.1", port)
    assert (refused.value.code, refused.value.detail) == ("unreachable", "the address cannot be reached")
