"""Generated hostile rows: whatever a court sends, files of other courts are loaded in time, and receipts are issued."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from blacklist_service.access.scopes import Role
from tests.attacks.hostile_rows import hostile_file
from tests.attacks.imports import OTHER_COURT, as_csv
from tests.attacks.sealing import receipt_after
from tests.durability.serving import Served, report, running
from tests.support import row

FILES, ROWS = (100, 100) if os.environ.get("BLACKLIST_SOAK") else (6, 60)
RECEIPT_SECONDS = 2.0
OWN_SECONDS = 3.0
"""What a file of one row takes by itself, looked for every few tenths of a second."""


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with running(Served(tmp_path, workers=1)) as served:
        served.keys["second person"] = await served.add_key("GD-COURT", Role.COURT)
        served.keys["other court"] = await served.add_court("XS-COURT", "西山区人民法院", OTHER_COURT)
        yield served


@pytest.mark.timeout(1800)
async def test_none_delays_another_courts_file_or_a_receipt(served: Served):
    slowest_receipt, slowest_wait, loaded, refused = 0.0, 0.0, 0, 0
    async with httpx.AsyncClient(base_url=served.url, timeout=30) as client:
        for seed in range(FILES):
            hostile = await send(client, served.keys["court"], hostile_file(seed, ROWS))
            harmless = await send(client, served.keys["other court"], as_csv(row(court_code=OTHER_COURT)))
            ended = asyncio.create_task(
                until_ended(client, served.keys["court"], hostile, served.keys["second person"])
            )
            waited = asyncio.create_task(until_ended(client, served.keys["other court"], harmless))
            while not (ended.done() and waited.done()):
                slowest_receipt = max(slowest_receipt, await receipt_after(served))
            (hostile_state, hostile_at), (state, at) = await ended, await waited
            assert (state["state"], state["rows"]["created"]) == ("done", 1)
            assert hostile_state["state"] in ("done", "failed")
            assert "fault of this service" not in (hostile_state["problem"] or ""), (seed, hostile_state["problem"])
            assert "could not be loaded" not in (hostile_state["problem"] or ""), (seed, hostile_state["problem"])
            slowest_wait = max(slowest_wait, at - hostile_at)
            loaded += hostile_state["rows"]["total"] - hostile_state["rows"]["rejected"]
            refused += hostile_state["rows"]["rejected"]
    report(
        f"{FILES * ROWS} hostile rows: {loaded} loaded, {refused} refused; another court's file done {slowest_wait:.2f} s"
        f" after at most, receipts within {slowest_receipt:.2f} s"
    )
    assert loaded
    assert refused
    assert slowest_wait < OWN_SECONDS
    assert slowest_receipt < RECEIPT_SECONDS


async def send(client: httpx.AsyncClient, key: str, content: bytes) -> str:
    response = await client.post(
        "/v1/imports", files={"file": ("list", content)}, headers={"Authorization": f"Bearer {key}"}
    )
    assert response.status_code == 202, response.text
    import_id: str = response.json()["import_id"]
    return import_id


async def until_ended(
    client: httpx.AsyncClient, key: str, import_id: str, second_person: str | None = None
) -> tuple[dict[str, Any], float]:
    """A file that is held, as one with a column that may tell of ends, is confirmed by the second person, if there is one."""
    while True:
        response = await client.get(f"/v1/imports/{import_id}", headers={"Authorization": f"Bearer {key}"})
        if response.status_code == 200 and response.json()["state"] in ("done", "failed", "cancelled"):
            return response.json(), time.monotonic()
        if response.status_code == 200 and response.json()["state"] == "awaiting_confirmation" and second_person:
            await client.post(
                f"/v1/imports/{import_id}/confirmation", headers={"Authorization": f"Bearer {second_person}"}
            )
        await asyncio.sleep(0.1)
