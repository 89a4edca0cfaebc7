"""After a restore to an earlier moment: nothing is sealed until an officer ends the log; then all machines continue."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from blacklist_service.database.connections import connect
from blacklist_service.database.sessions import SEALER_ROLE
from blacklist_service.ledger import log as reads
from blacklist_service.ledger.anchoring import SealingRefusedError, say
from blacklist_service.ledger.log import find_proof, key_ranges, sealing_state
from blacklist_service.ledger.log_acts import adopt_anchor, rotate_key
from blacklist_service.ledger.new_log import begin_new_log
from blacklist_service.ledger.notes import Checkpoint, Note, NoteError, VerifierKey, verified_checkpoint
from blacklist_service.ledger.sealing import copy_checkpoint, keep_sealing, tell_disproof
from blacklist_service.ledger.signing import SealingPlace, pair, read_anchor
from blacklist_service.ledger.successions import (
    Succession,
    ended_logs,
    first_name,
    generation_of,
    name_after,
    sign_succession,
    verified_succession,
)
from blacklist_service.ledger.tree import leaf_hash, verify_consistency, verify_inclusion
from tests.conftest import SECRECY
from tests.ledger.sealing import add_entries, another_machine, assert_sound, begin, seal_all, the_log
from tests.ledger.test_sequencer import copy_of, drop
from tests.support import TEST

FIRST = 1
"""The entry of the migration itself."""
PATIENCE_SECONDS = 30.0
UTC_INSTANT = datetime(2026, 11, 27, 14, 30, tzinfo=UTC)


@pytest.fixture
async def place(dsn: str, tmp_path: Path) -> SealingPlace:
    return await begin(dsn, tmp_path)


async def grow(dsn: str, place: SealingPlace, count: int) -> None:
    connection = await connect(dsn)
    await add_entries(connection, count)
    await connection.close()
    await seal_all(dsn, place)


async def act_on(dsn: str, place: SealingPlace, *seen: Note) -> Succession:
    owner = await connect(dsn, role=None)
    try:
        return await begin_new_log(owner, place, seen=seen, reason="磁盘损坏", actor=TEST, secrecy=SECRECY)
    finally:
        await owner.close()


def held_in(place: SealingPlace) -> Checkpoint:
    held = read_anchor(place.anchor)
    assert held is not None
    return Checkpoint.parse(held.text)


class Restored:
    """A database as it was at ten entries, while two machines hold checkpoints of more."""

    def __init__(self, dsn: str, place: SealingPlace, other: SealingPlace, lost: UUID, proof: str) -> None:
        self.dsn, self.place, self.other = dsn, place, other
        self.lost, self.lost_proof = lost, proof
        self.was = held_in(place)


@pytest.fixture
async def restored(dsn: str, server: str, place: SealingPlace, tmp_path: Path) -> AsyncIterator[Restored]:
    await grow(dsn, place, 10)
    old = await copy_of(dsn, server)
    await grow(dsn, place, 7)
    other = another_machine(place, tmp_path, "other")
    await grow(dsn, place, 5)
    connection = await connect(dsn)
    lost = await connection.fetchval("SELECT entry_id FROM ledger_leaves ORDER BY idx DESC LIMIT 1")
    proof = await find_proof(connection, lost)
    assert proof is not None
    await connection.close()
    yield Restored(old, place, other, lost, proof.content)
    await drop(server, old)


async def test_the_new_log_goes_on_over_what_is_there_and_says_what_it_follows(restored: Restored):
    connection = await connect(restored.dsn)
    before, newest = await the_log(connection)
    survivor = await connection.fetchval("SELECT entry_id FROM ledger_leaves WHERE idx = 4")
    await add_entries(connection, 2)  # recorded, but not sealed at the moment restored
    made = await act_on(restored.dsn, restored.place)
    await seal_all(restored.dsn, restored.place)

    assert (made.kept.size, made.given_up) == (FIRST + 12, restored.was)
    assert await assert_sound(connection, restored.place) == FIRST + 12 + 1
    log, _ = await the_log(connection)
    assert log.origin == made.origin != before.origin
    assert first_name(log.origin) == before.origin
    assert generation_of(log.origin) == 2
    [leaf] = await reads.read_leaves(connection, made.kept.size, made.kept.size + 1)
    assert before.origin.encode() in leaf
    assert restored.was.root.hex().encode() in leaf
    assert b'"action":"log_begun"' in leaf
    assert "磁盘损坏".encode() in leaf

    # What was sealed before is provable anew, under the new log's name alone.
    proof = await find_proof(connection, survivor)
    assert proof is not None
    checkpoint = verified_checkpoint(proof.checkpoint, log.keys[:1])
    [leaf] = await reads.read_leaves(connection, 4, 5)
    verify_inclusion(leaf=leaf_hash(leaf), index=4, size=checkpoint.size, hashes=proof.hashes, root=checkpoint.root)
    with pytest.raises(NoteError):
        verified_checkpoint(proof.checkpoint, before.keys)
    # A checkpoint of the old log up to the act is consistent with the new tree.
    old = Checkpoint.parse(newest.text)
    hashes = await reads.prove_consistency(connection, old.size, checkpoint.size)
    verify_consistency(old=old.size, old_root=old.root, size=checkpoint.size, root=checkpoint.root, hashes=hashes)
    # What was lost is not in it, and is proved by the old name still.
    assert await find_proof(connection, restored.lost) is None
    assert verified_checkpoint(Note.parse(restored.lost_proof.partition("\n\n")[2]), log.keys) == restored.was
    [ended] = await ended_logs(connection)
    assert (ended.log, ended.followed_by, ended.kept_size) == (before.origin, made.origin, FIRST + 12)
    assert [one.until_size for one in await key_ranges(connection)] == [None, None]
    await connection.close()


async def test_both_machines_go_over_by_themselves_and_keep_what_was_given_up(restored: Restored):
    for place in (restored.place, restored.other):
        with pytest.raises(SealingRefusedError, match="new-log"):
            await seal_all(restored.dsn, place)
    made = await act_on(restored.dsn, restored.place)
    sealer = await connect(restored.dsn, role=SEALER_ROLE)
    for place in (restored.other, restored.place):  # the other one held an older checkpoint than the one that is named
        await copy_checkpoint(sealer, place)
        assert held_in(place).origin == made.origin
        assert len(list(place.anchor.parent.glob("checkpoint.given-up-*"))) == 1
    await sealer.close()
    await grow(restored.dsn, restored.other, 3)
    connection = await connect(restored.dsn)
    assert await assert_sound(connection, restored.other) == FIRST + 10 + 1 + 3
    await connection.close()


async def test_the_act_names_the_newest_that_any_machine_said_it_holds(restored: Restored):
    """The officer acts on the machine that was behind."""
    sealing = asyncio.create_task(keep_sealing(restored.dsn, restored.place))
    connection = await connect(restored.dsn)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await connection.fetchval("SELECT held IS NULL FROM ledger_sealing"):
            await asyncio.sleep(0.05)
    made = await act_on(restored.dsn, restored.other)
    assert made.given_up == restored.was
    assert held_in(restored.other).size < made.given_up.size
    async with asyncio.timeout(PATIENCE_SECONDS):  # the one that refused goes on by itself
        while held_in(restored.place).origin != made.origin:
            await asyncio.sleep(0.05)
    sealing.cancel()
    await asyncio.gather(sealing, return_exceptions=True)
    assert (await sealing_state(connection)).disproof is None
    await connection.close()


async def test_a_machine_that_holds_more_than_was_named_still_refuses(restored: Restored):
    """Nobody had told the officer; with what that machine holds another log is begun, and all go on."""
    await act_on(restored.dsn, restored.other)
    sealer = await connect(restored.dsn, role=SEALER_ROLE)
    with pytest.raises(SealingRefusedError, match="older than the checkpoint") as refused:
        await copy_checkpoint(sealer, restored.place)
    await say(sealer, refused.value)
    with pytest.raises(SealingRefusedError, match="older than the checkpoint"):
        await seal_all(restored.dsn, restored.other)  # one machine's proof stops all
    second = await act_on(restored.dsn, restored.other)
    assert second.given_up == restored.was
    assert generation_of(second.origin) == 3
    for place in (restored.place, restored.other):
        await copy_checkpoint(sealer, place)
        assert held_in(place).origin == second.origin
    await sealer.close()
    connection = await connect(restored.dsn)
    kept = [one.kept_size for one in await ended_logs(connection)]
    assert kept == [FIRST + 11, FIRST + 10]
    await connection.close()


async def test_a_second_restore_is_refused_until_it_is_acted_on(restored: Restored, server: str):
    before_the_act = await copy_of(restored.dsn, server)
    await act_on(restored.dsn, restored.place)
    await grow(restored.dsn, restored.place, 2)
    newest = held_in(restored.place)
    with pytest.raises(SealingRefusedError, match="older than the checkpoint"):
        await seal_all(before_the_act, restored.place)
    made = await act_on(before_the_act, restored.place)
    assert made.given_up == newest
    assert generation_of(made.origin) == 3, "the name of what is given up is not given again"
    await seal_all(before_the_act, restored.place)
    connection = await connect(before_the_act)
    await assert_sound(connection, restored.place)
    log, _ = await the_log(connection)
    names = [key.name for key in log.keys]
    assert names == [made.origin, newest.origin, first_name(made.origin)], "all that was signed stays provable"
    assert [(one.log, one.kept_size) for one in await ended_logs(connection)] == [
        (newest.origin, None),
        (first_name(made.origin), FIRST + 10),
    ]
    await connection.close()
    await drop(server, before_the_act)


async def test_an_act_that_the_database_made_up_moves_no_machine(restored: Restored):
    """Whoever may write anything in the database, but has no signing key."""
    owner = await connect(restored.dsn, role=None)
    log, _ = await the_log(owner)
    kept = Checkpoint(log.origin, FIRST + 10, await reads.root_of(owner, FIRST + 10))
    [(key, private)] = pair(name_after(log.origin), [Ed25519PrivateKey.generate()])
    entry_id = await owner.fetchval("SELECT entry_id FROM ledger_leaves WHERE idx = $1", FIRST + 9)
    forged = Succession(key, kept, restored.was, entry_id, (await sealing_state(owner)).now)
    note = sign_succession(forged, [private])
    await owner.execute("INSERT INTO ledger_successions VALUES ($1, $2)", key.name, note.content)
    await owner.execute("INSERT INTO ledger_keys (vkey) VALUES ($1)", key.text)
    await owner.execute("UPDATE ledger_log SET origin = $1", key.name)
    for place in (restored.place, restored.other):
        with pytest.raises(SealingRefusedError) as refused:
            await seal_all(restored.dsn, place)
        assert refused.value.kind.value in {"rolled_back", "forked"}
    await owner.close()


async def test_a_running_sealer_does_not_follow_a_name_that_was_only_written(dsn: str, place: SealingPlace):
    await grow(dsn, place, 3)
    owner = await connect(dsn, role=None)
    log, _ = await the_log(owner)
    [(key, _)] = pair("other.example/log", place.load_keys())
    sealing = asyncio.create_task(keep_sealing(dsn, place))
    await owner.execute("INSERT INTO ledger_keys (vkey) VALUES ($1)", key.text)
    await owner.execute("UPDATE ledger_log SET origin = 'other.example/log'")
    await add_entries(owner, 1)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await sealing_state(owner)).disproof is None:
            await asyncio.sleep(0.05)
    sealing.cancel()
    await asyncio.gather(sealing, return_exceptions=True)
    assert held_in(place).origin == log.origin
    await owner.close()


async def test_what_is_not_contradicted_is_not_ended(dsn: str, place: SealingPlace):
    await grow(dsn, place, 3)
    with pytest.raises(SealingRefusedError, match="the log goes on"):
        await act_on(dsn, place)
    held = read_anchor(place.anchor)
    assert held is not None
    with pytest.raises(SealingRefusedError, match="the log goes on"):
        await act_on(dsn, place, held)


async def test_what_only_an_auditor_holds_ends_it_too(restored: Restored, tmp_path: Path):
    """As after a restore onto an empty machine, whose checkpoint is the backup's; a sealer is at work meanwhile."""
    empty = another_machine(restored.place, tmp_path, "empty")
    connection = await connect(restored.dsn)
    _, note = await the_log(connection)
    empty.anchor.write_text(note.content)
    sealing = asyncio.create_task(keep_sealing(restored.dsn, empty))
    await add_entries(connection, 2)
    held = read_anchor(restored.place.anchor)
    assert held is not None
    made = await act_on(restored.dsn, empty, held)
    assert made.given_up == restored.was
    async with asyncio.timeout(PATIENCE_SECONDS):
        while held_in(empty).origin != made.origin:
            await asyncio.sleep(0.05)
    sealing.cancel()
    await asyncio.gather(sealing, return_exceptions=True)
    await connection.close()


