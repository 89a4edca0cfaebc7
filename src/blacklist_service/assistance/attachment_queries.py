"""Reads of attachments, and of their content part by part."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from blacklist_service.database.connections import Connection
from blacklist_service.secrecy import Cipher, Secrecy

PART_BYTES = 1 << 20
PDF, JPEG, PNG = "application/pdf", "image/jpeg", "image/png"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SUFFIX = {PDF: "pdf", JPEG: "jpg", PNG: "png", XLSX: "xlsx"}


@dataclass(frozen=True, slots=True)
class Attachment:
    attachment_id: UUID
    name: str
    media_type: str
    bytes: int
    sha256: str
    member: str
    at: datetime

    @property
    def suffix(self) -> str:
        return SUFFIX[self.media_type]


async def list_attachments(connection: Connection, owner: tuple[str, UUID], *, secrecy: Secrecy) -> list[Attachment]:
    rows = await connection.fetch(f"SELECT * FROM attachments WHERE {owner[0]}_id = $1 ORDER BY id", owner[1])
    return [_attachment(row, secrecy) for row in rows]


async def find_attachment(
    connection: Connection, owner: tuple[str, UUID], attachment_id: UUID, *, secrecy: Secrecy
) -> Attachment | None:
    row = await connection.fetchrow(
        f"SELECT * FROM attachments WHERE id = $1 AND {owner[0]}_id = $2", attachment_id, owner[1]
    )
    return None if row is None else _attachment(row, secrecy)


async def read_part(connection: Connection, attachment_id: UUID, part: int, *, secrecy: Secrecy) -> bytes | None:
    """One mebibyte of the file, counted from 0; None after the last."""
    sealed: bytes | None = await connection.fetchval(
        "SELECT content FROM attachment_parts WHERE attachment_id = $1 AND part = $2", attachment_id, part
    )
    return None if sealed is None else cipher_of(secrecy).open(sealed, context_of(attachment_id, part))


def _attachment(row: asyncpg.Record, secrecy: Secrecy) -> Attachment:
    return Attachment(
        attachment_id=row["id"],
        name=cipher_of(secrecy).open(row["name"], row["id"].bytes).decode(),
        media_type=row["media_type"],
        bytes=row["bytes"],
        sha256=row["sha256"].hex(),
        member=row["member"],
        at=row["at"].astimezone(UTC),
    )


def context_of(attachment_id: UUID, part: int) -> bytes:
    return attachment_id.bytes + part.to_bytes(4)


def cipher_of(secrecy: Secrecy) -> Cipher:
    return secrecy.cipher("attachments")
