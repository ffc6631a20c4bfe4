"""The guard: no address that a user supplies leads into the operator's network."""

import asyncio
import gzip
import random
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import NoReturn

import httpcore2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from slotstream_servicekit.http.guarded import GuardedAnswer, GuardedBackend, GuardedHttp, GuardedHttpError, Resolve
from slotstream_servicekit.http.public_addresses import is_listed, is_public

LOOPBACK = (ip_network("127.0.0.0/8"),)


@asynccontextmanager
async def a_server(answer: Callable[[bytes], bytes]) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(request))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def http(body: bytes, status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


def resolving_to(*addresses: str) -> Callable[[str, int], Awaitable[Sequence[str]]]:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    return resolve


async def refused(url: str, **settings: object) -> str:
    client = GuardedHttp(**settings)  # type: ignore[arg-type]
    try:
        with pytest.raises(GuardedHttpError) as error:
            await client.get(url)
    finally:
        await client.aclose()
    return error.value.code


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "0.1.2.3", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "168.63.129.16",  # noqa: S104
        "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.9", "192.0.0.192", "192.0.2.1",
        "192.31.196.1", "192.52.193.1", "192.88.99.1", "192.168.1.1", "192.175.48.1", "198.18.0.1", "198.19.255.255",
        "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:168.63.129.16", "64:ff9b::7f00:1",
        "64:ff9b:1::1", "100::1", "100:0:0:1::1", "2001::1", "2001:0:53aa:64c:0:0:80ff:fffe", "2001:1::1", "2001:2::1",
        "2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::1", "2002:5db8:d70e::1", "2620:4f:8000::1", "3fff::1",
        "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "4000::1",
    ],
)  # fmt: skip
def test_no_special_address_is_reachable_however_it_is_written(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "168.63.129.17", "2606:4700::6810:84e5", "::ffff:93.184.215.14", "64:ff9b::5db8:d70e"]
)
def test_the_public_internet_is_reachable(address: str) -> None:
    assert is_public(ip_address(address))


def test_whatever_the_interpreter_calls_not_global_is_refused_too() -> None:
    rng = random.Random(41)
    for bits, kind in ((32, IPv4Address), (128, IPv6Address)):
        for _ in range(20_000):
            address = kind(rng.getrandbits(bits))
            assert address.is_global or not is_public(address), address


def test_a_listed_network_is_reachable() -> None:
    networks = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
    assert is_listed(ip_address("10.1.2.3"), networks)
    assert is_listed(ip_address("::ffff:10.1.2.3"), networks)
    assert not is_listed(ip_address("10.1.2.3"), (ip_network("fd00::/8"),))


async def test_a_listed_network_answers() -> None:
    async with a_server(lambda _: http(b"hello")) as port:
        client = GuardedHttp(allowed=LOOPBACK)
        answer = await client.get(f"http://127.0.0.1:{port}/")
        await client.aclose()

    assert (answer.status, answer.body) == (200, b"hello")


class Dialler(httpcore2.AsyncNetworkBackend):
    """Notes what is dialled, and gets no answer."""

    def __init__(self) -> None:
        self.dialled: list[tuple[str, int]] = []

    async def connect_tcp(self, host: str, port: int, *_: object, **__: object) -> NoReturn:
        self.dialled.append((host, port))
        raise httpcore2.ConnectError


async def test_one_private_address_among_public_ones_refuses_the_host() -> None:
    dialler = Dialler()
    backend = GuardedBackend(resolve=resolving_to("93.184.215.14", "10.0.0.1"), dialler=dialler, connect_seconds=0.1)

    with pytest.raises(GuardedHttpError, match="unreachable"):
        await backend.connect_tcp("x.example", 80)
    assert dialler.dialled == []


@pytest.mark.parametrize(
    ("port", "ports", "is_dialled"),
    [
        (80, (), True),
        (443, (), True),
        (8443, (), False),
        (8443, (8443,), True),
        (22, (8443,), False),
        (5432, (), False),
    ],
)
async def test_only_the_webs_ports_and_listed_ones_are_dialled(
    port: int, ports: tuple[int, ...], is_dialled: bool
) -> None:
    dialler = Dialler()
    backend = GuardedBackend(resolve=resolving_to("93.184.215.14"), dialler=dialler, ports=ports, connect_seconds=0.1)

    with pytest.raises(GuardedHttpError, match="unreachable"):
        await backend.connect_tcp("x.example", port)
    assert dialler.dialled == ([("93.184.215.14", port)] if is_dialled else [])


