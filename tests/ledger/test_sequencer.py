"""Sealing: every entry once, in one log that never forks, whatever is killed or restored."""

import asyncio
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from blacklist_service.database.connections import Connection, connect
from blacklist_service.ledger import log as reads
from blacklist_service.ledger import tree
from blacklist_service.ledger.anchoring import SealingRefusedError
from blacklist_service.ledger.log_acts import adopt_anchor, begin_log, rotate_key
from blacklist_service.ledger.notes import Checkpoint, Note, verified_checkpoint
from blacklist_service.ledger.sealing import keep_sealing
from blacklist_service.ledger.sequencer import LOG_LOCK
from blacklist_service.ledger.signing import (
    AnchorAheadError,
    SealingPlace,
    SigningKeyError,
    write_anchor,
    write_key_file,
)
from tests.conftest import SECRECY
from tests.ledger.sealing import add_entries, assert_sound, begin, place_in, seal_all, sequencer_of, the_log
from tests.support import TEST, with_database

KILLS = 100 if os.environ.get("BLACKLIST_SOAK") else 8


@pytest.fixture
async def connection(dsn: str) -> AsyncIterator[Connection]:
    connection = await connect(dsn)
    yield connection
    await connection.close()


@pytest.fixture
async def place(dsn: str, tmp_path: Path) -> SealingPlace:
    return await begin(dsn, tmp_path)


async def test_what_was_committed_is_sealed_once_and_in_order(dsn: str, connection: Connection, place: SealingPlace):
    await add_entries(connection, 600, in_one=7)
    await seal_all(dsn, place)
    await add_entries(connection, 3)
    await seal_all(dsn, place)
    size = await assert_sound(connection, place)
    order = await connection.fetch(
        "SELECT e.at FROM ledger_leaves l JOIN ledger_entries e ON e.id = l.entry_id ORDER BY idx"
    )
    assert [row["at"] for row in order] == sorted(row["at"] for row in order)
    log, note = await the_log(connection)
    assert verified_checkpoint(note, log.keys).size == size
    for index in (0, 1, 255, 256, 511, size - 1):
        leaf = (await reads.read_leaves(connection, index, index + 1))[0]
        tree.verify_inclusion(
            leaf=tree.leaf_hash(leaf),
            index=index,
            size=size,
            hashes=await reads.prove_inclusion(connection, index, size),
            root=Checkpoint.parse(note.text).root,
        )


async def test_a_backlog_larger_than_a_batch_is_sealed_in_several(
    dsn: str, connection: Connection, place: SealingPlace, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("blacklist_service.ledger.sequencer.MOST_AT_ONCE", 100)
    await add_entries(connection, 1000, in_one=60)
    await seal_all(dsn, place)
    await assert_sound(connection, place)
    assert await connection.fetchval("SELECT count(*) FROM ledger_checkpoints") > 5


async def test_only_one_can_write(dsn: str, connection: Connection, place: SealingPlace):
    sequencer = await sequencer_of(dsn, place)
    assert not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOG_LOCK)
    await sequencer.connection.close()


@pytest.mark.parametrize("step", ["appended", "anchored"])
async def test_cut_off_between_two_steps(
    dsn: str, connection: Connection, place: SealingPlace, step: str, monkeypatch: pytest.MonkeyPatch
):
    await add_entries(connection, 5)
    sequencer = await sequencer_of(dsn, place)
    taken = await sequencer.append()
    if step == "anchored":

        async def fail(*_args, **_named):
            raise ConnectionError

        with monkeypatch.context() as patch:
            patch.setattr("blacklist_service.ledger.sequencer.insert_checkpoint", fail)
            with pytest.raises(ConnectionError):
                await sequencer.publish(taken)
    await sequencer.connection.close()
    await add_entries(connection, 2)
    assert (await reads.sealing_state(connection)).unsealed_since is not None
    await seal_all(dsn, place)
    await assert_sound(connection, place)
    assert (await reads.sealing_state(connection)).unsealed_since is None


