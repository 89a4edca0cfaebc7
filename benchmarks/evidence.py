"""Export, verification and search over a sealed ledger of a given size: `python benchmarks/evidence.py --entries 1000000`.

Its own embedded PostgreSQL, real fsync, entries written by `record` and sealed by the sequencer. Figures as JSON.
"""

import argparse
import asyncio
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from blacklist_service.access.principals import Actor
from blacklist_service.audit.exports import make_bundle, wait_for_proof
from blacklist_service.audit.formats import ExportFormat
from blacklist_service.audit.queries import list_entries
from blacklist_service.audit.schemas import EntryFilters
from blacklist_service.audit.wanted import WantedExport
from blacklist_service.cli.environment import bring_up
from blacklist_service.database.connections import connect
from blacklist_service.database.embedded.server import EmbeddedPostgres
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry, EntrySubject
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.sequencer import LOG_LOCK, SETTINGS, Sequencer
from blacklist_service.ledger.signing import SealingPlace
from blacklist_service.secrecy import Secrecy
from blacklist_service.web.paging import LARGEST_ID

SECRECY = Secrecy(bytes(range(32)))
CHUNK = 2000
PERSONS = 300_000
MATTERS = [f"matter_{n}" for n in range(20)]


def entry(n: int, chance: random.Random) -> Entry:
    person = chance.randrange(PERSONS)
    decision = chance.choices(["clear", "flag", "block"], [96, 3, 1])[0]
    return Entry(
        Action.CHECK,
        Actor(f"UNIT-{n % 36:02}", f"key{n % 36:02}", f"operator-{n % 720}", f"{n:032x}", "10.1.2.3"),
        matter=MATTERS[n % 20],
        reference=f"GD-{n}",
        decision=decision,
        listing_ids=(uuid4(),) if decision != "clear" else (),
        list_version=n // 1000,
        measures_version=1,
        notices_version=0,
        subjects=(EntrySubject(person.to_bytes(16), "张*", "5301**********0015", "applicant", {"name": "张三"}),),
        request=b"x" * 200,
        answer=b"y" * 400,
    )


async def fill(dsn: str, entries: int) -> float:
    connection = await connect(dsn)
    chance, started = random.Random(1), time.perf_counter()
    begun = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    step = (datetime.now(UTC) - begun) / (entries / CHUNK + 1)
    for first in range(0, entries, CHUNK):
        at = begun + step * (first // CHUNK)
        async with connection.transaction():
            batch = [entry(n, chance) for n in range(first, min(entries, first + CHUNK))]
            await record(connection, batch, at=at + timedelta(microseconds=first), secrecy=SECRECY)
    await connection.close()
    return time.perf_counter() - started


async def seal(dsn: str, place: SealingPlace) -> None:
    connection = await connect(dsn, **SETTINGS)
    await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOG_LOCK)
    sequencer = await Sequencer.take_up(connection, place)
    while await sequencer.seal():
        pass
    await connection.close()


async def export(dsn: str, place: SealingPlace, out: Path, form: str) -> dict[str, float]:
    connection = await connect(dsn, enable_hashjoin="off", enable_mergejoin="off", enable_seqscan="off")

    async def prove(entry_id):
        await seal(dsn, place)
        return await wait_for_proof(connection, entry_id, within=timedelta(seconds=30))

    started = time.perf_counter()
    made = await make_bundle(
        connection,
        WantedExport(EntryFilters(), ExportFormat(form)),
        out,
        export_id=uuid4(),
        actor=Actor(operator="bench"),
        secrecy=SECRECY,
        prove=prove,
    )
    await connection.close()
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "rows": made.rows,
        "seconds": round(time.perf_counter() - started, 1),
        "rss_mb": round(rss),
        "megabytes": round(made.bytes / 1e6),
    }


async def search(dsn: str, entries: int, times: int = 200) -> dict[str, dict[str, float]]:
    connection = await connect(dsn)
    now, chance = datetime.now(UTC) + timedelta(days=1), random.Random(2)
    asked = {
        "newest": lambda: (EntryFilters(), None),
        "subject": lambda: (EntryFilters(), [chance.randrange(PERSONS).to_bytes(16)]),
        "subject and unit": lambda: (EntryFilters(agency="UNIT-07"), [chance.randrange(PERSONS).to_bytes(16)]),
        "reference": lambda: (EntryFilters(reference=f"GD-{chance.randrange(entries)}"), None),
        "operator": lambda: (EntryFilters(operator=f"operator-{chance.randrange(720)}"), None),
        "unknown operator": lambda: (EntryFilters(operator="nobody"), None),
        "unit's blocks": lambda: (EntryFilters(agency=f"UNIT-{chance.randrange(36):02}", decision="block"), None),
        "refusals": lambda: (EntryFilters(action=Action.REFUSED), None),
        "matter of a unit, none": lambda: (EntryFilters(agency="UNIT-01", matter="matter_2"), None),
    }
    found = {}
    for name, make in asked.items():
        taken = []
        for _ in range(times):
            filters, digests = make()
            started = time.perf_counter()
            await list_entries(connection, filters, before=(now, LARGEST_ID), limit=100, digests=digests)
            taken.append((time.perf_counter() - started) * 1000)
            if sum(taken) > 20_000:
                break
        taken.sort()
        found[name] = {
            "p50_ms": round(statistics.median(taken), 1),
            "p95_ms": round(taken[int(len(taken) * 0.95) - 1] if len(taken) > 1 else taken[0], 1),
        }
    await connection.close()
    return found


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--skip-export", action="store_true")
    parser.add_argument("--child", nargs=4)
    given = parser.parse_args()
    if given.child:
        dsn, folder, out, form = given.child
        place = SealingPlace(anchor=Path(folder) / "checkpoint", key_file=Path(folder) / "signing.key")
        print(json.dumps(await export(dsn, place, Path(out), form)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        place = SealingPlace(anchor=folder / "checkpoint", key_file=folder / "signing.key")
        server = EmbeddedPostgres(folder / "data")
        server.start()
        try:
            await bring_up(server.dsn, SECRECY, place)
            figures: dict[str, object] = {
                "entries": given.entries,
                "fill_seconds": round(await fill(server.dsn, given.entries)),
            }
            started = time.perf_counter()
            await seal(server.dsn, place)
            figures["seal_seconds"] = round(time.perf_counter() - started)
            owner = await connect(server.dsn, role=None, statement_timeout="0")
            await owner.execute("ANALYZE")
            await owner.close()
            figures["search"] = await search(server.dsn, given.entries)
            print(json.dumps(figures, ensure_ascii=False), flush=True)
            for form in [] if given.skip_export else ["jsonl", "csv", "parquet"]:
                out = folder / f"bundle-{form}.zip"
                command = [sys.executable, __file__, "--child", server.dsn, name, str(out), form]
                run = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
                made = json.loads(run.stdout)
                started = time.perf_counter()
                verify = [sys.executable, "-m", "blacklist_service", "audit", "verify", str(out)]
                run = await asyncio.to_thread(subprocess.run, verify, capture_output=True, text=True, check=True)
                made["verify_seconds"] = round(time.perf_counter() - started, 1)
                figures[form] = made
                print(json.dumps({form: made}), flush=True)
        finally:
            server.stop()
    print(json.dumps(figures, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    asyncio.run(main())
