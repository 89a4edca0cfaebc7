"""Watches: `PYTHONPATH=. python benchmarks/watches.py --open 10000 1000000`.

A real `serve` with its embedded PostgreSQL, fsync on. For each number of open watches: the disk space of one, the time to
match one publication, the time to publish meanwhile, how long after a publication's answer its event arrives at a unit that
listens to the stream, and how fast a file is matched that affects 20,000 of them. Figures as JSON.
"""

import argparse
import asyncio
import csv
import json
import signal
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from blacklist_service.access.principals import Actor
from blacklist_service.checks.asks import Question, read_question
from blacklist_service.checks.rules import Decision
from blacklist_service.checks.schemas import CheckRequest
from blacklist_service.clock import legal_date, new_ids
from blacklist_service.database.connections import Connection, connect
from blacklist_service.settings import Settings
from blacklist_service.subjects.digests import Digester
from blacklist_service.watches.following import AT_ONCE, MEET_LISTINGS
from blacklist_service.watches.opening import Opened, Terms, open_watches
from blacklist_service.watches.rules import AnswerState, Cause, state_of
from tests.durability.serving import Part, Served, publication, running, send_signal
from tests.support import COURT_CODE, WEIGHTS, day

MEMBER = "GD-HR"
CHUNK = 1000
TURNS = 5
BESIDE, BESIDE_RATE = 60, 8.0
"""Single publications during a load, and how many a second."""
FIRST_CASE = 1_000_000
CLEAR = state_of({"decision": "clear", "warnings": [], "subjects": [{"matches": []}]})


