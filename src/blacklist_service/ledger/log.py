"""Reads of the log: its keys, its newest checkpoint, its tiles and bundles, and proofs from them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from blacklist_service.database.connections import Connection
from blacklist_service.database.statements import Deferred, composed
from blacklist_service.ledger import tree
from blacklist_service.ledger.notes import Checkpoint, Note, Proof, VerifierKey, parse_signatures
from blacklist_service.ledger.tree import HashReader, Node, Tile

if TYPE_CHECKING:
    from blacklist_service.ledger import selects
else:
    selects = Deferred("blacklist_service.ledger.selects")


SIGNED_WITHIN = 1000
"""One of this many checkpoints after a key was added bears the key's signature: the sequencer reloads its keys for each
checkpoint.
"""


@dataclass(frozen=True, slots=True)
class Log:
    """The log of this database: its name, and its public keys, newest first."""

    origin: str
    keys: tuple[VerifierKey, ...]


async def find_log(connection: Connection) -> Log | None:
    """Return None if no log was begun."""
    origin = await connection.fetchval("SELECT origin FROM ledger_log")
    if origin is None:
        return None
    rows = await connection.fetch("SELECT vkey FROM ledger_keys ORDER BY number DESC")
    return Log(origin, tuple(VerifierKey.parse(row["vkey"]) for row in rows))


@dataclass(frozen=True, slots=True)
class KeyRange:
    """A public key, since when it signs, and the largest tree size that it alone vouched for; None for a log's newest key."""

    vkey: str
    since: datetime
    until_size: int | None


async def key_ranges(connection: Connection) -> list[KeyRange]:
    """Newest first. A key that was superseded goes on signing beside the new one, but its signature alone no longer proves
    anything.
    """
    rows = await connection.fetch("SELECT vkey, since FROM ledger_keys ORDER BY number DESC")
    found, until, origin = [], None, None
    for row in rows:
        key = VerifierKey.parse(row["vkey"])
        if key.name != origin:  # for an ended log: not everything that its newest key signed is known here
            until, origin = None, key.name
        found.append(KeyRange(row["vkey"], row["since"], until))
        until = await _last_size_without(connection, key, row["since"], until)
    return found


async def _last_size_without(connection: Connection, key: VerifierKey, since: datetime, until: int | None) -> int:
    """The size of the last checkpoint before the first one that this key signed, or of the newest if it has signed none."""
    rows = await connection.fetch(
        "SELECT size, note FROM ledger_checkpoints WHERE at >= $1 ORDER BY size LIMIT $2", since, SIGNED_WITHIN
    )
    signed = (row["size"] for row in rows if key.key_id in {one.key_id for one in Note.parse(row["note"]).signatures})
    size = await connection.fetchval(
        "SELECT max(size) FROM ledger_checkpoints WHERE size < coalesce($1::bigint, 9223372036854775807)",
        next(signed, None),
    )
    return int(size or 0) if until is None else min(int(size or 0), until)


async def published_size(connection: Connection) -> int | None:
    """The size in the newest checkpoint; None if no log was begun."""
    size: int | None = await connection.fetchval("SELECT max(size) FROM ledger_checkpoints")
    return size


async def count_leaves(connection: Connection) -> int:
    newest: int | None = await connection.fetchval("SELECT max(idx) FROM ledger_leaves")
    return 0 if newest is None else newest + 1


async def find_checkpoint(connection: Connection, *, holding: int = 0, is_cosigned: bool = False) -> Note | None:
    """The newest checkpoint of at least `holding` leaves, with the cosignatures of its witnesses."""
    newest = await composed(selects.newest_checkpoint, is_cosigned=is_cosigned)
    rows = await newest.fetch(connection, size=holding)
    if not rows:
        return None
    [row] = rows
    lines = await connection.fetch("SELECT line FROM ledger_cosignatures WHERE size = $1 ORDER BY vkey", row["size"])
    note = Note.parse(row["note"])
    return note.with_signatures(one for line in lines for one in parse_signatures(line["line"]))


async def read_tile(connection: Connection, tile: Tile) -> list[bytes]:
    """The hashes of a tile; fewer than its width if the log is not that long yet."""
    end = tile.first + tile.width
    if tile.level == 0:
        rows = await connection.fetch(
            "SELECT hash FROM ledger_leaves WHERE idx >= $1 AND idx < $2 ORDER BY idx", tile.first, end
        )
    else:
        rows = await connection.fetch(
            "SELECT hash FROM ledger_tiles WHERE level = $1 AND idx >= $2 AND idx < $3 ORDER BY idx",
            tile.level,
            tile.first,
            end,
        )
    return [row["hash"] for row in rows]


