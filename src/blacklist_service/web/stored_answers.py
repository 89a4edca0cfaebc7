"""All statements on `idempotency_keys`: the answers stored for retries, one by one, and those of a batch of checks."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import asyncpg

from blacklist_service.database.connections import Connection

TABLE = "idempotency_keys"
KEPT_FOR = "24 hours"

Place = tuple[str, str]
"""Where an answer is stored: a member, and one of its keys."""

# Of a batch. For the members and keys in $3 and $4: what is stored, with the bytes of a check's id, and whether it is over.
HELD = f"""
    SELECT jsonb_agg(jsonb_build_array(kept.member, kept.key, encode(kept.request_digest, 'hex'),
                                       encode(kept.answer, 'hex'),
                                       kept.at <= (SELECT at FROM instant) - interval '{KEPT_FOR}'))
    FROM unnest($3::text::text[], $4::text::text[]) AS sent (member, key)
    JOIN {TABLE} AS kept USING (member, key)
"""
KINDS = (("member", "text"), ("key", "text"), ("request_digest", "bytea"), ("answer", "bytea"), ("status", "smallint"))
FREE = f"""
    DELETE FROM {TABLE} AS kept USING unnest($1::text[], $2::text[]) AS sent (member, key)
    WHERE kept.member = sent.member AND kept.key = sent.key AND kept.at <= $3::timestamptz - interval '{KEPT_FOR}'
"""


class StoredAnswer(NamedTuple):
    """What is stored under a key: the digest of the request, and the stored form of its answer."""

    request_digest: bytes
    answer: bytes
    is_over: bool


def read_held(rows: Iterable[Sequence[Any]] | None) -> dict[Place, StoredAnswer]:
    """Read the rows of `HELD`."""
    return {
        (member, key): StoredAnswer(bytes.fromhex(digest), bytes.fromhex(answer), is_over)
        for member, key, digest, answer, is_over in rows or ()
    }


async def find_stored(connection: Connection, place: Place) -> asyncpg.Record | None:
    """The digest of the request, the status and the answer that are stored at a place and have not expired."""
    return await connection.fetchrow(
        f"""
        SELECT request_digest, status, answer FROM {TABLE}
        WHERE member = $1 AND key = $2 AND at > clock_timestamp() - interval '{KEPT_FOR}'
        """,
        *place,
    )


async def store(connection: Connection, place: Place, request_digest: bytes, status: int, answer: bytes) -> None:
    """Store an answer, in place of one that has expired."""
    await connection.execute(
        f"""
        INSERT INTO {TABLE} (member, key, request_digest, status, answer, at)
        VALUES ($1, $2, $3, $4, $5, clock_timestamp())
        ON CONFLICT (member, key) DO UPDATE
        SET request_digest = excluded.request_digest, status = excluded.status, answer = excluded.answer,
            at = excluded.at
        """,
        *(*place, request_digest, status, answer),
    )


async def forget_expired(connection: Connection, limit: int) -> int:
    """Delete answers an hour after they expired, at most `limit`; return how many."""
    status = await connection.execute(
        f"""
        DELETE FROM {TABLE} WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM {TABLE} WHERE at < clock_timestamp() - interval '{KEPT_FOR}' - interval '1 hour' LIMIT $1))
        """,
        limit,
    )
    return int(status.rpartition(" ")[2])
