"""The complete numbers of listings and rows that could be copies of one another. They are sealed, so they are only opened if
several have one name in one case.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from blacklist_service.database.connections import Connection
from blacklist_service.listings.held import Held, Row
from blacklist_service.secrecy import Cipher
from blacklist_service.subjects.identifiers import Identifier, IdentifierQuality, IdentifierType


async def know_numbers(
    connection: Connection, held: Sequence[Held], rows: Sequence[Row], *, import_id: UUID | None, cipher: Cipher
) -> None:
    """Fill in the identifiers of those that share a name in a case, but not all keys; `import_id` is the import with the
    staged rows.
    """
    shared = _shared_names(held, rows)
    if not shared:
        return
    listings = [one for one in held if one.loose_key in shared]
    asked = [row for row in rows if row.loose_key in shared and row.content_digest is not None]
    of_listing = await _numbers_of_listings(connection, [one.listing_id for one in listings], cipher)
    of_row = await _numbers_of_rows(connection, import_id, [row.number for row in asked], cipher) if import_id else {}
    for one in listings:
        one.naming = replace(one.naming, identifier=of_listing.get(one.listing_id))
    for row in asked:
        row.naming = replace(row.naming, identifier=of_row.get(row.number, row.naming.identifier))


def _shared_names(held: Sequence[Held], rows: Sequence[Row]) -> set[bytes]:
    """Loose keys with more than one natural key."""
    keys: dict[bytes, set[bytes]] = {}
    for one in held:
        keys.setdefault(one.loose_key, set()).update(one.keys)
    for row in rows:
        if row.content_digest is not None:
            keys.setdefault(row.loose_key, set()).add(row.natural_key)
    return {name for name, several in keys.items() if len(several) > 1}


async def _numbers_of_listings(
    connection: Connection, listing_ids: Collection[UUID], cipher: Cipher
) -> dict[UUID, Identifier | None]:
    found = await connection.fetch(
        """
        SELECT DISTINCT ON (listing_id) listing_id AS place, document, secret, content_digest FROM listing_versions
        WHERE listing_id = ANY($1::uuid[]) AND document IS NOT NULL ORDER BY listing_id, version DESC
        """,
        list(listing_ids),
    )
    return _opened(found, cipher)


async def _numbers_of_rows(
    connection: Connection, import_id: UUID, numbers: Collection[int], cipher: Cipher
) -> dict[int, Identifier | None]:
    found = await connection.fetch(
        """
        SELECT row AS place, document, secret, content_digest FROM import_rows
        WHERE import_id = $1 AND row = ANY($2::integer[])
        """,
        import_id,
        list(numbers),
    )
    return _opened(found, cipher)


def _opened(found: Sequence[asyncpg.Record], cipher: Cipher) -> dict[Any, Identifier | None]:
    return {one["place"]: _identifier(one, cipher) for one in found}


def _identifier(kept: asyncpg.Record, cipher: Cipher) -> Identifier | None:
    shown = kept["document"]["debtor"]["identifier"]
    if shown is None:
        return None
    number = orjson.loads(cipher.open(kept["secret"], kept["content_digest"]))["identifier"]
    quality = IdentifierQuality(shown.get("quality", IdentifierQuality.VALID))
    return Identifier(IdentifierType(shown["type"]), number, quality)
