"""Calls the service's own API in this process, in the name of the logged-in person.

A call is an ASGI request like any other, except for the principal, which no header can set; so a page gets the same answer,
refusal and ledger entry as the holder of a key.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from blacklist_service.access.principals import Principal

JSON = b"application/json"


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def json(self) -> Any:
        return orjson.loads(self.content) if self.content else None

    @property
    def text(self) -> str:
        return self.content.decode()


async def call(
    api: ASGIApp,
    request: Request,
    principal: Principal,
    method: str,
    path: str,
    *,
    body: Any = None,
    query: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Send a request and return the whole answer. A read without a body sends none."""
    content = b"" if body is None else orjson.dumps(body)
    scope = _scope(request, principal, method, path, query, headers, None if body is None else len(content))

    async def parts() -> AsyncIterator[bytes]:
        yield content

    return await _answer(api, scope, parts())


async def call_with(
    api: ASGIApp,
    request: Request,
    principal: Principal,
    method: str,
    path: str,
    *,
    content: AsyncIterator[bytes],
    query: Mapping[str, object],
    headers: Mapping[str, str],
) -> Reply:
    """As `call`, with a body of another type that is sent in parts."""
    return await _answer(api, _scope(request, principal, method, path, query, headers, None), content)


async def _answer(api: ASGIApp, scope: Scope, content: AsyncIterator[bytes]) -> Reply:
    sent: list[Message] = []
    is_read = False

    async def receive() -> Message:
        nonlocal is_read
        if is_read:
            return {"type": "http.disconnect"}
        part = await anext(content, None)
        is_read = part is None
        return {"type": "http.request", "body": part or b"", "more_body": not is_read}

    async def send(message: Message) -> None:
        sent.append(message)

    await api(scope, receive, send)
    head = sent[0]
    found = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in head["headers"]}
    return Reply(head["status"], found, b"".join(message.get("body", b"") for message in sent[1:]))


async def forward(
    api: ASGIApp,
    request: Request,
    principal: Principal,
    path: str,
    send: Send,
    *,
    receive: Receive,
    prove_again: Callable[[], Awaitable[None]],
    headers: Mapping[str, str] | None = None,
) -> None:
    """Let the API stream its answer to a read directly: a bundle, events. `prove_again` raises once the session is over."""
    scope = _scope(request, principal, "GET", path, None, headers, None)
    scope["prove_again"] = prove_again
    await api(scope, receive, send)


def _scope(
    request: Request,
    principal: Principal,
    method: str,
    path: str,
    query: Mapping[str, object] | None,
    headers: Mapping[str, str] | None,
    length: int | None,
) -> Scope:
    given = {name: value for name, value in (query or {}).items() if value not in (None, "")}
    lines = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in (headers or {}).items()]
    if length is not None:
        lines += [(b"content-type", JSON), (b"content-length", b"%d" % length)]
    return {
        "type": "http",
        "asgi": request.scope["asgi"],
        "http_version": "1.1",
        "method": method,
        "scheme": request.scope["scheme"],
        "path": path,
        "raw_path": quote(path).encode(),
        "query_string": urlencode(given).encode(),
        "root_path": "",
        "headers": lines,
        "client": request.scope.get("client"),
        "server": request.scope.get("server"),
        "principal": principal,
        "request_id": request.scope["request_id"],
    }
