"""Hands requests to another process of this service over a socket, and how that process takes them.

Pages are rendered in a separate process: a page costs a hundred times as much as a check, and a check must not wait for it.
The web workers own the port: they read each head, enforce the limits on connections, and pass on what belongs to the other
process.
"""

import asyncio
from contextlib import suppress

import h11
import structlog
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from blacklist_service.web.headers import GUARDING, NO_STORE

MOST_HEAD_BYTES = 64 * 1024
READ_BYTES = 64 * 1024
WAIT_SECONDS = 5.0
"""How long to wait for a process that is starting or restarting."""
LOOK_SECONDS = 0.05
CALLER = b"x-blacklist-caller"
"""Headers by which the relay passes on the client's scheme and address, as its own server knows them. Those sent by a client
are dropped.
"""
NOT_PASSED_ON = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"te", b"upgrade", b"expect", CALLER})
NOT_PASSED_BACK = frozenset({b"connection", b"keep-alive", b"transfer-encoding"})
NOT_ANSWERED = (
    "本页未能完成：服务正在重新启动。没有得到答复不等于未发现限制，请稍候重试。\n"
    "This page could not be made: the service is starting again. No answer is no clearance; try again in a moment.\n"
)

log = structlog.get_logger()


class Relay:
    """Relays requests `below` a path to the process that listens on the socket at `socket_path`, and all others to `app`."""

    def __init__(self, app: ASGIApp, *, below: str, socket_path: str) -> None:
        self._app = app
        self._below = below
        self._socket_path = socket_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._is_below(scope["path"]):
            await self._app(scope, receive, send)
            return
        passage = _Passage(scope, receive, send)
        try:
            await passage.run(self._socket_path)
        except (OSError, h11.RemoteProtocolError) as error:
            log.warning("not_relayed", cause=type(error).__name__)
            if passage.is_answered:
                raise  # cut the connection: half a page must not look complete
            await _not_answered()(scope, receive, send)

    def _is_below(self, path: str) -> bool:
        return path == self._below or path.startswith(f"{self._below}/")


class _Passage:
    """One request to the other process, and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._talk = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST_HEAD_BYTES)
        self.is_answered = False

    async def run(self, socket_path: str) -> None:
        """Return when the answer is complete, or the client has gone. Raise `OSError` or `RemoteProtocolError` if the other
        process cannot be reached, or ended meanwhile.
        """
        reader, writer = await _connected(socket_path)
        asking = asyncio.create_task(self._ask(writer))
        try:
            await self._answer(reader)
        finally:
            asking.cancel()
            writer.close()
            with suppress(asyncio.CancelledError, OSError):
                await asking

    async def _ask(self, writer: asyncio.StreamWriter) -> None:
        """Send head and body; then wait for the client to disconnect, which cancels the work of the other process."""
        writer.write(self._talk.send(self._head()) or b"")
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                writer.transport.abort()
                return
            if self._talk.our_state is not h11.SEND_BODY:
                continue
            if body := message.get("body", b""):
                writer.write(self._talk.send(h11.Data(data=body)) or b"")
            if not message.get("more_body", False):
                writer.write(self._talk.send(h11.EndOfMessage()) or b"")
            with suppress(ConnectionError):  # an early answer: read it all the same
                await writer.drain()

    def _head(self) -> h11.Request:
        scope = self._scope
        target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        headers = [(name, value) for name, value in scope["headers"] if name not in NOT_PASSED_ON]
        if not any(name == b"host" for name, _ in headers):
            headers.append((b"host", b""))
        address = scope["client"][0] if scope.get("client") else "-"
        return h11.Request(
            method=scope["method"],
            target=target,
            headers=[*headers, (CALLER, f"{scope['scheme']} {address}".encode()), (b"connection", b"close")],
        )

    async def _answer(self, reader: asyncio.StreamReader) -> None:
        while True:
            event = self._talk.next_event()
            if event is h11.NEED_DATA:
                self._talk.receive_data(await reader.read(READ_BYTES))
            elif isinstance(event, h11.Response):
                headers = [(name, value) for name, value in event.headers if name not in NOT_PASSED_BACK]
                await self._pass_back({"type": "http.response.start", "status": event.status_code, "headers": headers})
            elif isinstance(event, h11.Data):
                await self._pass_back({"type": "http.response.body", "body": bytes(event.data), "more_body": True})
            elif isinstance(event, h11.EndOfMessage):
                await self._pass_back({"type": "http.response.body", "body": b""})
                return
            elif isinstance(event, h11.ConnectionClosed):
                return

    async def _pass_back(self, message: Message) -> None:
        self.is_answered = True
        await self._send(message)


class Relayed:
    """In the process that receives relayed requests: restores the client's address and scheme from the relay's headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            told = next((value for name, value in scope["headers"] if name == CALLER), b"")
            scheme, _, address = told.decode("latin-1").partition(" ")
            scope["headers"] = [header for header in scope["headers"] if header[0] != CALLER]
            scope["client"] = (address, 0) if address and address != "-" else None
            scope["scheme"] = scheme or scope["scheme"]
        await self._app(scope, receive, send)


async def _connected(socket_path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    deadline = asyncio.get_running_loop().time() + WAIT_SECONDS
    while True:
        try:
            return await asyncio.open_unix_connection(socket_path)
        except OSError:
            if asyncio.get_running_loop().time() > deadline:
                raise
        await asyncio.sleep(LOOK_SECONDS)


def _not_answered() -> PlainTextResponse:
    response = PlainTextResponse(NOT_ANSWERED, 503, headers={"Retry-After": "2"})
    response.raw_headers += [NO_STORE, *GUARDING]
    return response
