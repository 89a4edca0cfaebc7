"""The fastest path of a check: any input, in any pieces, is answered as on the usual path."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from typing import Any

import pytest

from blacklist_service.access.scopes import Role
from blacklist_service.members import authentication
from blacklist_service.web import context, express
from blacklist_service.web.context import source_ip
from blacklist_service.web.hotlane import HotLane
from tests.durability.wire import Reply, request_bytes
from tests.support import Service, listening, question, resident_id, subject

KNOWN = 3
"""Requests that it takes until a head is known on a connection, and one more."""


class Line:
    """A connection that sends bytes as they are, and reads answers one by one."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def ask(self, *pieces: bytes) -> Reply:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            if len(pieces) > 1:
                await asyncio.sleep(0.002)
        return await self.reply()

    async def reply(self) -> Reply:
        async with asyncio.timeout(5):
            head = await self._reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            body = await self._reader.readexactly(int(length[1])) if length else b""
            return Reply(int(head[9:12]), head, body)

    async def rest(self) -> bytes:
        """What comes until the other side closes."""
        async with asyncio.timeout(10):
            return await self._reader.read()


@asynccontextmanager
async def line(port: int) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with closing(writer):
        yield Line(reader, writer)


@pytest.fixture
def long_way(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of the requests that went the whole way; none does for its key's proof, however slow the machine is."""
    for name in ("AGEING_SECONDS", "FRESH_SECONDS"):
        monkeypatch.setattr(authentication, name, 600.0)
    taken: list[str] = []
    call = HotLane.__call__

    async def noted(self: HotLane, scope: Any, receive: Any, send: Any) -> None:
        taken.append(scope["path"])
        await call(self, scope, receive, send)

    monkeypatch.setattr(HotLane, "__call__", noted)
    return taken


async def _after(seconds: float, act: Callable[[], Awaitable[None]]) -> None:
    await asyncio.sleep(seconds)
    await act()


def ask(service: Service, reference: str = "GD-1", *, key: str = "agency", **headers: str) -> bytes:
    body = question(subject("张三", resident_id(7)), reference=reference)
    return request_bytes("/v1/checks", body, key=service.keys.get(key, key), **headers)


async def test_a_head_is_read_once_and_each_check_answered_for_itself(service: Service, long_way: list[str]):
    async with listening(service) as port, line(port) as one:
        replies = [await one.ask(ask(service, f"GD-{n}")) for n in range(5)]
    assert long_way == ["/v1/checks"]
    answers = [reply.json() for reply in replies]
    assert [answer["reference"] for answer in answers] == [f"GD-{n}" for n in range(5)]
    assert len({answer["check_id"] for answer in answers}) == 5
    heads = [dict(line.split(b": ") for line in reply.head.splitlines()[1:-1]) for reply in replies]
    assert len({head.pop(b"x-request-id") for head in heads}) == 5
    guarding = {b"cache-control", b"x-content-type-options", b"x-frame-options"}
    assert {frozenset(head) for head in heads} == {frozenset({b"date", b"content-length", b"content-type"} | guarding)}
    rows = await service.fetch("SELECT request_id, source_ip::text FROM ledger_entries WHERE action = 'check'")
    assert len({row["request_id"] for row in rows}) == 5
    assert {row["source_ip"] for row in rows} == {"127.0.0.1/32"}


async def test_a_request_may_come_in_any_two_pieces(service: Service):
    request = ask(service)
    async with listening(service) as port, line(port) as one:
        for cut in range(1, len(request), 7):
            reply = await one.ask(request[:cut], request[cut:])
            assert (reply.status, reply.json()["decision"]) == (200, "clear")
            assert (await one.ask(request)).status == 200


@pytest.mark.parametrize("known", [0, KNOWN])
async def test_requests_sent_at_once_are_answered_in_their_order(service: Service, known: int):
    async with listening(service) as port, line(port) as one:
        for _ in range(known):
            await one.ask(ask(service))
        one.writer.write(b"".join(ask(service, f"GD-{n}") for n in range(10, 30)))
        assert [(await one.reply()).json()["reference"] for _ in range(20)] == [f"GD-{n}" for n in range(10, 30)]
        for n in range(30, 50):
            one.writer.write(ask(service, f"GD-{n}"))
            await asyncio.sleep(0.0005)
        assert [(await one.reply()).json()["reference"] for _ in range(20)] == [f"GD-{n}" for n in range(30, 50)]


async def test_other_requests_pass_between(service: Service):
    probe = request_bytes("/healthz", method="GET")
    async with listening(service) as port, line(port) as one:
        for _ in range(KNOWN):
            assert (await one.ask(ask(service))).status == 200
            assert (await one.ask(probe)).status == 200
        one.writer.write(ask(service) + probe + ask(service))
        assert [(await one.reply()).status for _ in range(3)] == [200, 200, 200]


async def test_what_is_refused_is_refused_alike(service: Service, long_way: list[str]):
    """The same body on a head that is known and on a new connection: the same refusal."""
    wrong = [
        b"{",
        json.dumps(question(subject("张三", "530111198503170016"))).encode(),
        json.dumps(question(subject("张三"), matter="no_such_matter")).encode(),
        json.dumps(question(subject("张三")) | {"unknown": 1}).encode(),
    ]
    head = request_bytes("/v1/checks", question(), key=service.keys["agency"]).split(b"\r\n\r\n")[0]
    async with listening(service) as port, line(port) as known:
        for body in wrong:
            request = re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % len(body), head) + b"\r\n\r\n" + body
            async with line(port) as new:
                first = await new.ask(request)
            await known.ask(request)
            before = len(long_way)
            again = await known.ask(request)
            assert len(long_way) == before
            assert again.status == first.status == 422
            assert again.json() | {"request_id": ""} == first.json() | {"request_id": ""}
            assert again.json()["request_id"].encode() in again.head


