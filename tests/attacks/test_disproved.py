"""A database that is proved to be another than the one that was signed: no process answers from it, from the first moment
on.
"""

import asyncio
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from blacklist_service.database.connections import connect
from tests.attacks.sealing import receipt_after
from tests.durability.serving import Part, Served, running
from tests.durability.wire import Client, Lost, Reply, request_bytes
from tests.support import question, resident_id, subject

LISTED = resident_id(15)
SEALED_SECONDS = 60.0
"""It is found within 6 seconds and told within 1; a machine that CI shares may take its time."""


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with running(Served(tmp_path, workers=2)) as served:
        yield served


async def ask(served: Served) -> Reply:
    """On a connection of its own: whichever worker takes it."""
    body = question(subject("张三", LISTED))
    async with Client(served.port) as client:
        return await client.ask(request_bytes("/v1/checks", body, key=served.keys["agency"]))


async def readiness(served: Served) -> Reply:
    async with Client(served.port) as client:
        return await client.ask(request_bytes("/readyz", method="GET"))


async def first_answers(served: Served, count: int = 20) -> list[Reply]:
    """From the very moment there is anybody to answer."""
    replies: list[Reply] = []
    deadline = time.monotonic() + 60
    while len(replies) < count:
        assert time.monotonic() < deadline
        try:
            replies.append(await ask(served))
        except Lost:
            await asyncio.sleep(0.005)
    return replies


async def roll_back(served: Served, *, then: Callable[[], Awaitable[None]]) -> None:
    """Put the database's own files of before `then` back, as whoever holds the machine may."""
    served.stop()
    old = served.data_dir.with_name("old")
    subprocess.run(["cp", "-a", served.data_dir / "postgres", old], check=True)
    served.start()
    await served.wait_until_ready()
    await then()
    served.stop()
    shutil.rmtree(served.data_dir / "postgres")
    subprocess.run(["cp", "-a", old, served.data_dir / "postgres"], check=True)


@pytest.mark.timeout(240)
async def test_a_rollback_is_never_answered_from_until_an_officer_begins_a_new_log(served: Served):
    async def list_somebody() -> None:
        await served.publish(LISTED)
        assert (await ask(served)).json()["decision"] == "block"
        await receipt_after(served)

    assert (await ask(served)).json()["decision"] == "clear"
    await roll_back(served, then=list_somebody)
    served.start()
    for reply in await first_answers(served):
        assert (reply.status, reply.json()["code"]) == (503, "undetermined")
    ready = await readiness(served)
    assert (ready.status, "older than the checkpoint" in ready.json()["detail"]) == (503, True)
    adopted = served.command("audit", "adopt-anchor")
    assert (adopted.returncode, "audit new-log" in adopted.stderr) == (2, True)
    begun = served.command("audit", "new-log", "--reason", "磁盘损坏，恢复至前一日")
    assert begun.returncode == 0, begun.stderr
    await until_answered(served)
    assert (await ask(served)).json()["decision"] == "clear"  # what came after it was given up, by an officer
    await receipt_after(served)
    assert (await readiness(served)).status == 200
    assert list(served.data_dir.glob("checkpoint.given-up-*"))


async def test_altered_leaves_are_answered_from_by_no_worker_within_seconds(served: Served):
    """While it runs, and on the database's own connection; when they are what they were, it goes on by itself."""
    await receipt_after(served)
    [leaf] = await served.fetch("SELECT idx, hash FROM ledger_leaves ORDER BY idx DESC LIMIT 1")
    await alter(served, leaf["idx"], b"\0" * 32)
    deadline = time.monotonic() + SEALED_SECONDS
    while {(await ask(served)).status for _ in range(8)} != {503}:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
    assert (await readiness(served)).status == 503
    await alter(served, leaf["idx"], leaf["hash"])
    await until_answered(served)


async def test_an_altered_entry_is_found_within_seconds(served: Served):
    await receipt_after(served)
    owner = await connect(served.dsn, role=None)
    await owner.execute(
        "UPDATE ledger_entries SET leaf = leaf || ' ' WHERE id = (SELECT entry_id FROM ledger_leaves ORDER BY idx DESC"
        " LIMIT 1)"
    )
    await owner.close()
    deadline = time.monotonic() + SEALED_SECONDS
    while (await ask(served)).status != 503:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
    assert "altered" in (await readiness(served)).json()["detail"]


async def test_a_key_that_is_missing_keeps_the_hour(served: Served):
    """Nothing is in doubt but that it can be sealed: that has its limit, and is told."""
    key = served.data_dir / "signing.key"
    key.rename(key.with_suffix(".away"))
    served.kill(Part.SEALER)
    deadline = time.monotonic() + SEALED_SECONDS
    while (await readiness(served)).json().get("ledger", {}).get("state") != "refused":
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
    assert {(await ask(served)).status for _ in range(8)} == {200}
    assert (await readiness(served)).status == 200
    key.with_suffix(".away").rename(key)


async def alter(served: Served, index: int, hashed: bytes) -> None:
    owner = await connect(served.dsn, role=None)
    await owner.execute("UPDATE ledger_leaves SET hash = $2 WHERE idx = $1", index, hashed)
    await owner.close()


async def until_answered(served: Served) -> None:
    deadline = time.monotonic() + SEALED_SECONDS
    while {(await ask(served)).status for _ in range(4)} != {200}:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
