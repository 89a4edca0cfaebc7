"""The settled rows of a screening, written to disk as they come, so that a killed run continues and asks nothing twice.

One JSON object a line, each written completely and fsynced before the next slice begins. It holds row numbers, results and
check ids; no name, no number, and nothing of the roster but its SHA-256. Only its owner may read it.
"""

import fcntl
import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from blacklist_client.results import Result

VERSION = 2
SLICE = 512
"""Four transactions of the service: smaller slices cost it nearly as much each."""
SLICE_OF_VERSION_1 = 200


class JournalError(ValueError):
    """A journal that belongs to another screening, or is in use; the message says which."""


@dataclass(frozen=True, slots=True)
class Heading:
    """Identifies the screening. `screening_id` determines the keys of its slices, also after a restart."""

    sha256: str
    asking: Mapping[str, str]
    screening_id: str
    began_at: datetime
    slice_rows: int = SLICE
    """Never changes during a screening, because a key was used for exactly these rows."""

    def key(self, slice_: int) -> str:
        return f"screen-{self.sha256[:16]}-{self.screening_id}-{slice_}"


class Journal:
    """Open as long as the screening runs; no other process may write it meanwhile."""

    def __init__(self, file: Path, descriptor: int, heading: Heading, settled: dict[int, Result]) -> None:
        self.file = file
        self.heading = heading
        self.settled = settled
        """Results by row number, as far as they are final."""
        self._descriptor = descriptor

    @classmethod
    def open(cls, file: Path, *, sha256: str, asking: Mapping[str, str]) -> Self:
        """Begin a journal, or continue the existing one; raise `JournalError` if it belongs to something else."""
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise JournalError(f"{file} is being written by another screening") from None
        lines = _whole_lines(descriptor)
        if not lines:
            heading = Heading(sha256, asking, secrets.token_hex(8), datetime.now(UTC))
            journal = cls(file, descriptor, heading, {})
            shown = asdict(heading) | {"v": VERSION, "began_at": heading.began_at.isoformat()}
            journal._write([shown])
            return journal
        heading = _heading(lines[0], file)
        if heading.sha256 != sha256 or dict(heading.asking) != dict(asking):
            os.close(descriptor)
            raise JournalError(f"{file} is of another roster or other options; remove it to begin anew")
        settled = {line["row"]: Result(**line["result"]) for line in lines[1:]}
        return cls(file, descriptor, heading, settled)

    def settle(self, results: Mapping[int, Result]) -> None:
        """Store final results; they are durable when this returns."""
        self.settled.update(results)
        self._write({"row": row, "result": asdict(result)} for row, result in results.items())

    def close(self) -> None:
        os.close(self._descriptor)

    def remove(self) -> None:
        self.file.unlink(missing_ok=True)

    def _write(self, lines: Iterable[Mapping[str, Any]]) -> None:
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        left = memoryview(text.encode())
        while left:
            left = left[os.write(self._descriptor, left) :]
        os.fsync(self._descriptor)


def _whole_lines(descriptor: int) -> list[dict[str, Any]]:
    """The complete lines; a line cut off by a kill is removed."""
    with os.fdopen(os.dup(descriptor), "rb") as opened:
        opened.seek(0)
        content = opened.read()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) != len(content):
        os.ftruncate(descriptor, len(whole))
    return [json.loads(line) for line in whole.splitlines()]


def _heading(line: Mapping[str, Any], file: Path) -> Heading:
    slice_rows = {1: SLICE_OF_VERSION_1, VERSION: line.get("slice_rows")}.get(line.get("v", 0))
    if slice_rows is None:
        raise JournalError(f"{file} is no journal of this version")
    began_at = datetime.fromisoformat(line["began_at"])
    return Heading(line["sha256"], line["asking"], line["screening_id"], began_at, slice_rows)
