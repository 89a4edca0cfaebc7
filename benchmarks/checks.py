"""How fast an audited check is, and what it costs as the list grows: `make bench`.

Ours (a real `serve`: fsync, evidence, sealing, logging on) against a bare FastAPI endpoint that returns a constant, one
that also has its body read, the naive way (one SELECT and one INSERT in a transaction), and CrowdSec's local API on
PostgreSQL, which writes no evidence.
Contestants take turns (A B C D A B C D …) in one run; figures are medians over the rounds, ratios medians of each round's
own ratio: the machine is noisy, and noise hits neighbours alike. Client, service and database share the machine.

    python benchmarks/checks.py --sizes 10000 1000000 10000000 --out benchmarks/results/checks.json
"""

import argparse
import asyncio
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import crowdsec
import rivals
import seeding
import synthetic
import uvloop
from load import drive, request_bytes
from rich.console import Console
from rich.table import Table
from stand import Stand, free_port, questions, until_ready

from blacklist_service.checks.queries import LOOK_UP
from blacklist_service.database.connections import connect
from blacklist_service.database.lanes import SETTINGS
from blacklist_service.subjects.digests import Digester

CONNECTIONS = (1, 16, 64)
WORKERS = (1, 2)
BATCH = 1000
TARGETS = {"bare": 1.0, "naive": 2.5, "crowdsec": 3.0}

console = Console(width=120)


@dataclass(frozen=True)
class Contestant:
    name: str
    url: str
    requests: Sequence[bytes]

    def run(self, connections: int, seconds: float) -> dict[str, object]:
        result = uvloop.run(drive(self.url, self.requests, connections=connections, seconds=seconds, warm_up=0.5))
        statuses = result["statuses"]
        assert set(statuses) == {"200"}, (self.name, statuses)
        return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 1_000_000, 10_000_000])
    parser.add_argument("--compare-at", type=int, help="the list's length for the comparison; default the middle size")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "blacklist-bench-crowdsec")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/checks.json"))
    options = parser.parse_args()
    compare_at = options.compare_at or sorted(options.sizes)[len(options.sizes) // 2]
    with tempfile.TemporaryDirectory(prefix="blacklist-bench-") as folder, ExitStack() as stack:
        stands = {size: _stand(Path(folder) / str(size), size, stack) for size in sorted(options.sizes)}
        result = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}, embedded PostgreSQL, fsync on",
            "seconds": options.seconds,
            "rounds": options.rounds,
            "compared_at": compare_at,
            "comparison": _compare(stands[compare_at], options),
            "growth": _growth(stands, options),
            "batch": _batches(stands[compare_at], options),
            "cost": {size: asyncio.run(_cost(stand)) for size, stand in stands.items()},
            "start_seconds": {size: _restart(stand) for size, stand in stands.items()},
        }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    _print(result)
    _plot(result, options.out.with_suffix(".png"))


def _stand(folder: Path, size: int, stack: ExitStack) -> Stand:
    folder.mkdir()
    stand = Stand(folder, size)
    stand.start()
    stack.callback(stand.stop)
    stand.make_key()
    seeding.require_own_digests(Digester(stand.secrecy.digest_key))
    console.print(f"{size:,} listings laid in after {asyncio.run(seeding.seed(stand)):.0f} s")
    stand.stop()
    stand.start()
    return stand


def _compare(stand: Stand, options: argparse.Namespace) -> dict[str, dict[str, dict[str, object]]]:
    asyncio.run(_lay_in_naive(stand))
    found: dict[str, dict[str, dict[str, object]]] = {}
    with tempfile.TemporaryDirectory(prefix="blacklist-crowdsec-") as folder, ExitStack() as stack:
        rival = _crowdsec(stack, Path(folder), stand.listings, options.cache)
        for workers in WORKERS:
            stand.with_workers(workers)
            bodies = [json.dumps(one).encode() for one in questions(stand.listings)]
            with ExitStack() as served:
                contestants = [Contestant("ours", stand.url, stand.requests())]
                for name in ("bare", "typed", "naive"):
                    url = served.enter_context(_served(name, workers, NAIVE_DSN=stand.dsn))
                    contestants.append(Contestant(name, url, [request_bytes(url, body, key=None) for body in bodies]))
                contestants += [rival] if rival else []
                for connections in CONNECTIONS:
                    cell = _take_turns(contestants, connections, options)
                    found[f"{workers} worker(s), {connections} connection(s)"] = cell
                    console.print(f"{workers} worker(s), {connections} connections: {_short(cell)}")
    stand.with_workers(1)
    return found


