"""How long a receipt takes."""

import asyncio
import time

from tests.durability.serving import Served
from tests.durability.wire import Client, request_bytes
from tests.support import question, subject


async def receipt_after(served: Served, *, patience: float = 15) -> float:
    """Ask a check; return the seconds from its answer to its receipt."""
    key = served.keys["agency"]
    async with Client(served.port) as client:
        reply = await client.ask(request_bytes("/v1/checks", question(subject()), key=key))
        assert reply.status == 200, reply.body
        asked = time.monotonic()
        path = f"/v1/checks/{reply.json()['check_id']}/receipt"
        while (await client.ask(request_bytes(path, method="GET", key=key))).status != 200:
            assert time.monotonic() - asked < patience, "no receipt"
            await asyncio.sleep(0.05)
        return time.monotonic() - asked