async def test_a_key_rotated_after_the_moment_restored_begins_the_new_log(dsn: str, server: str, place: SealingPlace):
    await grow(dsn, place, 3)
    old = await copy_of(dsn, server)
    for _ in range(2):  # what signed last is not known to the database at all
        connection = await connect(dsn)
        async with connection.transaction():
            newest = await rotate_key(connection, place, actor=TEST, secrecy=SECRECY)
        await connection.close()
        await grow(dsn, place, 2)
    made = await act_on(old, place)
    assert made.key.public == newest.public
    await seal_all(old, place)
    connection = await connect(old)
    await assert_sound(connection, place)
    await connection.close()
    await drop(server, old)


async def test_an_anchor_is_not_adopted_against_what_is_held(restored: Restored):
    connection = await connect(restored.dsn)
    with pytest.raises(SealingRefusedError, match="new-log"):
        await adopt_anchor(connection, restored.place, actor=TEST, secrecy=SECRECY)
    await tell_disproof(restored.dsn, restored.other)
    restored.place.anchor.unlink()  # and not by moving it away either, while another machine holds one
    with pytest.raises(SealingRefusedError, match="new-log"):
        await adopt_anchor(connection, restored.place, actor=TEST, secrecy=SECRECY)
    assert (await sealing_state(connection)).disproof == "rolled_back"
    await connection.close()


