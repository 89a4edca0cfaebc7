"""`GET /v1/supervision/scorecard` over a ledger of many checks: `python benchmarks/scorecard.py --entries 10000000`.

Rows of the ledger alone, made in the database: neither leaves nor subjects count for a scorecard. Figures as JSON.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from blacklist_service.cli.environment import bring_up
from blacklist_service.database.connections import connect
from blacklist_service.database.embedded.server import EmbeddedPostgres
from blacklist_service.secrecy import Secrecy
from blacklist_service.settings import Settings
from blacklist_service.supervision.tasks import count_days
from blacklist_service.telemetry import configure_logging
from tests.support import serving

SECRECY = Secrecy(bytes(range(32)))
STEP = 500_000
FILL = """
INSERT INTO ledger_entries (at, id, action, agency, key_id, matter, reference, decision, listing_ids, list_version,
    measures_version, notices_version, leaf)
SELECT $1::timestamptz + ($2::interval / $5::bigint) * n, gen_random_uuid(), 'check', 'UNIT-' || n % 36, 'key',
    'matter_' || n % 20, 'GD-' || n,
    CASE WHEN n % 100 = 0 THEN 'block' WHEN n % 33 = 0 THEN 'flag' ELSE 'clear' END, '{}', 1, 1, 0, '\\x7b7d'
FROM generate_series($3::bigint, $4::bigint - 1) AS n
"""


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--entries", type=int, default=1_000_000)
    entries = parser.parse_args().entries
    configure_logging("warning")
    with tempfile.TemporaryDirectory() as name:
        server = EmbeddedPostgres(Path(name) / "data")
        server.start()
        try:
            await bring_up(server.dsn, SECRECY)
            owner = await connect(server.dsn, role=None, statement_timeout="0")
            span = datetime.now(UTC) - (datetime.now(UTC).replace(day=1) - timedelta(days=1)).replace(day=1)
            begun = datetime.now(UTC) - span
            for first in range(0, entries, STEP):
                await owner.execute(FILL, begun, span, first, min(entries, first + STEP), entries)
            await owner.execute("ANALYZE")
            figures: dict[str, object] = {"entries": entries}
            async with serving(Settings(data_dir=Path(name)), server.dsn, SECRECY) as service:
                for n in range(36):
                    await owner.execute(
                        "INSERT INTO members (code, name, kind, added_at) VALUES ($1, $1, 'agency', now())", f"UNIT-{n}"
                    )
                last_month = begun.date().isoformat(), (begun.date() + timedelta(days=27)).isoformat()
                today = datetime.now(UTC).date().isoformat()

                async def ask(first: str, last: str, times: int) -> dict[str, float]:
                    taken = []
                    for _ in range(times):
                        started = time.perf_counter()
                        answer = await service.get(
                            "/v1/supervision/scorecard", key="auditor", **{"from": first, "to": last}
                        )
                        assert answer.status_code == 200, answer.text
                        taken.append((time.perf_counter() - started) * 1000)
                    checks = sum(unit["checks"] for unit in answer.json()["agencies"])
                    return {"p50_ms": round(statistics.median(taken)), "max_ms": round(max(taken)), "checks": checks}

                started, rounds = time.perf_counter(), 0
                worker = await connect(server.dsn, statement_timeout="0")
                is_more = True
                while is_more:
                    async with worker.transaction():
                        is_more = await count_days(worker, SECRECY)
                    rounds += 1
                await worker.close()
                figures["counting"] = {"days": rounds, "seconds": round(time.perf_counter() - started, 1)}
                figures["a past month"] = await ask(*last_month, 20)
                figures["until today"] = await ask(last_month[0], today, 10)
            await owner.close()
        finally:
            server.stop()
    print(json.dumps(figures))


if __name__ == "__main__":
    asyncio.run(main())
