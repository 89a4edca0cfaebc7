"""Parses a file's rows in child processes, to use more cores and keep the event loop free."""

import asyncio
import multiprocessing
import os
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import Any
from uuid import UUID

from blacklist_service.database.embedded.child import die_with_parent
from blacklist_service.listings.columns import Field
from blacklist_service.listings.files import RawRow
from blacklist_service.listings.intake import Importer, ReadRow, RefusedRow, read_row
from blacklist_service.listings.operations.faults import RowFault
from blacklist_service.listings.operations.staging import StagedBatch, make_batch
from blacklist_service.listings.preparing import Tools
from blacklist_service.secrecy import Secrecy
from blacklist_service.subjects.digests import Digester

BATCH_ROWS = 2000
BATCH_CHARACTERS = 1 << 20
"""A batch ends after this many rows, or 4 MiB: rows of a megabyte each are sent a few at a time, not by the thousand."""
WAITING_BATCHES = 6
FEW_BATCHES = 3
"""A smaller file is parsed in this process: starting others would take longer."""


@dataclass(frozen=True, slots=True)
class Parsing:
    """What a parsing process needs to know."""

    import_id: UUID
    importer: Importer
    secrecy: Secrecy

    def understand(self, rows: Sequence[RawRow]) -> StagedBatch:
        """Raise `RowFault` for a row with an unforeseen error."""
        tools = Tools(Digester(self.secrecy.digest_key), self.secrecy.cipher("listing"))
        at = 0

        def read() -> Iterator[ReadRow | RefusedRow]:
            nonlocal at
            for raw in rows:
                at = raw.number
                yield read_row(raw, self.importer)

        try:
            return make_batch(self.import_id, read(), tools, loaded_on=self.importer.today)
        except Exception as error:  # noqa: BLE001 - the row is what is told; a traceback would quote it
            raise RowFault(at, type(error).__name__) from None


async def parse_rows(rows: Iterable[RawRow], parsing: Parsing, *, processes: int) -> AsyncIterator[StagedBatch]:
    """Yield batches in file order; at most `WAITING_BATCHES` are under way, so memory stays bounded.

    The file, or the pipe of the process that opens it, is read in a thread, so that nothing else waits for it.
    """
    batches = _batches(rows)
    for _ in range(FEW_BATCHES):
        batch = await asyncio.to_thread(next, batches, None)
        if batch is None:
            return
        yield await asyncio.to_thread(parsing.understand, batch)
    first = await asyncio.to_thread(next, batches, None)
    if first is None:
        return
    context = multiprocessing.get_context("spawn")
    parent = multiprocessing.current_process().pid
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_begin, initargs=(parsing, parent))
    try:
        async for staged in _in_order(pool, first, batches):
            yield staged
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


async def _in_order(
    pool: ProcessPoolExecutor, first: Sequence[RawRow], batches: Iterator[Sequence[RawRow]]
) -> AsyncIterator[StagedBatch]:
    loop = asyncio.get_running_loop()
    waiting: deque[asyncio.Future[StagedBatch]] = deque([loop.run_in_executor(pool, _understand, _light(first))])
    while (batch := await asyncio.to_thread(next, batches, None)) is not None:
        waiting.append(loop.run_in_executor(pool, _understand, _light(batch)))
        if len(waiting) >= WAITING_BATCHES:
            yield await waiting.popleft()
    while waiting:
        yield await waiting.popleft()


def _batches(rows: Iterable[RawRow]) -> Iterator[Sequence[RawRow]]:
    batch: list[RawRow] = []
    characters = 0
    for row in rows:
        batch.append(row)
        characters += _length(row)
        if len(batch) >= BATCH_ROWS or characters >= BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _length(row: RawRow) -> int:
    people = sum(map(len, chain.from_iterable(row.people))) if row.people else 0
    notes = sum(map(len, row.notes.values())) if row.notes else 0
    return sum(map(len, row.values.values())) + notes + people


_parsing: Parsing


def _begin(parsing: Parsing, parent: int | None) -> None:
    global _parsing  # noqa: PLW0603 - a process of a pool has no other place for what it was begun with
    die_with_parent(parent)
    os.nice(10)  # an import gives way to checks
    _parsing = parsing


def _light(rows: Sequence[RawRow]) -> list[tuple[Any, ...]]:
    """Rows as tuples: pickling a frozen dataclass costs more than parsing it."""
    return [
        (row.number, {field.value: value for field, value in row.values.items()}, row.notes, row.people, row.faults)
        for row in rows
    ]


def _understand(rows: Sequence[tuple[Any, ...]]) -> StagedBatch:
    return _parsing.understand(
        [
            RawRow(number, {_FIELDS[name]: text for name, text in values.items()}, notes, people, faults)
            for number, values, notes, people, faults in rows
        ]
    )


_FIELDS = {field.value: field for field in Field}
