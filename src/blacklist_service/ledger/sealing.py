"""Keeping the log sealed: one machine runs the sequencer, the others are ready to.

Those that wait copy the newest checkpoint to their own anchors, and end the session of a holder that hangs. A machine whose
anchor disproves the database reports that to all.
"""

import asyncio
from datetime import datetime
from typing import NoReturn

import structlog

from blacklist_service.database.connections import LOST, Connection, connect
from blacklist_service.database.fences import pass_fence
from blacklist_service.database.sessions import SEALER_ROLE
from blacklist_service.database.turns import end_frozen_holder
from blacklist_service.ledger import log as reads
from blacklist_service.ledger.anchoring import (
    SealingRefusedError,
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
from blacklist_service.ledger.log import PROOFS, RefusalKind
from blacklist_service.ledger.notes import Checkpoint, Note, verified_checkpoint
from blacklist_service.ledger.order import count_displaced
from blacklist_service.ledger.sequencer import LOG_LOCK, MOST_AT_ONCE, SETTINGS, Sequencer
from blacklist_service.ledger.signing import AnchorAheadError, SealingPlace, write_anchor
from blacklist_service.telemetry import LEDGER_DISPLACED, LEDGER_LAG, LEDGER_REFUSED

LOOK_SECONDS = 0.2
BUSY_LOOK_SECONDS = 0.5
"""Pause after a checkpoint over at least `MANY` entries. However few a checkpoint covers, it is flushed to disk four times,
and the flushes of checks wait for these.
"""
MANY = 100
RETRY_SECONDS = 2.0
RECONNECT_SECONDS = 0.2
LAG_LOOK_SECONDS = 5.0
FROZEN_SECONDS = 15.0
"""A sequencer that was silent this long is presumed to hang: it normally looks for entries at least twice a second."""
COPY_SECONDS = 60.0
"""How old a machine's own newest checkpoint may be while another machine seals."""
DISPROVED_SECONDS = 10.0
"""Pause before a machine whose checkpoint disproves the database looks again: an officer may have acted."""

logger = structlog.get_logger()


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
        refuse("the newest checkpoint is not of the leaves in the database: call the auditors", RefusalKind.ALTERED)
    await pass_fence(connection)
    try:
        await asyncio.to_thread(write_anchor, place.anchor, signed)
    except AnchorAheadError:  # a shared directory, and the sequencer was faster
        return
    except OSError as error:
        refuse(f"the newest checkpoint cannot be written to {place.anchor} ({type(error).__name__})")


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
            await asyncio.sleep(LOOK_SECONDS if sealed < MANY else BUSY_LOOK_SECONDS)


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
