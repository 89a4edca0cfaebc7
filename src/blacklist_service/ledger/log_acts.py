"""What officers do to a log: begin it, continue it where an anchor was lost, let a new key sign. `new_log.py` ends one."""

import os

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from blacklist_service.access.principals import Actor
from blacklist_service.database.connections import Connection
from blacklist_service.ledger import log as reads
from blacklist_service.ledger import tree
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.anchoring import (
    newest_checkpoint,
    read_held,
    refuse,
    require_log,
    verify_anchor,
    verify_checkpoint,
    verify_said,
)
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.notes import Checkpoint, Note, VerifierKey, verified_checkpoint
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.ledger.sequencer import insert_checkpoint
from blacklist_service.ledger.signing import SealingPlace, pair, sign_checkpoint, write_anchor, write_key_file
from blacklist_service.secrecy import Secrecy


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