def number_of(person: int) -> str:
    """A number for each person that was never issued, with a valid check character."""
    born = datetime(1930, 1, 1) + timedelta(days=person // 999)  # noqa: DTZ001 - a date
    body = f"530111{born:%Y%m%d}{person % 999 + 1:03d}"
    return body + "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, WEIGHTS, strict=True)) % 11]


def question_of(person: int, digester: Digester) -> Question:
    """A typical question about an applicant."""
    body = json.dumps(
        {
            "matter": "civil_service_recruitment",
            "reference": f"GD-2026-{person:07d}",
            "subjects": [
                {
                    "role": "applicant",
                    "kind": "person",
                    "name": "张三",
                    "identifier": {"type": "resident_id", "number": number_of(person)},
                }
            ],
        }
    ).encode()
    request = CheckRequest.model_validate_json(body)
    return read_question(request, body, actor=Actor(MEMBER), digester=digester, today=legal_date(datetime.now(UTC)))


async def lay(served: Served, first: int, last: int) -> float:
    """Open watches on people that nobody lists, with the service's own code; return the seconds it took."""
    started = time.perf_counter()
    secrecy = Settings(data_dir=served.data_dir).load_secrecy()
    digester = Digester(secrecy.digest_key)
    owner = await connect(served.dsn, role=None, synchronous_commit="off")
    heads = {row["name"]: row["version"] for row in await owner.fetch("SELECT name, version FROM heads")}
    for begin in range(first, last, CHUNK):
        people = range(begin, min(begin + CHUNK, last))
        at = datetime.now(UTC)
        opened = [
            Opened(
                watch_id=watch_id,
                question=question_of(person, digester),
                terms=Terms(legal_date(at) + timedelta(days=100)),
                state=AnswerState(Decision.CLEAR, CLEAR.matches, is_doubted=False),
                recheck_on=None,
                list_version=heads["list"],
                measures_version=heads["measures"],
                notices_version=heads["notices"],
                judged_on=legal_date(at),
            )
            for person, watch_id in zip(people, new_ids(at, len(people)), strict=True)
        ]
        async with owner.transaction():
            await open_watches(owner, opened, at=at, secrecy=secrecy)
    while await owner.fetchval("SELECT EXISTS (SELECT FROM watches_unprimed)"):
        await asyncio.sleep(0.2)
    for table in ("watches", "watch_keys", "watches_unprimed"):
        await owner.execute(f"VACUUM ANALYZE {table}")
    await owner.close()
    return time.perf_counter() - started


async def bytes_of_one(connection: Connection, number: int) -> dict[str, float]:
    return {
        table: round(await connection.fetchval("SELECT pg_total_relation_size($1::regclass)", table) / number, 1)
        for table in ("watches", "watch_keys")
    }


async def matching(served: Served, times: int = 200) -> dict[str, float]:
    """Match one publication's listing with all keys, as the worker does; rolled back."""
    connection = await connect(served.dsn)
    listings = [row["id"] for row in await connection.fetch("SELECT id FROM listings LIMIT $1", times)]
    taken = []
    for listing in listings:
        transaction = connection.transaction()
        await transaction.start()
        started = time.perf_counter()
        await connection.execute(MEET_LISTINGS, [listing], Cause.LIST.value, AT_ONCE)
        taken.append(time.perf_counter() - started)
        await transaction.rollback()
    await connection.close()
    return quantiles(taken[5:])


class Listener:
    """A unit that listens to its stream: when each event arrived, by the reference it names."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self.arrived: dict[str, float] = {}

    async def delays(self, answered: dict[str, float]) -> list[float]:
        """How long after each answer its event arrived."""
        async with asyncio.timeout(120):
            while answered.keys() - self.arrived.keys():
                await asyncio.sleep(0.05)
        return [self.arrived[one] - at for one, at in answered.items()]

    async def listen(self) -> None:
        headers = {"Authorization": f"Bearer {self._served.keys['agency']}"}
        url, last = f"{self._served.url}/v1/watch-events/stream", ""
        while True:
            with suppress(httpx.HTTPError):
                async with (
                    httpx.AsyncClient(timeout=httpx.Timeout(30, read=None)) as client,
                    client.stream("GET", url, headers=headers | ({"Last-Event-ID": last} if last else {})) as answer,
                ):
                    async for line in answer.aiter_lines():
                        if line.startswith("id: "):
                            last = line[4:]
                        if line.startswith("data: "):
                            self.arrived.setdefault(json.loads(line[6:])["reference"], time.perf_counter())


async def publishing_in_turns(served: Served, people: Sequence[int], rate: float) -> dict[str, Any]:
    """Publications about people whom nobody watches, in turns with the worker running and stopped."""
    taken: dict[str, list[float]] = {"worker stopped": [], "worker at work": []}
    [worker] = served.pids(Part.WORKER)
    part = len(people) // (2 * TURNS)
    for turn in range(2 * TURNS):
        is_stopped = turn % 2 == 0
        send_signal(worker, signal.SIGSTOP if is_stopped else signal.SIGCONT)
        block, _ = await publish(served, people[turn * part : (turn + 1) * part], rate)
        taken["worker stopped" if is_stopped else "worker at work"] += block
    return {what: quantiles(block) for what, block in taken.items()}


async def publish(served: Served, people: Sequence[int], rate: float) -> tuple[list[float], dict[str, float]]:
    """One after another at that rate; return how long each took, and when each was answered."""
    taken, answered = [], {}
    headers = {"Authorization": f"Bearer {served.keys['court']}"}
    async with httpx.AsyncClient(base_url=served.url, headers=headers, timeout=30) as client:
        next_one = time.perf_counter()
        for person in people:
            body = publication(number_of(person), FIRST_CASE + person)
            await asyncio.sleep(max(0.0, next_one - time.perf_counter()))
            next_one += 1 / rate
            started = time.perf_counter()
            answer = await client.post("/v1/listings", json=body)
            assert answer.status_code == 201, answer.text
            ended = time.perf_counter()
            taken.append(ended - started)
            answered[f"GD-2026-{person:07d}"] = ended
    return taken, answered


async def until_rows_stand(connection: Connection) -> None:
    """Until a file that is being loaded was read, and the first of its rows have taken effect."""
    head = "SELECT version FROM heads WHERE name = 'list'"
    before = await connection.fetchval(head)
    async with asyncio.timeout(120):
        while await connection.fetchval(head) == before:
            await asyncio.sleep(0.02)


async def load(served: Served, people: Sequence[int], folder: Path) -> dict[str, float]:
    """A court's file that lists that many watched people: when its last row took effect, and when its last event arrived."""
    path = folder / "list.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["action", "name", "kind", "identifier_type", "identifier_number", "case_number", "court_code", "published_on",
             "decided_on", "expires_on", "decision_number", "circumstances"]
        )  # fmt: skip
        for person in people:
            case = f"(2025)云0111执{FIRST_CASE + person}号"
            writer.writerow(
                ["publish", "张三", "person", "resident_id", number_of(person), case, COURT_CODE, day(-30), day(-33),
                 day(700), f"{case}之一", "违反财产报告制度"]
            )  # fmt: skip
    connection = await connect(served.dsn)
    before = await connection.fetchval("SELECT coalesce(max(sequence), 0) FROM watch_events")
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *served._command[:3], "import", str(path), "--court", COURT_CODE, env=served._environment,  # noqa: SLF001
        stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert await process.wait() == 0
    loaded = time.perf_counter()
    while await connection.fetchval("SELECT coalesce(max(sequence), 0) FROM watch_events") < before + len(people):
        await asyncio.sleep(0.05)
    matched = time.perf_counter()
    span = await connection.fetchrow(
        "SELECT min(at) AS first, max(at) AS last FROM watch_events WHERE sequence > $1", before
    )
    await connection.close()
    return {
        "loaded_seconds": round(loaded - started, 1),
        "all_told_after_load_seconds": round(matched - loaded, 1),
        "telling_seconds": round((span["last"] - span["first"]).total_seconds(), 1),
    }


