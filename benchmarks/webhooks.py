"""Webhooks: `PYTHONPATH=. python benchmarks/webhooks.py --open 10000`.

A real `serve` with its embedded PostgreSQL, fsync on, and a receiver at this machine's own address (never its loopback) that
verifies every signature with the official library. With that many open watches: how long after a publication's answer the
receiver has verified its event; the same while a file is loaded that affects 20,000 of them, and how many events a second are
then delivered. Figures as JSON.
"""

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from benchmarks.watches import lay, load, publish, quantiles, until_rows_stand

from blacklist_service.database.connections import connect
from tests.durability.serving import Served, running
from tests.durability.test_webhooks import own_address, verified
from tests.webhooks.receiver import Receiver, take

BESIDE, BESIDE_RATE = 60, 8.0
PATIENCE_SECONDS = 600


class Clocked:
    """Notes when each event was verified, by the reference it names, and how often it came."""

    def __init__(self) -> None:
        self.arrived: dict[str, float] = {}
        self.came = 0

    async def reply(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes, dict[str, str]]:
        said = json.loads(body)
        if said["type"] == "watch.decision_changed":
            self.came += 1
            self.arrived.setdefault(said["data"]["reference"], time.perf_counter())
        return await take(headers, body)

    async def delays(self, answered: dict[str, float]) -> list[float]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while answered.keys() - self.arrived.keys():
                await asyncio.sleep(0.05)
        return [self.arrived[one] - at for one, at in answered.items()]


async def measure(number: int, told: int, hit: int, rate: float) -> dict[str, Any]:
    clocked = Clocked()
    receiver = Receiver(reply=clocked.reply)
    async with await asyncio.start_server(receiver.meet, own_address(), 0) as server:
        receiver.port = server.sockets[0].getsockname()[1]
        target = f"http://{own_address()}:{receiver.port}"
        with tempfile.TemporaryDirectory() as name:
            async with (
                running(Served(Path(name), workers=1, webhook_targets=target)) as served,
                httpx.AsyncClient(base_url=served.url, timeout=30) as client,
            ):
                figures: dict[str, Any] = {"open": number, "laid_seconds": round(await lay(served, 0, number), 1)}
                receiver.secret = await verified(served, client, receiver, f"{target}/events")
                _, answered = await publish(served, range(told), rate)
                figures["answer_to_verified_receiver"] = quantiles(await clocked.delays(answered))
                if hit:
                    figures["beside_a_load"] = await beside_a_load(served, clocked, told, hit, Path(name))
                figures["events"], figures["came"] = len(clocked.arrived), clocked.came
            return figures


async def beside_a_load(served: Served, clocked: Clocked, told: int, hit: int, folder: Path) -> dict[str, Any]:
    people = range(told, told + hit)
    loading = asyncio.create_task(load(served, people, folder))
    owner = await connect(served.dsn, role=None)
    await until_rows_stand(owner)
    await owner.close()
    _, answered = await publish(served, range(told + hit, told + hit + BESIDE), BESIDE_RATE)
    figures: dict[str, Any] = {"rows": hit} | await loading
    figures["answer_to_verified_receiver"] = quantiles(await clocked.delays(answered))
    wanted = {f"GD-2026-{person:07d}": 0.0 for person in people}
    await clocked.delays(wanted)
    of_load = sorted(clocked.arrived[one] for one in wanted)
    figures["told_a_second"] = round(hit / (of_load[-1] - of_load[0]))
    return figures


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--open", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--told", type=int, default=300, help="single publications")
    parser.add_argument("--rate", type=float, default=20.0, help="publications a second")
    parser.add_argument("--hit", type=int, default=20_000, help="rows of a file that hits as many watches; 0 = none")
    args = parser.parse_args()
    for number in args.open:
        hit = max(0, min(args.hit, number - args.told - BESIDE))
        print(json.dumps(await measure(number, args.told, hit, args.rate), ensure_ascii=False, indent=1), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
