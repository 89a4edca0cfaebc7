"""Sealing: committed entries get their place in the log, and the log its signed checkpoints.

Leaves are hashed from the bytes read back from the database, committed with contiguous indices, signed, written to the anchor
outside the database, and only then published. If the process is killed between any two steps, the next one continues: leaves
without a checkpoint are signed as they are, and an anchor one step ahead of the newest checkpoint is signed again, byte for
byte. Nothing that was signed is ever signed differently: a database that is behind its anchor (an old backup) or contradicts
it (a fork) is refused.

With several machines one sequencer holds the log's lock and writes under the newest term. The others wait, copy the newest
checkpoint to their own anchors, and end the session of a holder that hangs.
"""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

import asyncpg
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from blacklist_service.access.principals import Actor
from blacklist_service.database.connections import LOST, Connection, connect
from blacklist_service.database.fences import pass_fence
from blacklist_service.database.sessions import SEALER_ROLE
from blacklist_service.database.turns import end_frozen_holder
from blacklist_service.ledger import log as reads
from blacklist_service.ledger import tree
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.anchoring import (
    SealingRefusedError,
    behind,
    newest_checkpoint,
    read_held,
    refuse,
    require_log,
    say,
    take_over,
    verify_anchor,
    verify_checkpoint,
    verify_said,
)
from blacklist_service.ledger.completeness import LOOK_SECONDS as COMPLETENESS_SECONDS
from blacklist_service.ledger.completeness import requeue_lost
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.log import PROOFS, Log, RefusalKind
from blacklist_service.ledger.notes import Checkpoint, Note, VerifierKey, verified_checkpoint
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.order import count_displaced, look_over
from blacklist_service.ledger.queries import database_clock
from blacklist_service.ledger.signing import (
    AnchorAheadError,
    SealingPlace,
    SigningKeyError,
    pair,
    sign_checkpoint,
    write_anchor,
    write_key_file,
)
from blacklist_service.ledger.statements import sign_state
from blacklist_service.secrecy import Secrecy
from blacklist_service.telemetry import LEDGER_DISPLACED, LEDGER_LAG, LEDGER_REFUSED, LEDGER_SIZE

LOG_LOCK = 0x736C_6F67
MOST_AT_ONCE = 20_000
LOOK_SECONDS = 0.2
RETRY_SECONDS = 2.0
RECONNECT_SECONDS = 0.2
LAG_LOOK_SECONDS = 5.0
FROZEN_SECONDS = 15.0
"""A sequencer that was silent this long is presumed to hang: it normally looks for entries five times a second."""
COPY_SECONDS = 60.0
"""How old a machine's own newest checkpoint may be while another machine seals."""
DISPROVED_SECONDS = 10.0
"""Pause before a machine whose checkpoint disproves the database looks again: an officer may have acted."""

# With outdated statistics the planner might find the leaves of a batch by scanning a month of them.
SETTINGS = {"enable_hashjoin": "off", "enable_mergejoin": "off", "enable_seqscan": "off", "lock_timeout": "4000"}

TAKE = """
SELECT id, at, entries FROM (
    SELECT id, at, entries, sum(cardinality(entries)) OVER (ORDER BY id) - cardinality(entries) AS before
    FROM (SELECT id, at, entries FROM ledger_pending ORDER BY id LIMIT $1) AS oldest
) AS counted
WHERE before < $1 ORDER BY id
"""

ALTERED = RefusalKind.ALTERED

logger = structlog.get_logger()


class SupersededError(Exception):
    """Another sequencer has taken over the log."""


async def begin_log(owner: Connection, place: SealingPlace) -> bool:
    """Begin the log of a database that has none, as part of its migration; return False if there is one.

    Its empty tree is signed and anchored at once, so that from then on a missing anchor is a fault.
    """
    if await owner.fetchval("SELECT EXISTS (SELECT FROM ledger_log)"):
        return False
    anchor = read_held(place)
    if anchor is not None and Checkpoint.parse(anchor.text).size:
        refuse(
            f"the newest checkpoint in {place.anchor} is of a log that this database does not have: restore the newest"
            " backup, or move the file away if that log is given up"
        )
    if not place.has_keys:
        place.key_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_key_file(place.key_file, [Ed25519PrivateKey.generate()])
    origin = place.log_name or f"blacklist.local/query-log/{os.urandom(4).hex()}"
    keys = pair(origin, place.load_keys()[:1])
    note = sign_checkpoint(Checkpoint(origin, 0, tree.EMPTY_ROOT), keys)
    await owner.execute("INSERT INTO ledger_log (origin) VALUES ($1)", origin)
    await owner.execute("INSERT INTO ledger_keys (vkey) VALUES ($1)", keys[0][0].text)
    await insert_checkpoint(owner, 0, tree.EMPTY_ROOT, note, sealed_pending=0)
    place.anchor.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_anchor(place.anchor, note)
    return True


