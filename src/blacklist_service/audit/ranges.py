"""Which leaves of the log a bundle holds, so that a verifier sees that none is missing."""

import asyncio
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from blacklist_service.audit import verify_bundle
from blacklist_service.audit.queries import values_of
from blacklist_service.audit.wanted import WantedExport
from blacklist_service.database.connections import Connection
from blacklist_service.database.statements import Deferred, composed
from blacklist_service.ledger.order import Displaced, is_looked_over, list_displaced
from blacklist_service.ledger.tree import TILE_WIDTH, Range
from blacklist_service.problems import Undetermined

if TYPE_CHECKING:
    from blacklist_service.audit import selects
else:
    selects = Deferred("blacklist_service.audit.selects")

LOOKED_OVER_WITHIN = timedelta(seconds=60)


def outside(size: int, ranges: Sequence[Range]) -> list[Range]:
    """The largest subtrees of a tree of `size` leaves that contain no part of a range; ranges consist of whole blocks."""
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


async def displaced_of(connection: Connection, wanted: WantedExport, size: int) -> list[Displaced]:
    """Leaves that are not where their time suggests; relevant where an export claims to be complete for a period."""
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


async def ranges_of(
    connection: Connection, wanted: WantedExport, size: int, displaced: Sequence[Displaced]
) -> list[Range]:
    """The leaves of the bundle: all that could match, if completeness can be proved; otherwise the blocks of the rows."""
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
    """The last leaf up to this one that is in order; -1 if there is none."""
    for run in reversed(displaced[: bisect_right(displaced, index, key=lambda run: run.first)]):
        if run.first <= index < run.end:
            index = run.first - 1
    return index


def _blocks(indices: Iterable[int], size: int) -> list[Range]:
    """The blocks of these leaves, adjacent ones merged."""
    return _join({index // TILE_WIDTH for index in indices}, size)


def _join(numbers: Iterable[int], size: int) -> list[Range]:
    blocks = sorted(numbers)
    starts = [block for place, block in enumerate(blocks) if place == 0 or blocks[place - 1] != block - 1]
    ends = [block for block, after in pairwise([*blocks, -1]) if after != block + 1]
    return [(start * TILE_WIDTH, min(size, (end + 1) * TILE_WIDTH)) for start, end in zip(starts, ends, strict=True)]


async def _first_since(connection: Connection, at: datetime, size: int, displaced: Sequence[Displaced]) -> int:
    """An index in the log before which every leaf in order is older than `at`, allowing for the length of a transaction."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        asked = _in_order(middle, displaced)
        if asked < low or await connection.fetchval("SELECT at FROM ledger_leaves WHERE idx = $1", asked) < at:
            low = middle + 1
        else:
            high = asked
    return low


async def _list_indices(connection: Connection, wanted: WantedExport, size: int) -> list[int]:
    given = values_of(wanted.filters)
    found = await composed(selects.leaf_indices, frozenset(given), is_about_subject=wanted.digests is not None)
    rows = await found.fetch(connection, size=size, digests=wanted.digests, **given)
    return [row["idx"] for row in rows]
