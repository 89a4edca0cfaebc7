"""Stopping: the service is first not ready, and then answers no more."""

import asyncio
import signal
import time
from pathlib import Path

from tests.durability.serving import READY_SECONDS, Part, Served, running, send_signal
from tests.durability.wire import Client, request_bytes
from tests.support import question, resident_id, subject

DRAIN_SECONDS = 4.0


async def test_it_answers_on_while_those_before_it_turn_away(tmp_path: Path) -> None:
    served = Served(tmp_path, workers=1, drain_seconds=DRAIN_SECONDS)
    async with running(served), Client(served.port) as client:
        ready = request_bytes("/readyz", method="GET")
        check = request_bytes("/v1/checks", question(subject(number=resident_id())), key=served.keys["agency"])
        assert (await client.ask(ready)).status == 200
        [parent] = served.pids(Part.PARENT)
        told = time.monotonic()
        send_signal(parent, signal.SIGTERM)
        async with asyncio.timeout(READY_SECONDS):
            while (said := await client.ask(ready)).status == 200:
                await asyncio.sleep(0.02)
        assert said.status == 503
        assert "told to stop" in said.json()["detail"]
        async with Client(served.port) as newcomer:
            assert (await newcomer.ask(check)).status == 200
        assert (await client.ask(check)).status == 200
        async with asyncio.timeout(READY_SECONDS):
            while served.pids(Part.PARENT):
                await asyncio.sleep(0.1)
        assert time.monotonic() - told >= DRAIN_SECONDS