def _take_turns(
    contestants: Sequence[Contestant], connections: int, options: argparse.Namespace
) -> dict[str, dict[str, object]]:
    rounds = [{one.name: one.run(connections, options.seconds) for one in contestants} for _ in range(options.rounds)]
    first = contestants[0].name
    return {
        one.name: {
            **{
                figure: statistics.median(turn[one.name][figure] for turn in rounds)
                for figure in ("per_second", "p50", "p99")
            },
            "ratio": round(
                statistics.median(turn[first]["per_second"] / turn[one.name]["per_second"] for turn in rounds), 2
            ),
        }
        for one in contestants
    }


def _growth(stands: Mapping[int, Stand], options: argparse.Namespace) -> dict[str, dict[str, dict[str, object]]]:
    """The same checks on lists of different lengths, each on its own server, in turns."""
    contestants = [Contestant(f"{size}", stand.url, stand.requests()) for size, stand in stands.items()]
    found = {}
    for connections in (1, 64):
        found[f"{connections} connection(s)"] = cell = _take_turns(contestants, connections, options)
        console.print(f"by length, {connections} connections: {_short(cell)}")
    return found


def _batches(stand: Stand, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Batches of 1,000 checks a request."""
    checks = list(questions(stand.listings, BATCH))
    body = json.dumps({"checks": checks}).encode()
    requests = [request_bytes(f"{stand.url}/batch", body, key=stand.key)]
    found = {}
    for workers in WORKERS:
        stand.with_workers(workers)
        contestant = Contestant("batch", stand.url, requests)
        for connections in (1, 2, 4):
            runs = [contestant.run(connections, options.seconds * 2) for _ in range(options.rounds)]
            found[f"{workers} worker(s), {connections} connection(s)"] = {
                "checks_per_second": round(statistics.median(run["per_second"] for run in runs) * BATCH),
                "p50": statistics.median(run["p50"] for run in runs),
            }
    stand.with_workers(1)
    return found


async def _cost(stand: Stand) -> dict[str, object]:
    connection = await connect(stand.dsn, role=None, **SETTINGS)
    sizes = await connection.fetch(
        "SELECT relname, pg_relation_size(oid) AS size FROM pg_class WHERE relkind IN ('r', 'i')"
        " AND (relname LIKE 'listings%' OR relname LIKE 'subject_keys%')"
    )
    ledger = await connection.fetchrow(
        "SELECT sum(pg_total_relation_size(oid)) AS size FROM pg_class WHERE relkind = 'r' AND relname LIKE 'ledger_%'"
    )
    entries = await connection.fetchval("SELECT count(*) FROM ledger_entries")
    found = {
        "bytes_per_listing": {row["relname"]: round(row["size"] / stand.listings) for row in sizes if row["size"]},
        "ledger_entries": entries,
        "bytes_per_ledger_entry": round(ledger["size"] / entries) if entries else None,
        "memory_megabytes": stand.memory_megabytes(),
        "look_up_microseconds": {
            f"{checks} checks": await _time_look_up(connection, stand, checks) for checks in (1, 64)
        },
    }
    await connection.close()
    return found


async def _time_look_up(connection: asyncpg.Connection, stand: Stand, checks: int) -> float:
    """The look-up's statement alone, five digests a check, one check in ten listed; including the round trip to the
    server.
    """
    digester = Digester(stand.secrecy.digest_key)
    asked = []
    for turn in range(200):
        digests = [os.urandom(16) for _ in range(5 * checks)]
        for place in range(0, checks, 10):
            person = (turn * 7919 + place * 104_729) % stand.listings
            digests[5 * place] = digester.of("resident", synthetic.resident_id(person))
        asked.append(digests)
    taken = []
    for digests in asked * 2:
        started = time.perf_counter()
        await connection.fetch(LOOK_UP, digests, ["x"])
        taken.append(time.perf_counter() - started)
    return round(statistics.median(taken) * 1e6, 1)


def _restart(stand: Stand) -> float:
    stand.stop()
    return round(stand.start(), 2)


async def _lay_in_naive(stand: Stand) -> None:
    connection = await asyncpg.connect(stand.dsn)
    await connection.execute(rivals.MAKE_NAIVE)
    rows = ((synthetic.resident_id(n), synthetic.name_of(n), f"(2025)云0111执{n + 1}号") for n in range(stand.listings))
    await connection.copy_records_to_table("naive_list", records=rows, columns=["number", "name", "case_number"])
    await connection.execute("VACUUM (ANALYZE) naive_list")
    await connection.close()


@contextmanager
def _served(name: str, workers: int, **environment: str) -> Iterator[str]:
    port = free_port()
    command = [
        *(sys.executable, "-m", "uvicorn", f"rivals:{name}", "--app-dir", str(Path(__file__).parent)),
        *("--port", str(port), "--workers", str(workers), "--loop", "uvloop", "--http", "httptools"),
        *("--no-access-log", "--log-level", "warning"),
    ]
    process = subprocess.Popen(command, env=os.environ | environment)
    try:
        asyncio.run(until_ready(port, "/openapi.json"))
        yield f"http://127.0.0.1:{port}/v1/checks"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def _crowdsec(stack: ExitStack, folder: Path, decisions: int, cache: Path) -> Contestant | None:
    loop = asyncio.new_event_loop()  # one for its whole life: it is entered here and left much later
    stack.callback(loop.close)
    rival = crowdsec.running(folder, decisions=decisions, cache=cache)
    try:
        running = loop.run_until_complete(rival.__aenter__())
    except crowdsec.CrowdSecMissing as missing:
        console.print(f"CrowdSec is left out: {missing}")
        return None
    stack.callback(lambda: loop.run_until_complete(rival.__aexit__(None, None, None)))
    return Contestant("crowdsec", running.url, running.requests(2000))


def _short(cell: Mapping[str, Mapping[str, object]]) -> str:
    return ", ".join(f"{name} {one['per_second']:,.0f}/s p50 {one['p50']} ms" for name, one in cell.items())


def _print(result: Mapping[str, object]) -> None:
    table = Table(title=f"Checks against a list of {result['compared_at']:,}; ratio = ours / theirs")
    for column in ("", "contestant", "requests/s", "p50 ms", "p99 ms", "ratio", "aim"):
        table.add_column(column, justify="left" if column in {"", "contestant"} else "right")
    for cell, contestants in result["comparison"].items():
        for name, one in contestants.items():
            aim = TARGETS.get(name) if "64 conn" in cell else None
            table.add_row(
                *(cell, name, f"{one['per_second']:,.0f}", f"{one['p50']:.2f}", f"{one['p99']:.2f}"),
                *("" if name == "ours" else f"{one['ratio']:.2f}", f"{aim}" if aim else ""),
            )
            cell = ""  # noqa: PLW2901 - named once
    console.print(table)
    for heading in ("growth", "batch", "cost", "start_seconds"):
        console.print(heading, result[heading])


def _plot(result: Mapping[str, object], path: Path) -> None:
    import matplotlib as mpl  # noqa: PLC0415 - an extra of the benchmark alone

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(15, 4.5))
    _bars(left, result["comparison"], "64 connection(s)", "per_second", "requests/s, 64 connections")
    _bars(middle, result["comparison"], "1 connection(s)", "p50", "p50 in ms, 1 connection")
    sizes = result["growth"]["64 connection(s)"]
    right.plot(list(sizes), [one["per_second"] for one in sizes.values()], marker="o")
    right.set_ylim(bottom=0)
    right.set_title("ours: requests/s by length of the list, 64 connections")
    figure.suptitle(f"{result['machine']}, {result['at'][:10]}")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def _bars(
    axis: object, cells: Mapping[str, Mapping[str, Mapping[str, float]]], cell: str, figure: str, title: str
) -> None:
    names = list(next(iter(cells.values())))
    pick: Callable[[int, str], float] = lambda workers, name: cells[f"{workers} worker(s), {cell}"][name][figure]  # noqa: E731
    for place, workers in enumerate(WORKERS):
        heights = [pick(workers, name) for name in names]
        bars = axis.bar([n + place * 0.4 for n in range(len(names))], heights, 0.38, label=f"{workers} worker(s)")
        axis.bar_label(bars, fmt="%.1f" if figure == "p50" else "%.0f", fontsize=8)
    axis.set_xticks([n + 0.2 for n in range(len(names))], names)
    axis.set_title(title)
    axis.legend()


if __name__ == "__main__":
    main()
