"""An export bundle: rows of the ledger, the leaves and tiles that prove them, and the seal over the whole (design §7).

The bundle is of the log as it was at one checkpoint. Its manifest names each file by its SHA-256; the manifest's own
digest is an entry of the log, made before the bundle leaves, so nothing in it can be changed afterwards: not even what
no leaf shows in clear. Where every filter is on what leaves show, all leaves of the range are in the bundle, and whoever
verifies it sees that no row is missing; otherwise the manifest says so. Leaves that bear a time of the range, but stand
elsewhere in the log (`ledger/order.py`), are in it too, and named.
"""

import asyncio
import csv
import hashlib
import zipfile
from bisect import bisect_right
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

import asyncpg
import orjson

from blacklist_service.access.principals import Actor
from blacklist_service.audit import verify_bundle
from blacklist_service.audit.queries import values_of
from blacklist_service.audit.schemas import EntryFilters
from blacklist_service.audit.truth import require_true
from blacklist_service.clock import wire_instant
from blacklist_service.database.connections import Connection
from blacklist_service.database.statements import Deferred, composed
from blacklist_service.ledger import log as reads
from blacklist_service.ledger import tree
from blacklist_service.ledger.entries import Action, Entry
from blacklist_service.ledger.notes import Checkpoint, Proof
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.order import Displaced, is_looked_over, list_displaced
from blacklist_service.ledger.queries import database_clock
from blacklist_service.ledger.tree import TILE_WIDTH, Range
from blacklist_service.problems import InvalidRequest, Undetermined
from blacklist_service.secrecy import Secrecy
from blacklist_service.web.spreadsheets import cell

if TYPE_CHECKING:
    from blacklist_service.audit import selects
else:
    selects = Deferred("blacklist_service.audit.selects")

GROUP = 16 * TILE_WIDTH
"""Leaves that are read and written at once: what an export holds in memory."""

LOOKED_OVER_WITHIN = timedelta(seconds=60)

COLUMNS = (
    *("leaf_index", "entry_id", "at", "action", "agency", "key_id", "operator", "matter", "reference", "check_id"),
    *("subjects", "decision", "listing_ids", "list_version", "measures_version", "notices_version", "request_id"),
    "source_ip",
)
SHOWN_BY_LEAVES = (*verify_bundle.PROVEN, "leaf_index")

VERIFIER = Path(verify_bundle.__file__)

Prove = Callable[[UUID], Awaitable[Proof]]
"""Waits until an entry is sealed, and gives its proof."""


