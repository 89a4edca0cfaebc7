"""An officer's act after a restore to an earlier moment: the log is ended, and a new one begins over the existing leaves.

Only somebody who may alter tables and holds the signing key can do it. What the old log signed is left unchanged: leaves keep
their places, the old checkpoints up to here fit the new log too, and what the old log signed beyond remains provable in its
name.
"""

import contextlib
import re
from collections.abc import Sequence

import asyncpg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from blacklist_service.access.principals import Actor
from blacklist_service.database.connections import Connection
from blacklist_service.database.restarts import restart_versions
from blacklist_service.ledger import log as reads
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.anchoring import (
    ForeignError,
    SealingRefusedError,
    newest_checkpoint,
    read_held,
    refuse,
    require_log,
    say,
    verify_checkpoint,
    verify_held,
)
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.log import Log
from blacklist_service.ledger.notes import Checkpoint, Note, NoteError, VerifierKey
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.ledger.sequencer import LOG_LOCK, Sequencer, insert_checkpoint
from blacklist_service.ledger.signing import SealingPlace, SigningKeyError, pair, sign_checkpoint
from blacklist_service.ledger.successions import Succession, age_of, name_after, sign_succession
from blacklist_service.secrecy import Secrecy

PATIENCE = "30s"
"""The time for a sealer to notice that the database is disproved, and to let go: it looks every five seconds."""
MOST_OF_A_REASON = 500
LONG_NUMBER = re.compile(r"[0-9０-９]{9}")
BUSY = "another process seals, or holds what is to be sealed: ask again"


async def begin_new_log(
    owner: Connection, place: SealingPlace, *, seen: Sequence[Note], reason: str, actor: Actor, secrecy: Secrecy
) -> Succession:
    """End the log that a newer checkpoint disproves: this machine's, one that another machine reported, or one `seen` by
    auditors or witnesses. Raise `SealingRefusedError` if there is none, or if the database contradicts itself.
    """
    _require_plain(reason)
    given_up = await _find_given_up(owner, place, seen)
    # Stored first, so that every sealer stops, even if only the auditors knew.
    await say(owner, given_up)
    try:
        async with owner.transaction():
            await owner.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
            await owner.execute("SELECT pg_advisory_xact_lock($1)", LOG_LOCK)
            await owner.execute("LOCK TABLE ledger_pending IN SHARE ROW EXCLUSIVE MODE")
            return await _begin(owner, place, given_up, reason=reason, actor=actor, secrecy=secrecy)
    except asyncpg.LockNotAvailableError:
        refuse(BUSY)


def _require_plain(reason: str) -> None:
    """The text is in the log in clear for ever, as are the log's public keys."""
    if not reason.strip() or not reason.isprintable() or len(reason) > MOST_OF_A_REASON:
        refuse(f"a reason is one line of at most {MOST_OF_A_REASON} characters")
    if LONG_NUMBER.search(reason):
        refuse("a reason names no person: it stands in the log in clear, for ever; leave the long number out")


async def _find_given_up(owner: Connection, place: SealingPlace, seen: Sequence[Note]) -> SealingRefusedError:
    """The newest checkpoint that anybody is known to hold and that disproves the database."""
    log, leaves = await require_log(owner), await reads.count_leaves(owner)
    await verify_checkpoint(owner, await newest_checkpoint(owner), leaves)
    held, said = read_held(place), await owner.fetchval("SELECT held FROM ledger_sealing")
    proofs = [
        await _disproof_by(owner, place, note, log, leaves) for note in [*seen, *([] if held is None else [held])]
    ]
    with contextlib.suppress(ForeignError, NoteError):  # anybody may have written it
        proofs += [] if said is None else [await _disproof_by(owner, place, Note.parse(said), log, leaves)]
    found = [proof for proof in proofs if proof is not None]
    if not found:
        refuse("no checkpoint that is known here contradicts the database: the log goes on, there is none to be ended")
    return max(found, key=lambda proof: age_of(_checkpoint(proof)))