async def test_a_matter_that_is_not_the_keys_is_refused_and_recorded(service: Service, long_way: list[str]):
    key = await service.add_key("GD-HR", Role.AGENCY, matters=["real_estate_transfer"])
    async with listening(service) as port, line(port) as one:
        replies = [await one.ask(ask(service, key=key)) for _ in range(KNOWN)]
    assert [reply.status for reply in replies] == [403] * KNOWN
    assert len(long_way) == 1
    assert {reply.json()["code"] for reply in replies} == {"matter-not-allowed"}
    rows = await service.fetch("SELECT request_id, matter FROM ledger_entries WHERE action = 'refused'")
    assert {row["request_id"] for row in rows} == {reply.json()["request_id"] for reply in replies}
    assert {row["matter"] for row in rows} == {"civil_service_recruitment"}


async def test_a_revoked_key_is_refused_on_a_head_that_is_known(service: Service):
    async with listening(service) as port, line(port) as one:
        for _ in range(KNOWN):
            assert (await one.ask(ask(service))).status == 200
        await service.fetch("UPDATE api_keys SET revoked_at = clock_timestamp() WHERE member = 'GD-HR' RETURNING id")
        assert (await one.ask(ask(service))).status == 401
        await asyncio.sleep(0.6)
        assert (await one.ask(ask(service))).status == 401


