"""What a follower receives: each change in order, with the listing as it is now, including complete numbers.

As it is now, not as it was then: a listing that has ended is reported only as ended. Only `is_listed` is as of then, because
the set that a statement digests is that of its version.
"""

from typing import Any

import asyncpg
import orjson

from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Act
from blacklist_service.listings.fragments import CONTENT_OF_VERSION
from blacklist_service.listings.problems import FollowerUnknown
from blacklist_service.listings.reading import ENDINGS
from blacklist_service.secrecy import Cipher

OFF_THE_LIST = frozenset({*ENDINGS, Act.SUSPENDED})
NOTES = "notes"
"""A court's own columns in its file are for that court only."""


async def get_public_key(connection: Connection, member: str) -> bytes:
    """Raise `FollowerUnknown` for a member that was never registered as a follower."""
    key: bytes | None = await connection.fetchval("SELECT public_key FROM followers WHERE member = $1", member)
    if key is None:
        raise FollowerUnknown
    return key


async def list_followed(connection: Connection, *, after: int, limit: int) -> list[asyncpg.Record]:
    """Every change once, in commit order."""
    return await connection.fetch(
        f"""
        SELECT f.list_version, f.act, l.id AS listing_id, l.court_name, l.published_on, l.ended, l.ended_on, l.suspended_on,
               l.dispute_state, l.contested_on, content.document, content.secret, content.content_digest
        FROM listing_versions f JOIN listings l ON l.id = f.listing_id
        JOIN listing_versions v ON v.listing_id = l.id AND v.version = l.version
        CROSS JOIN LATERAL ({CONTENT_OF_VERSION}) AS content
        WHERE f.list_version > $1 ORDER BY f.list_version LIMIT $2
        """,
        after,
        limit,
    )


def item_of(row: asyncpg.Record, cipher: Cipher) -> dict[str, Any]:
    """One change as it is sealed: only JSON types."""
    is_there = row["ended"] is None and row["suspended_on"] is None
    return {
        "list_version": row["list_version"],
        "listing_id": str(row["listing_id"]),
        "is_listed": row["act"] not in OFF_THE_LIST,
        "ended": row["ended"],
        "ended_on": row["ended_on"] and row["ended_on"].isoformat(),
        "suspended_on": row["suspended_on"] and row["suspended_on"].isoformat(),
        "listing": _content(row, cipher) if is_there else None,
    }


def _content(row: asyncpg.Record, cipher: Cipher) -> dict[str, Any]:
    numbers = orjson.loads(cipher.open(row["secret"], row["content_digest"]))
    return {
        "court_name": row["court_name"],
        "published_on": row["published_on"].isoformat(),
        "dispute_state": row["dispute_state"],
        "contested_on": row["contested_on"] and row["contested_on"].isoformat(),
        "document": row["document"],
        "numbers": {name: value for name, value in numbers.items() if name != NOTES},
    }
