"""kill -9 of the worker, and of the database, in the middle of an import: it ends in the state of an undisturbed one."""

import asyncio
import csv
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from blacklist_service.database.embedded.attachment import find_running
from tests.support import COURT_CODE, COURT_NAME, row

ROWS = 12_000


@dataclass
class Served:
    """A real `serve`, its court's client, and its data directory."""

    process: subprocess.Popen[bytes]
    client: httpx.AsyncClient
    data_dir: Path

    async def send(self, content: bytes) -> str:
        response = await self.client.post("/v1/imports", files={"file": ("list.csv", content)})
        assert response.status_code == 202
        return str(response.json()["import_id"])

    async def wait_for(self, import_id: str, is_reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        deadline = time.monotonic() + 60
        while True:
            try:
                response = await self.client.get(f"/v1/imports/{import_id}")
                if response.status_code == 200 and is_reached(state := response.json()):
                    return dict(state)
            except httpx.TransportError:
                pass
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)

    def kill(self, what: str) -> None:
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                command = (entry / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
                environment = (entry / "environ").read_bytes().decode(errors="replace")
            except OSError:
                continue
            is_ours = str(self.data_dir) in environment or str(self.data_dir) in command
            if is_ours and what in command and "-m blacklist_service serve" not in command:
                os.kill(int(entry.name), signal.SIGKILL)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    data_dir = tmp_path / "data"
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "BLACKLIST_DATA_DIR": str(data_dir)}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "blacklist_service"]
    process = subprocess.Popen(
        [*command, "serve", "--port", str(port), "--workers", "1"], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            await _until_ready(client)
            member = ("members", "add", "GD-COURT", "--name", COURT_NAME, "--kind", "court", "--court-code", COURT_CODE)
            subprocess.run([*command, *member], env=environment, check=True, capture_output=True)
            key = ("keys", "create", "--member", "GD-COURT", "--role", "court", "--json")
            made = subprocess.run([*command, *key], env=environment, check=True, capture_output=True)
            client.headers["Authorization"] = f"Bearer {json.loads(made.stdout)['key']}"
            yield Served(process, client, data_dir)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@pytest.mark.timeout(180)
async def test_an_import_survives_kills_of_its_worker_and_of_the_database(served: Served):
    import_id = await served.send(_list_of(ROWS))
    await served.wait_for(import_id, lambda state: state["state"] == "running")
    served.kill("blacklist_service.worker")
    await served.wait_for(import_id, lambda state: state["rows"]["created"] > 0)
    served.kill("blacklist_service.worker")
    await served.wait_for(import_id, lambda state: state["rows"]["created"] > ROWS // 2)
    served.kill("postgres")
    state = await served.wait_for(import_id, lambda state: state["state"] in ("done", "failed"))
    assert (state["state"], state["rows"]) == ("done", _undisturbed(ROWS))
    await _hold_against_an_undisturbed_one(served)


async def _hold_against_an_undisturbed_one(served: Served) -> None:
    dsn = find_running(served.data_dir)
    assert dsn is not None
    connection = await asyncpg.connect(dsn)
    try:
        [versions] = await connection.fetch(
            "SELECT count(*) AS n, count(DISTINCT list_version) AS different, max(list_version) AS newest"
            " FROM listing_versions"
        )
        changes = ROWS + 2  # one correction, one withdrawal
        assert (versions["n"], versions["different"], versions["newest"]) == (changes, changes, changes)
        [living] = await connection.fetch(
            "SELECT count(*) AS n FROM listings WHERE ended IS NULL AND EXISTS"
            " (SELECT FROM subject_keys k WHERE k.listing_id = listings.id AND k.until_version IS NULL)"
        )
        assert living["n"] == ROWS - 1
        counted = await connection.fetch("SELECT leaf FROM ledger_entries WHERE action = 'import'")
        assert sum(json.loads(entry["leaf"])["facts"]["changes"] for entry in counted) == changes
    finally:
        await connection.close()


def _list_of(count: int) -> bytes:
    rows = [row(name=f"人{number % 997}") for number in range(count)]
    rows += [rows[5] | {"action": "更正", "obligation": "另"}, rows[6] | {"action": "撤销"}, rows[7], row(name="")]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for one in rows for name in one)))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("gb18030")


def _undisturbed(count: int) -> dict[str, int]:
    fates = {"created": count, "corrected": 1, "ended": 1, "unchanged": 1, "rejected": 1}
    return {"total": count + 4} | fates | {"warned": 0}


async def _until_ready(client: httpx.AsyncClient) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            if (await client.get("/readyz")).status_code == 200:
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
