"""What anybody who reaches the port may try: heads without end, dripping bodies, other protocols, crowds."""

import asyncio
import gc
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from blacklist_service.web import framing, patience
from blacklist_service.web.patience import end_overdue
from tests.durability.serving import resident_kilobytes
from tests.durability.wire import request_bytes
from tests.support import Service, listening, question, resident_id, subject
from tests.web.test_express import line

ASKED = question(subject("张三", resident_id(7)))


def check(service: Service, **headers: str) -> bytes:
    return request_bytes("/v1/checks", ASKED, key=service.keys["agency"], **headers)


@asynccontextmanager
async def overseen(service: Service, *, seconds: float = 1, least_rate: float = 4096) -> AsyncIterator[int]:
    """The service on a port, with somebody who looks after its connections more often than usual."""
    async with listening(service) as port:
        looking = asyncio.create_task(end_overdue(seconds, least_rate))
        yield port
        looking.cancel()


async def test_a_head_that_does_not_end_is_refused_at_32_kibibytes_and_takes_no_memory(service: Service):
    async with listening(service) as port:
        gc.collect()
        before = resident_kilobytes(os.getpid())
        for sent in (b"X-Abcde: a\r\n" * 200_000, b"X-Abcde: " + b"a" * 20_000_000, b"GET /" + b"a" * 20_000_000):
            async with line(port) as one:
                with suppress(ConnectionError):
                    one.writer.write(b"" if sent.startswith(b"GET") else b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
                    one.writer.write(sent)
                    await one.writer.drain()
                    reply = await one.reply()
                    assert (reply.status, reply.json()["code"]) == (431, "head-too-large")
                    assert b"connection: close" in reply.head
        assert resident_kilobytes(os.getpid()) - before < 100 * 1024  # the client's own bytes are among them


@pytest.mark.parametrize(("lines", "status"), [(90, 200), (110, 431)])
async def test_a_head_has_at_most_a_hundred_lines(service: Service, lines: int, status: int):
    head = b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: a\r\n" % n for n in range(lines)) + b"\r\n"
    async with listening(service) as port:
        for pieces in ([head], [head[:300], head[300:]], [head[n : n + 100] for n in range(0, len(head), 100)]):
            async with line(port) as one:
                assert (await one.ask(*pieces)).status == status


async def test_trailers_are_counted_and_change_nothing(service: Service):
    head = check(service).partition(b"\r\n\r\n")[0]
    head = head.replace(head[head.index(b"Content-Length") :].split(b"\r\n")[0], b"Transfer-Encoding: chunked")
    body = check(service).partition(b"\r\n\r\n")[2]
    chunked = b"%x\r\n%b\r\n0\r\n" % (len(body), body)
    async with listening(service) as port:
        async with line(port) as one:
            reply = await one.ask(head + b"\r\n\r\n" + chunked + b"Idempotency-Key: k\r\n\r\n")
            assert reply.status == 200
        async with line(port) as one:
            one.writer.write(head + b"\r\n\r\n" + chunked + b"X-A: a\r\n" * 5000)
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await one.reply()
    assert not await service.fetch("SELECT FROM idempotency_keys")


async def test_a_body_that_drips_is_ended_however_it_was_answered(service: Service):
    drip = request_bytes("/v1/checks", ASKED, key=service.keys["agency"])[:-150]
    stranger = drip.replace(service.keys["agency"].encode(), b"nobody")
    async with overseen(service) as port:
        for first in (drip, stranger, b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"):
            async with line(port) as one:
                one.writer.write(first)
                began = time.monotonic()
                while not one.writer.transport.is_closing() and time.monotonic() - began < 8:
                    one.writer.write(b" ")
                    await asyncio.sleep(0.2)
                assert time.monotonic() - began < 6


async def test_a_refusal_before_the_bodys_end_ends_the_connection_and_arrives(service: Service):
    body = b"x" * 3_000_000
    head = b"POST /v1/checks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % len(
        body
    )
    async with listening(service) as port:
        for authorization, status in (
            (b"", 401),
            (b"Authorization: Bearer %b\r\n" % service.keys["agency"].encode(), 413),
        ):
            async with line(port) as one:
                one.writer.write(head + authorization + b"\r\n" + body + check(service))
                reply = await one.reply()
                assert reply.status == status
                assert b"connection: close" in reply.head
                assert await one.rest() == b""  # what came after it was never answered
    assert not await service.fetch("SELECT FROM ledger_entries WHERE action = 'check'")


async def test_an_answer_that_nobody_reads_is_given_up(service: Service, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(patience, "WRITE_SECONDS", 1.0)
    async with overseen(service, least_rate=1_000_000) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(request_bytes("/openapi.json", method="GET") * 200)
        async with asyncio.timeout(8):
            while patience._open:
                await asyncio.sleep(0.1)
        writer.transport.abort()
        del reader


@pytest.mark.parametrize("upgrade", ["h2c", "websocket", "x"])
@pytest.mark.parametrize("known", [0, 3])
async def test_an_upgrade_is_read_as_if_it_were_not_there(service: Service, upgrade: str, known: int):
    asked = check(
        service, Connection="Upgrade, HTTP2-Settings", Upgrade=upgrade, **{"HTTP2-Settings": "AAEAAEAAAAIAAAAB"}
    )
    head, _, body = asked.partition(b"\r\n\r\n")
    inner = request_bytes("/v1/matters", key=service.keys["agency"], method="GET")
    head_of_hidden = check(service, Connection="Upgrade", Upgrade=upgrade).partition(b"\r\n\r\n")[0]
    length = next(one for one in head_of_hidden.split(b"\r\n") if one.startswith(b"Content-Length"))
    hidden = head_of_hidden.replace(length, b"Content-Length: %d" % len(inner)) + b"\r\n\r\n"
    async with listening(service) as port, line(port) as one:
        for _ in range(known):
            assert (await one.ask(check(service))).status == 200
        for pieces in (
            [asked],
            [head + b"\r\n\r\n", body],
            [asked[:50], asked[50:]],
            [asked[n : n + 7] for n in range(0, len(asked), 7)],
        ):
            reply = await one.ask(*pieces)
            assert (reply.status, reply.json()["decision"]) == (200, "clear")
            assert (await one.ask(check(service))).status == 200
        one.writer.write(asked + check(service) + asked)
        assert [(await one.reply()).status for _ in range(3)] == [200, 200, 200]
        # A body that looks like a request, in a segment of its own, is a body.
        reply = await one.ask(hidden, inner)
        assert (reply.status, reply.json()["code"]) == (422, "invalid-request")
        assert (await one.ask(check(service))).status == 200


async def test_a_chunked_body_behind_an_upgrade_is_a_body(service: Service):
    head, _, body = check(service, Connection="upgrade", Upgrade="h2c").partition(b"\r\n\r\n")
    length = next(one for one in head.split(b"\r\n") if one.startswith(b"Content-Length"))
    head = head.replace(length, b"Transfer-Encoding: chunked") + b"\r\n\r\n"
    async with listening(service) as port, line(port) as one:
        assert (await one.ask(head, b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))).status == 200
        assert (await one.ask(check(service))).status == 200


async def test_no_proxy_is_found_here_and_no_other_protocol(service: Service):
    async with listening(service) as port:
        for sent in (
            b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01",
        ):
            async with line(port) as one:
                reply = await one.ask(sent)
                assert (reply.status, reply.json()["code"]) == (400, "malformed-request")
                assert await one.rest() == b""


NO_REQUESTS = (
    b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01",
)


@pytest.mark.skipif(shutil.which("java") is None, reason="no Java here")
@pytest.mark.timeout(120)
async def test_javas_http_client_gets_its_answer_by_default(service: Service, tmp_path: Path):
    program = tmp_path / "Ask.java"
    program.write_text(
        """
        import java.net.URI; import java.net.http.*; import java.net.http.HttpRequest.BodyPublishers;
        public class Ask { public static void main(String[] a) throws Exception {
            HttpClient client = HttpClient.newHttpClient();
            for (int n = 0; n < 3; n++) {
                HttpResponse<String> r = client.send(HttpRequest.newBuilder(URI.create(a[0]))
                    .header("Authorization", "Bearer " + a[1]).header("Content-Type", "application/json")
                    .POST(BodyPublishers.ofString(a[2])).build(), HttpResponse.BodyHandlers.ofString());
                System.out.println(r.statusCode()); } } }
        """
    )
    body = check(service).partition(b"\r\n\r\n")[2].decode()
    async with listening(service) as port:
        url = f"http://127.0.0.1:{port}/v1/checks"
        command = ["java", str(program), url, service.keys["agency"], body]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    if "Modules" in done.stderr or "compiler" in done.stderr:
        pytest.skip("Java without a compiler")
    assert done.stdout.split() == ["200"] * 3, done.stderr


async def test_an_address_has_so_many_connections_and_a_key_keeps_its_own(
    service: Service, monkeypatch: pytest.MonkeyPatch
):
    service.app.state.settings = service.app.state.settings.model_copy(update={"connections_per_address": 20})
    async with listening(service) as port, line(port) as own:
        assert (await own.ask(check(service))).status == 200
        strangers = [await asyncio.open_connection("127.0.0.1", port) for _ in range(60)]
        await asyncio.sleep(0.3)
        assert len(framing._by_address["127.0.0.1"]) <= 20
        assert (await own.ask(check(service))).status == 200
        async with line(port) as newcomer:
            assert (await newcomer.ask(check(service))).status == 200
        for _, writer in strangers:
            writer.transport.abort()
