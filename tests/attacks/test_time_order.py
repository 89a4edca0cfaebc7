"""A time's export is complete although somebody wrote a backdated entry, or the clock was set back; or it says it is not."""

import json
import zipfile
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from blacklist_service.access.principals import Actor
from blacklist_service.audit import ranges
from blacklist_service.audit.exports import make_bundle, wait_for_proof
from blacklist_service.audit.filters import EntryFilters
from blacklist_service.audit.verify_bundle import Doubt, main, verify
from blacklist_service.audit.wanted import WantedExport
from blacklist_service.clock import new_ids
from blacklist_service.database.connections import Connection, connect
from blacklist_service.database.sessions import SEALER_ROLE
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.order import (
    Displaced,
    count_displaced,
    find_displaced,
    list_displaced,
    look_over,
    note_displaced,
)
from blacklist_service.ledger.queries import database_clock
from blacklist_service.ledger.sequencer import Sequencer
from blacklist_service.ledger.signing import SealingPlace
from blacklist_service.problems import Undetermined
from tests.conftest import SECRECY
from tests.ledger.sealing import begin, sequencer_of
from tests.support import Service

NOON = datetime(2018, 10, 20, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def at_seconds(*seconds: int) -> list[tuple[int, datetime]]:
    return [(index, NOON + one * SECOND) for index, one in enumerate(seconds)]


class TestFinding:
    def test_the_disorder_of_transactions_is_none(self):
        assert find_displaced(at_seconds(0, 59, 0, 119, 60), newest=None, now=NOON + HOUR)[0] == []

    def test_a_backdated_entry_is_found_alone(self):
        found, newest = find_displaced(at_seconds(0, 100, 10, 101), newest=None, now=NOON + HOUR)
        assert found == [Displaced(2, 3, NOON + 10 * SECOND, NOON + 10 * SECOND)]
        assert newest == NOON + 101 * SECOND

    def test_a_clock_that_was_set_back_displaces_all_until_it_caught_up(self):
        found, _ = find_displaced(at_seconds(0, 600, 10, 5, 300, 550), newest=None, now=NOON + HOUR)
        assert [(run.first, run.end) for run in found] == [(2, 5)]
        assert (found[0].earliest, found[0].latest) == (NOON + 5 * SECOND, NOON + 300 * SECOND)

    def test_an_entry_of_the_future_displaces_no_other(self):
        found, newest = find_displaced(at_seconds(0, 900_000, 1, 2), newest=None, now=NOON + HOUR)
        assert [(run.first, run.end) for run in found] == [(1, 2)]
        assert newest == NOON + 2 * SECOND

    def test_what_was_before_counts(self):
        assert find_displaced(at_seconds(0), newest=NOON + 61 * SECOND, now=NOON + HOUR)[0] != []


@pytest.fixture
async def place(service: Service, dsn: str, tmp_path: Path) -> SealingPlace:
    return await begin(dsn, tmp_path)


@pytest.fixture
async def sequencer(dsn: str, place: SealingPlace) -> AsyncIterator[Sequencer]:
    sequencer = await sequencer_of(dsn, place)
    yield sequencer
    await sequencer.connection.close()


async def write(connection: Connection, ats: Sequence[datetime], *, in_one: int = 300) -> None:
    """Entries that bear these instants, committed now: each as often as a whole block of leaves is filled."""
    for at in ats:
        entries = [Entry(Action.AUDIT_READ, Actor(operator="test"), facts={"n": n}) for n in range(in_one)]
        async with connection.transaction():
            await record(connection, entries, at=at, secrecy=SECRECY, ids=new_ids(at, in_one))


async def seal(sequencer: Sequencer) -> None:
    while await sequencer.seal() or not sequencer.is_looked_over:
        pass


async def export(service: Service, sequencer: Sequencer, path: Path, **filters: datetime) -> dict[str, Any]:
    async with service.workplace.connected() as connection:

        async def prove(entry_id):
            await seal(sequencer)
            return await wait_for_proof(connection, entry_id, within=timedelta(seconds=10))

        wanted = WantedExport(
            EntryFilters.model_validate({name.rstrip("_"): at.isoformat() for name, at in filters.items()})
        )
        await make_bundle(
            connection, wanted, path, export_id=uuid4(), actor=Actor(operator="test"), secrecy=SECRECY, prove=prove
        )
    with zipfile.ZipFile(path) as bundle:
        manifest: dict[str, Any] = json.loads(bundle.read("manifest.json"))
    return manifest


@pytest.fixture
async def minutes(service: Service, sequencer: Sequencer) -> datetime:
    """A log whose leaves tell of the last two hours and of nothing else; returns the instant of an hour ago."""
    owner = await connect(service.workplace.dsn, role=None)
    await owner.execute("TRUNCATE ledger_pending, ledger_entries, ledger_subjects, ledger_secrets")
    await owner.close()
    async with service.workplace.connected() as connection:
        now = await database_clock(connection)
        await write(connection, [now - minutes * timedelta(minutes=1) for minutes in range(120, 0, -10)])
    await seal(sequencer)
    return now - HOUR


async def backdate(service: Service, sequencer: Sequencer, at: datetime) -> None:
    async with service.workplace.connected() as connection:
        await write(connection, [at], in_one=1)
    await seal(sequencer)


async def test_a_backdated_entry_is_in_the_export_of_its_minutes(
    service: Service, sequencer: Sequencer, minutes: datetime, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    window = {"from_": minutes - 5 * 60 * SECOND, "to": minutes + 5 * 60 * SECOND}
    before = await export(service, sequencer, tmp_path / "before.zip", **window)
    assert (before["rows"], before["displaced"]) == (300, [])
    await backdate(service, sequencer, minutes + 60 * SECOND)
    found = await service.get(
        "/v1/audit/entries",
        key="auditor",
        action="audit_read",
        limit=500,
        **{"from": minutes + SECOND, "to": window["to"]},
    )
    assert len(found.json()["items"]) == 1
    after = await export(service, sequencer, tmp_path / "after.zip", **window)
    assert after["rows"] == 301
    assert after["ranges"][-1][1] - after["ranges"][0][0] < after["log_size"]
    assert verify(tmp_path / "after.zip")["is_complete"]
    assert main([str(tmp_path / "after.zip")]) == 3
    assert "bear another time than their place" in capsys.readouterr().out


async def test_an_export_that_leaves_it_out_is_no_longer_verified(
    service: Service, sequencer: Sequencer, minutes: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async def nothing(*_args: object) -> list[Displaced]:
        return []

    await backdate(service, sequencer, minutes)
    monkeypatch.setattr(ranges, "list_displaced", nothing)
    late = await export(service, sequencer, tmp_path / "late.zip", from_=minutes + HOUR / 2)
    assert late["is_complete"]
    with pytest.raises(Doubt, match="is not named as displaced"):
        verify(tmp_path / "late.zip")


async def test_the_ledger_notes_it_and_no_lost_row_hides_it(
    service: Service, sequencer: Sequencer, minutes: datetime, tmp_path: Path
):
    await backdate(service, sequencer, minutes)
    async with service.workplace.connected() as connection:
        assert await count_displaced(connection) == 1
        async with connection.transaction():
            assert not await note_displaced(connection, SECRECY)  # not yet: a run may grow
            await note_displaced(connection, SECRECY, after=timedelta())
            await note_displaced(connection, SECRECY, after=timedelta())
        await seal(sequencer)
        shown = (await service.get("/v1/audit/entries", key="auditor", action="entries_displaced")).json()["items"]
        assert len(shown) == 1
        assert shown[0]["leaf_index"] is not None
        size = sequencer.edge.size
        noted = await list_displaced(connection, size)
        owner = await connect(service.workplace.dsn, role=None)
        await owner.execute("DELETE FROM ledger_displaced")
        await owner.close()
        assert await list_displaced(connection, size) == noted != []
    manifest = await export(service, sequencer, tmp_path / "b.zip", from_=minutes - SECOND, to=minutes + SECOND)
    assert manifest["rows"] == 301
    assert verify(tmp_path / "b.zip")["rows"] == 301


async def test_a_clock_that_was_set_back(service: Service, sequencer: Sequencer, minutes: datetime, tmp_path: Path):
    """By half an hour: what is asked meanwhile is displaced, the log goes on being sealed, and every export is whole."""
    step = minutes + HOUR / 2
    async with service.workplace.connected() as connection:
        for number in range(6):
            await write(connection, [step + number * 3 * 60 * SECOND])
            await seal(sequencer)
        assert await connection.fetchval("SELECT count(*) FROM ledger_displaced") == 1
    for first in range(0, 110, 7):
        window = {"from_": minutes - HOUR + first * 60 * SECOND, "to": minutes - HOUR + (first + 9) * 60 * SECOND}
        manifest = await export(service, sequencer, tmp_path / "b.zip", **window)
        assert verify(tmp_path / "b.zip")["is_complete"]
        [there] = await service.fetch(
            "SELECT count(*) AS n FROM ledger_entries WHERE at >= $1 AND at < $2", window["from_"], window["to"]
        )
        assert manifest["rows"] == there["n"]


async def test_leaves_are_looked_over_in_the_transaction_that_appends_them(
    service: Service, sequencer: Sequencer, minutes: datetime
):
    async with service.workplace.connected() as connection:
        await write(connection, [minutes - HOUR], in_one=5)
        await sequencer.append()
        assert sequencer.is_looked_over
        [order] = await connection.fetch("SELECT looked_to FROM ledger_order")
        [found] = await connection.fetch("SELECT end_idx - first_idx AS size FROM ledger_displaced")
    assert order["looked_to"] == sequencer.edge.size
    assert found["size"] == 5


async def test_the_sealers_role_looks_over_and_no_web_process_may(service: Service, minutes: datetime):
    sealer = await connect(service.workplace.dsn, role=SEALER_ROLE)
    assert await look_over(sealer, 10)
    await sealer.close()
    async with service.workplace.connected() as connection:
        for statement in ("UPDATE ledger_order SET looked_to = 9", "DELETE FROM ledger_displaced"):
            with pytest.raises(Exception, match="permission denied"):
                await connection.execute(statement)


async def test_an_export_waits_until_the_log_was_looked_over(
    service: Service, sequencer: Sequencer, minutes: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(ranges, "LOOKED_OVER_WITHIN", timedelta(milliseconds=200))
    owner = await connect(service.workplace.dsn, role=None)
    await owner.execute("UPDATE ledger_order SET looked_to = 0, newest = NULL")
    await owner.close()
    with pytest.raises(Undetermined, match="looked over"):
        await export(service, sequencer, tmp_path / "b.zip", from_=minutes)
    await sequencer.look_back()  # a running sequencer does so every few seconds
    await seal(sequencer)
    await export(service, sequencer, tmp_path / "b.zip", from_=minutes)
    assert verify(tmp_path / "b.zip")["is_complete"]
