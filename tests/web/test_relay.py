"""Requests that another process answers: relayed complete, answered complete, never in part."""

import asyncio
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from blacklist_service.web import relay
from blacklist_service.web.relay import CALLER, Relay, Relayed

Handler = Callable[[Request], Awaitable[Response]]


@asynccontextmanager
async def apart(handler: Handler) -> AsyncIterator[str]:
    """A process's server at a socket; the place of the socket."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = await handler(Request(scope, receive, send))
        await response(scope, receive, send)

    with tempfile.TemporaryDirectory() as folder:
        place = str(Path(folder) / "socket")
        config = uvicorn.Config(Relayed(app), uds=place, lifespan="off", log_config=None, date_header=False)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            yield place
        finally:
            server.should_exit = server.force_exit = True
            await task


async def _here(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("here")(scope, receive, send)


@asynccontextmanager
async def before(place: str, **of_client: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the relay, by a real port."""
    with socket.socket() as listen:
        listen.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            Relay(_here, below="/console", socket_path=place), lifespan="off", log_config=None, server_header=False
        )
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listen]))
        while not server.started:
            await asyncio.sleep(0.01)
        url = f"http://127.0.0.1:{listen.getsockname()[1]}"
        async with httpx.AsyncClient(base_url=url, timeout=20, **of_client) as client:
            yield client
        server.should_exit = server.force_exit = True
        await task


async def _seen(request: Request) -> Response:
    body = await request.body()
    facts = {
        "method": request.method,
        "target": request.scope["raw_path"].decode() + "?" + request.url.query,
        "host": request.headers["host"],
        "cookie": request.headers.get("cookie"),
        "length": len(body),
        "sum": sum(body),
        "client": request.client and request.client.host,
        "scheme": request.url.scheme,
        "caller": request.headers.get(CALLER.decode()),
    }
    response = JSONResponse(facts, 201)
    response.set_cookie("one", "1")
    response.set_cookie("two", "2")
    return response


async def test_a_request_arrives_as_it_was_asked() -> None:
    async with apart(_seen) as place, before(place) as client:
        answer = await client.get("/console/a%2Fb?q=%E5%BC%A0", headers={"Cookie": "x=y", "Host": "console.example"})
        assert answer.status_code == 201
        assert answer.json() == {
            "method": "GET",
            "target": "/console/a%2Fb?q=%E5%BC%A0",
            "host": "console.example",
            "cookie": "x=y",
            "length": 0,
            "sum": 0,
            "client": "127.0.0.1",
            "scheme": "http",
            "caller": None,
        }
        assert len(answer.headers.get_list("set-cookie")) == 2
        assert len(answer.headers.get_list("date")) == 1
        assert (await client.get("/other")).text == (await client.get("/consoles")).text == "here"


async def test_nobody_says_for_himself_who_asks() -> None:
    async with apart(_seen) as place, before(place) as client:
        for claimed in ("https 10.9.8.7", "", "-"):
            answer = await client.get("/console/", headers={CALLER.decode(): claimed})
            assert (answer.json()["client"], answer.json()["scheme"]) == ("127.0.0.1", "http")


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_a_large_body_goes_through_whole(is_chunked: bool) -> None:
    body = bytes(range(256)) * 20_000

    async def in_pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 70_001):
            yield body[start : start + 70_001]

    async with apart(_seen) as place, before(place) as client:
        content: Any = in_pieces() if is_chunked else body
        answer = await client.post("/console/upload", content=content)
        assert (answer.json()["length"], answer.json()["sum"]) == (len(body), sum(body))


async def test_an_answer_of_any_length_and_a_head_alone_come_back() -> None:
    async def long(_request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            for number in range(300):
                yield b"%06d" % number * 1000

        return StreamingResponse(pieces(), media_type="text/plain")

    async with apart(long) as place, before(place) as client:
        answer = await client.get("/console/long")
        assert answer.content == b"".join(b"%06d" % number * 1000 for number in range(300))
        head = await client.head("/console/long")
        assert (head.status_code, head.content) == (200, b"")


async def test_a_refusal_before_the_bodys_end_reaches_who_sends_it() -> None:
    async def refused(_request: Request) -> Response:
        return PlainTextResponse("too large", 413)

    async def without_end() -> AsyncIterator[bytes]:
        for _ in range(2000):
            yield bytes(65_536)
            await asyncio.sleep(0.005)

    async with apart(refused) as place, before(place) as client:
        try:
            answer = await client.post("/console/upload", content=without_end())
        except httpx.WriteError:  # cut off while it still sends
            return
        assert answer.status_code == 413


async def test_who_goes_ends_what_is_done_for_him() -> None:
    ended = asyncio.Event()

    async def stream(_request: Request) -> Response:
        async def events() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b": still there\n\n"
                    await asyncio.sleep(0.02)
            finally:
                ended.set()

        return StreamingResponse(events(), media_type="text/event-stream")

    async with apart(stream) as place, before(place) as client:
        async with client.stream("GET", "/console/events") as answer:
            assert [piece async for piece in _first(answer, 3)]
        await asyncio.wait_for(ended.wait(), 10)


async def _first(answer: httpx.Response, count: int) -> AsyncIterator[bytes]:
    pieces = answer.aiter_raw()
    for _ in range(count):
        yield await anext(pieces)


async def test_where_nobody_answers_that_is_said_and_is_no_clearance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "WAIT_SECONDS", 0.2)
    with tempfile.TemporaryDirectory() as folder:
        async with before(f"{folder}/nothing") as client:
            answer = await client.get("/console/")
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "2"
            assert answer.headers["cache-control"] == "no-store"
            assert "没有得到答复不等于未发现限制" in answer.text
            assert (await client.get("/v1/other")).text == "here"


async def test_half_a_page_does_not_look_whole() -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n" + b"clear" * 4)
        await writer.drain()
        writer.close()

    with tempfile.TemporaryDirectory() as folder:
        place = f"{folder}/socket"
        async with await asyncio.start_unix_server(half, place), before(place) as client:
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get("/console/")


async def test_one_that_is_starting_again_is_waited_for() -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = f"{folder}/socket"
        async with before(place) as client:
            asked = asyncio.create_task(client.get("/console/"))
            await asyncio.sleep(0.3)

            async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlate")
                await writer.drain()
                writer.close()

            async with await asyncio.start_unix_server(late, place):
                assert (await asked).text == "late"
