"""Connections cut after the request was sent: a retry under the same Idempotency-Key is one check with one answer."""

import asyncio
import os
import random
from contextlib import suppress

import httpx
import pytest

from tests.support import Service, listening, question, resident_id, row, subject

CHECKS = 10_000 if os.environ.get("BLACKLIST_SOAK") else 300
CUT_SHARE = 0.3
AT_ONCE = 16


class CuttingProxy:
    """Passes bytes on both ways, and cuts some connections after a request has gone through."""

    def __init__(self, upstream: int) -> None:
        self.upstream = upstream
        self.cut = 0
        self._chance = random.Random(11)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.upstream)
        answering = asyncio.create_task(self._pass(there, writer))
        try:
            while content := await reader.read(65536):
                back.write(content)
                await back.drain()
                if self._chance.random() < CUT_SHARE:
                    await asyncio.sleep(self._chance.random() * 0.01)
                    self.cut += 1
                    break
        except OSError:
            pass
        finally:
            answering.cancel()
            for one in (back, writer):
                one.transport.abort()
            with suppress(asyncio.CancelledError):
                await answering

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while content := await reader.read(65536):
                writer.write(content)
                await writer.drain()


@pytest.mark.timeout(600)
async def test_a_retried_check_is_asked_once_and_answered_alike(service: Service):
    listed = resident_id(15)
    await service.load_rows(row(name="张三", identifier_number=listed))
    answers: dict[str, bytes] = {}
    async with listening(service) as port:
        proxy = CuttingProxy(port)
        server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/checks"
        todo = iter(range(CHECKS))

        async def ask(client: httpx.AsyncClient) -> None:
            for n in todo:
                body = question(subject("张三", listed if n % 3 == 0 else resident_id(n)), reference=f"R{n}")
                headers = service.bearer("agency") | {"Idempotency-Key": f"k{n}"}
                for _ in range(100):
                    with suppress(httpx.TransportError):
                        response = await client.post(address, json=body, headers=headers)
                        assert response.status_code == 200, response.text
                        answers[f"k{n}"] = response.content
                        break

        async with httpx.AsyncClient(timeout=10) as client:
            await asyncio.gather(*(ask(client) for _ in range(AT_ONCE)))
        server.close()
        direct = f"http://127.0.0.1:{port}/v1/checks"
        async with httpx.AsyncClient(timeout=10) as client:
            for n in range(0, CHECKS, 7):
                body = question(subject("张三", listed if n % 3 == 0 else resident_id(n)), reference=f"R{n}")
                again = await client.post(
                    direct, json=body, headers=service.bearer("agency") | {"Idempotency-Key": f"k{n}"}
                )
                assert again.content == answers[f"k{n}"]
    assert len(answers) == CHECKS
    assert proxy.cut > CHECKS * CUT_SHARE / 2
    [rows] = await service.fetch(
        "SELECT count(*) AS n, count(DISTINCT reference) AS distinct_ones FROM ledger_entries WHERE action = 'check'"
    )
    assert rows["n"] == rows["distinct_ones"] == CHECKS
