"""A lean HTTP/1.1 client on plain asyncio: on a machine shared with the server, the server shall have the time."""

import asyncio
import json
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, cast

PATIENCE_SECONDS = 15.0


class Lost(Exception):  # noqa: N818 - what happened, not what kind of error
    """The connection was refused or ended: whether the request was carried out is not known."""


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    head: bytes
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """One keep-alive connection at a time, opened anew after it was lost; one request at a time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._line: _Line | None = None

    async def ask(self, request: bytes) -> Reply:
        """Raise `Lost` where there is no whole answer."""
        if self._line is None or self._line.is_lost:
            self._line = await _open(self._port)
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._line.ask(request)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._line is not None:
            self._line.close()


def request_bytes(path: str, body: object = None, *, key: str = "", method: str = "POST", **headers: str) -> bytes:
    """A whole request; an underscore in a header's name stands for a hyphen."""
    content = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(content)}"]
    lines += ["Content-Type: application/json"] if content else []
    lines += [f"Authorization: Bearer {key}"] if key else []
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


class _Line(asyncio.Protocol):
    def __init__(self) -> None:
        self.is_lost = False
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._answered: asyncio.Future[Reply] | None = None

    async def ask(self, request: bytes) -> Reply:
        assert self._transport is not None
        self._received = b""
        self._answered = asyncio.get_running_loop().create_future()
        if self.is_lost:
            raise Lost
        self._transport.write(request)
        return await self._answered

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end or len(body) < content_length(head):
            return
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(Reply(int(head[9:12]), head, body))

    def connection_lost(self, _error: Exception | None) -> None:
        self.is_lost = True
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(Lost())


async def _open(port: int) -> _Line:
    loop = asyncio.get_running_loop()
    try:
        _, line = await loop.create_connection(_Line, "127.0.0.1", port)
    except OSError:
        raise Lost from None
    return line


def content_length(head: bytes) -> int:
    start = head.lower().index(b"content-length:") + 15
    end = head.find(b"\r", start)
    return int(head[start : end if end > 0 else None])
