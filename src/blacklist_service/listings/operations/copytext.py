"""PostgreSQL's COPY text format, for the few types that are staged."""

from collections.abc import Sequence
from datetime import date

NULL = "\\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def text(value: str | None) -> str:
    """PostgreSQL's text cannot contain NUL; a court's text has none either."""
    if value is None:
        return NULL
    if value.isprintable() and "\\" not in value:
        return value
    return value.replace("\0", "").translate(_ESCAPES)


def bytea(value: bytes) -> str:
    return "\\\\x" + value.hex()


def optional(day: date | None) -> str:
    return NULL if day is None else day.isoformat()


def array(words: Sequence[str]) -> str:
    """An array of simple words (codes and numbers) that need no quoting."""
    return "{" + ",".join(words) + "}"