class ExportFormat(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is exported; `digests` narrow it to entries about one subject."""

    filters: EntryFilters
    form: ExportFormat = ExportFormat.JSONL
    digests: tuple[bytes, ...] | None = None

    @property
    def wire(self) -> dict[str, Any]:
        """The filters as the manifest names them; instants in the one form of the leaves. Nobody is named."""
        given = self.filters.model_dump(mode="json", by_alias=True, exclude_none=True)
        for name, value in (("from", self.filters.from_), ("to", self.filters.to)):
            if value is not None:
                given[name] = wire_instant(value)
        return given | ({} if self.digests is None else {"subject": True})

    @property
    def not_provable(self) -> list[str]:
        return sorted(set(self.wire) - verify_bundle.ON_LEAF)


@dataclass(frozen=True, slots=True)
class Made:
    rows: int
    bytes: int


async def make_bundle(
    connection: Connection, wanted: Wanted, path: Path, *, export_id: UUID, actor: Actor, secrecy: Secrecy, prove: Prove
) -> Made:
    """Write the bundle to `path`. Entries that are not sealed yet are not in it."""
    writing = _Writing(connection, wanted, path, secrecy)
    try:
        manifest = await writing.write(export_id)
        digest = hashlib.sha256(manifest).hexdigest()
        facts = {"export": str(export_id), "manifest": digest}
        async with connection.transaction():
            entry = Entry(Action.EXPORT_MADE, actor, facts=facts)
            [entry_id] = await record(connection, [entry], at=await database_clock(connection), secrecy=secrecy)
        proof = await prove(entry_id)
        [leaf] = await reads.read_leaves(connection, proof.index, proof.index + 1)
        writing.seal(manifest, proof, leaf)
    finally:
        writing.close()
    return Made(writing.rows, (await asyncio.to_thread(path.stat)).st_size)


class _Writing:
    def __init__(self, connection: Connection, wanted: Wanted, path: Path, secrecy: Secrecy) -> None:
        self._connection = connection
        self._secrecy = secrecy
        self._wanted = wanted
        self._rows_path = path.with_name(path.name + ".rows")
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        self._files: dict[str, str] = {}
        self.rows = 0
        self._first: int | None = None
        self._last: int | None = None

    async def write(self, export_id: UUID) -> bytes:
        """All but the seal; returns the manifest."""
        log = await reads.find_log(self._connection)
        note = await reads.find_checkpoint(self._connection)
        if log is None or note is None:
            raise InvalidRequest("this database has no log to export from")
        checkpoint = Checkpoint.parse(note.text)
        displaced = await _displaced(self._connection, self._wanted, checkpoint.size)
        ranges = await _ranges(self._connection, self._wanted, checkpoint.size, displaced)
        name = f"entries.{self._wanted.form}"
        data = WRITERS[self._wanted.form](self._rows_path)
        try:
            async for leaves, wanted in _groups(self._connection, self._wanted, ranges, self._secrecy):
                await asyncio.to_thread(self._write_group, data, leaves, wanted)
        finally:
            await asyncio.to_thread(data.close)
        await asyncio.to_thread(self._add_rows, name)
        await self._add_tiles(ranges, checkpoint.size)
        self._add("checkpoint", note.content.encode())
        self._add("vkey", "".join(f"{key.text}\n" for key in log.keys).encode())
        self._add("docs/verify_bundle.py", await asyncio.to_thread(VERIFIER.read_bytes))
        within = [run for run in displaced if any(run.first < end and first < run.end for first, end in ranges)]
        return self._manifest(export_id, log.origin, checkpoint.size, ranges, within)

    def seal(self, manifest: bytes, proof: Proof, leaf: bytes) -> None:
        self._zip.writestr("manifest.json", manifest)
        self._zip.writestr("manifest.proof", proof.content)
        self._zip.writestr("manifest.leaf", leaf)

    def close(self) -> None:
        self._zip.close()
        self._rows_path.unlink(missing_ok=True)

    def _manifest(
        self, export_id: UUID, origin: str, size: int, ranges: Sequence[Range], displaced: Sequence[Displaced]
    ) -> bytes:
        manifest = {
            "version": 1,
            "export_id": str(export_id),
            "log": origin,
            "log_size": size,
            "format": self._wanted.form,
            "filters": self._wanted.wire,
            "is_complete": not self._wanted.not_provable,
            "not_provable": self._wanted.not_provable,
            "ranges": ranges,
            "displaced": [run.wire for run in displaced],
            "rows": self.rows,
            "first_index": self._first,
            "last_index": self._last,
            "columns_shown_by_leaves": SHOWN_BY_LEAVES,
            "columns_proved_as_exported": [column for column in COLUMNS if column not in SHOWN_BY_LEAVES],
            "files": self._files,
        }
        return orjson.dumps(manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)

    def _write_group(self, data: "Writer", leaves: Sequence[tuple[int, bytes]], rows: list[dict[str, Any]]) -> None:
        for start in range(0, len(leaves), TILE_WIDTH):
            block = leaves[start : start + TILE_WIDTH]
            self._add(
                tree.entries_path(block[0][0] // TILE_WIDTH, len(block)), tree.bundle([leaf for _, leaf in block])
            )
        if rows:
            data.write(rows)
            self.rows += len(rows)
            self._first = rows[0]["leaf_index"] if self._first is None else self._first
            self._last = rows[-1]["leaf_index"]

    def _add_rows(self, name: str) -> None:
        with self._rows_path.open("rb") as file:
            self._files[name] = hashlib.file_digest(file, "sha256").hexdigest()
        self._zip.write(self._rows_path, name)

    async def _add_tiles(self, ranges: Sequence[Range], size: int) -> None:
        """The tiles that hold the hashes of whatever lies outside the ranges."""
        nodes = tree.nodes_of(outside(size, ranges))
        for tile in tree.tiles_of(nodes, size):
            self._add(tile.path, b"".join(await reads.read_tile(self._connection, tile)))

    def _add(self, name: str, content: bytes) -> None:
        self._files[name] = hashlib.sha256(content).hexdigest()
        self._zip.writestr(name, content)


def outside(size: int, ranges: Sequence[Range]) -> list[Range]:
    """The largest subtrees of a tree of `size` leaves that no range touches; ranges are of whole blocks."""
    found: list[Range] = []
    open_ = [(0, size)] if size else []
    while open_:
        first, end = open_.pop()
        if not any(one < end and first < other for one, other in ranges):
            found.append((first, end))
        elif end - first > TILE_WIDTH:
            middle = first + (1 << ((end - first - 1).bit_length() - 1))
            open_ += [(middle, end), (first, middle)]
    return found


async def _displaced(connection: Connection, wanted: Wanted, size: int) -> list[Displaced]:
    """What is not where its time is looked for; of importance where completeness of a time is claimed."""
    if wanted.not_provable or (wanted.filters.from_ is None and wanted.filters.to is None):
        return []
    try:
        async with asyncio.timeout(LOOKED_OVER_WITHIN.total_seconds()):
            while not await is_looked_over(connection, size):  # noqa: ASYNC110 - another process looks
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise Undetermined(
            "the log is still being looked over for entries out of order: ask again in some minutes"
        ) from None
    return await list_displaced(connection, size)


async def _ranges(connection: Connection, wanted: Wanted, size: int, displaced: Sequence[Displaced]) -> list[Range]:
    """Which leaves the bundle holds: all that could be asked for where that can be proved, else the rows' own blocks."""
    if size == 0:
        return []
    if wanted.not_provable:
        return _blocks(await _list_indices(connection, wanted, size), size)
    from_, to = wanted.filters.from_, wanted.filters.to
    first, end = 0, size
    if from_ is not None:
        since = await _first_since(connection, from_ - verify_bundle.DISORDER, size, displaced)
        first = max(0, _in_order(since - 1, displaced))
    if to is not None:
        end = min(size, await _first_since(connection, to + verify_bundle.DISORDER, size, displaced) + 1)
    spans = [(first, max(end, first + 1))] + [
        (run.first, run.end)
        for run in displaced
        if (from_ is None or run.latest >= from_) and (to is None or run.earliest < to)
    ]
    return _join({block for one, other in spans for block in range(one // TILE_WIDTH, -(-other // TILE_WIDTH))}, size)


def _in_order(index: int, displaced: Sequence[Displaced]) -> int:
    """The last leaf up to this one that stands in order; -1 where there is none."""
    for run in reversed(displaced[: bisect_right(displaced, index, key=lambda run: run.first)]):
        if run.first <= index < run.end:
            index = run.first - 1
    return index


def _blocks(indices: Iterable[int], size: int) -> list[Range]:
    """The blocks of these leaves, neighbours joined."""
    return _join({index // TILE_WIDTH for index in indices}, size)


def _join(numbers: Iterable[int], size: int) -> list[Range]:
    blocks = sorted(numbers)
    starts = [block for place, block in enumerate(blocks) if place == 0 or blocks[place - 1] != block - 1]
    ends = [block for block, after in pairwise([*blocks, -1]) if after != block + 1]
    return [(start * TILE_WIDTH, min(size, (end + 1) * TILE_WIDTH)) for start, end in zip(starts, ends, strict=True)]


async def _first_since(connection: Connection, at: datetime, size: int, displaced: Sequence[Displaced]) -> int:
    """A place in the log before which every leaf that stands in order is older than `at`, but for the disorder of a
    transaction's length.
    """
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        asked = _in_order(middle, displaced)
        if asked < low or await connection.fetchval("SELECT at FROM ledger_leaves WHERE idx = $1", asked) < at:
            low = middle + 1
        else:
            high = asked
    return low


async def _list_indices(connection: Connection, wanted: Wanted, size: int) -> list[int]:
    given = values_of(wanted.filters)
    found = await composed(selects.leaf_indices, frozenset(given), is_about_subject=wanted.digests is not None)
    rows = await found.fetch(connection, size=size, digests=wanted.digests, **given)
    return [row["idx"] for row in rows]


async def _groups(
    connection: Connection, wanted: Wanted, ranges: Sequence[Range], secrecy: Secrecy
) -> AsyncIterator[tuple[list[tuple[int, bytes]], list[dict[str, Any]]]]:
    """The leaves of the ranges in order, so many at once, with the rows among them that are wanted."""
    given = values_of(wanted.filters)
    group = await composed(selects.entries_of_leaves, frozenset(given), is_about_subject=wanted.digests is not None)
    for first, end in ranges:
        for start in range(first, end, GROUP):
            place = {"first": start, "end": min(start + GROUP, end)}
            records = await group.fetch(connection, **place, digests=wanted.digests, **given)
            chosen = [one for one in records if one["is_wanted"]]
            subjects = await _subjects(connection, chosen)
            await require_true(connection, chosen, _shown(subjects), secrecy=secrecy)
            leaves = [(one["idx"], one["leaf"]) for one in records]
            yield leaves, [_row(one, subjects.get(one["id"], [])) for one in chosen]


def _shown(subjects: Mapping[UUID, list[dict[str, Any]]]) -> Callable[[asyncpg.Record], Sequence[Mapping[str, Any]]]:
    return lambda one: subjects.get(one["id"], [])


async def _subjects(connection: Connection, records: Sequence[asyncpg.Record]) -> dict[UUID, list[dict[str, Any]]]:
    rows = await connection.fetch(
        """
        SELECT s.entry_id, s.role, s.name_masked, s.identifier_masked
        FROM unnest($1::timestamptz[], $2::uuid[]) AS asked (at, id)
        CROSS JOIN LATERAL (
            SELECT * FROM ledger_subjects s WHERE s.at = asked.at AND s.entry_id = asked.id OFFSET 0
        ) AS s
        ORDER BY s.entry_id, s.ordinal
        """,
        [one["at"] for one in records],
        [one["id"] for one in records],
    )
    found: dict[UUID, list[dict[str, Any]]] = {}
    for row in rows:
        shown = {name: row[name] for name in ("role", "name_masked", "identifier_masked")}
        found.setdefault(row["entry_id"], []).append(shown)
    return found


def _row(one: asyncpg.Record, subjects: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "leaf_index": one["idx"],
        "entry_id": str(one["id"]),
        "at": wire_instant(one["at"]),
        "action": one["action"],
        "agency": one["agency"],
        "key_id": one["key_id"],
        "operator": one["operator"],
        "matter": one["matter"],
        "reference": one["reference"],
        "check_id": None if one["check_id"] is None else str(one["check_id"]),
        "subjects": subjects,
        "decision": one["decision"],
        "listing_ids": [str(listing_id) for listing_id in one["listing_ids"]],
        "list_version": one["list_version"],
        "measures_version": one["measures_version"],
        "notices_version": one["notices_version"],
        "request_id": one["request_id"],
        "source_ip": None if one["source_ip"] is None else str(one["source_ip"]),
    }


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


async def wait_for_proof(connection: Connection, entry_id: UUID, *, within: timedelta) -> Proof:
    """Raise `TimeoutError` where nobody seals."""
    async with asyncio.timeout(within.total_seconds()):
        while (proof := await reads.find_proof(connection, entry_id)) is None:  # noqa: ASYNC110 - another process seals
            await asyncio.sleep(0.1)
    return proof
