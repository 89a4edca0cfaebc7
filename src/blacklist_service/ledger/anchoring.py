"""Verifies that the database is the one that was signed: against its own newest checkpoint, and against those kept outside
it.

A checkpoint of a log that was ended counts too, unless an officer's act (`successions.py`) that names the log replaced it.
Any other signed checkpoint that does not fit the database disproves it.
"""

import asyncio
import contextlib
import socket
from collections.abc import Iterable
from typing import Any, NoReturn

from blacklist_service.database.connections import Connection
from blacklist_service.database.fences import pass_fence
from blacklist_service.ledger import log as reads
from blacklist_service.ledger.log import PROOFS, Log, RefusalKind
from blacklist_service.ledger.notes import Checkpoint, Note, NoteError, VerifierKey, public_of, verified_checkpoint
from blacklist_service.ledger.signing import (
    SealingPlace,
    SigningKeyError,
    read_anchor,
    replace_anchor,
)
from blacklist_service.ledger.successions import (
    Succession,
    age_of,
    find_successions,
    first_name,
    generation_of,
    verified_succession,
)

NEW_LOG = "'blacklist-service audit new-log'"


class SealingRefusedError(Exception):
    """Nothing may be signed; the message says why, and what to do."""

    def __init__(self, sentence: str, kind: RefusalKind = RefusalKind.UNABLE, *, held: Note | None = None) -> None:
        super().__init__(sentence)
        self.kind = kind
        self.held = held
        """The checkpoint that disproves the database."""


class LogNotBegunError(SealingRefusedError):
    """There is no log: only `migrate` begins one."""


def refuse(sentence: str, kind: RefusalKind = RefusalKind.UNABLE, *, held: Note | None = None) -> NoReturn:
    raise SealingRefusedError(sentence, kind, held=held)


async def require_log(connection: Connection) -> Log:
    log = await reads.find_log(connection)
    if log is None:
        raise LogNotBegunError("no log was begun: run 'blacklist-service migrate'")
    return log


async def newest_checkpoint(connection: Connection) -> Any:
    row = await connection.fetchrow(
        "SELECT size, root, sealed_pending FROM ledger_checkpoints ORDER BY size DESC LIMIT 1"
    )
    if row is None:
        refuse("the log has lost its checkpoints: restore the newest backup", RefusalKind.ALTERED)
    return row


async def verify_checkpoint(connection: Connection, newest: Any, leaves: int) -> None:
    if newest["size"] > leaves or await reads.root_of(connection, newest["size"]) != newest["root"]:
        refuse(
            "the log's leaves are not those of its newest checkpoint: they were altered; restore the newest backup",
            RefusalKind.ALTERED,
        )


def read_held(place: SealingPlace) -> Note | None:
    """The newest checkpoint that this machine keeps."""
    try:
        return read_anchor(place.anchor)
    except NoteError:
        refuse(f"{place.anchor} does not hold a checkpoint: put the newest one back")
    except OSError as error:
        refuse(f"the newest checkpoint in {place.anchor} cannot be read ({type(error).__name__})")


async def verify_anchor(
    connection: Connection, place: SealingPlace, anchor: Note | None, log: Log, leaves: int
) -> None:
    if anchor is None:
        refuse(
            f"the newest checkpoint is missing from {place.anchor}: put it back, or, if this database is known to be"
            " the newest, run 'blacklist-service audit adopt-anchor'"
        )
    await verify_held(connection, place, anchor, log, leaves, where=f"signed in {place.anchor}")


async def verify_said(connection: Connection, place: SealingPlace, log: Log, leaves: int) -> None:
    """Verify against what another machine reported that it holds: one machine's proof stops all, as long as it is valid."""
    row = await connection.fetchrow("SELECT held, refusal, kind FROM ledger_sealing")
    if row is None or row["held"] is None:
        return
    try:
        await verify_held(connection, place, Note.parse(row["held"]), log, leaves, where="that another machine holds")
    except (ForeignError, NoteError):
        return  # anybody may have written it: unsigned data proves nothing
    except SealingRefusedError as error:
        if row["kind"] == error.kind:
            refuse(row["refusal"], error.kind, held=error.held)  # in the words and the name of that machine
        raise


class ForeignError(SealingRefusedError):
    """The checkpoint belongs to no log of this installation."""


async def verify_held(
    connection: Connection, place: SealingPlace, held: Note, log: Log, leaves: int, *, where: str
) -> None:
    """Raise `SealingRefusedError` if a checkpoint, of this log or of an earlier one, disproves the database."""
    trusted = _trusted_by(held, log, place)
    if trusted is None:
        raise ForeignError(
            f"the checkpoint {where} is not signed by this log: database and anchor do not belong together",
            RefusalKind.FORKED,
        )
    checkpoint = Checkpoint.parse(held.text)
    is_within = checkpoint.size <= leaves
    root_here = await reads.root_of(connection, checkpoint.size) if is_within else None
    if checkpoint.origin == log.origin:
        if root_here == checkpoint.root:
            return
    elif await _is_gone_over(connection, checkpoint, log, trusted, root_here=root_here):
        return
    if not is_within or generation_of(checkpoint.origin) > generation_of(log.origin):
        refuse(_behind(where), RefusalKind.ROLLED_BACK, held=held)
    refuse(
        f"the log in the database is another than the one of the checkpoint {where} (a fork): call the auditors;"
        f" restore the database that it was signed over; or, if that is given up, run {NEW_LOG}",
        RefusalKind.FORKED,
        held=held,
    )


