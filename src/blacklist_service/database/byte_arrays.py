"""A codec for `bytea[]` in PostgreSQL's binary format (array_send, array_recv), which writes an array in one go.

asyncpg examines every element of an array for being an array itself, which costs more for a batch of checks than everything
else that is sent. Its public API does not allow a codec for an array type, so an internal function is called; tests fail if a
new version changes it.
"""

import struct
from collections.abc import Sequence
from typing import Any

BYTEA_OID, BYTEA_ARRAY_OID = 17, 1001
_HEAD = struct.Struct("!iIIii")
"""Number of dimensions (none for an empty array), whether there are nulls, the element type, the element count, the first
index.
"""
_EMPTY = struct.pack("!iII", 0, 0, BYTEA_OID)
_LENGTH = struct.Struct("!i")
_NULL = _LENGTH.pack(-1)
_LENGTHS = [_LENGTH.pack(length) for length in range(2048)]


def teach_byte_arrays(connection: Any) -> None:
    """Make the connection send and receive `bytea[]` by `encode` and `decode`."""
    settings = connection._protocol.get_settings()  # noqa: SLF001 - there is no public way
    settings.add_python_codec(BYTEA_ARRAY_OID, "_bytea", "pg_catalog", [], "b", encode, decode, "binary")


def encode(values: Sequence[bytes | None]) -> bytes:
    if not values:
        return _EMPTY
    count = len(values)
    parts: list[bytes] = [b""] * (2 * count + 1)
    try:
        parts[1::2] = [_LENGTHS[len(value)] for value in values]  # type: ignore[arg-type] # what has none is met below
        parts[2::2] = values  # type: ignore[assignment]
    except (IndexError, TypeError):
        return _encode_any(values)
    parts[0] = _HEAD.pack(1, 0, BYTEA_OID, count, 1)
    return b"".join(parts)


def _encode_any(values: Sequence[bytes | None]) -> bytes:
    parts = [_HEAD.pack(1, None in values, BYTEA_OID, len(values), 1)]
    for value in values:
        parts += [_NULL] if value is None else [_LENGTH.pack(len(value)), value]
    return b"".join(parts)


def decode(sent: bytes) -> list[bytes | None]:
    """Decode one dimension; our columns and results have no more."""
    dimensions = _LENGTH.unpack_from(sent)[0]
    if dimensions == 0:
        return []
    if dimensions > 1:
        raise ValueError("an array of several dimensions")
    count = _HEAD.unpack_from(sent)[3]
    found: list[bytes | None] = []
    offset = _HEAD.size
    for _ in range(count):
        length = _LENGTH.unpack_from(sent, offset)[0]
        offset += _LENGTH.size
        found.append(None if length < 0 else sent[offset : offset + length])
        offset += max(length, 0)
    return found
