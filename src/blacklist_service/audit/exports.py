"""An export bundle: rows of the ledger, the leaves and tiles that prove them, and the seal over all of it (design §7).

The bundle shows the log as it was at one checkpoint. Its manifest names each file by its SHA-256. The manifest's own digest
is recorded in the log before the bundle leaves, so nothing in it can be changed afterwards, not even what no leaf shows in
clear text. If every filter concerns values that leaves show, all leaves of the range are in the bundle, so a verifier sees
that no row is missing; otherwise the manifest says so. Leaves with a time in the range that are elsewhere in the log
(`ledger/order.py`) are included too, and named.
"""

import asyncio
import hashlib
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
import orjson

from blacklist_service.access.principals import Actor
from blacklist_service.audit import verify_bundle
from blacklist_service.audit.formats import COLUMNS, WRITERS, Writer
from blacklist_service.audit.queries import values_of
from blacklist_service.audit.ranges import displaced_of, outside, ranges_of
from blacklist_service.audit.truth import require_entries, require_true
from blacklist_service.audit.wanted import WantedExport
from blacklist_service.clock import wire_instant
from blacklist_service.database.connections import Connection
from blacklist_service.database.statements import Deferred, composed
from blacklist_service.ledger import log as reads
from blacklist_service.ledger import tree
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.notes import Checkpoint, Proof
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.order import Displaced
from blacklist_service.ledger.queries import database_clock
from blacklist_service.ledger.tree import TILE_WIDTH, Range
from blacklist_service.problems import InvalidRequest
from blacklist_service.secrecy import Secrecy

if TYPE_CHECKING:
    from blacklist_service.audit import selects
else:
    selects = Deferred("blacklist_service.audit.selects")

GROUP = 16 * TILE_WIDTH
"""How many leaves are read and written at once, which bounds the memory of an export."""

SHOWN_BY_LEAVES = (*verify_bundle.PROVEN, "leaf_index")

VERIFIER = Path(verify_bundle.__file__)

Prove = Callable[[UUID], Awaitable[Proof]]
"""Waits until an entry is sealed, and returns its proof."""


@dataclass(frozen=True, slots=True)
class BundleSize:
    rows: int
    bytes: int


async def make_bundle(
    connection: Connection,
    wanted: WantedExport,
    path: Path,
    *,
    export_id: UUID,
    actor: Actor,
    secrecy: Secrecy,
    prove: Prove,
    reading: "Connection | None" = None,
) -> BundleSize:
    """Write the bundle to `path`, without entries that are not sealed yet. `reading` is the connection from which the log is
    read, if it is not the one that records the export: a standby's log ends at its newest checkpoint.
    """
    writing = _Writing(reading or connection, wanted, path, secrecy)
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
    return BundleSize(writing.rows, (await asyncio.to_thread(path.stat)).st_size)


class _Writing:
    def __init__(self, connection: Connection, wanted: WantedExport, path: Path, secrecy: Secrecy) -> None:
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
        """Write everything but the seal; return the manifest."""
        log = await reads.find_log(self._connection)
        note = await reads.find_checkpoint(self._connection)
        if log is None or note is None:
            raise InvalidRequest("this database has no log to export from")
        checkpoint = Checkpoint.parse(note.text)
        displaced = await displaced_of(self._connection, self._wanted, checkpoint.size)
        ranges = await ranges_of(self._connection, self._wanted, checkpoint.size, displaced)
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
        return self._manifest(export_id, checkpoint.origin, checkpoint.size, ranges, within)

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

    def _write_group(self, data: Writer, leaves: Sequence[tuple[int, bytes]], rows: list[dict[str, Any]]) -> None:
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
        """Add the tiles with the hashes of everything outside the ranges."""
        nodes = tree.nodes_of(outside(size, ranges))
        for tile in tree.tiles_of(nodes, size):
            self._add(tile.path, b"".join(await reads.read_tile(self._connection, tile)))

    def _add(self, name: str, content: bytes) -> None:
        self._files[name] = hashlib.sha256(content).hexdigest()
        self._zip.writestr(name, content)


async def _groups(
    connection: Connection, wanted: WantedExport, ranges: Sequence[Range], secrecy: Secrecy
) -> AsyncIterator[tuple[list[tuple[int, bytes]], list[dict[str, Any]]]]:
    """The leaves of the ranges in order, in groups, with those of their rows that match the filters."""
    given, shown = values_of(wanted.filters), wanted.wire
    group = await composed(selects.entries_of_leaves, frozenset(given), is_about_subject=wanted.digests is not None)
    for first, end in ranges:
        for start in range(first, end, GROUP):
            span = {"first": start, "end": min(start + GROUP, end)}
            records = await group.fetch(connection, **span, digests=wanted.digests, **given)
            require_entries(records, span["first"], span["end"])
            # The filter is also applied to the leaves: otherwise somebody who altered the filtered column could hide a row
            # from this export.
            asked = [
                one for one in records if one["is_wanted"] or verify_bundle.is_asked(shown, orjson.loads(one["leaf"]))
            ]
            subjects = await _subjects(connection, asked)
            await require_true(connection, asked, _shown(subjects), secrecy=secrecy)
            leaves = [(one["idx"], one["leaf"]) for one in records]
            yield leaves, [_row(one, subjects.get(one["id"], [])) for one in asked if one["is_wanted"]]


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


async def wait_for_proof(connection: Connection, entry_id: UUID, *, within: timedelta) -> Proof:
    """Raise `TimeoutError` if nothing is being sealed."""
    async with asyncio.timeout(within.total_seconds()):
        while (proof := await reads.find_proof(connection, entry_id)) is None:  # noqa: ASYNC110 - another process seals
            await asyncio.sleep(0.1)
    return proof
