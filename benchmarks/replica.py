"""What a full export costs the checks beside it: read from the primary, and from a standby (`BLACKLIST_REPLICA_URL`).

Two PostgreSQL 15 on this machine, the second following the first; a real `serve`. A log of `--entries` checks is exported
whole, again and again in turns, while eight connections ask single checks. Both servers share the machine's processors here:
on two machines the standby's part would be nobody's.

    PYTHONPATH=. python benchmarks/replica.py --entries 100000 --turns 3
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
from load import drive, request_bytes
from stand import PROGRAM, free_port, questions, until_ready

from tests.external import external_server, standby_of

LISTINGS = 1_000_000
BATCH = 1000
CONNECTIONS = 8
ALONE_SECONDS = 4.0
SLICE_SECONDS = 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    with external_server() as primary, standby_of(primary) as standby, tempfile.TemporaryDirectory() as home:
        primary.psql("CREATE DATABASE bl")
        place = Place(Path(home), primary.url("bl"), standby.url("bl"))
        place.say("migrate")
        place.say("members", "add", "GD-HR", "--name", "人社局", "--kind", "agency")
        place.say("members", "add", "GD-AUDIT", "--name", "督查组", "--kind", "auditor")
        place.keys = {role: place.key(member, role) for member, role in (("GD-HR", "agency"), ("GD-AUDIT", "auditor"))}
        with place.serving(from_standby=False):
            asyncio.run(place.fill(options.entries))
        turns: dict[str, list[dict[str, float]]] = {"primary": [], "standby": []}
        for _ in range(options.turns):
            for source, taken in turns.items():
                with place.serving(from_standby=source == "standby"):
                    taken.append(asyncio.run(place.measure()))
                print(source, taken[-1], file=sys.stderr)
    print(json.dumps({source: _summary(taken) for source, taken in turns.items()}, indent=1))


def _summary(taken: list[dict[str, float]]) -> dict[str, float]:
    middle = {name: statistics.median(one[name] for one in taken) for name in taken[0]}
    return middle | {"p99_ratio": round(statistics.median(one["beside_p99"] / one["alone_p99"] for one in taken), 2)}


class Place:
    """A service's folder, its two databases, and what is asked of it."""

    def __init__(self, home: Path, primary: str, standby: str) -> None:
        self.home, self.primary, self.standby = home, primary, standby
        self.port = free_port()
        self.keys: dict[str, str] = {}
        self.filled_at = ""

    def environment(self, *, from_standby: bool = False) -> dict[str, str]:
        said = {"BLACKLIST_DATA_DIR": str(self.home), "BLACKLIST_DATABASE_URL": self.primary}
        said["BLACKLIST_SECRET_KEY"] = "A" * 43 + "="
        return os.environ | said | ({"BLACKLIST_REPLICA_URL": self.standby} if from_standby else {})

    def say(self, *words: str) -> str:
        done = subprocess.run([*PROGRAM, *words], env=self.environment(), check=True, capture_output=True, text=True)
        return done.stdout

    def key(self, member: str, role: str) -> str:
        made: str = json.loads(self.say("keys", "create", "--member", member, "--role", role, "--json"))["key"]
        return made

    @contextmanager
    def serving(self, *, from_standby: bool) -> Iterator[None]:
        with (self.home / "serve.log").open("ab") as log:
            words = ["serve", "--port", str(self.port), "--workers", "1"]
            environment = self.environment(from_standby=from_standby)
            process = subprocess.Popen([*PROGRAM, *words], env=environment, stdout=log, stderr=log)
        try:
            asyncio.run(until_ready(self.port))
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)

    async def fill(self, entries: int) -> None:
        """Batches of checks, until the log holds as many; then until all of them are sealed."""
        checks = list(questions(LISTINGS, BATCH))
        async with self.client("agency") as agency, self.client("auditor") as auditor:
            for _ in range(0, entries, BATCH):
                (await agency.post("/v1/checks/batch", json={"checks": checks})).raise_for_status()
            while int((await auditor.get("/v1/ledger/checkpoint")).text.split("\n")[1]) < entries:
                await asyncio.sleep(0.5)
        self.filled_at = datetime.now(UTC).isoformat()

    async def measure(self) -> dict[str, float]:
        """The 99th percentile of single checks in milliseconds, alone and beside an export; and how long that took."""
        url = f"http://127.0.0.1:{self.port}/v1/checks"
        key = self.keys["agency"]
        asked = [request_bytes(url, json.dumps(one).encode(), key=key) for one in questions(LISTINGS)]
        alone = await drive(url, asked, connections=CONNECTIONS, seconds=ALONE_SECONDS)
        asked_for = {"action": "check", "format": "jsonl", "to": self.filled_at}
        async with self.client("auditor") as auditor:
            export = (await auditor.post("/v1/audit/exports", json=asked_for)).json()
            begun, slices, found = time.monotonic(), [], export
            while found["state"] in {"queued", "running"}:
                slices.append(await drive(url, asked, connections=CONNECTIONS, seconds=SLICE_SECONDS, warm_up=0.1))
                found = (await auditor.get(f"/v1/audit/exports/{export['export_id']}")).json()
        if found["state"] != "done":
            raise SystemExit(f"the export came to nothing: {found}")
        refused = [one["statuses"] for one in (alone, *slices) if set(one["statuses"]) != {"200"}]  # type: ignore[arg-type]
        if refused:
            raise SystemExit(f"checks were not answered: {refused}")
        return {
            "alone_p99": float(str(alone["p99"])),
            "beside_p99": statistics.median(float(str(one["p99"])) for one in slices),
            "alone_per_second": float(str(alone["per_second"])),
            "beside_per_second": statistics.median(float(str(one["per_second"])) for one in slices),
            "export_seconds": round(time.monotonic() - begun, 1),
            "rows": float(found["rows"]),
        }

    def client(self, role: str) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self.keys[role]}"}
        return httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=60)


if __name__ == "__main__":
    main()
