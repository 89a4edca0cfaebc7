"""kill -9 of the worker, and of the database, in the middle of an import: it ends in the state of an undisturbed one."""

import asyncio
import csv
import io
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.durability.serving import Part, Served, running
from tests.support import row

ROWS = 12_000


@dataclass
class Court:
    """A court's client of a real `serve`."""

    served: Served
    client: httpx.AsyncClient

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

    def kill(self, part: Part) -> None:
        assert self.served.kill(part) is not None


@pytest.mark.timeout(180)
async def test_an_import_survives_kills_of_its_worker_and_of_the_database(court: Court):
    import_id = await court.send(_list_of(ROWS))
    await court.wait_for(import_id, lambda state: state["state"] == "running")
    court.kill(Part.WORKER)
    await court.wait_for(import_id, lambda state: state["rows"]["created"] > 0)
    court.kill(Part.WORKER)
    await court.wait_for(import_id, lambda state: state["rows"]["created"] > ROWS // 2)
    court.kill(Part.POSTMASTER)
    state = await court.wait_for(import_id, lambda state: state["state"] in ("done", "failed"))
    assert (state["state"], state["rows"]) == ("done", _undisturbed(ROWS))
    await _hold_against_an_undisturbed_one(court)


async def _hold_against_an_undisturbed_one(court: Court) -> None:
    [versions] = await court.served.fetch(
        "SELECT count(*) AS n, count(DISTINCT list_version) AS different, max(list_version) AS newest"
        " FROM listing_versions"
    )
    changes = ROWS + 2  # one correction, one withdrawal
    assert (versions["n"], versions["different"], versions["newest"]) == (changes, changes, changes)
    [living] = await court.served.fetch(
        "SELECT count(*) AS n FROM listings WHERE ended IS NULL AND EXISTS"
        " (SELECT FROM subject_keys k WHERE k.listing_id = listings.id AND k.until_version IS NULL)"
    )
    assert living["n"] == ROWS - 1
    counted = await court.served.fetch("SELECT leaf FROM ledger_entries WHERE action = 'import'")
    assert sum(json.loads(entry["leaf"])["facts"]["changes"] for entry in counted) == changes


@pytest.fixture
async def court(tmp_path: Path) -> AsyncIterator[Court]:
    async with running(Served(tmp_path, workers=1)) as served:
        bearer = {"Authorization": f"Bearer {served.keys['court']}"}
        async with httpx.AsyncClient(base_url=served.url, headers=bearer, timeout=10) as client:
            yield Court(served, client)


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
