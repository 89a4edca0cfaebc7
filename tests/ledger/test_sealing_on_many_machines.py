"""One log, several machines that could seal it: one does, none forks it, each keeps the newest checkpoint."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from blacklist_service.database.connections import LOST, Connection, connect
from blacklist_service.database.sessions import SEALER_ROLE
from blacklist_service.database.turns import end_frozen_holder
from blacklist_service.ledger.anchoring import SealingRefusedError
from blacklist_service.ledger.notes import Checkpoint
from blacklist_service.ledger.sealing import copy_checkpoint
from blacklist_service.ledger.sequencer import LOG_LOCK, Sequencer, SupersededError
from blacklist_service.ledger.signing import SealingPlace, read_anchor
from tests.ledger.sealing import add_entries, another_machine, assert_sound, begin, seal_all, sequencer_of

PATIENCE_SECONDS = 30.0
FIRST = 1
"""The entry of the migration itself: the founding measures."""


@pytest.fixture
async def connection(dsn: str) -> AsyncIterator[Connection]:
    connection = await connect(dsn)
    yield connection
    await connection.close()


@pytest.fixture
async def place(dsn: str, tmp_path: Path) -> SealingPlace:
    return await begin(dsn, tmp_path)


@pytest.fixture
async def other_machine(place: SealingPlace, tmp_path: Path) -> SealingPlace:
    return another_machine(place, tmp_path, "other")


def size_in(place: SealingPlace) -> int:
    held = read_anchor(place.anchor)
    assert held is not None
    return Checkpoint.parse(held.text).size


async def test_what_a_superseded_sequencer_writes_is_refused(
    dsn: str, connection: Connection, place: SealingPlace, other_machine: SealingPlace
) -> None:
    await add_entries(connection, 3)
    frozen = await sequencer_of(dsn, place)
    successors = await connect(dsn, role=SEALER_ROLE)
    successor = await Sequencer.take_up(successors, other_machine)
    with pytest.raises(SupersededError):
        await frozen.seal()
    await successor.seal()
    await add_entries(connection, 2)
    with pytest.raises(SupersededError):
        await frozen.publish([])
    await frozen.connection.close()
    await successors.close()
    await seal_all(dsn, other_machine)
    assert await assert_sound(connection, other_machine) == FIRST + 5


async def test_the_lock_of_a_holder_that_stands_still_is_taken_from_it(
    dsn: str, connection: Connection, place: SealingPlace
) -> None:
    await add_entries(connection, 1)
    frozen = await sequencer_of(dsn, place)
    assert not await end_frozen_holder(dsn, LOG_LOCK, silent_seconds=60), "it said something just now"
    working = asyncio.create_task(frozen.connection.execute("SELECT pg_sleep(2)"))
    await asyncio.sleep(1)
    assert not await end_frozen_holder(dsn, LOG_LOCK, silent_seconds=0.5), "it is at work"
    await working
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await end_frozen_holder(dsn, LOG_LOCK, silent_seconds=0.5):
            await asyncio.sleep(0.1)
        while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOG_LOCK):
            await asyncio.sleep(0.1)
    with pytest.raises(LOST):
        await frozen.seal()


async def test_each_machine_keeps_the_newest_checkpoint(
    dsn: str, connection: Connection, place: SealingPlace, other_machine: SealingPlace
) -> None:
    await add_entries(connection, 300)
    await seal_all(dsn, place)
    assert size_in(other_machine) == 0
    sealer = await connect(dsn, role=SEALER_ROLE)
    await copy_checkpoint(sealer, other_machine)
    assert size_in(other_machine) == size_in(place) == FIRST + 300
    await copy_checkpoint(sealer, other_machine)
    await sealer.close()
    await add_entries(connection, 1)
    await seal_all(dsn, other_machine)
    assert await assert_sound(connection, other_machine) == FIRST + 301


async def test_a_machine_that_saw_a_later_checkpoint_says_so(
    dsn: str, connection: Connection, place: SealingPlace, other_machine: SealingPlace
) -> None:
    await add_entries(connection, 4)
    await seal_all(dsn, place)
    sealer = await connect(dsn, role=SEALER_ROLE)
    await copy_checkpoint(sealer, other_machine)
    owner = await connect(dsn, role=None)  # as a restore to an earlier moment leaves it
    await owner.execute("DELETE FROM ledger_checkpoints WHERE size > 0")
    await owner.execute("DELETE FROM ledger_leaves")
    with pytest.raises(SealingRefusedError, match="older than the checkpoint") as refused:
        await copy_checkpoint(sealer, other_machine)
    assert refused.value.kind.value == "rolled_back"
    await owner.close()
    await sealer.close()


async def test_a_machine_without_a_checkpoint_takes_none_on_trust(
    dsn: str, connection: Connection, place: SealingPlace, other_machine: SealingPlace
) -> None:
    await add_entries(connection, 2)
    await seal_all(dsn, place)
    other_machine.anchor.unlink()
    sealer = await connect(dsn, role=SEALER_ROLE)
    with pytest.raises(SealingRefusedError, match="adopt-anchor"):
        await copy_checkpoint(sealer, other_machine)
    assert not other_machine.anchor.exists()
    await sealer.close()
