"""A proxy between the client and the service that does what networks do, and what broken gateways do."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

SLOW_SECONDS = 1.5
PAGE = b"<html><body>Bad Gateway</body></html>"
FAULTS = (
    "refused",
    "cut before",
    "cut after",
    "cut within",
    "slow",
    "bad gateway",
    "page",
    "earlier answer",
)


@dataclass
class CuttingProxy:
    """`share` of the requests meet one of the faults, by the dice of `seed`."""

    target: int
    share: float
    seed: int = 1
    faults: tuple[str, ...] = FAULTS
    requests: int = 0
    met: Counter[str] = field(default_factory=Counter)
    earlier: bytes = b""
    port: int = 0

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while request := await read_message(reader):
                self.requests += 1
                fault = self._dice.choice(self.faults) if self._dice.random() < self.share else ""
                self.met[fault or "none"] += 1
                if not await self._answer(request, fault, writer):
                    break
        writer.close()

    async def _answer(self, request: bytes, fault: str, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection goes on."""
        if fault in {"refused", "cut before"}:
            return False
        if fault in {"bad gateway", "page"}:
            status = b"502 Bad Gateway" if fault == "bad gateway" else b"200 OK"
            writer.write(b"HTTP/1.1 %b\r\ncontent-type: text/html\r\ncontent-length: %d\r\n\r\n" % (status, len(PAGE)))
            writer.write(PAGE)
            return True
        if fault == "earlier answer" and self.earlier:
            writer.write(self.earlier)
            return True
        answer = await self._forward(request)
        self.earlier = self.earlier or answer
        if fault == "cut after":
            return False
        if fault == "slow":
            await asyncio.sleep(SLOW_SECONDS)
        if fault == "cut within":
            writer.write(answer[: self._dice.randrange(1, len(answer))])
            await writer.drain()
            return False
        writer.write(answer)
        await writer.drain()
        return True

    async def _forward(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.target)
        writer.write(request)
        answer = await read_message(reader)
        writer.close()
        return answer


async def read_message(reader: asyncio.StreamReader) -> bytes:
    """A request or an answer with a content-length; empty at the end."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return head + await reader.readexactly(length)


@asynccontextmanager
async def cutting(proxy: CuttingProxy) -> AsyncIterator[CuttingProxy]:
    server = await asyncio.start_server(proxy.take, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
