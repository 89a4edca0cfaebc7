"""The state of the list, computed every minute, so that holders of a copy can compare it with something signed.

The lines that the digest covers are kept in memory, 47 bytes for each listing, and updated with each change: only the first
round, and one round each hour, reads all of them. The hourly one also finds out whether somebody altered the list without a
version.
"""

import hashlib
import time
from bisect import bisect_right
from collections.abc import Mapping

import structlog

from blacklist_service.database.connections import Connection
from blacklist_service.ledger.statements import ListState, keep_state
from blacklist_service.listings.setdigests import IN_FEED, PAGE, read_lines

LOOK_SECONDS = 5.0
RENEW_SECONDS = 60.0
MOVED_SECONDS = 10.0
"""How soon a change is in a new statement: each statement costs a hash over all lines."""
WHOLE_SECONDS = 3600.0
MOST_CHANGED = 20_000
"""After more changes than this, all lines are read again: a load of the whole list."""
ID_BYTES = 36

log = structlog.get_logger()


class Lines:
    """A line `listing_id list_version` for each listing of the set, by id, in blocks."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._firsts: list[bytes] = []

    def add_block(self, lines: bytes) -> None:
        """Append it after all others."""
        self._blocks.append(lines)
        self._firsts.append(lines[:ID_BYTES])

    def change(self, changed: Mapping[bytes, bytes | None]) -> None:
        """Replace the line of each id; None removes it."""
        of_block: dict[int, dict[bytes, bytes | None]] = {}
        for listing_id, line in changed.items():
            place = max(0, bisect_right(self._firsts, listing_id) - 1)
            of_block.setdefault(place, {})[listing_id] = line
        for place in sorted(of_block, reverse=True):  # from the end, so that earlier ones do not move
            self._blocks[place : place + 1] = _changed(self._blocks[place : place + 1], of_block[place])
        self._firsts = [block[:ID_BYTES] for block in self._blocks]

    def count(self) -> int:
        return sum(block.count(b"\n") for block in self._blocks)

    def digest(self) -> bytes:
        digest = hashlib.sha256()
        for block in self._blocks:
            digest.update(block)
        return digest.digest()


class Stating:
    """Computes the state of the list over one connection; a new connection starts from nothing, because it may lead to
    another database.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lines = Lines()
        self._version: int | None = None
        self._read_at = self._said_at = float("-inf")

    async def say_if_due(self) -> None:
        """Compute it if the minute is over, or if the list has changed for long enough."""
        age = time.monotonic() - self._said_at
        if age >= RENEW_SECONDS or (age >= MOVED_SECONDS and await _list_version(self._connection) != self._version):
            await self.say()

    async def say(self) -> ListState:
        """Compute the state of a current snapshot, and store it for the sealer."""
        async with self._connection.transaction(isolation="repeatable_read", readonly=True):
            head = await self._connection.fetchrow(
                "SELECT version, clock_timestamp() AS at FROM heads WHERE name = 'list'"
            )
            assert head is not None  # noqa: S101 - a migrated database has it
            await self._follow_to(head["version"])
        state = ListState(head["version"], self._lines.count(), self._lines.digest(), head["at"])
        await keep_state(self._connection, state)
        self._said_at = time.monotonic()
        return state

    async def _follow_to(self, version: int) -> None:
        is_due = time.monotonic() - self._read_at >= WHOLE_SECONDS
        changed = None if self._version is None else await self._changed_to(version)
        if changed is not None:
            self._lines.change(changed)
        if changed is None or is_due:
            await self._read_all(is_followed=changed is not None)
        self._version = version

    async def _changed_to(self, version: int) -> dict[bytes, bytes | None] | None:
        """The lines that changed since, None for those removed; None instead of all if too much changed."""
        if self._version is None or version < self._version:
            return None
        changed = await self._connection.fetch(
            "SELECT DISTINCT listing_id FROM listing_versions WHERE list_version > $1 LIMIT $2",
            *(self._version, MOST_CHANGED + 1),
        )
        if len(changed) > MOST_CHANGED:
            return None
        ids = [row["listing_id"] for row in changed]
        held = await self._connection.fetch(
            f"SELECT id, list_version FROM listings WHERE id = ANY($1::uuid[]) AND {IN_FEED}", ids
        )
        lines: dict[bytes, bytes | None] = {str(one).encode(): None for one in ids}
        return lines | {
            str(row["id"]).encode(): b"%s %d\n" % (str(row["id"]).encode(), row["list_version"]) for row in held
        }

    async def _read_all(self, *, is_followed: bool) -> None:
        lines = Lines()
        async for block, _ in read_lines(self._connection):
            lines.add_block(block)
        if is_followed and lines.digest() != self._lines.digest():
            log.error("list_was_altered_without_a_version")
        self._lines, self._read_at = lines, time.monotonic()


async def _list_version(connection: Connection) -> int:
    version: int = await connection.fetchval("SELECT version FROM heads WHERE name = 'list'")
    return version


def _changed(blocks: list[bytes], changed: Mapping[bytes, bytes | None]) -> list[bytes]:
    """At most one block with the changes applied; several if it has grown too long, none if nothing is left."""
    lines: dict[bytes, bytes | None] = {
        line[:ID_BYTES]: line for block in blocks for line in block.splitlines(keepends=True)
    }
    kept = [line for _, line in sorted((lines | dict(changed)).items()) if line is not None]
    size = PAGE if len(kept) > 2 * PAGE else max(1, len(kept))
    return [b"".join(kept[first : first + size]) for first in range(0, len(kept), size)]
