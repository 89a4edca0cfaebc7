"""The sealed content of a roster: parts of its file and of its result, its slices, and details of the file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self
from uuid import UUID

import orjson

from blacklist_service.database.connections import Connection
from blacklist_service.secrecy import Cipher, Secrecy

PART_BYTES = 1 << 20
CIPHER = "rosters"
What = Literal["upload", "result"]

INSERT_PART = "INSERT INTO roster_parts (roster_id, what, part, content) VALUES ($1, $2, $3, $4)"


def cipher_of(secrecy: Secrecy) -> Cipher:
    return secrecy.cipher(CIPHER)


def seal_part(content: bytes, roster_id: UUID, what: What, part: int, secrecy: Secrecy) -> bytes:
    return cipher_of(secrecy).seal(content, _context(roster_id, what, part))


def seal_value(value: Any, roster_id: UUID, what: str, place: int, secrecy: Secrecy) -> bytes:
    return cipher_of(secrecy).seal(orjson.dumps(value), _context(roster_id, what, place))


def open_value(sealed: bytes, roster_id: UUID, what: str, place: int, secrecy: Secrecy) -> Any:
    return orjson.loads(cipher_of(secrecy).open(sealed, _context(roster_id, what, place)))


async def read_part(
    connection: Connection, roster_id: UUID, what: What, part: int, *, secrecy: Secrecy
) -> bytes | None:
    content = await connection.fetchval(
        "SELECT content FROM roster_parts WHERE roster_id = $1 AND what = $2 AND part = $3", roster_id, what, part
    )
    return None if content is None else cipher_of(secrecy).open(content, _context(roster_id, what, part))


async def keep_file(connection: Connection, roster_id: UUID, path: Path, *, secrecy: Secrecy) -> int:
    """Store a result; return its size."""
    part = size = 0
    with path.open("rb") as file:
        while content := file.read(PART_BYTES):
            await connection.execute(
                INSERT_PART, roster_id, "result", part, seal_part(content, roster_id, "result", part, secrecy)
            )
            part += 1
            size += len(content)
    return size


@dataclass(frozen=True, slots=True)
class Private:
    """Details of a roster's file; its name may name a person."""

    file_name: str
    titles: tuple[str | None, str | None, str | None]
    """The columns of the reference, the name and the number, if the officer named them."""
    header: tuple[str, ...] = ()
    places: tuple[int, int, int | None] = (0, 0, None)
    """The same columns, once they are found."""
    passed_over: tuple[str, ...] = ()
    """Worksheets that are not empty and were not read."""

    def seal(self, roster_id: UUID, secrecy: Secrecy) -> bytes:
        kept = [self.file_name, self.titles, self.header, self.places, self.passed_over]
        return seal_value(kept, roster_id, "private", 0, secrecy)

    @classmethod
    def open(cls, sealed: bytes, roster_id: UUID, secrecy: Secrecy) -> Self:
        name, titles, header, places, passed_over = open_value(sealed, roster_id, "private", 0, secrecy)
        return cls(name, tuple(titles), tuple(header), tuple(places), tuple(passed_over))


def _context(roster_id: UUID, what: str, place: int) -> bytes:
    return roster_id.bytes + what.encode() + place.to_bytes(4)