async def adopt_anchor(connection: Connection, place: SealingPlace, *, actor: Actor, secrecy: Secrecy) -> Checkpoint:
    """Continue from the database's newest checkpoint after this machine's own was lost; only on a person's command. An anchor
    that contradicts the database is not lost: then end the log and begin a new one (`new_log.py`), or restore the right
    backup.
    """
    log = await require_log(connection)
    held = read_held(place)
    leaves = await reads.count_leaves(connection)
    await verify_checkpoint(connection, await newest_checkpoint(connection), leaves)
    await verify_said(connection, place, log, leaves)
    if held is not None:
        await verify_anchor(connection, place, held, log, leaves)
        refuse(f"{place.anchor} holds a checkpoint; nothing is to be adopted")
    note = await reads.find_checkpoint(connection)
    if note is None:
        refuse("the database has no checkpoint")
    checkpoint = verified_checkpoint(note, log.keys)
    facts = {"size": checkpoint.size, "root": checkpoint.root.hex()}
    entry = Entry(Action.ANCHOR_ADOPTED, actor, facts=facts)
    await record(connection, [entry], at=await database_clock(connection), secrecy=secrecy)
    write_anchor(place.anchor, Note(note.text, note.signatures[:1]))
    return checkpoint


async def tell_disproof(dsn: str, place: SealingPlace) -> None:
    """Verify, before anything is answered, that the database is the one that was signed; if it is proved not to be, report
    that to every web process. Other reasons not to seal are for the sealer to find and report.
    """
    connection = await connect(dsn, application_name="blacklist-service start", **SETTINGS)
    try:
        anchor = read_held(place)  # first: another sealer is ahead of its anchor, never behind
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            log = await require_log(connection)
            leaves = await reads.count_leaves(connection)
            await verify_checkpoint(connection, await newest_checkpoint(connection), leaves)
            await verify_said(connection, place, log, leaves)
            await verify_anchor(connection, place, anchor, log, leaves)
    except SealingRefusedError as error:
        if error.kind in PROOFS:
            logger.error("sealing_refused", cause=str(error))  # noqa: TRY400 - the sentence says it
            await say(connection, error)
    finally:
        await connection.close()


async def rotate_key(connection: Connection, place: SealingPlace, *, actor: Actor, secrecy: Secrecy) -> VerifierKey:
    """Let a new key sign beside the old one. A key file gets a new key; a key from the environment must be there already."""
    log = await require_log(connection)
    keys = place.load_keys()
    newest = pair(log.origin, keys)[0][0]
    if newest in log.keys:
        if place.key is not None:
            refuse("put the new key into BLACKLIST_SIGNING_KEY, before the old one, and ask again")
        keys = (Ed25519PrivateKey.generate(), keys[0])
        write_key_file(place.key_file, keys)
        newest = pair(log.origin, keys)[0][0]
    await connection.execute("INSERT INTO ledger_keys (vkey) VALUES ($1)", newest.text)
    entry = Entry(Action.SIGNING_KEY_ROTATED, actor, facts={"vkey": newest.text})
    await record(connection, [entry], at=await database_clock(connection), secrecy=secrecy)
    return newest


async def keep_sealing(dsn: str, place: SealingPlace) -> None:
    """Seal for ever. After any failure, the next attempt begins from what is stored."""
    refusal: str | None = None
    copied = -COPY_SECONDS
    while True:
        try:
            refusal = await _seal_until_refused(dsn, place, refusal)
            if refusal is None:
                copied = await _wait_for_its_turn(dsn, place, copied)
        except LOST:
            # The next server may be an older copy: verify it as soon as it is there.
            logger.exception("sealing_failed")
            copied = -COPY_SECONDS
            await asyncio.sleep(RECONNECT_SECONDS)
            continue
        except Exception:
            logger.exception("sealing_failed")
        await asyncio.sleep(RETRY_SECONDS)


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
        self.is_looked_over = await look_over(self.connection, self.edge.size)
        return self.edge.size - size

    async def append(self) -> list[int]:
        """Give the oldest queued entries their places, durably; return the queue rows they came from."""
        async with self.connection.transaction():
            pending = await self.connection.fetch(TAKE, MOST_AT_ONCE)
            if pending:
                await self._require_term()
                await self._append([(row["at"], entry_id) for row in pending for entry_id in row["entries"]])
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
        await verify_checkpoint(self.connection, await newest_checkpoint(self.connection), self.edge.size)
        first = max(0, self.edge.size - tree.TILE_WIDTH)
        stored = await reads.read_leaves(self.connection, first, self.edge.size)
        hashes = await self.connection.fetch("SELECT hash FROM ledger_leaves WHERE idx >= $1 ORDER BY idx", first)
        if reads.hashes_of(stored) != [row["hash"] for row in hashes]:
            refuse("entries that were sealed are not what they were: they were altered; call the auditors", ALTERED)
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


