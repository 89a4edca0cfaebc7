"""Keeping a list file in PostgreSQL, in sealed parts, until it has taken effect."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from blacklist_service.access.principals import Actor
from blacklist_service.clock import new_id, now
from blacklist_service.database.connections import Connection, Pool
from blacklist_service.database.room import ELSEWHERE, Room
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.problems import Undetermined
from blacklist_service.secrecy import Secrecy

MOST_FILE_BYTES = 512 << 20
PART_BYTES = 128 * 1024
"""Small: a check's commit has to wait until the parts before it in the log are on disk, too."""
INSERT_PART = "INSERT INTO import_parts (import_id, part, content) VALUES ($1, $2, $3)"
INSERT_UPLOADED_PART = """
WITH settings AS (SELECT set_config('synchronous_commit', 'off', true))
INSERT INTO import_parts (import_id, part, content) SELECT $1::uuid, $2::integer, $3::bytea FROM settings
"""
"""The synchronous commit of the job makes its parts durable too, because they come earlier in the same WAL."""


@dataclass(frozen=True, slots=True)
class Upload:
    """An uploaded file: how many sealed parts, and the SHA-256 of the whole."""

    import_id: UUID
    name: str
    parts: int
    sha256: bytes


@dataclass(slots=True)
class Incoming:
    """A file being uploaded: what of it is stored already."""

    import_id: UUID
    parts: int = 0
    size: int = 0
    sha256: bytes = b""


async def keep_upload(
    pool: Pool, incoming: Incoming, content: AsyncIterator[bytes], *, secrecy: Secrecy, room: Room = ELSEWHERE
) -> None:
    """Store the parts as they arrive, holding no connection while a slow client sends. Raise `Undetermined` if there is no
    room for more; whatever is raised, the caller must call `drop_upload`.
    """
    digest, cipher = hashlib.sha256(), secrecy.cipher("uploads")
    require_spare(room)
    async for part in content:
        require_spare(room)
        digest.update(part)
        sealed = cipher.seal(part, part_context(incoming.import_id, incoming.parts))
        await pool.execute(INSERT_UPLOADED_PART, incoming.import_id, incoming.parts, sealed)
        incoming.parts += 1
        incoming.size += len(part)
    incoming.sha256 = digest.digest()


def require_spare(room: Room) -> None:
    if not room.is_spare():
        raise Undetermined("there is no room for files on the disk", retry_after_seconds=60)


async def drop_upload(
    connection: Connection, incoming: Incoming, *, why: str | None, actor: Actor, secrecy: Secrecy
) -> None:
    """Delete a file that did not become a job; `why`, a problem's code, is recorded if given."""
    await connection.execute("DELETE FROM import_parts WHERE import_id = $1", incoming.import_id)
    if why is not None:
        facts = {"import": str(incoming.import_id), "bytes": incoming.size, "why": why}
        entry = Entry(Action.UPLOAD_ABORTED, actor, facts=facts)
        await record(connection, [entry], at=await database_clock(connection), secrecy=secrecy)


async def keep_file(connection: Connection, path: Path, *, secrecy: Secrecy) -> Upload:
    """The same for a local file, so that a held snapshot can continue without it."""
    import_id = new_id(now())
    parts, sha256 = await _keep_parts(connection, import_id, path, secrecy)
    return Upload(import_id, path.name, parts, sha256)


async def keep_file_of(connection: Connection, import_id: UUID, path: Path, *, secrecy: Secrecy) -> None:
    """Keep the local file of an import that waits, so that it can continue without it; does nothing if it is kept already."""
    if await connection.fetchval("SELECT parts FROM imports WHERE id = $1", import_id):
        return
    async with connection.transaction():
        parts, sha256 = await _keep_parts(connection, import_id, path, secrecy)
        await connection.execute(
            "UPDATE imports SET file_name = $2, parts = $3, file_sha256 = $4 WHERE id = $1",
            *(import_id, path.name, parts, sha256),
        )


@contextlib.asynccontextmanager
async def uploaded_file(connection: Connection, import_id: UUID, secrecy: Secrecy) -> AsyncIterator[Path]:
    """An import's file, assembled from its parts, while it is being read. The file has no name, so even a kill leaves nothing
    behind.
    """
    cipher = secrecy.cipher("uploads")
    with tempfile.TemporaryFile(prefix="blacklist-import-") as file:
        async with connection.transaction():
            cursor = connection.cursor(
                "SELECT part, content FROM import_parts WHERE import_id = $1 ORDER BY part", import_id, prefetch=16
            )
            async for row in cursor:
                file.write(cipher.open(row["content"], part_context(import_id, row["part"])))
        file.flush()
        yield Path(f"/proc/{os.getpid()}/fd/{file.fileno()}")


async def _keep_parts(connection: Connection, import_id: UUID, path: Path, secrecy: Secrecy) -> tuple[int, bytes]:
    """Seal and store a local file; return the number of its parts, and its SHA-256."""
    cipher, digest, parts = secrecy.cipher("uploads"), hashlib.sha256(), 0
    with path.open("rb") as file:
        while part := file.read(PART_BYTES):
            digest.update(part)
            await connection.execute(INSERT_PART, import_id, parts, cipher.seal(part, part_context(import_id, parts)))
            parts += 1
    return parts, digest.digest()


def part_context(import_id: UUID, part: int) -> bytes:
    return import_id.bytes + part.to_bytes(4)
