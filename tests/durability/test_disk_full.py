"""A disk fills up: checks are refused before PostgreSQL stops, nothing acknowledged is lost, and free space is enough to
recover.
"""

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from tests.durability.serving import IS_SOAK, Part, Served, report, running
from tests.durability.wire import Client, Lost, request_bytes
from tests.support import question, resident_id, subject

DISK_MEGABYTES = 400
CHECKS_BEFORE = 20_000 if IS_SOAK else 1_000
SEEN_SECONDS = 3.0  # a worker may look at the disk less often than it answers
HELD_SECONDS = 10.0 if IS_SOAK else 2.0
BACK_SECONDS = 15.0
AT_ONCE = 8


@dataclass
class Tally:
    acknowledged: dict[str, str] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)
    numbers: "count[int]" = field(default_factory=count)


@pytest.mark.timeout(180)
async def test_checks_are_refused_below_a_tenth_and_answered_once_there_is_room(served: Served, disk: Path):
    tally = Tally()
    async with asked_all_the_time(served, tally):
        await until(lambda: len(tally.acknowledged) >= CHECKS_BEFORE, seconds=120)
        [postmaster] = served.pids(Part.POSTMASTER)
        with ballast(disk, leaving=0.07):
            await until(lambda: tally.statuses[-AT_ONCE * 4 :] == [503] * AT_ONCE * 4, seconds=SEEN_SECONDS)
            del tally.statuses[:]
            await asyncio.sleep(HELD_SECONDS)
            assert set(tally.statuses) == {503}
            assert await readiness(served) == 503
            assert served.pids(Part.POSTMASTER) == [postmaster], "PostgreSQL ended"
        await until(lambda: tally.statuses[-1] == 200, seconds=BACK_SECONDS)
    await hold_against_the_ledger(served, tally)


@pytest.mark.timeout(180)
async def test_a_disk_that_is_full_at_once_loses_nothing_and_heals_by_room_alone(served: Served, disk: Path):
    tally = Tally()
    async with asked_all_the_time(served, tally):
        await until(lambda: len(tally.acknowledged) >= CHECKS_BEFORE, seconds=120)
        with ballast(disk, leaving=0):
            await asyncio.sleep(HELD_SECONDS)
            del tally.statuses[:]
            await asyncio.sleep(0.5)
            assert set(tally.statuses) <= {503}
        await until(lambda: tally.statuses[-1:] == [200], seconds=BACK_SECONDS)
    await hold_against_the_ledger(served, tally)


@asynccontextmanager
async def asked_all_the_time(served: Served, tally: Tally) -> AsyncIterator[None]:
    """Checks in the background, as fast as they are answered."""
    is_over = asyncio.Event()
    async with asyncio.TaskGroup() as asking:
        for _ in range(AT_ONCE):
            asking.create_task(keep_asking(served, tally, is_over))
        yield
        is_over.set()


async def keep_asking(served: Served, tally: Tally, is_over: asyncio.Event) -> None:
    async with Client(served.port) as client:
        while not is_over.is_set():
            try:
                await ask(client, served, tally)
            except Lost:
                await asyncio.sleep(0.05)


async def ask(client: Client, served: Served, tally: Tally) -> None:
    reference = f"D{next(tally.numbers)}"
    body = question(subject("张三", resident_id(15)), reference=reference)
    reply = await client.ask(request_bytes("/v1/checks", body, key=served.keys["agency"]))
    tally.statuses.append(reply.status)
    if reply.status == 200:
        tally.acknowledged[reference] = reply.json()["check_id"]
        return
    assert (reply.status, reply.json()["code"]) == (503, "undetermined"), reply.body
    await asyncio.sleep(0.02)


@contextmanager
def ballast(disk: Path, *, leaving: float) -> Iterator[None]:
    """Somebody else's file, which leaves this share of the disk free."""
    file = disk / "ballast"
    usage = shutil.disk_usage(disk)
    size = usage.free - int(usage.total * leaving)
    with file.open("wb", buffering=0) as content:
        try:
            os.posix_fallocate(content.fileno(), 0, size)
        except OSError:  # the database took some meanwhile
            with suppress(OSError):
                while content.write(bytes(4096)):
                    pass
    try:
        yield
    finally:
        file.unlink()


async def until(is_so: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def readiness(served: Served) -> int:
    async with Client(served.port) as client:
        return (await client.ask(request_bytes("/readyz", method="GET"))).status


async def hold_against_the_ledger(served: Served, tally: Tally) -> None:
    rows = await served.fetch("SELECT id, reference FROM ledger_entries WHERE reference LIKE 'D%'")
    recorded = {row["reference"]: str(row["id"]) for row in rows}
    assert len(recorded) == len(rows)
    assert [one for one, told in tally.acknowledged.items() if recorded.get(one) != told] == []
    report(f"{len(tally.acknowledged)} checks acknowledged around a full disk, 0 lost")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m,mode=0755", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root may mount a disk that is small enough to fill")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.fixture
async def served(tmp_path: Path, disk: Path) -> AsyncIterator[Served]:
    async with running(Served(tmp_path, data_dir=disk / "data", workers=2)) as served:
        yield served
