"""Digests the list again after the digest rules changed: in the background, from the sealed content, while everything
continues.

Each step is one transaction that also records its progress, so a kill loses nothing. Listings are processed by id. Then the
changes since the beginning are processed, because workers of the previous version write until the last of them has ended.
Nothing that finds a listing is removed: keys are added, and former content is recognised by its new digest too. Most listings
need nothing, because rules change a normal form, not a tag: they are only read.

After nothing was missing for `QUIET`, the installation moves to these rules: code with the earlier rules no longer starts,
and checks stop asking by both.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from uuid import UUID

import asyncpg
import orjson

from blacklist_service.clock import legal_date
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.queries import database_clock
from blacklist_service.listings.operations.applying import lock_head
from blacklist_service.listings.preparing import PreparedKey, Tools
from blacklist_service.listings.renewing import Renewed, renew
from blacklist_service.secrecy import Secrecy
from blacklist_service.subjects.digests import DIGEST_RULES, Digester

AT_ONCE = 500
QUIET = timedelta(hours=1)
NOWHERE = UUID(int=0)


@dataclass(slots=True)
class _Lack:
    """What a listing lacks under the current rules; `version` is the version that was read."""

    listing_id: UUID
    version: int
    aliases: set[tuple[bytes, bytes, int]] = field(default_factory=set)
    keys: list[PreparedKey] = field(default_factory=list)
    loose_key: bytes | None = None

    def __bool__(self) -> bool:
        return bool(self.aliases or self.keys or self.loose_key)


async def digest_some(connection: Connection, secrecy: Secrecy) -> bool:
    """Digest the next listings, in the caller's transaction; return whether there are more now."""
    if await connection.fetchval("SELECT digest_rules FROM installation") >= DIGEST_RULES:
        return False
    place = await _place(connection)
    sweeping = not place["is_swept"]
    if sweeping:
        next_ids = "SELECT id FROM listings WHERE id > $1 ORDER BY id LIMIT $2"
        ids = [row["id"] for row in await connection.fetch(next_ids, place["after_listing"], AT_ONCE)]
        reached = place["after_version"]
    else:
        changes = await connection.fetch(
            "SELECT listing_id, list_version FROM listing_versions WHERE list_version > $1 ORDER BY list_version LIMIT $2",
            place["after_version"],
            AT_ONCE,
        )
        ids = sorted({change["listing_id"] for change in changes})
        reached = changes[-1]["list_version"] if changes else place["after_version"]
    written = await _renew(connection, ids, secrecy)
    await connection.execute(
        """
        UPDATE digestings SET after_listing = $2, after_version = $3, is_swept = is_swept OR $4, changed = changed + $5,
               quiet_since = CASE WHEN $5 > 0 OR NOT is_swept THEN clock_timestamp() ELSE quiet_since END
        WHERE rules = $1
        """,
        *(DIGEST_RULES, ids[-1] if sweeping and ids else place["after_listing"], reached),
        *(sweeping and not ids, written),
    )
    return bool(ids) or sweeping


async def may_settle(connection: Connection) -> bool:
    """Whether the whole list follows these rules, and has for long enough that no older version still writes it."""
    return bool(
        await connection.fetchval(
            """
            SELECT EXISTS (
                SELECT FROM digestings d, installation i
                WHERE d.rules = $1 AND i.digest_rules < $1 AND d.is_swept AND d.quiet_since < clock_timestamp() - $2::interval
                  AND NOT EXISTS (SELECT FROM listing_versions v WHERE v.list_version > d.after_version))
            """,
            DIGEST_RULES,
            QUIET,
        )
    )


async def settle(connection: Connection) -> None:
    """Declare that the installation follows these rules from now on."""
    await connection.execute("UPDATE installation SET digest_rules = $1 WHERE digest_rules < $1", DIGEST_RULES)


async def _place(connection: Connection) -> asyncpg.Record:
    row = await connection.fetchrow("SELECT * FROM digestings WHERE rules = $1", DIGEST_RULES)
    if row is None:
        # From the current list version: what changes while the ids are processed is examined again.
        row = await connection.fetchrow(
            """
            INSERT INTO digestings (rules, after_listing, after_version, begun_at, quiet_since)
            SELECT $1, $2, version, clock_timestamp(), clock_timestamp() FROM heads WHERE name = 'list' RETURNING *
            """,
            DIGEST_RULES,
            NOWHERE,
        )
    assert row is not None  # noqa: S101 - it was just written
    return row


