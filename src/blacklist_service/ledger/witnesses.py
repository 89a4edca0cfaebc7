"""Witnesses: bodies that follow the log from their own machines, and cosign what they found consistent."""

from blacklist_service.access.principals import Actor
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.notes import COSIGNATURE, Checkpoint, Note, NoteError, VerifierKey
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.problems import Conflict, FieldError, InvalidRequest
from blacklist_service.secrecy import Secrecy


async def add_witness(connection: Connection, vkey: str, *, actor: Actor, secrecy: Secrecy) -> bool:
    """Accept cosignatures by this key from now on; return False if they are accepted already."""
    try:
        key = VerifierKey.parse(vkey)
    except NoteError as error:
        raise InvalidRequest(str(error)) from None
    if key.algorithm != COSIGNATURE:
        raise InvalidRequest("a witness's key is one for cosignatures (type 0x04)")
    if not await connection.fetchval(
        "INSERT INTO ledger_witnesses (vkey) VALUES ($1) ON CONFLICT DO NOTHING RETURNING true", key.text
    ):
        return False
    entry = Entry(Action.WITNESS_ADDED, actor, facts={"vkey": key.text})
    await record(connection, [entry], at=await database_clock(connection), secrecy=secrecy)
    return True


async def accept_cosignatures(connection: Connection, content: str) -> tuple[int, list[str]]:
    """Store the cosignatures of known witnesses under one of this log's checkpoints; return its size and their names."""
    try:
        note = Note.parse(content)
        checkpoint = Checkpoint.parse(note.text)
        rows = await connection.fetch("SELECT vkey FROM ledger_witnesses")
        signers = note.signed_by([VerifierKey.parse(row["vkey"]) for row in rows])
    except NoteError as error:
        raise _invalid(str(error)) from None
    own = await connection.fetchval("SELECT note FROM ledger_checkpoints WHERE size = $1", checkpoint.size)
    if own is None or Note.parse(own).text != note.text:
        raise Conflict("this log never published that checkpoint")
    if not signers:
        raise _invalid("no known witness has signed")
    for key in signers:
        line = next(signature.line for signature in note.signatures if signature.is_by(key))
        await connection.execute(
            "INSERT INTO ledger_cosignatures (size, vkey, line) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            checkpoint.size,
            key.text,
            line,
        )
    return checkpoint.size, [key.name for key in signers]


def _invalid(sentence: str) -> InvalidRequest:
    return InvalidRequest(errors=[FieldError("/note", "note", sentence)])