async def test_a_restore_of_the_right_backup_ends_the_refusal(dsn: str, restored: Restored):
    """Nothing was acted on: the newest database is put back, and what a machine said does not stand against it."""
    connection = await connect(dsn)
    held = read_anchor(restored.place.anchor)
    assert held is not None
    await say(connection, SealingRefusedError("?", reads.RefusalKind.ROLLED_BACK, held=held))
    await grow(dsn, restored.place, 1)
    await assert_sound(connection, restored.place)
    await connection.close()


class TestTheNote:
    def test_is_read_as_it_was_written_and_kept_apart_from_a_checkpoint(self):
        private = Ed25519PrivateKey.generate()
        [(key, _)] = pair(name_after("a.example/log"), [private])
        kept = Checkpoint("a.example/log", 3, hashlib.sha256(b"3").digest())
        given_up = Checkpoint("a.example/log", 9, hashlib.sha256(b"9").digest())
        act = Succession(key, kept, given_up, UUID(int=7), UTC_INSTANT)
        note = sign_succession(act, [private])
        assert verified_succession(Note.parse(note.content), [VerifierKey("a.example/log", key.public)]) == act
        with pytest.raises(NoteError):
            Checkpoint.parse(act.text)
        with pytest.raises(NoteError):
            verified_succession(note, [VerifierKey("b.example/log", key.public)])
        with pytest.raises(NoteError):
            Succession.parse(act.text.replace("\n9\n", "\n09\n"))
        with pytest.raises(NoteError):
            Succession.parse(kept.text)

    def test_covers_what_it_names_and_nothing_beyond(self):
        key, root = VerifierKey("a/2-00000000", b"\1" * 32), hashlib.sha256(b"").digest()
        act = Succession(key, Checkpoint("a", 3, root), Checkpoint("a", 9, root), UUID(int=7), UTC_INSTANT)
        other = hashlib.sha256(b"other").digest()
        assert act.covers(Checkpoint("a", 9, root), root_here=None)
        assert not act.covers(Checkpoint("a", 9, other), root_here=None)
        assert not act.covers(Checkpoint("a", 10, root), root_here=None)
        assert act.covers(Checkpoint("a", 6, other), root_here=None)
        assert act.covers(Checkpoint("a", 3, root), root_here=root)
        assert not act.covers(Checkpoint("a", 2, other), root_here=root)
        assert not act.covers(Checkpoint("b", 2, root), root_here=root)

    def test_names_follow_one_another(self):
        second = name_after("blacklist.local/query-log/1f2e3d4c")
        third = name_after(second)
        assert [generation_of(one) for one in (second, third)] == [2, 3]
        assert first_name(third) == "blacklist.local/query-log/1f2e3d4c"
        assert name_after(third, second).startswith("blacklist.local/query-log/1f2e3d4c/4-")