async def _renew(connection: Connection, ids: Sequence[UUID], secrecy: Secrecy) -> int:
    """Write what these listings lack; return how many lacked anything."""
    if not ids:
        return 0
    tools = Tools(Digester(secrecy.digest_key), secrecy.cipher("listing"))
    lacks = await _find_lacks(connection, ids, tools, today=legal_date(await database_clock(connection)))
    if not lacks:
        return 0
    # Under the list's lock nobody ends or corrects a listing; one that changed since it was read comes up again as a change.
    head = await lock_head(connection)
    current = await connection.fetch(
        "SELECT id FROM listings JOIN unnest($1::uuid[], $2::integer[]) AS read (id, version) USING (id, version)",
        [lack.listing_id for lack in lacks],
        [lack.version for lack in lacks],
    )
    unchanged = {row["id"] for row in current}
    await _write(connection, [lack for lack in lacks if lack.listing_id in unchanged], head.version)
    return len(lacks)


async def _write(connection: Connection, lacks: Sequence[_Lack], list_version: int) -> None:
    await connection.executemany(
        "INSERT INTO listing_aliases (natural_key, content_digest, listing_id, version) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT DO NOTHING",
        [
            (natural_key, digest, lack.listing_id, version)
            for lack in lacks
            for natural_key, digest, version in sorted(lack.aliases)
        ],
    )
    await connection.executemany(
        "INSERT INTO subject_keys (digest, listing_id, from_version, kind, relation, person) VALUES ($1, $2, $3, $4, $5, $6)",
        [
            (key.digest, lack.listing_id, list_version, key.kind, key.relation, key.person)
            for lack in lacks
            for key in lack.keys
        ],
    )
    await connection.executemany(
        "UPDATE listings SET loose_key = $2 WHERE id = $1",
        [(lack.listing_id, lack.loose_key) for lack in lacks if lack.loose_key],
    )


async def _find_lacks(connection: Connection, ids: Sequence[UUID], tools: Tools, *, today: date) -> list[_Lack]:
    listings = await connection.fetch(
        "SELECT id, version, loose_key, ended IS NULL AS is_found FROM listings WHERE id = ANY($1)", ids
    )
    versions = await connection.fetch(
        """
        SELECT listing_id, version, natural_key, content_digest, document, secret FROM listing_versions
        WHERE listing_id = ANY($1) AND document IS NOT NULL ORDER BY listing_id, version
        """,
        ids,
    )
    aliases = await connection.fetch(
        "SELECT listing_id, natural_key, content_digest FROM listing_aliases WHERE listing_id = ANY($1)", ids
    )
    live = await connection.fetch(
        "SELECT listing_id, digest, relation, person FROM subject_keys WHERE listing_id = ANY($1) AND until_version IS NULL",
        ids,
    )
    known = _by_listing(aliases)
    found_by, contents = _by_listing(live), _by_listing(versions)
    lacks = []
    for listing in listings:
        lack = _lack_of(
            listing,
            contents.get(listing["id"], []),
            known.get(listing["id"], []),
            found_by.get(listing["id"], []),
            tools,
            today,
        )
        if lack:
            lacks.append(lack)
    return lacks


def _lack_of(
    listing: asyncpg.Record,
    contents: Sequence[asyncpg.Record],
    aliases: Sequence[asyncpg.Record],
    live: Sequence[asyncpg.Record],
    tools: Tools,
    today: date,
) -> _Lack:
    lack = _Lack(listing["id"], listing["version"])
    known = {(one["natural_key"], one["content_digest"]) for one in (*contents, *aliases)}
    renewed: list[Renewed] = []
    for content in contents:
        numbers = orjson.loads(tools.cipher.open(content["secret"], content["content_digest"]))
        renewed = list(renew(content["document"], numbers, tools.digester, today=today))
        lack.aliases |= {
            (one.naming.natural_key, one.content_digest, content["version"])
            for one in renewed
            if (one.naming.natural_key, one.content_digest) not in known
        }
    if renewed and renewed[0].naming.loose_key != listing["loose_key"]:
        lack.loose_key = renewed[0].naming.loose_key
    if renewed and listing["is_found"]:
        held = {(one["digest"], one["relation"], one["person"]) for one in live}
        keys = dict.fromkeys((key.digest, key.relation, key.person, key.kind) for one in renewed for key in one.keys)
        lack.keys = [
            PreparedKey(digest, kind, relation, person)
            for digest, relation, person, kind in keys
            if (digest, relation, person) not in held
        ]
    return lack


def _by_listing(rows: Iterable[asyncpg.Record]) -> dict[UUID, list[asyncpg.Record]]:
    found: dict[UUID, list[asyncpg.Record]] = {}
    for row in rows:
        found.setdefault(row["listing_id"], []).append(row)
    return found
