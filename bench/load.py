"""A lean HTTP/1.1 load generator: prepared requests over kept-alive connections, in a process of its own.

    python -m bench.load HOST PORT CONNECTIONS SECONDS < requests

Standard input holds one request per line: method, path, headers (JSON) and body, separated by tabs. Prints
one JSON line: answers by status, seconds, and latencies in milliseconds.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import cast


def _wire(line: str, host: str) -> bytes:
    method, path, headers, body = line.rstrip("\n").split("\t")
    fields = {"Host": host, "Content-Length": str(len(body.encode())), **json.loads(headers)}
    if body:
        fields["Content-Type"] = "application/json"
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body.encode()


class _Connection(asyncio.Protocol):
    """Sends the next request as soon as the last answer is whole."""

    def __init__(self, requests: Iterator[bytes], deadline: float, done: asyncio.Future[None]) -> None:
        self._requests = requests
        self._deadline = deadline
        self._done = done
        self._received = b""
        self._sent_at = 0.0
        self.statuses: Counter[str] = Counter()
        self.latencies: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, rest = self._received.partition(b"\r\n\r\n")
        if not separator:
            return
        marker = head.lower().find(b"content-length:")
        length = int(head[marker + 15 :].split(b"\r\n", 1)[0]) if marker >= 0 else 0
        if len(rest) < length:
            return
        self.latencies.append(time.perf_counter() - self._sent_at)
        self.statuses[head[9:12].decode()] += 1
        self._received = rest[length:]
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if not self._done.done():
            self._done.set_result(None)

    def _send(self) -> None:
        request = next(self._requests, None)
        if request is None or time.perf_counter() > self._deadline:
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)


async def _run(host: str, port: int, connections: int, seconds: float) -> dict[str, object]:
    requests = iter([_wire(line, f"{host}:{port}") for line in sys.stdin])
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    protocols: list[_Connection] = []
    ended = []
    for _ in range(connections):
        done: asyncio.Future[None] = loop.create_future()
        protocol = _Connection(requests, began + seconds, done)
        protocols.append(protocol)
        ended.append(done)
        await loop.create_connection(lambda protocol=protocol: protocol, host, port)  # type: ignore[misc]
    await asyncio.gather(*ended)
    took = time.perf_counter() - began
    latencies = sorted(each * 1000 for protocol in protocols for each in protocol.latencies)
    statuses: Counter[str] = sum((protocol.statuses for protocol in protocols), Counter())
    count = len(latencies)
    return {
        "statuses": dict(statuses),
        "seconds": took,
        "answers": count,
        "p50": latencies[count // 2] if count else None,
        "p99": latencies[min(count - 1, int(count * 0.99))] if count else None,
    }


if __name__ == "__main__":
    import uvloop

    host, port, connections, seconds = sys.argv[1:5]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.stdout.write(json.dumps(runner.run(_run(host, int(port), int(connections), float(seconds)))) + "\n")