async def test_another_secret_under_the_same_head_is_another_head(service: Service):
    key = service.keys["agency"]
    forged = key[:-12] + ("a" if key[-12] != "a" else "b") + key[-11:]
    async with listening(service) as port, line(port) as one:
        for _ in range(KNOWN):
            assert (await one.ask(ask(service))).status == 200
        assert (await one.ask(ask(service, key=forged))).status == 401
        assert (await one.ask(ask(service))).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Idempotency_Key": "two words"},
        {"Expect": "100-continue"},
        {"Connection": "close, TE"},
        {"X_Unheard_Of": "1"},
    ],
    ids=lambda headers: next(iter(headers)),
)
async def test_a_head_that_is_not_plain_goes_the_whole_way(
    service: Service, long_way: list[str], headers: dict[str, str]
):
    async with listening(service) as port:
        for _ in range(KNOWN):
            async with line(port) as one:
                one.writer.write(ask(service, **headers))
                await one.reply()
                one.writer.write(ask(service, **headers))
                await asyncio.sleep(0.3)
    assert KNOWN <= len(long_way) <= 2 * KNOWN  # each line's first; its second where the first did not end the line


async def test_an_idempotency_key_is_kept_on_a_line_that_knows_the_head(service: Service):
    async with listening(service) as port, line(port) as one:
        for _ in range(KNOWN):
            await one.ask(ask(service))
        first, again = [(await one.ask(ask(service, Idempotency_Key="once"))).body for _ in range(2)]
    assert first == again


async def test_lines_that_change_with_each_request_do_not_make_another_head(service: Service, long_way: list[str]):
    """What retries and traces say: each key has its own answer, and is heard again with it."""
    async with listening(service) as port, line(port) as one:

        async def say(n: int, reference: str = "GD-1") -> Reply:
            trace = f"00-{n:032x}-{n:016x}-01"
            changing = {
                "Idempotency_Key": f"k-{n}",
                "traceparent": trace,
                "tracestate": f"a={n}, b=c",
                "X_Request_Id": f"{n}",
            }
            return await one.ask(ask(service, reference, **changing))

        first = [await say(n) for n in range(5)]
        again = [await say(n) for n in range(5)]
        other = await say(3, "GD-2")
        plain = [await one.ask(ask(service)) for _ in range(KNOWN)]
    assert len(long_way) == 2  # once with the lines, once without
    assert [reply.body for reply in again] == [reply.body for reply in first]
    assert len({reply.body for reply in first + plain}) == 5 + KNOWN
    assert (other.status, other.json()["code"]) == (422, "idempotency-key-reused")
    [row] = await service.fetch("SELECT count(*) AS n FROM ledger_entries WHERE action = 'check'")
    assert row["n"] == 5 + KNOWN


async def test_the_callers_trace_stands_in_the_log_whichever_way_a_request_took(
    service: Service, long_way: list[str], monkeypatch: pytest.MonkeyPatch
):
    lines: list[Any] = []
    monkeypatch.setattr(context, "log_requests", lines.extend)
    traces = [f"4bf92f3577b34da6a3ce929d0e0e{n:04x}" for n in range(KNOWN + 2)]
    async with listening(service) as port, line(port) as one:
        for trace in traces:
            await one.ask(ask(service, traceparent=f"00-{trace}-00f067aa0ba902b7-01"))
        for wrong in (
            "",
            "00-4bf9-00f067aa0ba902b7-01",
            f"00-{0:032}-00f067aa0ba902b7-01",
            f"00-{resident_id(15):0>32}-{1:016x}-01",
        ):
            await one.ask(ask(service, traceparent=wrong))
    assert len(long_way) < len(traces), "some went the short way"
    assert [said.get("trace_id") for said in lines] == [*traces, None, None, None, None]


KEY_LINE = b"Idempotency-Key: k-1\r\n"


