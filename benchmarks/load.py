"""A load client with a number of connections, each repeating its request as soon as it is answered. One process, raw HTTP/1.1
on uvloop, about 20 µs a request, so that the server is what is measured even on a shared machine.

.venv/bin/python benchmarks/load.py http://127.0.0.1:8000/v1/checks --connections 64 --seconds 10 < bodies.jsonl

Each line of standard input is a body; they are sent in turn. Prints one JSON object. Only needs the standard library and
uvloop.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import cycle
from types import MappingProxyType
from typing import cast
from urllib.parse import urlsplit

import uvloop

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class _Connection(asyncio.Protocol):
    """Sends a request, waits for the whole answer, sends the next."""

    def __init__(self, requests: Iterator[bytes], taken: list[float], statuses: "Counter[str]") -> None:
        self._requests = requests
        self._taken = taken
        self._statuses = statuses
        self._received = b""
        self._whole = 0
        self._sent_at = 0.0
        self._transport: asyncio.Transport | None = None
        self.is_done = False
        self.closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own, not a subclass
        self._ask()

    def _ask(self) -> None:
        assert self._transport
        self._received, self._whole = b"", 0
        self._sent_at = time.perf_counter()
        self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._whole:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            self._whole = end + 4 + _content_length(self._received[:end].lower())
        if len(self._received) < self._whole:
            return
        self._taken.append(time.perf_counter() - self._sent_at)
        self._statuses[self._received[9:12].decode()] += 1
        if self.is_done:
            assert self._transport
            self._transport.close()
        else:
            self._ask()

    def connection_lost(self, _exc: Exception | None) -> None:
        if not self.is_done:
            self._statuses["cut"] += 1
        if not self.closed.done():
            self.closed.set_result(None)


def _content_length(head: bytes) -> int:
    start = head.index(b"content-length:") + 15
    end = head.find(b"\r", start)
    return int(head[start : end if end > 0 else None])


def request_bytes(
    url: str, body: bytes, *, key: str | None, method: str = "POST", headers: Mapping[str, str] = NO_HEADERS
) -> bytes:
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc}", "Content-Type: application/json"]
    if key:
        lines.append(f"Authorization: Bearer {key}")
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def drive(
    url: str, requests: Iterable[bytes], *, connections: int, seconds: float, warm_up: float = 1.0
) -> dict[str, object]:
    """Drive for `seconds` after `warm_up`; latencies in milliseconds. Requests are sent in turn, again and again; those of
    an iterator once.
    """
    parts = urlsplit(url)
    turns = requests if isinstance(requests, Iterator) else cycle(requests)
    taken: list[float] = []
    statuses: Counter[str] = Counter()
    loop = asyncio.get_running_loop()
    clients = []
    for _ in range(connections):
        _, client = await loop.create_connection(
            lambda: _Connection(turns, taken, statuses), parts.hostname, parts.port or 80
        )
        clients.append(client)
    await asyncio.sleep(warm_up)
    taken.clear()
    statuses.clear()
    started = time.perf_counter()
    await asyncio.sleep(seconds)
    elapsed = time.perf_counter() - started
    answered, counted = sorted(taken), dict(statuses)
    for client in clients:
        client.is_done = True
    await asyncio.wait([client.closed for client in clients], timeout=5)
    return {
        "connections": connections,
        "requests": len(answered),
        "per_second": round(len(answered) / elapsed, 1),
        "p50": _share(answered, 0.50),
        "p99": _share(answered, 0.99),
        "max": _share(answered, 1.0),
        "statuses": counted,
    }


def _share(ordered: list[float], share: float) -> float:
    return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000, 3) if ordered else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--key")
    parser.add_argument("--method", default="POST")
    options = parser.parse_args()
    requests = [
        request_bytes(options.url, line.rstrip(b"\n"), key=options.key, method=options.method)
        for line in sys.stdin.buffer
    ]
    driving = drive(options.url, requests, connections=options.connections, seconds=options.seconds)
    print(json.dumps(uvloop.run(driving)))


if __name__ == "__main__":
    main()
