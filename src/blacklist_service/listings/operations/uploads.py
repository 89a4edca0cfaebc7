"""Keeping a list file in PostgreSQL, in sealed parts, until it has taken effect."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

from blacklist_service.clock import new_id, now
from blacklist_service.database.connections import Connection, Pool
from blacklist_service.listings.operations.jobs import Upload, part_context
from blacklist_service.secrecy import Secrecy

PART_BYTES = 1 << 20
MOST_FILE_BYTES = 512 << 20


async def keep_upload(pool: Pool, content: AsyncIterator[bytes], *, secrecy: Secrecy) -> tuple[UUID, int, bytes]:
    """Write the parts as they come, no connection held while a slow client sends; parts without a job are swept."""
    import_id, parts, digest = new_id(now()), 0, hashlib.sha256()
    cipher = secrecy.cipher("uploads")
    async for part in content:
        digest.update(part)
        sealed = cipher.seal(part, part_context(import_id, parts))
        await pool.execute(_INSERT, import_id, parts, sealed)
        parts += 1
    return import_id, parts, digest.digest()


async def keep_file(connection: Connection, path: Path, *, secrecy: Secrecy) -> Upload:
    """The same for a file at hand, so that a held snapshot can go on without it."""
    import_id, parts, digest = new_id(now()), 0, hashlib.sha256()
    cipher = secrecy.cipher("uploads")
    with path.open("rb") as file:
        while part := file.read(PART_BYTES):
            digest.update(part)
            await connection.execute(_INSERT, import_id, parts, cipher.seal(part, part_context(import_id, parts)))
            parts += 1
    return Upload(import_id, path.name, parts, digest.digest())


_INSERT = "INSERT INTO import_parts (import_id, part, content) VALUES ($1, $2, $3)"
