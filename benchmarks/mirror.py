"""A client's mirror of a long list, and what the statements cost the service: `python benchmarks/mirror.py`.

A real `serve`; the list is inserted directly, with documents as an import writes them. Figures as JSON: seconds to load the
copy, its bytes, milliseconds for a look-up (half of them of a listed person), seconds to verify it at opening, memory.
"""

import argparse
import asyncio
import json
import resource
import statistics
import tempfile
import time
from pathlib import Path

import asyncpg
import seeding
import synthetic
from stand import Stand

from blacklist_client import Blacklist, person
from blacklist_client.mirror import Mirror
from blacklist_service.database.connections import connect
from blacklist_service.listings.operations.jobs import LOADING_SETTINGS
from blacklist_service.listings.stating import Stating

ASKED = 2000
VERSIONS = """
INSERT INTO listing_versions (listing_id, version, list_version, at, act, member, decided_on, natural_key, content_digest,
    document, secret)
SELECT id, 1, list_version, now(), 'published', 'GD-COURT', decided_on, natural_key, natural_key, jsonb_build_object(
    'case_number', case_number, 'court', jsonb_build_object('code', court_code), 'party_sequence', 1,
    'debtor', jsonb_build_object('kind', kind, 'name', debtor_name, 'sex', 'male', 'people', '[]'::jsonb,
        'identifier', jsonb_build_object('type', 'resident_id', 'number_masked', identifier_masked)),
    'circumstances', circumstances, 'decision', jsonb_build_object('document_number', decision_number,
        'decided_on', decided_on), 'published_on', published_on, 'expires_on', expires_on, 'filed_on', decided_on,
    'basis', jsonb_build_object('document_number', '(2024)云0111民初1号', 'issuer', court_name),
    'obligation', '被告于本判决生效之日起十日内偿还原告借款本金及利息。', 'performance', 'none'), '\\x00'
FROM listings
"""


async def seed(stand: Stand) -> None:
    """As `seeding.seed`, with the versions that the feed shows and without the keys that checks use."""
    owner = await asyncpg.connect(stand.dsn)
    await owner.execute("SET synchronous_commit = off")
    indexes = await owner.fetch(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ('listings', 'listing_versions')"
        " AND indexname NOT LIKE '%_pkey'"
    )
    for index in indexes:
        await owner.execute(f"DROP INDEX {index['indexname']}")
    await owner.execute(seeding.LISTINGS, stand.listings, timeout=3600)
    await owner.execute(VERSIONS, timeout=3600)
    for index in indexes:
        await owner.execute(index["indexdef"], timeout=3600)
    await owner.execute("UPDATE heads SET version = $1 WHERE name = 'list'", stand.listings)
    await owner.execute("VACUUM (ANALYZE) listings", timeout=3600)
    await owner.execute("VACUUM (ANALYZE) listing_versions", timeout=3600)
    await owner.close()


async def stating_costs(stand: Stand) -> dict[str, float]:
    """Seconds of a first statement, of a later one without changes, and of one after 1 and 5,000 changes."""
    connection = await connect(stand.dsn, application_name="benchmark", **LOADING_SETTINGS)
    stating = Stating(connection)
    found = {}
    for name, moved in (("first", None), ("unmoved", 0), ("moved_by_1", 1), ("moved_by_5000", 5000)):
        if moved is not None:
            stating._version = stand.listings - moved  # noqa: SLF001 - as if so many had changed since
        began = time.perf_counter()
        await stating.say()
        found[name] = round(time.perf_counter() - began, 3)
    await connection.close()
    return found


def lookup_ms(mirror: Mirror, listings: int) -> dict[str, float]:
    taken = []
    for number in range(ASKED):
        of = number * 7919 % listings if number % 2 else listings + number
        asked = person(synthetic.name_of(of), resident_id=synthetic.resident_id(of))
        began = time.perf_counter()
        [advice] = mirror.advise([asked])
        taken.append((time.perf_counter() - began) * 1000)
        assert advice.seen != "unknown"
    taken.sort()
    found = {"p50": statistics.median(taken), "p99": taken[ASKED * 99 // 100], "max": taken[-1]}
    return {name: round(ms, 3) for name, ms in found.items()}


def mirror_costs(stand: Stand, folder: Path) -> dict[str, object]:
    service = Blacklist(f"http://127.0.0.1:{stand.port}", stand.key)
    vkey = service.shown_vkey()
    mirror = Mirror(folder / "list.mirror", vkey=vkey, service=service)
    began = time.perf_counter()
    mirror.refresh()
    laid_in = time.perf_counter() - began
    began = time.perf_counter()
    mirror.refresh()
    first_refresh = time.perf_counter() - began
    began = time.perf_counter()
    mirror.refresh()
    refresh = time.perf_counter() - began
    began = time.perf_counter()
    mirror.require_good()
    proved = time.perf_counter() - began
    mirror.advise([person("张三")])
    costs = {
        "laid_in_seconds": round(laid_in, 1),
        "opened_and_refreshed_seconds": round(first_refresh, 2),
        "refresh_seconds": round(refresh, 3),
        "proved_at_opening_seconds": round(proved, 2),
        "megabytes": round((folder / "list.mirror").stat().st_size / 1e6, 1),
        "lookup_ms": lookup_ms(mirror, stand.listings),
        "most_memory_megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    mirror.close()
    service.close()
    return costs


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--listings", type=int, default=700_000)
    parser.add_argument("--folder", type=Path, help="keep the service's data there, for another run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = options.folder or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        stand = Stand(folder, options.listings)
        is_new = not stand.data_dir.exists()
        stand.start()
        try:
            if is_new:
                stand.make_key()
                (folder / "key").write_text(stand.key)
                asyncio.run(seed(stand))
            stand.key = (folder / "key").read_text()
            found: dict[str, object] = {
                "listings": stand.listings,
                "stating_seconds": asyncio.run(stating_costs(stand)),
            }
            found |= mirror_costs(stand, Path(name))
            print(json.dumps(found, indent=2))
        finally:
            stand.stop()


if __name__ == "__main__":
    main()
