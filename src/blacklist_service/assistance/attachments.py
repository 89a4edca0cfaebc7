"""Files attached to a notice or a lead: PDF, JPEG, PNG or XLSX by content, sealed in parts, with their SHA-256 in the
ledger.
"""

import asyncio
import hashlib
import io
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from blacklist_service.access.principals import Actor
from blacklist_service.assistance.attachment_queries import (
    JPEG,
    PART_BYTES,
    PDF,
    PNG,
    XLSX,
    Attachment,
    cipher_of,
    context_of,
)
from blacklist_service.clock import new_id
from blacklist_service.database.connections import Connection
from blacklist_service.problems import FieldError, InvalidRequest, PayloadTooLarge
from blacklist_service.secrecy import Secrecy

MOST_BYTES = 20 << 20
MOST_OF_A_BODY = MOST_BYTES + (64 << 10)
MOST_FOR_EACH = 50
MOST_PARTS_OF_WORKBOOK = 10_000


class Received(NamedTuple):
    content: bytes
    sha256: bytes


async def read_whole(content: AsyncIterator[bytes]) -> Received:
    """The whole file in memory; raise `PayloadTooLarge` if it is too large."""
    parts, taken, digest = [], 0, hashlib.sha256()
    async for part in content:
        taken += len(part)
        if taken > MOST_BYTES:
            raise PayloadTooLarge(f"at most {MOST_BYTES >> 20} MB are taken here")
        parts.append(part)
        digest.update(part)
    return Received(b"".join(parts), digest.digest())


def media_type_of(content: bytes) -> str:
    """The media type by content, whatever the name; raise `InvalidRequest` for anything but the four types."""
    if content.startswith(b"%PDF-") and b"%%EOF" in content[-2048:]:
        return PDF
    if content.startswith(b"\xff\xd8\xff") and b"\xff\xd9" in content[-64:]:
        return JPEG
    if content.startswith(b"\x89PNG\r\n\x1a\n") and b"IEND" in content[-32:]:
        return PNG
    if content.startswith(b"PK") and _is_workbook(content):
        return XLSX
    message = "a PDF, a JPEG, a PNG or an XLSX without macros, whole"
    raise InvalidRequest(errors=[FieldError("/file", "unknown-kind", message)])


async def keep_attachment(
    connection: Connection, file: Received, *, name: str, owner: tuple[str, UUID], actor: Actor, secrecy: Secrecy
) -> Attachment:
    """Store a file with its owner (`notice` or `lead`); the caller records it."""
    content = file.content
    media_type = await asyncio.to_thread(media_type_of, content)
    kind, owner_id = owner
    # Concurrent uploads take turns, so that they are counted one after another.
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('attachments' || $1, 0))", str(owner_id))
    held = await connection.fetchval(f"SELECT count(*) FROM attachments WHERE {kind}_id = $1", owner_id)
    if held >= MOST_FOR_EACH:
        raise InvalidRequest(errors=[FieldError("/file", "too-many", f"at most {MOST_FOR_EACH} files are kept here")])
    at: datetime = await connection.fetchval("SELECT clock_timestamp()")
    attachment_id = new_id(at)
    await connection.execute(
        f"""
        INSERT INTO attachments (id, {kind}_id, name, media_type, bytes, sha256, member, operator, at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """,
        *(
            attachment_id,
            owner_id,
            cipher_of(secrecy).seal(name.encode(), attachment_id.bytes),
            media_type,
            len(content),
        ),
        *(file.sha256, actor.member, actor.operator, at),
    )
    for part, start in enumerate(range(0, len(content), PART_BYTES)):
        sealed = cipher_of(secrecy).seal(content[start : start + PART_BYTES], context_of(attachment_id, part))
        await connection.execute(
            "INSERT INTO attachment_parts (attachment_id, part, content) VALUES ($1, $2, $3)",
            attachment_id,
            part,
            sealed,
        )
    return Attachment(
        attachment_id, name, media_type, len(content), file.sha256.hex(), actor.member or "", at.astimezone(UTC)
    )


def facts_of(attachment: Attachment) -> dict[str, str | int]:
    """The facts about a file for the ledger: enough to recognise it, nothing of its content."""
    return {
        "attachment": str(attachment.attachment_id),
        "sha256": attachment.sha256,
        "bytes": attachment.bytes,
        "media_type": attachment.media_type,
    }


def _is_workbook(content: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return False
    has_macros = any(name.lower().endswith("vbaproject.bin") for name in names)
    return (
        len(names) <= MOST_PARTS_OF_WORKBOOK and {"[Content_Types].xml", "xl/workbook.xml"} <= names and not has_macros
    )