async def read_leaves(connection: Connection, first: int, end: int) -> list[bytes]:
    """The stored bytes of the leaves, in the log's order."""
    rows = await connection.fetch(
        """
        SELECT e.leaf FROM ledger_leaves l
        CROSS JOIN LATERAL (SELECT leaf FROM ledger_entries e WHERE e.at = l.at AND e.id = l.entry_id OFFSET 0) AS e
        WHERE l.idx >= $1 AND l.idx < $2 ORDER BY l.idx
        """,
        first,
        end,
    )
    return [row["leaf"] for row in rows]


async def reader_of(connection: Connection, nodes: Iterable[Node], size: int) -> HashReader:
    """A reader of these nodes of the tree of `size` leaves, after fetching all of them."""
    tiles = {tile: await read_tile(connection, tile) for tile in tree.tiles_of(nodes, size)}
    return tree.reader_of_tiles(tiles, size)


async def root_of(connection: Connection, size: int) -> bytes:
    return tree.root(size, await reader_of(connection, tree.cover(0, size), size))


async def prove_inclusion(connection: Connection, index: int, size: int) -> list[bytes]:
    ranges = tree.inclusion_ranges(index, size)
    return tree.proof(ranges, await reader_of(connection, tree.nodes_of(ranges), size))


async def prove_consistency(connection: Connection, old: int, size: int) -> list[bytes]:
    ranges = tree.consistency_ranges(old, size)
    return tree.proof(ranges, await reader_of(connection, tree.nodes_of(ranges), size))


async def find_leaf_index(connection: Connection, entry_id: UUID) -> int | None:
    index: int | None = await connection.fetchval("SELECT idx FROM ledger_leaves WHERE entry_id = $1", entry_id)
    return index


async def find_proof(connection: Connection, entry_id: UUID) -> Proof | None:
    """The receipt of an entry, under a checkpoint that witnesses signed if there is one; None until the entry is sealed."""
    index = await find_leaf_index(connection, entry_id)
    if index is None:
        return None
    note = await find_checkpoint(connection, holding=index + 1, is_cosigned=True)
    note = note or await find_checkpoint(connection, holding=index + 1)
    if note is None:
        return None
    size = Checkpoint.parse(note.text).size
    return Proof(index, tuple(await prove_inclusion(connection, index, size)), note)


class RefusalKind(StrEnum):
    """Why nothing may be sealed."""

    ROLLED_BACK = "rolled_back"
    FORKED = "forked"
    ALTERED = "altered"
    UNABLE = "unable"
    """A missing key, file or disk: it casts no doubt on what was sealed."""


PROOFS = frozenset({RefusalKind.ROLLED_BACK, RefusalKind.FORKED, RefusalKind.ALTERED})
"""These prove that the database is not the one that was signed: nothing is answered from it (trust.md §7)."""

DISPROOF = f"SELECT kind FROM ledger_sealing WHERE is_only AND refusal IS NOT NULL AND kind <> '{RefusalKind.UNABLE}'"
"""The proof that the database is not the one that was signed; empty if there is none."""


@dataclass(frozen=True, slots=True)
class SealingState:
    """How far sealing lags: since when the oldest unsealed entry has waited, and why nothing is sealed, if so."""

    now: datetime
    unsealed_since: datetime | None
    refusal: str | None
    disproof: str | None
    host: str | None
    """The machine that refuses to seal."""

    @property
    def lag_seconds(self) -> float:
        return 0.0 if self.unsealed_since is None else max(0.0, (self.now - self.unsealed_since).total_seconds())


OLDEST_UNSEALED = """
SELECT at FROM ledger_pending
WHERE id > coalesce((SELECT sealed_pending FROM ledger_checkpoints ORDER BY size DESC LIMIT 1), 0)
ORDER BY id LIMIT 1
"""
"""When the oldest transaction not covered by a checkpoint was made."""


async def sealing_state(connection: Connection) -> SealingState:
    row = await connection.fetchrow(
        f"""
        SELECT clock_timestamp() AS now, ({OLDEST_UNSEALED}) AS unsealed_since,
               (SELECT refusal FROM ledger_sealing) AS refusal, ({DISPROOF}) AS disproof,
               (SELECT host FROM ledger_sealing WHERE refusal IS NOT NULL) AS host
        """
    )
    assert row is not None  # noqa: S101 - a SELECT without FROM
    return SealingState(**row)


def hashes_of(leaves: Sequence[bytes]) -> list[bytes]:
    return [tree.leaf_hash(leaf) for leaf in leaves]
