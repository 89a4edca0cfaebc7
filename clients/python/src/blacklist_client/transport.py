"""Sends and receives bytes by httpx, which is used in this module only, so that it can be replaced.

Only its transports are used: without its client there is no proxy, certificate file or netrc from the environment, no
redirect, no cookie, and a call takes half the time. Certificates are verified by the system's trust store, or by the given
one; the key is never sent in clear text, except on the same machine.
"""

import asyncio
import ipaddress
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx

from blacklist_client.conversation import KEY_HEADER, Conversation, Outcome, Reply, Request, Send, T
from blacklist_client.errors import NoAnswer, NotUnderstood, TimedOut, Unreachable
from blacklist_client.uploads import Upload

VERSION = "0.7.1"
MOST_BYTES = 64 << 20
"""The most bytes of one answer: a thousand checks with a hundred matches each are less."""
CONNECTIONS = 32
KEPT_SECONDS = 4.0
"""A connection that was idle for longer is not reused: the service closes one after five seconds."""
CUT, LATE, TOO_LONG = "the connection was cut or refused", "no answer within the time", "the answer does not end"


@dataclass(frozen=True, slots=True)
class Address:
    """The service's address, and what is needed to connect."""

    url: str
    key: str
    ca_file: Path | None = None
    client_cert: Path | None = None
    """One PEM file with the certificate and its key."""
    plain_http: bool = False
    """Allow the key, and personal numbers, to be sent unencrypted to another machine."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.username is not None:
            raise ValueError("the service's address is such as https://blacklist.example")
        if parts.scheme == "http" and not self.plain_http and not _is_loopback(parts.hostname):
            raise ValueError("http:// to another machine shows keys and personal numbers to the network: use https://")
        if not self.key or not self.key.isascii() or not self.key.isprintable():
            raise ValueError("the API key is not one")

    def __repr__(self) -> str:
        return f"Address({self.url!r})"

    def headers(self) -> dict[str, str]:
        return {
            "authorization": f"Bearer {self.key}",
            "user-agent": f"blacklist-client/{VERSION}",
            "accept": "application/json",
            "accept-encoding": "identity",
        }

    def trust(self) -> ssl.SSLContext | bool:
        if not self.url.startswith("https"):
            return False
        context = ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)
        if self.client_cert is not None:
            context.load_cert_chain(str(self.client_cert))
        return context


class SyncTransport:
    """Blocking; may be used by many threads at once."""

    def __init__(self, address: Address) -> None:
        self._until = threading.local()
        self._build = _Builder(address)
        self._transport = _ByTheClock(address.trust(), self._until)

    def send(self, request: Request, seconds: float) -> Reply:
        """Raise `Unreachable` or `TimedOut`; `seconds` applies to the whole request."""
        if seconds <= 0:
            raise TimedOut(LATE)
        self._until.at = time.monotonic() + seconds
        sent = self._build(request, seconds, _pieces)
        try:
            response = self._transport.handle_request(sent)
            try:
                return _reply(response, _whole(response.iter_raw()))
            finally:
                response.close()
        except (httpx.TimeoutException, httpcore.TimeoutException):
            raise TimedOut(LATE) from None
        except (httpx.HTTPError, httpx.StreamError, OSError):
            raise Unreachable(CUT) from None

    @contextmanager
    def open(self, request: Request, *, silent_seconds: float) -> Iterator[tuple[Reply, Iterator[bytes]]]:
        """A streamed response, as long as a piece arrives every so many seconds."""
        self._until.at = None
        sent = self._build(request, silent_seconds, _pieces)
        try:
            response = self._transport.handle_request(sent)
            try:
                yield _reply(response, b"" if response.is_success else _whole(response.iter_raw())), response.iter_raw()
            finally:
                response.close()
        except (httpx.TimeoutException, httpcore.TimeoutException):
            raise TimedOut(LATE) from None
        except (httpx.HTTPError, httpx.StreamError, OSError):
            raise Unreachable(CUT) from None

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def close(self) -> None:
        self._transport.close()


class AsyncTransport:
    """Asynchronous; belongs to one event loop."""

    def __init__(self, address: Address) -> None:
        limits = httpx.Limits(max_connections=CONNECTIONS, keepalive_expiry=KEPT_SECONDS)
        self._build = _Builder(address)
        self._transport = httpx.AsyncHTTPTransport(verify=address.trust(), trust_env=False, limits=limits)

    async def send(self, request: Request, seconds: float) -> Reply:
        """Raise `Unreachable` or `TimedOut`; `seconds` applies to the whole request."""
        if seconds <= 0:
            raise TimedOut(LATE)
        try:
            async with asyncio.timeout(seconds):
                response = await self._transport.handle_async_request(self._build(request, None, _pieces_async))
                try:
                    return _reply(response, await _whole_async(response.aiter_raw()))
                finally:
                    await response.aclose()
        except (TimeoutError, httpx.TimeoutException):
            raise TimedOut(LATE) from None
        except (httpx.HTTPError, httpx.StreamError, OSError):
            raise Unreachable(CUT) from None

    @asynccontextmanager
    async def open(
        self, request: Request, *, silent_seconds: float
    ) -> AsyncIterator[tuple[Reply, AsyncIterator[bytes]]]:
        """A streamed response, as long as a piece arrives every so many seconds."""
        try:
            sent = self._build(request, silent_seconds, _pieces_async)
            response = await self._transport.handle_async_request(sent)
            try:
                whole = b"" if response.is_success else await _whole_async(response.aiter_raw())
                yield _reply(response, whole), response.aiter_raw()
            finally:
                await response.aclose()
        except (TimeoutError, httpx.TimeoutException):
            raise TimedOut(LATE) from None
        except (httpx.HTTPError, httpx.StreamError, OSError):
            raise Unreachable(CUT) from None

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def aclose(self) -> None:
        await self._transport.aclose()


def drive(conversation: Conversation[T], transport: SyncTransport) -> T:
    """Run a conversation until it returns or raises."""
    came: Outcome = None
    try:
        while True:
            step = conversation.send(came)
            came = None
            if isinstance(step, Send):
                try:
                    came = transport.send(step.request, step.seconds)
                except NoAnswer as error:
                    came = error
            else:
                transport.wait(step.seconds)
    except StopIteration as ended:
        result: T = ended.value
        return result
    finally:
        conversation.close()


async def drive_async(conversation: Conversation[T], transport: AsyncTransport) -> T:
    """Run a conversation until it returns or raises."""
    came: Outcome = None
    try:
        while True:
            step = conversation.send(came)
            came = None
            if isinstance(step, Send):
                try:
                    came = await transport.send(step.request, step.seconds)
                except NoAnswer as error:
                    came = error
            else:
                await transport.wait(step.seconds)
    except StopIteration as ended:
        result: T = ended.value
        return result
    finally:
        conversation.close()


class _Builder:
    """Builds httpx's requests. What is the same in all of them is built once."""

    def __init__(self, address: Address) -> None:
        self._headers = list(address.headers().items())
        self._url_of = lru_cache(maxsize=256)(lambda target: httpx.URL(address.url.rstrip("/") + target))

    def __call__(
        self,
        request: Request,
        seconds: float | None,
        pieces: Callable[[Upload], Iterator[bytes] | AsyncIterator[bytes]],
    ) -> httpx.Request:
        headers = [*self._headers, *request.headers.items()]
        if request.key is not None:
            headers.append((KEY_HEADER, request.key))
        content = request.content
        if content and "content-type" not in request.headers:
            headers.append(("content-type", "application/json"))
        return httpx.Request(
            request.method,
            self._url_of(request.target),
            headers=headers,
            content=pieces(content) if isinstance(content, Upload) else content,
            extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), seconds)},
        )


