"""What of a screening is settled, on disk as it happens, so that one that was killed goes on and asks nothing twice.

One JSON object a line, each written whole and fsynced before the next slice is begun. It holds row numbers, results and
check ids; no name, no number, nothing of the roster but its SHA-256. Only its owner may read it.
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
"""Four transactions of the service: each smaller one costs it nearly as much."""
SLICE_OF_VERSION_1 = 200


class JournalError(ValueError):
    """A journal that is another screening's, or is being written; the message says which."""


@dataclass(frozen=True, slots=True)
class Heading:
    """Which screening it is. `screening_id` makes the keys under which its slices are asked, now and after a kill."""

    sha256: str
    asking: Mapping[str, str]
    screening_id: str
    began_at: datetime
    slice_rows: int = SLICE
    """The same to its end: a key has been used for these very rows."""

    def key(self, slice_: int) -> str:
        return f"screen-{self.sha256[:16]}-{self.screening_id}-{slice_}"


class Journal:
    """Open for as long as the screening runs; nobody else may write it meanwhile."""

    def __init__(self, file: Path, descriptor: int, heading: Heading, settled: dict[int, Result]) -> None:
        self.file = file
        self.heading = heading
        self.settled = settled
        """Results by row number, as far as they are final."""
        self._descriptor = descriptor

    @classmethod
    def open(cls, file: Path, *, sha256: str, asking: Mapping[str, str]) -> Self:
        """Begin one, or go on with the one that is there; raise `JournalError` where it is of something else."""
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
        """Keep final results; they are durable when this returns."""
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
    """The lines that were written to their end; what was cut by a kill is cut off."""
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
