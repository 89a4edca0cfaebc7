"""One POST to one endpoint: resolve the name, judge every address, connect to the judged one, and read only a little.

An HTTP library that is given a URL resolves the name again, after our check; so the connection is made here, to the address,
and h11 is used over it. The certificate is verified by name. No redirect is followed, no proxy from the environment is used,
no connection is kept, and nothing of a response is kept except its status (and the echo of a challenge).
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TypeAlias

import h11

from blacklist_service.webhooks.targets import Address, Destination, Surroundings, TargetFault, TargetRefused, Targets
from blacklist_service.webhooks.waits import TryOutcome

CONNECT_SECONDS = 3.0
WHOLE_SECONDS = 10.0
MOST_BYTES = 16 * 1024
"""How much of a response is read: of its head, and of its body."""
READ_BYTES = 4096
ADDRESSES_TRIED = 3
RESOLVERS = 32
"""Threads that resolve names: a name server that does not answer occupies no more of them than its endpoints may have tries
under way.
"""
REST_SECONDS = 1.0
"""How long the rest of a response is read, so that its sender is not cut off in the middle of it."""
USER_AGENT = "blacklist-service"

Stream: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[Address]]]
Dial: TypeAlias = Callable[[Address, Destination, ssl.SSLContext | None], Awaitable[Stream]]
Look: TypeAlias = Callable[[], Awaitable[Surroundings]]


class _Failed(Exception):  # noqa: N818 - becomes an outcome
    """The try failed before there was a status; the argument names the fault."""


@dataclass(frozen=True, slots=True)
class TryResult:
    """`echo` is the body of a 200 response, if it was wanted and arrived completely within `MOST_BYTES`."""

    outcome: TryOutcome
    echo: bytes | None = None


class Poster:
    """Calls endpoints. `look` returns the service's own addresses; `resolve` and `dial` are the system's."""

    def __init__(
        self,
        targets: Targets,
        *,
        context: ssl.SSLContext,
        look: Look,
        resolve: Resolve | None = None,
        dial: Dial | None = None,
    ) -> None:
        self._targets = targets
        self._context = context
        self._look = look
        self._threads = ThreadPoolExecutor(RESOLVERS, "resolver")
        self._resolve = resolve or self._ask_the_system
        self._dial = dial or dial_address

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, is_echo_wanted: bool = False
    ) -> TryResult:
        """Return the outcome in any case; if cancelled, leave no connection open."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(WHOLE_SECONDS) as whole:
                stream, destination = await self._reach(url)
                with _closing(stream):
                    connection, head = await _ask(stream, destination, headers, body)
                    whole.reschedule(None)  # the status counts, however long the rest takes
                    outcome = TryOutcome(
                        head.status, _fault_of(head.status), time.monotonic() - began, head.retry_after
                    )
                    is_echo = is_echo_wanted and head.status == 200
                    left = WHOLE_SECONDS - outcome.seconds
                    rest = await _read_rest(connection, stream[0], left if is_echo else min(REST_SECONDS, left))
                    return TryResult(outcome, rest if is_echo else None)
        except TimeoutError:
            fault = "timeout"
        except TargetRefused as refused:
            fault = refused.fault.value
        except _Failed as failed:
            fault = str(failed)
        except h11.ProtocolError:
            fault = "protocol"
        except ssl.SSLError:
            fault = "tls"
        except OSError:
            fault = "cut"
        return TryResult(TryOutcome(None, fault, time.monotonic() - began))

    async def _reach(self, url: str) -> tuple[Stream, Destination]:
        """Raise `TargetRefused` before any connection is made, `_Failed` if nothing answers."""
        destination = self._targets.admit(url)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                addresses = await self._addresses_of(destination)
                self._targets.judge(destination, addresses, await self._look())
                return await self._dial_one(addresses[:ADDRESSES_TRIED], destination), destination
        except TimeoutError:
            raise _Failed("timeout-connect") from None

    async def _addresses_of(self, destination: Destination) -> Sequence[Address]:
        if destination.literal is not None:
            return [destination.literal]
        try:
            return await self._resolve(destination.host, destination.port)
        except (OSError, UnicodeError, ValueError):
            raise TargetRefused(TargetFault.UNRESOLVED) from None

    async def _ask_the_system(self, host: str, port: int) -> Sequence[Address]:
        # In our own threads: the event loop has few, and an unresponsive name server would occupy all of them.
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return list(dict.fromkeys(ip_address(str(one[4][0])) for one in found))

    async def _dial_one(self, addresses: Sequence[Address], destination: Destination) -> Stream:
        """Connect to the first that answers, each with its part of the time: an unresponsive one must not hide the next."""
        context = self._context if destination.scheme == "https" else None
        failed = _Failed("unreachable")
        for address in addresses:
            try:
                async with asyncio.timeout(CONNECT_SECONDS / len(addresses)):
                    return await self._dial(address, destination, context)
            except TimeoutError:
                failed = _Failed("timeout-connect")
            except ssl.SSLError:
                failed = _Failed("tls")
            except ConnectionRefusedError:
                failed = _Failed("refused")
            except OSError:
                failed = _Failed("unreachable")
        raise failed