@pytest.mark.timeout(60 + 5 * KILLS)
async def test_killed_at_random_under_load(dsn: str, connection: Connection, place: SealingPlace, tmp_path: Path):
    """No gap, no fork, nothing missing; each checkpoint ever anchored is a beginning of the final log."""
    program = (
        "import asyncio, sys; from pathlib import Path\n"
        "from blacklist_service.ledger.sealing import keep_sealing\n"
        "from blacklist_service.ledger.signing import SealingPlace\n"
        "place = SealingPlace(anchor=Path(sys.argv[2]), key_file=Path(sys.argv[3]))\n"
        "asyncio.run(keep_sealing(sys.argv[1], place))\n"
    )
    stop = asyncio.Event()

    async def load() -> None:
        while not stop.is_set():
            await add_entries(connection, 20, in_one=random.randint(1, 20))

    loading = asyncio.create_task(load())
    anchored = set()
    for _ in range(KILLS):
        before = place.anchor.read_text()
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, dsn, str(place.anchor), str(place.key_file)
        )
        deadline = time.monotonic() + 20
        while place.anchor.read_text() == before and time.monotonic() < deadline:
            await asyncio.sleep(0.005)
        assert place.anchor.read_text() != before
        await asyncio.sleep(random.random() * 0.3)
        child.send_signal(signal.SIGKILL)
        await child.wait()
        anchored.add(place.anchor.read_text())
        while not await connection_free(dsn):
            await asyncio.sleep(0.01)
    stop.set()
    await loading
    await seal_all(dsn, place)
    size = await assert_sound(connection, place)
    for text in anchored:
        checkpoint = Checkpoint.parse(Note.parse(text).text)
        assert checkpoint.size <= size
        assert await reads.root_of(connection, checkpoint.size) == checkpoint.root


async def connection_free(dsn: str) -> bool:
    other = await connect(dsn)
    try:
        return bool(await other.fetchval("SELECT pg_try_advisory_lock($1)", LOG_LOCK))
    finally:
        await other.close()


async def test_a_restored_old_database_signs_nothing(dsn: str, server: str, place: SealingPlace):
    await grow(dsn, place, 10)
    old = await copy_of(dsn, server)
    await grow(dsn, place, 10)
    newest = place.anchor.read_text()
    with pytest.raises(SealingRefusedError, match="restored backup"):
        await grow(old, place, 2)
    assert place.anchor.read_text() == newest
    restored = await connect(old)
    assert await restored.fetchval("SELECT max(size) FROM ledger_checkpoints") == 10 + 1
    await restored.close()
    await drop(server, old)


async def test_a_fork_signs_nothing(dsn: str, server: str, place: SealingPlace, tmp_path: Path):
    """The old database has grown as far as the anchor, but with other entries."""
    await grow(dsn, place, 10)
    old = await copy_of(dsn, server)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("checkpoint", "signing.key"):
        shutil.copy(tmp_path / name, elsewhere / name)
    await grow(dsn, place, 10)
    await grow(old, place_in(elsewhere), 30)
    newest = place.anchor.read_text()
    with pytest.raises(SealingRefusedError, match="fork"):
        await seal_all(old, place)
    assert place.anchor.read_text() == newest
    await drop(server, old)


async def grow(dsn: str, place: SealingPlace, count: int) -> None:
    connection = await connect(dsn)
    await add_entries(connection, count)
    await connection.close()
    await seal_all(dsn, place)


async def copy_of(dsn: str, server: str) -> str:
    """As a backup would: whoever copies a database is alone with it."""
    name = urlsplit(dsn).path[1:]
    admin = await asyncpg.connect(server)
    await admin.execute(f"CREATE DATABASE {name}_old TEMPLATE {name} STRATEGY file_copy")
    await admin.close()
    return with_database(server, f"{name}_old")


async def drop(server: str, dsn: str) -> None:
    admin = await asyncpg.connect(server)
    await admin.execute(f"DROP DATABASE {urlsplit(dsn).path[1:]} WITH (FORCE)")
    await admin.close()


async def test_the_anchor_never_goes_back(dsn: str, connection: Connection, place: SealingPlace):
    old = Note.parse(place.anchor.read_text())
    await add_entries(connection, 3)
    await seal_all(dsn, place)
    with pytest.raises(AnchorAheadError):
        write_anchor(place.anchor, old)


async def test_a_lost_anchor_is_adopted_only_when_told(dsn: str, connection: Connection, place: SealingPlace):
    await add_entries(connection, 3)
    await seal_all(dsn, place)
    place.anchor.unlink()
    await add_entries(connection, 3)
    with pytest.raises(SealingRefusedError, match="adopt-anchor"):
        await seal_all(dsn, place)
    async with connection.transaction():
        await adopt_anchor(connection, place, actor=TEST, secrecy=SECRECY)
    await seal_all(dsn, place)
    assert await assert_sound(connection, place) == 3 + 3 + 1 + 1


