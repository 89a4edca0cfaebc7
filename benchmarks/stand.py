"""What the benchmarks of checks run on: a real `serve` with its embedded PostgreSQL, fsync and evidence on."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import synthetic
from load import request_bytes

from blacklist_service.database.embedded.attachment import find_running
from blacklist_service.secrecy import Secrecy, read_key_file

READY_SECONDS = 60
BODIES = 2000
HIT_EVERY = 10
"""One subject in ten is listed: far more than in practice, so that the cost of hits is not understated."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Stand:
    """A service on its own data directory, which outlives its restarts."""

    folder: Path
    listings: int
    workers: int = 1
    port: int = field(default_factory=free_port)
    key: str = ""
    _process: subprocess.Popen[bytes] | None = None

    @property
    def data_dir(self) -> Path:
        return self.folder / "data"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/checks"

    @property
    def dsn(self) -> str:
        dsn = find_running(self.data_dir)
        assert dsn
        return dsn

    @property
    def secrecy(self) -> Secrecy:
        return read_key_file(self.data_dir / "secret.key")

    def start(self) -> float:
        """Seconds until `/readyz` says ready. The log goes to a file at its usual level: logging is part of the cost."""
        started = time.perf_counter()
        with (self.folder / "serve.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*PROGRAM, "serve", "--port", str(self.port), "--workers", str(self.workers)],
                env=self._environment(),
                stdout=log,
                stderr=log,
            )
        asyncio.run(until_ready(self.port))
        return time.perf_counter() - started

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(60)
            self._process = None

    def with_workers(self, workers: int) -> None:
        if workers != self.workers or self._process is None:
            self.stop()
            self.workers = workers
            self.start()

    def make_key(self) -> None:
        self._say("members", "add", "GD-COURT", "--name", synthetic.COURT, "--kind", "court", "--court-code", "云0111")
        self._say("members", "add", "GD-HR", "--name", "人社局", "--kind", "agency")
        self.key = json.loads(self._say("keys", "create", "--member", "GD-HR", "--role", "agency", "--json"))["key"]

    def requests(self) -> list[bytes]:
        return [request_bytes(self.url, json.dumps(one).encode(), key=self.key) for one in questions(self.listings)]

    def memory_megabytes(self) -> dict[str, list[float]]:
        """Proportional set size of each process: shared memory is counted once, divided among its users."""
        found: dict[str, list[float]] = {}
        for pid, command in _descendants(self._process.pid if self._process else 0):
            name = next((n for n in ("asgi", "worker") if f"blacklist_service.{n}" in command), None)
            if name is None and "blacklist_service serve" in command:
                name = "parent"
            if name is not None:
                found.setdefault(name, []).append(round(_pss(pid) / 1024, 1))
        return found

    def processor_seconds(self) -> dict[str, float]:
        """What the web processes and the database have used so far: steadier than a rate on a busy machine."""
        used = {"web": 0.0, "database": 0.0}
        roots = [self._process.pid if self._process else 0, _postmaster(self.data_dir)]
        for pid, command in {one for root in roots for one in _descendants(root)}:
            kind = "web" if "blacklist_service.asgi --fd" in command else "database" if "postgres" in command else None
            if kind is not None:
                used[kind] += _used(pid)
        return used

    def _say(self, *words: str) -> str:
        command = [*PROGRAM, *words]
        return subprocess.run(command, env=self._environment(), check=True, capture_output=True, text=True).stdout

    def _environment(self) -> dict[str, str]:
        return os.environ | {"BLACKLIST_DATA_DIR": str(self.data_dir)}


PROGRAM = [sys.executable, "-m", "blacklist_service"]


def questions(listings: int, count: int = BODIES) -> Iterator[dict[str, object]]:
    """Checks of one applicant each; every tenth is listed, spread over the whole list, the others are not."""
    for n in range(count):
        person = (n * 7919) % listings if n % HIT_EVERY == 0 else listings + n
        yield {
            "matter": "civil_service_recruitment",
            "reference": f"GD-2026-{n:05}",
            "operator": "wang.li",
            "subjects": [
                {
                    "role": "applicant",
                    "kind": "person",
                    "name": synthetic.name_of(person),
                    "identifier": {"type": "resident_id", "number": synthetic.resident_id(person)},
                }
            ],
        }


async def until_ready(port: int, path: str = "/readyz") -> None:
    deadline = time.monotonic() + READY_SECONDS
    async with httpx.AsyncClient() as client:
        while time.monotonic() < deadline:
            try:
                if (await client.get(f"http://127.0.0.1:{port}{path}")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.02)
    raise SystemExit("a service did not become ready")


def _descendants(root: int) -> Iterator[tuple[int, str]]:
    parents: dict[int, int] = {}
    commands: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                pid = int(entry.name)
                parents[pid] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                commands[pid] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
    for pid, command in commands.items():
        at = pid
        while at not in (0, root):
            at = parents.get(at, 0)
        if at == root:
            yield pid, command


def _postmaster(data_dir: Path) -> int:
    found = next(data_dir.rglob("postmaster.pid"), None)
    return int(found.read_text().split()[0]) if found else 0


def _used(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _pss(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