def quantiles(taken: Sequence[float]) -> dict[str, float]:
    ordered = sorted(taken)
    return {
        "n": len(ordered),
        "p50_ms": round(statistics.median(ordered) * 1000, 2),
        "p99_ms": round(ordered[int(len(ordered) * 0.99)] * 1000, 2),
        "max_ms": round(ordered[-1] * 1000, 2),
    }


async def measure(number: int, told: int, hit: int, rate: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        async with running(Served(Path(name), workers=1)) as served:
            unwatched = range(number, number + 2 * told)
            figures: dict[str, Any] = {"open": number, "laid_seconds": round(await lay(served, 0, number), 1)}
            owner = await connect(served.dsn, role=None)
            figures["bytes_of_one"] = await bytes_of_one(owner, number)
            listener = Listener(served)
            listening = asyncio.create_task(listener.listen())
            await asyncio.sleep(1)
            figures["publish"] = await publishing_in_turns(served, unwatched, rate)
            watched, answered = await publish(served, range(told), rate)
            figures["publish"]["watched"] = quantiles(watched)
            figures["answer_to_event"] = quantiles(await listener.delays(answered))
            figures["matching_one"] = await matching(served)
            if hit:
                people = range(told, told + hit)
                loading = asyncio.create_task(load(served, people, Path(name)))
                await until_rows_stand(owner)
                _, answered = await publish(served, range(told + hit, told + hit + BESIDE), BESIDE_RATE)
                figures["load"] = {"rows": hit} | await loading
                figures["answer_to_event_beside_the_load"] = quantiles(await listener.delays(answered))
            listening.cancel()
            await owner.close()
        return figures


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--open", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--told", type=int, default=300, help="publications of each kind")
    parser.add_argument("--rate", type=float, default=20.0, help="publications a second")
    parser.add_argument("--hit", type=int, default=20_000, help="rows of a file that hits as many watches; 0 = none")
    args = parser.parse_args()
    for number in args.open:
        hit = max(0, min(args.hit, number - args.told - BESIDE))
        print(json.dumps(await measure(number, args.told, hit, args.rate), ensure_ascii=False, indent=1), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