@pytest.mark.parametrize(
    ("written", "status"),
    [
        (b"Idempotency-Key: \r\n", 422),
        (b"Idempotency-Key: a b\r\n", 422),
        (b"Idempotency-Key: " + b"x" * 129 + b"\r\n", 422),
        (b"Idempotency-Key: k\xff\r\n", 422),
        (b"Idempotency-Key: k-1\r\nIdempotency-Key: k-2\r\n", 200),
        (b"Idempotency-Key: k-1\r\nContent-Length: 3\r\n", 400),
        (b"Idempotency-Key: k-1\r\nTransfer-Encoding: chunked\r\n", 400),
        (b"Idempotency-Key: k-1\nTransfer-Encoding: chunked\r\n", 400),
        (b"Idempotency-Key: k-1\rX: y\r\n", 400),
        (b"Idempotency-Key: k\0\r\n", 400),
        (b"Idempotency-Key:  k-1 \r\n", None),
        (b"Idempotency-Key: k-1\r\n folded\r\n", None),
        (b"Idempotency-Key : k-1\r\n", 400),
        (b"idempotency-key:k-1\r\n", 200),
    ],
)
async def test_whatever_else_stands_in_such_a_line_is_read_as_on_the_long_way(
    service: Service, long_way: list[str], written: bytes, status: int | None
):
    """On a connection that knows the head with its key, and on a new one, where the parser alone has read it."""
    keyed = ask(service, Idempotency_Key="k-1")
    assert KEY_LINE in keyed
    request = keyed.replace(KEY_LINE, written)
    async with listening(service) as port, line(port) as known:
        for _ in range(KNOWN):
            assert (await known.ask(keyed)).status == 200
        assert len(long_way) == 1
        async with line(port) as new:
            alone = await new.ask(request)
        after = await known.ask(request)
    assert after.status == alone.status
    assert status in (None, alone.status)
    if status != 200:
        assert after.json() | {"request_id": ""} == alone.json() | {"request_id": ""}


