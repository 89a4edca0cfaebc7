"""The rows of an export as a file: JSON Lines, CSV, Parquet."""

import csv
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from blacklist_service.database.statements import Deferred
from blacklist_service.problems import InvalidRequest
from blacklist_service.web.spreadsheets import cell

if TYPE_CHECKING:
    from blacklist_service.audit import selects
else:
    selects = Deferred("blacklist_service.audit.selects")

COLUMNS = (
    *("leaf_index", "entry_id", "at", "action", "agency", "key_id", "operator", "matter", "reference", "check_id"),
    *("subjects", "decision", "listing_ids", "list_version", "measures_version", "notices_version", "request_id"),
    "source_ip",
)


class ExportFormat(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


class Writer(Protocol):
    """Writes rows into a data file, some at a time."""

    def __init__(self, path: Path) -> None: ...
    def write(self, rows: Sequence[Mapping[str, Any]]) -> None: ...
    def close(self) -> None: ...


class JsonLines:
    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._file.write(b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows))

    def close(self) -> None:
        self._file.close()


class CommaSeparated:
    """RFC 4180, with a byte order mark for spreadsheets, and nothing they would take for a formula (trust.md §6)."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8-sig", newline="")
        self._writer = csv.writer(self._file, lineterminator="\r\n")
        self._writer.writerow(COLUMNS)

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._writer.writerows([_cell(row[column]) for column in COLUMNS] for row in rows)

    def close(self) -> None:
        self._file.close()


def _cell(value: object) -> str:
    if isinstance(value, list):
        is_text = all(isinstance(one, str) for one in value)
        value = " ".join(value) if is_text else orjson.dumps(value).decode()
    return cell(value)


class Parquet:
    """Needs the extra `parquet`."""

    def __init__(self, path: Path) -> None:
        try:
            import pyarrow as pa  # noqa: PLC0415 - an extra of 170 MB
            from pyarrow import parquet  # noqa: PLC0415
        except ImportError:
            raise InvalidRequest("Parquet needs the extra `parquet` (pyarrow), which is not installed here") from None
        text, number = pa.string(), pa.int64()
        kinds: dict[str, Any] = dict.fromkeys(COLUMNS, text)
        kinds |= dict.fromkeys(("leaf_index", "list_version", "measures_version", "notices_version"), number)
        kinds["at"] = pa.timestamp("us", tz="UTC")
        kinds["listing_ids"] = pa.list_(text)
        kinds["subjects"] = pa.list_(pa.struct([("role", text), ("name_masked", text), ("identifier_masked", text)]))
        self._table = pa.Table
        self._schema = pa.schema(list(kinds.items()))
        self._writer = parquet.ParquetWriter(path, self._schema, compression="zstd")

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        dated = [{**row, "at": datetime.fromisoformat(row["at"])} for row in rows]
        self._writer.write_table(self._table.from_pylist(dated, schema=self._schema))

    def close(self) -> None:
        self._writer.close()


WRITERS: Mapping[ExportFormat, type[Writer]] = {
    ExportFormat.JSONL: JsonLines,
    ExportFormat.CSV: CommaSeparated,
    ExportFormat.PARQUET: Parquet,
}
