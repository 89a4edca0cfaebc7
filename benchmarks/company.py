"""What batches and files take while another agency asks single checks, and without them.

A real `serve` with two web processes. First the single checks alone, then each kind of work alone, then both.

    python benchmarks/company.py
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import synthetic
import uvloop
from stand import Stand

import attacks

LEAST_SECONDS = 10.0
FILE_MEGABYTES = 100
Work = Callable[[], Awaitable[None]]


class Works:
    """The work of one agency and one court."""

    def __init__(self, port: int, keys: dict[str, str], file: Path) -> None:
        self._url = f"http://127.0.0.1:{port}"
        self._keys = keys
        self._file = file

    async def ask_batch(self, subjects: int) -> None:
        async with self._client("agency") as client:
            answer = await client.post("/v1/checks/batch", content=json.dumps(_batch(subjects)), headers=JSON)
            assert {one["status"] for one in answer.json()["results"]} == {200}, answer.text[:200]

    async def send_file(self) -> None:
        async with self._client("court") as client:
            with self._file.open("rb") as content:
                sent = await client.post("/v1/imports", files={"file": content})
            assert sent.status_code == 202, sent.text
            await client.post(f"/v1/imports/{sent.json()['import_id']}/cancellation", json={})

    def _client(self, key: str) -> httpx.AsyncClient:
        bearer = {"Authorization": f"Bearer {self._keys[key]}"}
        return httpx.AsyncClient(base_url=self._url, headers=bearer, timeout=120, verify=False)


JSON = {"Content-Type": "application/json"}


def _batch(subjects: int) -> dict[str, object]:
    people = iter(range(1000 * subjects))
    return {"checks": [_check([next(people) for _ in range(subjects)]) for _ in range(1000)]}


def _check(people: list[int]) -> dict[str, object]:
    subjects = [
        {
            "role": "applicant",
            "kind": "person",
            "name": synthetic.name_of(n),
            "identifier": {"type": "resident_id", "number": synthetic.resident_id(n)},
        }
        for n in people
    ]
    return {"matter": "civil_service_recruitment", "reference": "GD-2026-1", "subjects": subjects}


async def measure(port: int, key: str, file: Path, keys: dict[str, str]) -> None:
    works = Works(port, keys, file)
    kinds: dict[str, Work] = {
        "batch of 1,000 x 1": lambda: works.ask_batch(1),
        "batch of 1,000 x 10": lambda: works.ask_batch(10),
        f"file of {FILE_MEGABYTES} MB": works.send_file,
    }
    print("single checks alone", await _checks(port, key, LEAST_SECONDS), flush=True)
    for name, work in kinds.items():
        await work()
        print(name, "alone", await _seconds(work, 0.0), flush=True)
        checks = asyncio.ensure_future(_checks(port, key, 2 * LEAST_SECONDS))
        await asyncio.sleep(2)
        print(name, "beside", await _seconds(work, LEAST_SECONDS), await checks, flush=True)


async def _seconds(work: Work, least: float) -> list[float]:
    """How long each took, one after the other, until they took so many seconds together."""
    taken: list[float] = []
    while not taken or sum(taken) < least:
        began = time.perf_counter()
        await work()
        taken.append(round(time.perf_counter() - began, 2))
    return taken


async def _checks(port: int, key: str, seconds: float) -> dict[str, object]:
    asked = json.dumps([port, key, seconds])
    checker = await asyncio.create_subprocess_exec(
        *(sys.executable, attacks.__file__, "--check", asked), stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await checker.communicate()
    found: dict[str, object] = json.loads(printed)
    return found


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    with tempfile.TemporaryDirectory(prefix="blacklist-company-") as name:
        folder = Path(name)
        file = folder / "list.csv"
        file.write_bytes(b"x,y\n" * (FILE_MEGABYTES * 250_000))
        stand = Stand(folder, 0, workers=2)
        stand.start()
        try:
            keys = attacks.make_keys(stand)
            os.sync()
            uvloop.run(measure(stand.port, keys["other agency"], file, keys))
        finally:
            stand.stop()


if __name__ == "__main__":
    main()