async def _disproof_by(
    owner: Connection, place: SealingPlace, note: Note, log: Log, leaves: int
) -> SealingRefusedError | None:
    try:
        await verify_held(owner, place, note, log, leaves, where="that is known")
    except SealingRefusedError as error:
        if error.held is None:
            raise  # belongs to no log of this installation
        return error
    return None


async def _begin(
    owner: Connection, place: SealingPlace, proof: SealingRefusedError, *, reason: str, actor: Actor, secrecy: Secrecy
) -> Succession:
    sequencer = await Sequencer.of_database(owner, place)
    await _place_waiting(owner, sequencer)  # what was committed before the act precedes the new log's first entry
    kept, given_up = Checkpoint(sequencer.log.origin, sequencer.edge.size, sequencer.edge.root()), _checkpoint(proof)
    key, private = _newest_key(place, name_after(kept.origin, given_up.origin))
    entry = Entry(Action.LOG_BEGUN, actor, facts=_facts(key.text, kept, given_up) | {"reason": reason})
    at = await database_clock(owner)
    [entry_id] = await record(owner, [entry], at=at, secrecy=secrecy)
    await _place_waiting(owner, sequencer)
    succession = Succession(key, kept, given_up, entry_id, at)
    note = sign_succession(succession, place.load_keys())
    await owner.execute("INSERT INTO ledger_successions (origin, note) VALUES ($1, $2)", key.name, note.content)
    for known in (*_forgotten_keys(place, sequencer.log, given_up), key):
        await owner.execute("INSERT INTO ledger_keys (vkey) VALUES ($1) ON CONFLICT DO NOTHING", known.text)
    await owner.execute(
        "UPDATE ledger_log SET origin = $1, begun_at = $2, since_size = $3", key.name, at, sequencer.edge.size
    )
    first = Checkpoint(key.name, sequencer.edge.size, sequencer.edge.root())
    signed = sign_checkpoint(first, [(key, private)])
    await insert_checkpoint(owner, first.size, first.root, signed, sealed_pending=sequencer.sealed_pending)
    await owner.execute("UPDATE ledger_sealing SET refusal = NULL, kind = NULL, held = NULL, since = clock_timestamp()")
    await restart_versions(owner)
    return succession


async def _place_waiting(owner: Connection, sequencer: Sequencer) -> None:
    """Give each queued entry its place, and remove it from the queue."""
    taken = await sequencer.list_taken() or await sequencer.append()
    while taken:
        await owner.execute("DELETE FROM ledger_pending WHERE id = ANY($1::bigint[])", taken)
        sequencer.sealed_pending = max(sequencer.sealed_pending, *taken)
        taken = await sequencer.append()


def _newest_key(place: SealingPlace, origin: str) -> tuple[VerifierKey, Ed25519PrivateKey]:
    try:
        return pair(origin, place.load_keys())[0]
    except SigningKeyError as error:
        refuse(str(error))


def _forgotten_keys(place: SealingPlace, log: Log, given_up: Checkpoint) -> list[VerifierKey]:
    """Keys of a log that was begun after the restored moment: what it signed remains provable by what `…/vkey` returns."""
    if given_up.origin == log.origin:
        return []
    return [key for key, _ in reversed(pair(given_up.origin, place.load_keys()))]


def _facts(vkey: str, kept: Checkpoint, given_up: Checkpoint) -> dict[str, object]:
    """What the new log's first entry shows in clear text."""
    return {
        "vkey": vkey,
        "follows": {"log": kept.origin, "size": kept.size, "root": kept.root.hex()},
        "given_up": {"log": given_up.origin, "size": given_up.size, "root": given_up.root.hex()},
    }


def _checkpoint(proof: SealingRefusedError) -> Checkpoint:
    if proof.held is None:
        raise proof
    return Checkpoint.parse(proof.held.text)