async def take_over(connection: Connection, place: SealingPlace, held: Note, log: Log) -> None:
    """If this machine's checkpoint, already verified, belongs to a log that an officer ended, set it aside and put the new
    log's newest checkpoint in its place.
    """
    if Checkpoint.parse(held.text).origin == log.origin:
        return
    note = await reads.find_checkpoint(connection)
    if note is None:
        refuse("the log has lost its checkpoints: restore the newest backup", RefusalKind.ALTERED)
    await pass_fence(connection)
    try:
        await asyncio.to_thread(replace_anchor, place.anchor, held, Note(note.text, note.signatures[:1]))
    except OSError as error:
        refuse(f"the newest checkpoint cannot be written to {place.anchor} ({type(error).__name__})")


async def say(connection: Connection, refusal: SealingRefusedError | None) -> None:
    """Store the state for the probes and the checks, which run in other processes, and for other machines, with the proof."""
    await connection.execute(
        """
        UPDATE ledger_sealing SET refusal = $1, kind = $2, host = $3, since = clock_timestamp()
        WHERE (refusal, kind) IS DISTINCT FROM ($1, $2)
        """,
        *((None, None) if refusal is None else (str(refusal), refusal.kind.value)),
        socket.gethostname(),
    )
    if refusal is not None and refusal.held is not None and refusal.kind in PROOFS:
        await _keep_newest(connection, refusal.held)


def behind(place: SealingPlace) -> str:
    return _behind(f"signed in {place.anchor}")


def _behind(where: str) -> str:
    return (
        f"the database is older than the checkpoint {where} (a restored backup): restore a newer one,"
        f" with the write-ahead log up to the end; or, if what came after it is given up, run {NEW_LOG}"
    )


async def _keep_newest(connection: Connection, held: Note) -> None:
    said = await connection.fetchval("SELECT held FROM ledger_sealing")
    with contextlib.suppress(NoteError):
        if said is not None and age_of(Checkpoint.parse(Note.parse(said).text)) >= age_of(Checkpoint.parse(held.text)):
            return
    await connection.execute("UPDATE ledger_sealing SET held = $1", held.content)


def _trusted_by(held: Note, log: Log, place: SealingPlace) -> set[bytes] | None:
    """Public keys that somebody with write access to the database cannot have chosen: those at hand, and those that signed
    what is held here. None if no key of this log signed it.
    """
    origin = Checkpoint.parse(held.text).origin
    at_hand: set[bytes] = set()
    with contextlib.suppress(SigningKeyError, OSError):
        at_hand = {public_of(private) for private in place.load_keys()}
    known = {key.public for key in log.keys} | at_hand
    try:
        signers = {key.public for key in held.signed_by(VerifierKey(origin, public) for public in known)}
    except NoteError:
        return None
    is_ours = first_name(origin) == first_name(log.origin)
    return signers | at_hand if signers and is_ours else None


async def _is_gone_over(
    connection: Connection, held: Checkpoint, log: Log, trusted: Iterable[bytes], *, root_here: bytes | None
) -> bool:
    """Whether officers' acts lead from the log of `held` to the one in the database, and whether that is the log they
    began.
    """
    keys = [VerifierKey(name, public) for public in trusted for name in (log.origin, held.origin)]
    acts = await _acts_to(connection, log.origin, trusted)
    if not any(act.covers(held, root_here=root_here) for act in acts):
        return False
    note = await reads.find_checkpoint(connection)
    if note is None:
        return False
    try:
        newest = verified_checkpoint(note, keys)
    except NoteError:
        return False
    return newest.origin == log.origin and await reads.root_of(connection, newest.size) == newest.root


async def _acts_to(connection: Connection, origin: str, trusted: Iterable[bytes]) -> list[Succession]:
    """The acts by which the log with this name succeeded others, newest first, as far as they are signed and fit the leaves
    in the database.
    """
    acts: list[Succession] = []
    for note in await find_successions(connection):
        with contextlib.suppress(NoteError):
            claimed = Succession.parse(note.text)
            names = (claimed.kept.origin, claimed.given_up.origin, claimed.origin)
            act = verified_succession(note, [VerifierKey(name, one) for name in names for one in trusted])
            if act.origin == origin and await _stands_in(connection, act):
                acts.append(act)
                origin = act.kept.origin
    return acts


async def _stands_in(connection: Connection, act: Succession) -> bool:
    return (
        await reads.find_leaf_index(connection, act.entry_id) == act.kept.size
        and await reads.root_of(connection, act.kept.size) == act.kept.root
    )