def _pieces(upload: Upload) -> Iterator[bytes]:
    return upload.pieces()


def _pieces_async(upload: Upload) -> AsyncIterator[bytes]:
    return upload.pieces_async()


def _reply(response: httpx.Response, content: bytes) -> Reply:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw}
    if headers.get("content-encoding", "identity") != "identity":
        raise NotUnderstood("the answer is encoded, which nobody asked for")
    return Reply(response.status_code, headers, content)


def _whole(pieces: Iterator[bytes]) -> bytes:
    found = bytearray()
    for piece in pieces:
        found += piece
        if len(found) > MOST_BYTES:
            raise NotUnderstood(TOO_LONG)
    return bytes(found)


async def _whole_async(pieces: AsyncIterator[bytes]) -> bytes:
    found = bytearray()
    async for piece in pieces:
        found += piece
        if len(found) > MOST_BYTES:
            raise NotUnderstood(TOO_LONG)
    return bytes(found)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _ByTheClock(httpx.HTTPTransport):
    """httpx limits each read; this limits all of them together, or an answer that arrives byte by byte would be waited for
    for ever.
    """

    def __init__(self, trust: ssl.SSLContext | bool, until: threading.local) -> None:
        super().__init__(verify=trust, trust_env=False)
        self._pool.close()
        self._pool = httpcore.ConnectionPool(
            ssl_context=trust if isinstance(trust, ssl.SSLContext) else None,
            max_connections=CONNECTIONS,
            keepalive_expiry=KEPT_SECONDS,
            network_backend=_Backend(until),
        )


class _Backend(httpcore.SyncBackend):
    def __init__(self, until: threading.local) -> None:
        self._until = until

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(self._until, timeout)
        return _Stream(super().connect_tcp(host, port, left, local_address, socket_options), self._until)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, until: threading.local) -> None:
        self._stream = stream
        self._until = until

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._until, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._until, timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, _left(self._until, timeout))
        return _Stream(stream, self._until)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(until: threading.local, timeout: float | None) -> float | None:
    """The rest of this thread's time; `timeout` if it is unlimited."""
    at: float | None = getattr(until, "at", None)
    if at is None:
        return timeout
    left = at - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout
    return left
