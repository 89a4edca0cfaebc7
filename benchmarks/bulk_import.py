"""A bulk import over HTTP on a real `serve` (embedded database, fsync on), with single checks asked all the while.

Prints, and writes as JSON: seconds for the load, the ratio to a plain COPY of the same file into one table in the same run,
p50 and p99 of single checks idle and during the load, and the growth of the processes' memory.

    .venv/bin/python benchmarks/bulk_import.py --rows 1000000 --out benchmarks/results/bulk_import.json
"""

import argparse
import asyncio
import json
import os
import platform
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import httpx

sys.path.insert(0, str(Path(__file__).parent))
import synthetic
from stand import free_port, until_ready

from blacklist_service.database.embedded.attachment import find_running

IDLE_SECONDS = 10
PAUSE_SECONDS = 0.005


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="blacklist-bench-") as folder:
        result = await measure(Path(folder), options.rows)
    print(json.dumps(result, indent=2))
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(result, indent=2) + "\n")


async def measure(folder: Path, count: int) -> dict[str, object]:
    file = folder / "list.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = synthetic.csv.writer(out)
        writer.writerow(synthetic.HEADER)
        writer.writerows(synthetic.rows(count))
    data_dir = folder / "data"
    environment = os.environ | {"BLACKLIST_DATA_DIR": str(data_dir), "BLACKLIST_LOG_LEVEL": "warning"}
    port = free_port()
    service = subprocess.Popen(
        [sys.executable, "-m", "blacklist_service", "serve", "--port", str(port), "--workers", "1"], env=environment
    )
    try:
        await until_ready(port)
        court, agency = make_keys(environment)
        checker = Checker(port, agency)
        idle = await checker.run(seconds=IDLE_SECONDS)
        before = memory()
        during, seconds, counts, most = await load(port, court, file, checker)
        copy_seconds = await plain_copy(data_dir, file)
        sizes = await relation_sizes(data_dir, count)
    finally:
        service.send_signal(signal.SIGTERM)
        service.wait(30)
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "rows": count,
        "file_megabytes": round(file.stat().st_size / 1e6, 1) if file.exists() else None,
        "load_seconds": round(seconds, 1),
        "rows_per_second": round(count / seconds),
        "plain_copy_seconds": round(copy_seconds, 1),
        "ratio_to_plain_copy": round(seconds / copy_seconds, 2),
        "counts": counts,
        "checks_idle_ms": idle,
        "checks_during_ms": during,
        "p99_ratio": round(during["p99"] / idle["p99"], 2),
        "memory_growth_megabytes": {name: round(most.get(name, 0) - before.get(name, 0)) for name in most},
        "bytes_per_listing": sizes,
    }


class Checker:
    """One client that asks single checks one after another."""

    def __init__(self, port: int, key: str) -> None:
        self._client = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {key}"}, timeout=5
        )
        self.is_running = True

    async def run(self, seconds: float | None = None) -> dict[str, float]:
        self.is_running = True
        taken: list[float] = []
        refused = 0
        end = time.monotonic() + seconds if seconds else None
        number = 0
        while self.is_running and (end is None or time.monotonic() < end):
            number += 1
            asked = {"type": "resident_id", "number": synthetic.resident_id(number % 900_000)}
            subject = {"role": "applicant", "kind": "person", "name": synthetic.name_of(number), "identifier": asked}
            body = {"matter": "civil_service_recruitment", "reference": "bench", "subjects": [subject]}
            started = time.perf_counter()
            response = await self._client.post("/v1/checks", json=body)
            taken.append((time.perf_counter() - started) * 1000)
            refused += response.status_code != 200
            await asyncio.sleep(PAUSE_SECONDS)
        taken.sort()
        return {
            "checks": len(taken),
            "refused": refused,
            "p50": round(statistics.median(taken), 2),
            "p99": round(taken[int(len(taken) * 0.99)], 2),
            "max": round(taken[-1], 2),
        }


async def load(
    port: int, key: str, file: Path, checker: Checker
) -> tuple[dict[str, float], float, dict[str, int], dict[str, float]]:
    checking = asyncio.create_task(checker.run())
    most: dict[str, float] = {}
    started = time.perf_counter()
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {key}"}, timeout=600
    ) as client:
        upload = await asyncio.create_subprocess_exec(
            *("curl", "-sf", "-F", f"file=@{file}", "-H", f"Authorization: Bearer {key}"),
            f"http://127.0.0.1:{port}/v1/imports",
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await upload.communicate()
        import_id = json.loads(out)["import_id"]
        while True:
            for name, megabytes in memory().items():
                most[name] = max(most.get(name, 0), megabytes)
            state = (await client.get(f"/v1/imports/{import_id}")).json()
            if state["state"] not in ("queued", "running"):
                break
            await asyncio.sleep(1)
    seconds = time.perf_counter() - started
    checker.is_running = False
    assert state["state"] == "done", state
    return await checking, seconds, state["rows"], most


async def plain_copy(data_dir: Path, file: Path) -> float:
    """COPY of the same file into one table of text columns with one primary key: what PostgreSQL alone would take."""
    dsn = find_running(data_dir)
    assert dsn
    connection = await asyncpg.connect(dsn)
    columns = ", ".join(f"c{n} text" for n in range(len(synthetic.HEADER)))
    await connection.execute(f"CREATE TABLE plain (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, {columns})")
    started = time.perf_counter()
    names = [f"c{n}" for n in range(len(synthetic.HEADER))]
    await connection.copy_to_table("plain", source=file, columns=names, format="csv", header=True)
    seconds = time.perf_counter() - started
    await connection.execute("DROP TABLE plain")
    await connection.close()
    return seconds


async def relation_sizes(data_dir: Path, count: int) -> dict[str, int]:
    dsn = find_running(data_dir)
    assert dsn
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch(
        "SELECT relname, pg_total_relation_size(oid) AS size FROM pg_class"
        " WHERE relname IN ('listings', 'listing_versions', 'subject_keys', 'import_fates') AND relkind = 'r'"
    )
    await connection.close()
    return {row["relname"]: round(row["size"] / count) for row in rows}


def memory() -> dict[str, float]:
    """Resident megabytes of the service's own Python processes, by what they are."""
    found: dict[str, float] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            status = (entry / "status").read_text()
        except OSError:
            continue
        name = next((word for word in ("asgi", "worker", "spawn_main") if word in command), None)
        if name and "python" in command and "VmRSS" in status:
            megabytes = int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]
            found[name] = found.get(name, 0) + megabytes
    return found


def make_keys(environment: dict[str, str]) -> tuple[str, str]:
    def cli(*words: str) -> str:
        command = [sys.executable, "-m", "blacklist_service", *words]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    cli("members", "add", "GD-COURT", "--name", synthetic.COURT, "--kind", "court", "--court-code", "云0111")
    cli("members", "add", "GD-HR", "--name", "人社局", "--kind", "agency")
    court = json.loads(cli("keys", "create", "--member", "GD-COURT", "--role", "court", "--json"))["key"]
    return court, json.loads(cli("keys", "create", "--member", "GD-HR", "--role", "agency", "--json"))["key"]


if __name__ == "__main__":
    asyncio.run(main())