async def _seal_until_refused(dsn: str, place: SealingPlace, known: str | None) -> str | None:
    """Return why nothing may be signed; None if another process is the sequencer."""
    connection = await connect(dsn, role=SEALER_ROLE, application_name="blacklist-service sequencer", **SETTINGS)
    try:
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOG_LOCK):
            return None
        try:
            sequencer = await Sequencer.take_up(connection, place)
            await say(connection, None)
            LEDGER_REFUSED.set(0)
            await _seal(sequencer)
        except SealingRefusedError as error:
            refusal = error
        LEDGER_REFUSED.set(1)
        if str(refusal) != known:
            logger.error("sealing_refused", cause=str(refusal))
        await say(connection, refusal)
        LEDGER_LAG.set((await reads.sealing_state(connection)).lag_seconds)
        return str(refusal)
    finally:
        connection.terminate()


async def _wait_for_its_turn(dsn: str, place: SealingPlace, copied: float) -> float:
    """The work of a machine that does not seal; return when the newest checkpoint was last copied, by the event loop's
    clock.
    """
    if await end_frozen_holder(dsn, LOG_LOCK, silent_seconds=FROZEN_SECONDS):
        logger.error("sealer_stood_still")
    at = asyncio.get_running_loop().time()
    if at - copied < COPY_SECONDS:
        return copied
    connection = await connect(dsn, role=SEALER_ROLE, application_name="blacklist-service checkpoints", **SETTINGS)
    try:
        await copy_checkpoint(connection, place)
    except SealingRefusedError as error:
        logger.error("sealing_refused", cause=str(error))  # noqa: TRY400 - the sentence says it
        if error.kind in PROOFS:
            await say(connection, error)
            return at - COPY_SECONDS + DISPROVED_SECONDS
    finally:
        connection.terminate()
    return at


async def copy_checkpoint(connection: Connection, place: SealingPlace) -> None:
    """Copy the newest checkpoint to this machine's anchor: as long as one of several machines remains, the anchor is not
    lost.

    Raise `SealingRefusedError` if the database is not the one that this machine's own anchor was signed over. If the machine
    has no anchor, no checkpoint is trusted blindly.
    """
    anchor = read_held(place)  # before the anchor: the database only moves forward
    log, leaves = await require_log(connection), await reads.count_leaves(connection)
    await verify_anchor(connection, place, anchor, log, leaves)
    if anchor is not None and Checkpoint.parse(anchor.text).origin != log.origin:
        await take_over(connection, place, anchor, log)
        return
    note = await reads.find_checkpoint(connection)
    if anchor is None or note is None or Checkpoint.parse(anchor.text).size >= Checkpoint.parse(note.text).size:
        return
    signed = Note(note.text, note.signatures[:1])
    checkpoint = verified_checkpoint(signed, log.keys)
    if await reads.root_of(connection, checkpoint.size) != checkpoint.root:
        refuse("the newest checkpoint is not of the leaves in the database: call the auditors", ALTERED)
    await pass_fence(connection)
    try:
        await asyncio.to_thread(write_anchor, place.anchor, signed)
    except AnchorAheadError:  # a shared directory, and the sequencer was faster
        return
    except OSError as error:
        refuse(f"the newest checkpoint cannot be written to {place.anchor} ({type(error).__name__})")


async def _seal(sequencer: Sequencer) -> NoReturn:
    loop = asyncio.get_running_loop()
    looked = loop.time()
    complete_since: datetime | None = None
    completed = looked - COMPLETENESS_SECONDS
    while True:
        if loop.time() - completed >= COMPLETENESS_SECONDS:
            lost, complete_since = await requeue_lost(sequencer.connection, since=complete_since)
            completed = loop.time()
            if lost:
                logger.error("entries_were_taken_from_the_queue", size=lost)
        sealed = await sequencer.seal()
        if loop.time() - looked > LAG_LOOK_SECONDS:
            LEDGER_LAG.set((await reads.sealing_state(sequencer.connection)).lag_seconds)
            LEDGER_DISPLACED.set(await count_displaced(sequencer.connection))
            await sequencer.look_back()
            await sequencer.state_list()
            looked = loop.time()
        if sealed < MOST_AT_ONCE:
            await asyncio.sleep(LOOK_SECONDS)


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