async def dial_address(address: Address, destination: Destination, context: ssl.SSLContext | None) -> Stream:
    """Connect to this address and no other; the certificate must be valid for the destination's name."""
    name = None if context is None else destination.host
    stream = await asyncio.open_connection(
        str(address), destination.port, ssl=context, server_hostname=name, limit=MOST_BYTES
    )
    if ip_address(stream[1].get_extra_info("peername")[0]) != address:
        stream[1].transport.abort()
        raise OSError("connected elsewhere")
    return stream


def trusting(ca_file: Path | None) -> ssl.SSLContext:
    """The certificate authorities to trust: the system's, and those in `ca_file`.

    Raise `OSError` if it cannot be read.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        context.load_verify_locations(cafile=str(ca_file))
    return context


@dataclass(frozen=True, slots=True)
class _Head:
    """The head of a response: with it the try has its outcome, whatever becomes of the rest."""

    status: int
    retry_after: timedelta | None


async def _ask(
    stream: Stream, destination: Destination, headers: Mapping[str, str], body: bytes
) -> tuple[h11.Connection, _Head]:
    reader, writer = stream
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST_BYTES)
    usual = {
        "host": destination.authority,
        "user-agent": USER_AGENT,
        "content-type": "application/json",
        "content-length": str(len(body)),
        "connection": "close",
    }
    request = h11.Request(method="POST", target=destination.path, headers=list((usual | dict(headers)).items()))
    for event in (request, h11.Data(data=body), h11.EndOfMessage()):
        writer.write(connection.send(event) or b"")
    await writer.drain()
    return connection, await _read_head(connection, reader)


async def _read_head(connection: h11.Connection, reader: asyncio.StreamReader) -> _Head:
    taken = 0
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Response):
            return _Head(event.status_code, _retry_after(event))
        if event is h11.NEED_DATA:
            taken += await _receive(connection, reader)
            if taken > MOST_BYTES:  # there could be many interim responses (1xx)
                raise _Failed("protocol")
        elif not isinstance(event, h11.InformationalResponse):
            raise _Failed("cut")


async def _read_rest(connection: h11.Connection, reader: asyncio.StreamReader, seconds: float) -> bytes | None:
    """What follows the head, if it arrives completely, within `MOST_BYTES` and in time."""
    content = b""
    try:
        async with asyncio.timeout(seconds):
            while len(content) <= MOST_BYTES:
                event = connection.next_event()
                if isinstance(event, h11.Data):
                    content += event.data
                elif event is h11.NEED_DATA:
                    await _receive(connection, reader)
                else:
                    is_whole = isinstance(event, h11.EndOfMessage) and len(content) <= MOST_BYTES
                    return content if is_whole else None
    except (OSError, h11.ProtocolError):  # `TimeoutError` is an `OSError`
        pass
    return None


async def _receive(connection: h11.Connection, reader: asyncio.StreamReader) -> int:
    received = await reader.read(READ_BYTES)
    connection.receive_data(received)
    return len(received)


def _retry_after(response: h11.Response) -> timedelta | None:
    """In seconds only: a date would depend on a clock that is not ours."""
    said = next((value for name, value in response.headers if name == b"retry-after"), b"")
    return timedelta(seconds=int(said)) if said.isdigit() and len(said) < 10 else None


def _fault_of(status: int) -> str | None:
    if 200 <= status < 300:
        return None
    if status == 410:
        return "gone"
    return "redirect" if 300 <= status < 400 else "status"


class _closing:  # noqa: N801 - a context manager is named for what it does
    """Closes a connection at once, without waiting for the other side."""

    def __init__(self, stream: Stream) -> None:
        self._writer = stream[1]

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_exc: object) -> None:
        self._writer.transport.abort()