async def test_refused_closed_silent_and_unknown_addresses_give_one_answer_after_one_time() -> None:
    async def nowhere(host: str, port: int) -> Sequence[str]:
        raise OSError("no such host")

    async def silent(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(60)
        return ()

    verify = ssl.create_default_context()

    async def tried(url: str, resolve: Resolve) -> tuple[str, str | None, float]:
        client = GuardedHttp(allowed=LOOPBACK, resolve=resolve, verify=verify, seconds=10.0)
        began = time.monotonic()
        with pytest.raises(GuardedHttpError) as error:
            await client.get(url)
        seconds = time.monotonic() - began
        await client.aclose()
        return error.value.code, error.value.detail, seconds

    tries = await asyncio.gather(
        tried("http://x.example/", resolving_to("10.0.0.1")),
        tried("http://x.example/", resolving_to("168.63.129.16")),
        tried("http://x.example:22/", resolving_to("93.184.215.14")),
        tried("http://127.0.0.1:1/", resolving_to("127.0.0.1")),
        tried("http://x.example/", nowhere),
        tried("http://x.example/", silent),
    )

    assert {(code, detail) for code, detail, _ in tries} == {("unreachable", "the address cannot be reached")}
    # Half of the client's seconds is for connecting: after all of them it would have timed out. A busy machine is late,
    # but never early.
    assert min(seconds for *_, seconds in tries) >= 5.0


async def test_the_checked_address_is_the_one_that_is_dialled() -> None:
    answers = iter([("127.0.0.1",), ("10.0.0.1",)])

    async def rebinding(host: str, port: int) -> Sequence[str]:
        return next(answers)

    async with a_server(lambda _: http(b"first")) as port:
        client = GuardedHttp(allowed=LOOPBACK, resolve=rebinding)
        answer = await client.get(f"http://calendar.example:{port}/")
        await client.aclose()

    assert answer.body == b"first"


async def test_a_redirect_into_a_private_network_is_refused() -> None:
    def redirect(_: bytes) -> bytes:
        return http(b"", "302 Found", "Location: http://169.254.169.254/latest/meta-data\r\n")

    async with a_server(redirect) as port:
        assert await refused(f"http://127.0.0.1:{port}/", allowed=LOOPBACK, connect_seconds=0.1) == "unreachable"


async def test_redirects_end() -> None:
    async with a_server(lambda _: http(b"", "302 Found", "Location: /again\r\n")) as port:
        assert await refused(f"http://127.0.0.1:{port}/", allowed=LOOPBACK) == "too_many_redirects"


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/"])
async def test_a_redirect_to_another_scheme_is_refused(location: str) -> None:
    async with a_server(lambda _: http(b"", "302 Found", f"Location: {location}\r\n")) as port:
        assert await refused(f"http://127.0.0.1:{port}/", allowed=LOOPBACK) == "invalid_url"


async def test_a_compressed_bomb_is_refused_without_inflating_it() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    assert len(bomb) < 100_000

    async with a_server(lambda _: http(bomb, headers="Content-Encoding: gzip\r\n")) as port:
        code = await refused(f"http://127.0.0.1:{port}/", allowed=LOOPBACK, max_bytes=1_000_000)

    assert code == "too_large"


async def test_a_large_body_is_refused() -> None:
    async with a_server(lambda _: http(b"x" * 2_000_000)) as port:
        assert await refused(f"http://127.0.0.1:{port}/", allowed=LOOPBACK, max_bytes=1_000_000) == "too_large"


async def test_an_encoding_that_was_not_asked_for_is_refused() -> None:
    async with a_server(lambda _: http(b"x", headers="Content-Encoding: br\r\n")) as port:
        assert await refused(f"http://127.0.0.1:{port}/", allowed=LOOPBACK) == "unsupported_encoding"


async def test_gzip_is_understood() -> None:
    async with a_server(lambda _: http(gzip.compress(b"text"), headers="Content-Encoding: gzip\r\n")) as port:
        client = GuardedHttp(allowed=LOOPBACK)
        answer = await client.get(f"http://127.0.0.1:{port}/")
        await client.aclose()

    assert answer.body == b"text"


async def test_a_server_that_dawdles_is_left() -> None:
    async def dawdle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        with suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.1)
        writer.close()
        finished.set()

    finished = asyncio.Event()
    server = await asyncio.start_server(dawdle, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert await refused(f"http://127.0.0.1:{port}/", allowed=LOOPBACK, seconds=3.0) == "timed_out"
        await finished.wait()


def a_certificate_for(host: str, folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private, public = folder / f"{host}.key", folder / f"{host}.pem"
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return public, private


@pytest.mark.parametrize(("host", "code"), [("calendar.example", None), ("other.example", "insecure")])
async def test_the_certificate_must_fit_the_name_although_the_address_is_dialled(
    tmp_path: Path, host: str, code: str | None
) -> None:
    public, private = a_certificate_for("calendar.example", tmp_path)
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(public, private)
    verify = ssl.create_default_context(cafile=str(public))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(http(b"secure"))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_side)
    async with server:
        port = server.sockets[0].getsockname()[1]
        url = f"https://{host}:{port}/"
        if code is not None:
            resolve = resolving_to("127.0.0.1")
            assert await refused(url, allowed=LOOPBACK, resolve=resolve, verify=verify) == code
            return
        client = GuardedHttp(allowed=LOOPBACK, resolve=resolving_to("127.0.0.1"), verify=verify)
        assert (await client.get(url)).body == b"secure"
        await client.aclose()


async def _sent(client: GuardedHttp, kind: str, url: str) -> GuardedAnswer:
    return await (client.post_form(url, {"code": "a&b"}) if kind == "form" else client.post(url, b"a&b"))


@pytest.mark.parametrize("kind", ["form", "content"])
async def test_what_is_posted_is_sent_once_and_a_redirect_is_its_answer(kind: str) -> None:
    received: list[bytes] = []

    def answer(request: bytes) -> bytes:
        received.append(request)
        return http(b"", "307 Temporary Redirect", "Location: http://evil.example/\r\n")

    async with a_server(answer) as port:
        client = GuardedHttp(allowed=LOOPBACK)
        sent = await _sent(client, kind, f"http://127.0.0.1:{port}/token")
        await client.aclose()

    assert sent.status == 307
    assert len(received) == 1
    assert received[0].startswith(b"POST /token ")


@pytest.mark.parametrize("kind", ["form", "content"])
async def test_nothing_is_posted_to_a_private_address(kind: str) -> None:
    client = GuardedHttp(connect_seconds=0.1)
    with pytest.raises(GuardedHttpError) as error:
        await _sent(client, kind, "http://127.0.0.1:80/token")
    await client.aclose()

    assert error.value.code == "unreachable"
