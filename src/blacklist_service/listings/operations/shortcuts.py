"""The two simplest fates of a row, settled for a whole chunk in one statement each: new, and already known.

Nearly all rows of a file have one of them. The SQL repeats the first cases that `resolution` considers for a publication; a
test compares the two. Only a row that is alone in its case is settled here: it cannot affect any other.
"""

from dataclasses import dataclass
from uuid import UUID

from blacklist_service.database.connections import Connection
from blacklist_service.listings.operations.applying import LISTING_COLUMNS, By, ListHead
from blacklist_service.listings.operations.staging import NO_PERSON
from blacklist_service.listings.queries import KNOWN_CONTENTS

SETTLE_KNOWN = f"""
INSERT INTO import_fates (import_id, row, fate, warnings, listing_id)
SELECT r.import_id, r.row, 'unchanged', r.warnings, known.listing_id
FROM import_rows r
CROSS JOIN LATERAL (
    SELECT listing_id FROM {KNOWN_CONTENTS} AS v
    WHERE v.natural_key = r.natural_key AND v.content_digest = r.content_digest LIMIT 1
) AS known
WHERE r.import_id = $1 AND r.row BETWEEN $2 AND $3 AND r.is_alone AND r.action = 'publish'
  AND NOT EXISTS (SELECT FROM import_fates f WHERE f.import_id = r.import_id AND f.row = r.row)
"""

FRESH = """
WITH fresh AS MATERIALIZED (
    SELECT r.*, CASE WHEN r.in_force_from <= $4 THEN
                    $5 + count(*) FILTER (WHERE r.in_force_from <= $4) OVER (ORDER BY r.row) END AS list_version
    FROM import_rows r
    WHERE r.import_id = $1 AND r.row BETWEEN $2 AND $3 AND r.is_alone AND r.action = 'publish'
      AND NOT EXISTS (SELECT FROM listing_versions v WHERE v.natural_key = r.natural_key)
      AND NOT EXISTS (SELECT FROM listing_aliases a WHERE a.natural_key = r.natural_key)
      AND NOT EXISTS (SELECT FROM listings l WHERE l.court_code = r.court_code AND l.case_number = r.case_number
                      AND l.loose_key = r.loose_key)
      AND NOT EXISTS (SELECT FROM import_fates f WHERE f.import_id = r.import_id AND f.row = r.row)
)"""

COUNT_FRESH = (
    FRESH
    + """, settled AS (
    INSERT INTO import_fates (import_id, row, fate, warnings, listing_id)
    SELECT import_id, row, 'created', warnings, listing_id FROM fresh
)
SELECT count(list_version) AS changes, NULL AS pairs FROM fresh
"""
)

MAKE_FRESH = (
    FRESH
    + f""", made AS (
    INSERT INTO listings (id, version, list_version, is_published, court_code, record_id, {", ".join(LISTING_COLUMNS)})
    SELECT listing_id, 1, list_version, list_version IS NOT NULL, court_code, record_id, {", ".join(LISTING_COLUMNS)}
    FROM fresh
), versions AS (
    INSERT INTO listing_versions (listing_id, version, list_version, at, act, member, key_id, operator, decided_on,
        import_id, natural_key, content_digest, document, secret)
    SELECT listing_id, 1, list_version, $6, CASE WHEN list_version IS NULL THEN 'decided' ELSE 'published' END,
        $7, $8, $9, decided_on, import_id, natural_key, content_digest, document, secret
    FROM fresh
), keys AS (
    INSERT INTO subject_keys (digest, listing_id, from_version, kind, relation, person)
    SELECT k.digest, listing_id, coalesce(list_version, $5), k.kind, k.relation, nullif(k.person, $10)
    FROM fresh CROSS JOIN LATERAL unnest(key_digests, key_kinds, key_relations, key_people)
        AS k (digest, kind, relation, person)
), settled AS (
    INSERT INTO import_fates (import_id, row, fate, warnings, listing_id)
    SELECT import_id, row, 'created', warnings, listing_id FROM fresh
)
SELECT count(list_version) AS changes,
       string_agg(list_version || ' ' || listing_id || E'\\n', '' ORDER BY list_version)
           FILTER (WHERE list_version IS NOT NULL) AS pairs
FROM fresh
"""
)


@dataclass(frozen=True, slots=True)
class FreshListings:
    """`pairs` are the (version, listing) lines of the new listings, in order, for the chunk's digest."""

    changes: int
    pairs: str


async def settle_known(connection: Connection, import_id: UUID, *, first: int, last: int) -> None:
    """Rows whose exact content the list has, or ever had, under their key: unchanged."""
    await connection.execute(SETTLE_KNOWN, import_id, first, last)


async def make_fresh(
    connection: Connection, import_id: UUID, *, first: int, last: int, head: ListHead, by: By, is_dry_run: bool
) -> FreshListings:
    """Rows whose key, and name in their case, the list never had: new listings. The head's version moves on; the caller
    updates its row.
    """
    span = (import_id, first, last, head.today, head.version)
    if is_dry_run:
        row = await connection.fetchrow(COUNT_FRESH, *span)
    else:
        actor = by.actor
        row = await connection.fetchrow(
            MAKE_FRESH, *span, head.at, actor.member, actor.key_id, actor.operator, NO_PERSON
        )
    assert row is not None  # noqa: S101 - an aggregate has a row
    head.version += row["changes"]
    return FreshListings(row["changes"], row["pairs"] or "")
