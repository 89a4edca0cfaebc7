"""A log to seal into: entries as any act makes them, and the published log read without the code under test."""

import base64
import hashlib
from pathlib import Path

from blacklist_service.access.principals import Actor
from blacklist_service.database.connections import Connection, connect
from blacklist_service.database.sessions import SEALER_ROLE
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.log import Log, find_checkpoint, find_log
from blacklist_service.ledger.log_acts import begin_log
from blacklist_service.ledger.notes import Note
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.ledger.sequencer import LOG_LOCK, SETTINGS, Sequencer
from blacklist_service.ledger.signing import SealingPlace
from tests.conftest import SECRECY


def place_in(folder: Path) -> SealingPlace:
    return SealingPlace(anchor=folder / "checkpoint", key_file=folder / "signing.key")


async def begin(dsn: str, folder: Path) -> SealingPlace:
    place = place_in(folder)
    owner = await connect(dsn, role=None)
    async with owner.transaction():
        assert await begin_log(owner, place)
    await owner.close()
    return place


def another_machine(place: SealingPlace, tmp_path: Path, name: str) -> SealingPlace:
    """With the same key, and its own copy of the newest checkpoint."""
    folder = tmp_path / name
    folder.mkdir()
    other = place_in(folder)
    for mine, theirs in ((place.anchor, other.anchor), (place.key_file, other.key_file)):
        theirs.write_bytes(mine.read_bytes())
        theirs.chmod(0o600)
    return other


async def add_entries(connection: Connection, count: int, *, in_one: int = 1) -> None:
    for first in range(0, count, in_one):
        async with connection.transaction():
            entries = [
                Entry(Action.AUDIT_READ, Actor(operator="test"), facts={"n": first + n})
                for n in range(min(in_one, count - first))
            ]
            await record(connection, entries, at=await database_clock(connection), secrecy=SECRECY)


async def sequencer_of(dsn: str, place: SealingPlace) -> Sequencer:
    """Close its connection when done."""
    connection = await connect(dsn, role=SEALER_ROLE, **SETTINGS)
    try:
        assert await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOG_LOCK)
        return await Sequencer.take_up(connection, place)
    except BaseException:
        await connection.close()
        raise


async def seal_all(dsn: str, place: SealingPlace) -> None:
    sequencer = await sequencer_of(dsn, place)
    try:
        while await sequencer.seal():
            pass
    finally:
        await sequencer.connection.close()


def root_by_definition(leaf_hashes: list[bytes]) -> bytes:
    """RFC 6962 §2.1 over leaf hashes, level by level: an odd one out goes up as it is."""
    row = leaf_hashes
    while len(row) > 1:
        pairs = [hashlib.sha256(b"\x01" + row[at] + row[at + 1]).digest() for at in range(0, len(row) - 1, 2)]
        row = pairs + row[len(pairs) * 2 :]
    return row[0] if row else hashlib.sha256(b"").digest()


async def the_log(connection: Connection) -> tuple[Log, Note]:
    """The log and its newest checkpoint."""
    log, note = await find_log(connection), await find_checkpoint(connection)
    assert log is not None
    assert note is not None
    return log, note


async def assert_sound(connection: Connection, place: SealingPlace) -> int:
    """Contiguous, complete, every checkpoint true to the stored leaves, the anchor the newest; return the size."""
    rows = await connection.fetch(
        "SELECT l.idx, e.leaf FROM ledger_leaves l JOIN ledger_entries e ON e.at = l.at AND e.id = l.entry_id ORDER BY idx"
    )
    assert [row["idx"] for row in rows] == list(range(len(rows)))
    hashes = [hashlib.sha256(b"\x00" + row["leaf"]).digest() for row in rows]
    checkpoints = await connection.fetch("SELECT size, root, note FROM ledger_checkpoints ORDER BY size")
    for checkpoint in checkpoints:
        assert checkpoint["root"] == root_by_definition(hashes[: checkpoint["size"]])
        _, size, root = checkpoint["note"].split("\n")[:3]
        assert (int(size), base64.b64decode(root)) == (checkpoint["size"], checkpoint["root"])
    assert checkpoints[-1]["size"] == len(rows) == await connection.fetchval("SELECT count(*) FROM ledger_entries")
    assert place.anchor.read_text() == checkpoints[-1]["note"]
    assert await connection.fetchval("SELECT count(*) FROM ledger_pending") == 0
    return len(rows)
