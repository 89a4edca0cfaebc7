"""The sequencer: committed entries get their place in the log, and the log its signed checkpoints.

Leaves are hashed from the bytes read back from the database, committed with contiguous indices, signed, written to the anchor
outside the database, and only then published. If the process is killed between any two steps, the next one continues: leaves
without a checkpoint are signed as they are, and an anchor one step ahead of the newest checkpoint is signed again, byte for
byte. Nothing that was signed is ever signed differently: a database that is behind its anchor (an old backup) or contradicts
it (a fork) is refused.

With several machines one sequencer holds the log's lock and writes under the newest term. What runs it, and what the other
machines do meanwhile, is in `sealing.py`.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from blacklist_service.database.connections import Connection
from blacklist_service.ledger import log as reads
from blacklist_service.ledger import tree
from blacklist_service.ledger.anchoring import (
    behind,
    newest_checkpoint,
    read_held,
    refuse,
    require_log,
    take_over,
    verify_anchor,
    verify_checkpoint,
    verify_said,
)
from blacklist_service.ledger.log import Log, RefusalKind
from blacklist_service.ledger.notes import Checkpoint, Note, VerifierKey
from blacklist_service.ledger.order import look_at_new, look_over
from blacklist_service.ledger.signing import (
    AnchorAheadError,
    SealingPlace,
    SigningKeyError,
    pair,
    sign_checkpoint,
    write_anchor,
)
from blacklist_service.ledger.statements import sign_state
from blacklist_service.telemetry import LEDGER_SIZE

LOG_LOCK = 0x736C_6F67
MOST_AT_ONCE = 20_000

# With outdated statistics the planner might find the leaves of a batch by scanning a month of them.
SETTINGS = {"enable_hashjoin": "off", "enable_mergejoin": "off", "enable_seqscan": "off", "lock_timeout": "4000"}

TAKE = """
SELECT id, at, entries FROM (
    SELECT id, at, entries, sum(cardinality(entries)) OVER (ORDER BY id) - cardinality(entries) AS before
    FROM (SELECT id, at, entries FROM ledger_pending ORDER BY id LIMIT $1) AS oldest
) AS counted
WHERE before < $1 ORDER BY id
"""

logger = structlog.get_logger()


class SupersededError(Exception):
    """Another sequencer has taken over the log."""


@dataclass(slots=True)
class Sequencer:
    """The only writer of the log, as long as its connection lives, which holds the log's lock."""

    connection: Connection
    place: SealingPlace
    log: Log
    edge: tree.Edge
    published: int
    sealed_pending: int
    term: int
    keys: Sequence[tuple[VerifierKey, Ed25519PrivateKey]] = ()
    """Those of the keys at hand that the database knows."""
    is_looked_over: bool = False
    """Whether all leaves were examined to be in the order of their timestamps."""

    @classmethod
    async def take_up(cls, connection: Connection, place: SealingPlace) -> "Sequencer":
        """Raise `SealingRefusedError` unless database, anchor and key fit together. The caller holds the log's lock.

        The new term is a commit that has to be replicated, so no failover can lose what is found, and signed, afterwards.
        """
        sequencer = await cls.of_database(connection, place)
        log, leaves, held = sequencer.log, sequencer.edge.size, read_held(place)
        await verify_said(connection, place, log, leaves)
        await verify_anchor(connection, place, held, log, leaves)
        if held is not None:
            await take_over(connection, place, held, log)
        sequencer.load_keys()
        if leaves > sequencer.published:
            await sequencer.publish(await sequencer.list_taken())
        return sequencer

    @classmethod
    async def of_database(cls, connection: Connection, place: SealingPlace) -> "Sequencer":
        """Take over under a new term a log that is consistent in itself, without regard to the checkpoints that machines
        hold.
        """
        log = await require_log(connection)
        term = await connection.fetchval("UPDATE ledger_sealing SET term = term + 1 RETURNING term")
        leaves, newest = await reads.count_leaves(connection), await newest_checkpoint(connection)
        await verify_checkpoint(connection, newest, leaves)
        rows = [
            await reads.read_tile(connection, tree.Tile(level, first // tree.TILE_WIDTH, max(end - first, 1)))
            for level, (first, end) in enumerate(tree.edge_rows(leaves))
        ]
        return cls(connection, place, log, tree.Edge(leaves, rows), newest["size"], newest["sealed_pending"], term)

    def load_keys(self) -> None:
        try:
            at_hand = pair(self.log.origin, self.place.load_keys())
        except SigningKeyError as error:
            refuse(str(error))
        self.keys = [(key, private) for key, private in at_hand if key in self.log.keys]
        if not self.keys:
            refuse(
                "the signing key is not this log's: put the right one back, or run 'blacklist-service keys"
                " rotate-signing'"
            )

    async def seal(self) -> int:
        """Seal what is committed, at most one batch; return the number of entries."""
        size = self.edge.size
        taken = await self.append()
        if taken:
            await self.publish(taken)
        if not self.is_looked_over:
            self.is_looked_over = await look_over(self.connection, self.edge.size)
        return self.edge.size - size

    async def append(self) -> list[int]:
        """Give the oldest queued entries their places, durably; return the queue rows they came from."""
        async with self.connection.transaction():
            pending = await self.connection.fetch(TAKE, MOST_AT_ONCE)
            if pending:
                await self._require_term()
                first = self.edge.size
                entries = [(row["at"], entry_id) for row in pending for entry_id in row["entries"]]
                await self._append(entries)
                self.is_looked_over = await look_at_new(self.connection, first, [at for at, _ in entries])
        return [row["id"] for row in pending]

    async def list_taken(self) -> list[int]:
        """The queue rows whose entries already have their places but are not removed yet."""
        # The leaves of one transaction are committed together, so the first one stands for all.
        taken = await self.connection.fetch(
            "SELECT id FROM ledger_pending p WHERE EXISTS (SELECT FROM ledger_leaves l WHERE l.entry_id = p.entries[1])"
        )
        return [row["id"] for row in taken]

    async def publish(self, taken: Sequence[int]) -> None:
        """Sign the committed tree, anchor the checkpoint, then publish it and empty the queue."""
        await self._renew_keys()
        checkpoint = Checkpoint(self.log.origin, self.edge.size, self.edge.root())
        note = sign_checkpoint(checkpoint, self.keys)
        if checkpoint.size > self.published:
            try:
                await asyncio.to_thread(write_anchor, self.place.anchor, note)
            except AnchorAheadError:
                refuse(behind(self.place), RefusalKind.ROLLED_BACK)
            except OSError as error:
                refuse(f"the newest checkpoint cannot be written to {self.place.anchor} ({type(error).__name__})")
        self.sealed_pending = max([self.sealed_pending, *taken])
        async with self.connection.transaction():
            await self._require_term()
            if checkpoint.size > self.published:
                await insert_checkpoint(
                    self.connection, checkpoint.size, checkpoint.root, note, sealed_pending=self.sealed_pending
                )
            await self.connection.execute("DELETE FROM ledger_pending WHERE id = ANY($1::bigint[])", taken)
        self.published = checkpoint.size
        LEDGER_SIZE.set(checkpoint.size)

    async def state_list(self) -> bool:
        """Sign the newest state of the list, if a new one was stored; return whether there was one. A failure here does not
        stop sealing: copies of the list then become outdated, and report it.
        """
        await self._renew_keys()
        try:
            return await sign_state(self.connection, self.log.origin, self.keys)
        except asyncpg.PostgresError:
            logger.exception("list_not_stated")
            return False

    async def look_back(self) -> None:
        """Raise `SealingRefusedError` if what was sealed has changed: the tree under its newest checkpoint, or the newest
        leaves as stored; or if another machine holds a checkpoint that disproves the database.
        """
        self.is_looked_over = False  # in case somebody changed where the looking over stands
        await verify_checkpoint(self.connection, await newest_checkpoint(self.connection), self.edge.size)
        first = max(0, self.edge.size - tree.TILE_WIDTH)
        stored = await reads.read_leaves(self.connection, first, self.edge.size)
        hashes = await self.connection.fetch("SELECT hash FROM ledger_leaves WHERE idx >= $1 ORDER BY idx", first)
        if reads.hashes_of(stored) != [row["hash"] for row in hashes]:
            refuse(
                "entries that were sealed are not what they were: they were altered; call the auditors",
                RefusalKind.ALTERED,
            )
        await verify_said(self.connection, self.place, self.log, self.edge.size)

    async def _append(self, entries: Sequence[tuple[Any, Any]]) -> None:
        leaves, tiles = [], []
        stored = await self.connection.fetch(
            """
            SELECT e.leaf FROM unnest($1::timestamptz[], $2::uuid[]) WITH ORDINALITY AS asked (at, id, place)
            LEFT JOIN ledger_entries e ON e.at = asked.at AND e.id = asked.id ORDER BY asked.place
            """,
            [at for at, _ in entries],
            [entry_id for _, entry_id in entries],
        )
        for (at, entry_id), row in zip(entries, stored, strict=True):
            if row["leaf"] is None or len(row["leaf"]) > tree.MOST_LEAF_BYTES:
                refuse(
                    "an entry that is to be sealed is not in the ledger: it was removed; ask who can alter tables",
                    RefusalKind.ALTERED,
                )
            digest = tree.leaf_hash(row["leaf"])
            leaves.append((self.edge.size, entry_id, at, digest))
            tiles += self.edge.append(digest)
        await self.connection.copy_records_to_table(
            "ledger_leaves", records=leaves, columns=("idx", "entry_id", "at", "hash")
        )
        await self.connection.copy_records_to_table("ledger_tiles", records=tiles, columns=("level", "idx", "hash"))

    async def _require_term(self) -> None:
        """Raise `SupersededError` if another sequencer has taken over the log; the lock keeps others from it until the
        transaction ends.
        """
        if await self.connection.fetchval("SELECT term FROM ledger_sealing FOR SHARE") != self.term:
            raise SupersededError

    async def _renew_keys(self) -> None:
        """A key that was added meanwhile signs from the next checkpoint on."""
        log = await require_log(self.connection)
        if log.origin != self.log.origin:
            raise SupersededError
        if log != self.log:
            self.log = log
            self.load_keys()


async def insert_checkpoint(connection: Connection, size: int, root: bytes, note: Note, *, sealed_pending: int) -> None:
    await connection.execute(
        """
        INSERT INTO ledger_checkpoints (size, root, note, at, sealed_pending)
        VALUES ($1, $2, $3, clock_timestamp(), $4)
        """,
        size,
        root,
        note.content,
        sealed_pending,
    )