async def test_altered_leaves_are_refused(dsn: str, connection: Connection, place: SealingPlace):
    await add_entries(connection, 300)
    await seal_all(dsn, place)
    owner = await connect(dsn, role=None)
    await owner.execute("UPDATE ledger_leaves SET hash = sha256('') WHERE idx = 299")
    with pytest.raises(SealingRefusedError, match="altered"):
        await seal_all(dsn, place)
    await owner.close()


async def test_an_entry_removed_before_it_was_sealed_is_refused(dsn: str, connection: Connection, place: SealingPlace):
    await add_entries(connection, 3)
    owner = await connect(dsn, role=None)
    await owner.execute("DELETE FROM ledger_entries WHERE id = (SELECT entries[1] FROM ledger_pending LIMIT 1)")
    with pytest.raises(SealingRefusedError, match="removed"):
        await seal_all(dsn, place)
    assert await owner.fetchval("SELECT count(*) FROM ledger_leaves") == 0
    await owner.close()


async def test_a_log_is_begun_once_and_not_over_another(dsn: str, place: SealingPlace, tmp_path: Path):
    owner = await connect(dsn, role=None)
    async with owner.transaction():
        assert not await begin_log(owner, place)
    await add_entries(owner, 3)
    await seal_all(dsn, place)
    await owner.execute("TRUNCATE ledger_log, ledger_keys, ledger_leaves, ledger_tiles, ledger_checkpoints CASCADE")
    with pytest.raises(SealingRefusedError, match="does not have"):
        await begin_log(owner, place)
    await owner.close()


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o660])
async def test_a_signing_key_open_to_others_is_refused(place: SealingPlace, mode: int):
    place.key_file.chmod(mode)
    with pytest.raises(SigningKeyError, match="chmod 600"):
        place.load_keys()


async def test_a_foreign_signing_key_signs_nothing(dsn: str, place: SealingPlace):
    write_key_file(place.key_file, [Ed25519PrivateKey.generate()])
    with pytest.raises(SealingRefusedError, match="not this log's"):
        await seal_all(dsn, place)


async def test_a_rotated_key_signs_beside_the_old_one(dsn: str, connection: Connection, place: SealingPlace):
    await add_entries(connection, 1)
    sequencer = await sequencer_of(dsn, place)
    await sequencer.seal()
    old = (await the_log(connection))[0].keys
    async with connection.transaction():
        newest = await rotate_key(connection, place, actor=TEST, secrecy=SECRECY)
    await sequencer.seal()  # the running one takes it up
    await sequencer.connection.close()
    log, note = await the_log(connection)
    assert log.keys == (newest, *old)
    assert note.signed_by(log.keys) == [newest, *old]
    assert verified_checkpoint(note, [newest]) == verified_checkpoint(note, old)
    await add_entries(connection, 1)
    await seal_all(dsn, place)
    await assert_sound(connection, place)


async def test_a_rotation_cut_off_after_the_file_is_taken_up(dsn: str, connection: Connection, place: SealingPlace):
    cut_off = connection.transaction()
    await cut_off.start()
    await rotate_key(connection, place, actor=TEST, secrecy=SECRECY)
    await cut_off.rollback()
    await add_entries(connection, 1)
    await seal_all(dsn, place)
    at_hand = place.load_keys()
    async with connection.transaction():
        await rotate_key(connection, place, actor=TEST, secrecy=SECRECY)
    assert [key.private_bytes_raw() for key in place.load_keys()] == [key.private_bytes_raw() for key in at_hand]


async def test_the_reason_of_a_refusal_is_told_and_forgotten(dsn: str, connection: Connection, place: SealingPlace):
    await add_entries(connection, 1)
    anchor = place.anchor.read_text()
    place.anchor.unlink()
    sealing = asyncio.create_task(keep_sealing(dsn, place))
    try:
        await until(connection, "SELECT refusal LIKE '%is missing%' FROM ledger_sealing")
        place.anchor.write_text(anchor)
        await until(connection, "SELECT refusal IS NULL FROM ledger_sealing")
        await until(connection, "SELECT max(size) = 2 FROM ledger_checkpoints")
    finally:
        sealing.cancel()


async def until(connection: Connection, sql: str) -> None:
    for _ in range(400):
        if await connection.fetchval(sql):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(sql)
