"""Understanding a file's rows in processes of their own, so that two cores are used and the event loop stays free."""

import asyncio
import multiprocessing
import os
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

from blacklist_service.database.embedded.child import die_with_parent
from blacklist_service.listings.files import Field, RawRow
from blacklist_service.listings.intake import Importer, read_row
from blacklist_service.listings.operations.staging import StagedBatch, make_batch
from blacklist_service.listings.preparing import Tools
from blacklist_service.secrecy import Secrecy
from blacklist_service.subjects.digests import Digester

BATCH_ROWS = 2000
WAITING_BATCHES = 6
FEW_BATCHES = 3
"""A file of no more is understood here: starting processes would take longer."""


@dataclass(frozen=True, slots=True)
class Parsing:
    """What a parsing process needs to know."""

    import_id: UUID
    importer: Importer
    secrecy: Secrecy

    def understand(self, rows: Sequence[RawRow]) -> StagedBatch:
        tools = Tools(Digester(self.secrecy.digest_key), self.secrecy.cipher("listing"))
        read = (read_row(raw, self.importer) for raw in rows)
        return make_batch(self.import_id, read, tools, loaded_on=self.importer.today)


async def parse_rows(rows: Iterable[RawRow], parsing: Parsing, *, processes: int) -> AsyncIterator[StagedBatch]:
    """Yield batches in file order; at most `WAITING_BATCHES` are under way, so memory stays bounded."""
    batches = _batches(rows)
    for batch in islice(batches, FEW_BATCHES):
        yield parsing.understand(batch)
    first = next(batches, None)
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
    for batch in batches:
        waiting.append(loop.run_in_executor(pool, _understand, _light(batch)))
        if len(waiting) >= WAITING_BATCHES:
            yield await waiting.popleft()
    while waiting:
        yield await waiting.popleft()


def _batches(rows: Iterable[RawRow]) -> Iterator[Sequence[RawRow]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH_ROWS)):
        yield batch


_parsing: Parsing


def _begin(parsing: Parsing, parent: int | None) -> None:
    global _parsing  # noqa: PLW0603 - a process of a pool has no other place for what it was begun with
    die_with_parent(parent)
    os.nice(10)  # a load gives way to checks
    _parsing = parsing


def _light(rows: Sequence[RawRow]) -> list[tuple[Any, ...]]:
    """Rows as tuples: pickling a frozen dataclass costs more than understanding it."""
    return [
        (row.number, {field.value: value for field, value in row.values.items()}, row.notes, row.people) for row in rows
    ]


def _understand(rows: Sequence[tuple[Any, ...]]) -> StagedBatch:
    return _parsing.understand(
        [
            RawRow(number, {_FIELDS[name]: text for name, text in values.items()}, notes, people)
            for number, values, notes, people in rows
        ]
    )


_FIELDS = {field.value: field for field in Field}
