"""Inserts a list of millions directly: the tables that a check reads (listings and their keys), with the service's own
digests.

An import would take minutes for each million and write versions and documents that no check reads. Here the two tables are
filled by a few statements, with their indexes rebuilt afterwards, so that ten million take a few minutes.
"""

import asyncio
import struct
import time
from collections.abc import Iterator

import asyncpg
import synthetic
from stand import Stand

from blacklist_service.subjects.digests import Digester
from blacklist_service.subjects.identifiers import IdentifierType, SubjectKind, read_identifier
from blacklist_service.subjects.keys import KeyKind, Subject, listed_keys

CHUNK = 50_000

# A listing's id contains its number; names are drawn as `synthetic.name_of` draws them.
LISTINGS = f"""
INSERT INTO listings (id, version, list_version, natural_key, loose_key, court_code, court_name, case_number,
    party_sequence, kind, debtor_name, identifier_masked, circumstances, decided_on, decision_number, published_on,
    in_force_from, expires_on, is_published, performance)
SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 1, n + 1,
    decode(md5('natural' || n), 'hex'), decode(md5('loose' || n), 'hex'), '云0111', '{synthetic.COURT}',
    '(2025)云0111执' || n + 1 || '号', 1, 'person',
    substr('{synthetic.SURNAMES}', (mixed % {len(synthetic.SURNAMES)})::int + 1, 1)
    || substr('{synthetic.GIVEN}', (mixed / 64 % {len(synthetic.GIVEN)})::int + 1, 1)
    || substr('{synthetic.GIVEN}', (mixed / 4096 % {len(synthetic.GIVEN)})::int + 1, 1),
    '5301**********' || lpad((n % 10000)::text, 4, '0'), '{{C4,C5}}', current_date - 33,
    '(2025)云0111执' || n + 1 || '号之一', current_date - 30, current_date - 30, current_date + 700, true, 'none'
FROM (SELECT n, n * 2654435761 % 4294967296 AS mixed FROM generate_series(0::bigint, $1 - 1) AS n) AS numbers
"""


async def seed(stand: Stand) -> float:
    """Fill the running stand's list; return the seconds it took."""
    started = time.perf_counter()
    owner = await asyncpg.connect(stand.dsn)
    await owner.execute("SET maintenance_work_mem = '1GB'; SET synchronous_commit = off; SET max_parallel_workers = 0")
    indexes = await owner.fetch(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ('listings', 'subject_keys')"
        " AND indexname NOT LIKE '%_pkey'"
    )
    for index in indexes:
        await owner.execute(f"DROP INDEX {index['indexname']}")
    await owner.execute(LISTINGS, stand.listings, timeout=3600)
    digester = Digester(stand.secrecy.digest_key)
    await owner.copy_to_table(
        "subject_keys",
        source=_binary(stand.listings, digester),
        columns=["digest", "listing_id", "from_version", "kind", "relation"],
        format="binary",
        timeout=3600,
    )
    for index in indexes:
        await owner.execute(index["indexdef"], timeout=3600)
    await owner.execute("UPDATE heads SET version = $1 WHERE name = 'list'", stand.listings)
    await owner.execute("VACUUM (ANALYZE) listings", timeout=3600)
    await owner.execute("VACUUM (ANALYZE) subject_keys", timeout=3600)
    await owner.execute("CHECKPOINT", timeout=600)
    await owner.close()
    return time.perf_counter() - started


async def _chunks(listings: int, digester: Digester):
    for first in range(0, listings, CHUNK):
        yield b"".join(_rows(first, min(first + CHUNK, listings), digester))
        await asyncio.sleep(0)


async def _binary(listings: int, digester: Digester):
    """PostgreSQL's binary COPY: a signature, tuples, a trailer."""
    yield b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0)
    async for chunk in _chunks(listings, digester):
        yield chunk
    yield struct.pack("!h", -1)


_NAME_DIGESTS: dict[str, bytes] = {}


def _rows(first: int, end: int, digester: Digester) -> Iterator[bytes]:
    kinds = [struct.pack("!ihih", 2, kind, 2, 0) for kind in (KeyKind.IDENTIFIER, KeyKind.NAME)]
    digest_head, id_head, version_head = struct.pack("!hi", 5, 16), struct.pack("!i", 16), struct.pack("!i", 8)
    for n in range(first, end):
        name, number = synthetic.name_of(n), synthetic.resident_id(n)
        rest = id_head + _listing_id(n) + version_head + struct.pack("!q", n + 1)
        yield digest_head + digester.of("resident", number) + rest + kinds[0]
        by_name = _NAME_DIGESTS.get(name)
        if by_name is None:
            by_name = _NAME_DIGESTS[name] = digester.of("name", SubjectKind.PERSON, name)
        yield digest_head + by_name + rest + kinds[1]


def _listing_id(n: int) -> bytes:
    return bytes.fromhex("00000000000070008000") + n.to_bytes(6)


def require_own_digests(digester: Digester) -> None:
    """Verify that the shortcuts above compute the service's own digests."""
    number = synthetic.resident_id(1)
    identifier = read_identifier(SubjectKind.PERSON, IdentifierType.RESIDENT_ID, number, today=synthetic.date.today())
    keys = listed_keys(Subject(SubjectKind.PERSON, synthetic.name_of(1), identifier), digester)
    assert {key.digest for key in keys} == {
        digester.of("resident", number),
        digester.of("name", SubjectKind.PERSON, synthetic.name_of(1)),
    }
