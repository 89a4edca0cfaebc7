"""A file as the only field of a form (RFC 7578), read while it is sent: half a gigabyte is never in memory."""

import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

PIECE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Upload:
    """A file, and the bytes before and after it."""

    file: Path
    boundary: str
    head: bytes
    tail: bytes
    length: int

    @property
    def content_type(self) -> str:
        return f"multipart/form-data; boundary={self.boundary}"

    def pieces(self) -> Iterator[bytes]:
        yield self.head
        with self.file.open("rb") as opened:
            while piece := opened.read(PIECE_BYTES):
                yield piece
        yield self.tail

    async def pieces_async(self) -> AsyncIterator[bytes]:
        for piece in self.pieces():
            yield piece


def upload_of(file: Path) -> Upload:
    boundary = secrets.token_hex(16)
    name = quote(file.name)
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode()
    tail = f"\r\n--{boundary}--\r\n".encode()
    return Upload(file, boundary, head, tail, len(head) + file.stat().st_size + len(tail))