async def test_a_body_of_another_length_than_the_head_says_is_not_taken(service: Service, long_way: list[str]):
    """One byte more belongs to the next request, one less is waited for: nothing is smuggled."""
    request = ask(service)
    async with listening(service) as port, line(port) as one:
        for _ in range(KNOWN):
            await one.ask(request)
        before = len(long_way)
        reply = await one.ask(request[:-1], request[-1:])
        assert reply.status == 200
        assert len(long_way) == before + 1
        one.writer.write(request + b"G")
        assert (await one.reply()).status == 200
        one.writer.write(b"ET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await one.reply()).status == 200
        one.writer.write(request + b"\0\r\n\r\n")
        assert b"400 Bad Request" in await one.rest()


async def test_heads_remembered_are_bounded_and_hold_no_secret(service: Service, monkeypatch: pytest.MonkeyPatch):
    made: list[express.ExpressProtocol] = []
    init = express.ExpressProtocol.__init__

    def noted(self: express.ExpressProtocol, *args: Any, **kwargs: Any) -> None:
        made.append(self)
        init(self, *args, **kwargs)

    monkeypatch.setattr(express.ExpressProtocol, "__init__", noted)
    async with listening(service) as port, line(port) as one:
        for n in range(2 * express.HEADS_OF_A_CONNECTION + 3):
            assert (await one.ask(ask(service, "R" * (n + 1)))).status == 200
        heads = made[0]._heads
        assert 0 < len(heads) <= express.HEADS_OF_A_CONNECTION
        assert service.keys["agency"].split("_")[-2] not in repr(heads)


async def test_an_idle_line_is_closed_and_one_under_way_is_answered_before_the_end(service: Service):
    async with listening(service, timeout_keep_alive=1) as port, line(port) as one:
        for _ in range(KNOWN):
            await one.ask(ask(service))
        assert await one.rest() == b""
    async with service.workplace.connected() as connection:
        async with listening(service) as port:
            one = Line(*await asyncio.open_connection("127.0.0.1", port))
            for _ in range(KNOWN):
                await one.ask(ask(service))
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute("LOCK TABLE ledger_pending IN SHARE MODE")
            one.writer.write(ask(service))
            await asyncio.sleep(0.02)
            release = asyncio.ensure_future(_after(0.25, transaction.rollback))
        await release
    with closing(one.writer):  # the service was told to stop while the last one was under way
        last = await one.reply()
        assert (last.status, b"connection: close" in last.head) == (200, True)
        assert await one.rest() == b""


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
async def test_another_method_never_becomes_a_check(service: Service, method: str):
    async with listening(service) as port, line(port) as one:
        for _ in range(KNOWN):
            assert (await one.ask(ask(service))).status == 200
        for _ in range(KNOWN):
            async with line(port) as other:
                for _ in range(2):
                    other.writer.write(ask(service).replace(b"POST", method.encode(), 1))
                    await asyncio.sleep(0.02)
                other.writer.write_eof()
                answered = await other.rest()
                assert answered.count(b"HTTP/1.1 405") >= 1
                assert b"HTTP/1.1 200" not in answered
    [row] = await service.fetch("SELECT count(*) AS n FROM ledger_entries WHERE action = 'check'")
    assert row["n"] == KNOWN


async def test_empty_lines_before_a_request_are_no_head(service: Service, long_way: list[str]):
    """The parser passes them over; what follows must not be taken for a body."""
    request = ask(service, "R" * 150)
    head, body = request.split(b"\r\n\r\n", 1)
    head += b"\r\n\r\n"
    later = len(head)
    assert len(body) > later  # so much of the body is in the first piece that what follows four bytes is as long as it
    async with listening(service) as port, line(port) as one:
        for _ in range(KNOWN):
            assert (await one.ask(b"\r\n\r\n" + head + body[:-later], body[-later:])).status == 200
        smuggled = ask(service, key="sxd_test_none_none_none")
        reply = await one.ask(b"\r\n\r\n" + smuggled[: len(body)].ljust(len(body)), smuggled[len(body) :])
        assert reply.status in {400, 401}


@pytest.mark.parametrize("known", [1, KNOWN])
async def test_a_line_that_asks_for_nothing_is_closed(service: Service, known: int):
    async with listening(service, timeout_keep_alive=1) as port, line(port) as one, line(port) as refused:
        for _ in range(known):
            await one.ask(ask(service))
        one.writer.write(b"\r\n")
        assert await one.rest() == b""
        head, body = ask(service, key="none").split(b"\r\n\r\n", 1)
        assert (await refused.ask(head + b"\r\n\r\n")).status == 401
        refused.writer.write(body)
        assert await refused.rest() == b""


async def test_an_answer_that_cannot_be_sent_does_not_disturb_its_neighbours(
    service: Service, monkeypatch: pytest.MonkeyPatch
):
    end = express.ExpressProtocol.end

    def broken(self: express.ExpressProtocol, status: int, headers: bytes, content: bytes) -> None:
        if b"GD-broken" in content:
            raise OSError("planted")
        end(self, status, headers, content)

    monkeypatch.setattr(express.ExpressProtocol, "end", broken)
    async with listening(service) as port, line(port) as bad, line(port) as good:
        for one in (bad, good):
            for _ in range(KNOWN):
                assert (await one.ask(ask(service))).status == 200
        for _ in range(5):  # now and then one goes the long way, to prove its key again
            bad.writer.write(ask(service, "GD-broken"))
            assert (await good.ask(ask(service, "GD-good"))).status == 200
            try:
                await bad.reply()
            except asyncio.IncompleteReadError:
                break
        else:
            pytest.fail("the broken line was never cut")
        assert (await good.ask(ask(service, "GD-good"))).status == 200


async def test_an_address_is_kept_as_postgresql_reads_it():
    read = [source_ip({"client": (text, 1)}) for text in ("127.0.0.1", "fe80::1%eth0", "unknown", "2001:DB8::1", "")]
    assert read == ["127.0.0.1", "fe80::1", None, "2001:db8::1", None]
    assert source_ip({}) is None


async def test_two_framings_are_refused_on_a_line_that_knows_the_head(service: Service):
    async with listening(service) as port, line(port) as one:
        for _ in range(KNOWN):
            await one.ask(ask(service))
        assert (await one.ask(ask(service, Transfer_Encoding="chunked"))).status == 400
        assert await one.rest() == b""
