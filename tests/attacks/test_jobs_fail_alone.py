"""A faulty file ends its own import with a message that names the row, and no other import."""

import contextlib
from typing import Any

import asyncpg
import pytest

from blacklist_service.audit import export_jobs
from blacklist_service.audit.exports import make_bundle
from blacklist_service.cli.doctoring import examine_jobs
from blacklist_service.database.connections import connect
from blacklist_service.listings import tasks
from blacklist_service.listings.intake import read_row as intake_read_row
from blacklist_service.listings.operations import importing, parsing
from blacklist_service.listings.operations.shortcuts import settle_known
from tests.attacks.imports import OTHER_COURT, add_other_court, as_csv, load, send, state_of, work_once
from tests.support import Service, row

POISON = "毒"


@pytest.fixture(autouse=True)
async def _other_court(service: Service) -> None:
    await add_other_court(service)


def a_list(*, rows: int, bad_at: int | None = None, court_code: str | None = None) -> bytes:
    """`bad_at` counts as the file does: the header is row 1."""
    made = [row(name=f"人{number}") for number in range(rows)]
    if bad_at is not None:
        made[bad_at - 2]["name"] = POISON
    if court_code:
        made = [one | {"court_code": court_code} for one in made]
    return as_csv(*made)


async def forbid(service: Service, table: str) -> None:
    """As an index or a type does with a row that nobody foresaw."""
    owner = await connect(service.workplace.dsn, role=None)
    await owner.execute(f"ALTER TABLE {table} ADD CONSTRAINT unforeseen CHECK (debtor_name <> '{POISON}')")
    await owner.close()


async def hold(service: Service, bad: str, *, row_number: int, effect: str, created: int) -> None:
    """The bad file failed of its row; the other court's, sent after it, is loaded by the same worker."""
    good = await send(service, a_list(rows=3, court_code=OTHER_COURT), key="other court")
    assert await work_once(service)
    assert await work_once(service)
    state = await state_of(service, bad)
    assert state["state"] == "failed"
    assert state["problem"].startswith(f"Row {row_number} could not be loaded (")
    assert effect in state["problem"]
    assert POISON not in state["problem"]
    other = await state_of(service, good, key="other court")
    assert (other["state"], other["rows"]["created"]) == ("done", 3)
    assert (await service.fetch("SELECT count(*) FROM listings WHERE court_code <> $1", OTHER_COURT))[0][0] == created
    assert await service.fetch("SELECT 1 FROM import_rows UNION ALL SELECT 1 FROM import_parts") == []


async def test_a_row_that_cannot_take_effect(service: Service):
    await forbid(service, "listings")
    bad = await send(service, a_list(rows=2500, bad_at=1777))
    await hold(service, bad, row_number=1777, effect="The rows up to 1001 have taken effect.", created=1000)


async def test_a_row_that_cannot_be_stored(service: Service):
    await forbid(service, "import_rows")
    bad = await send(service, a_list(rows=30, bad_at=17))
    await hold(service, bad, row_number=17, effect="Nothing of the file has taken effect.", created=0)


@pytest.mark.parametrize("error", [RecursionError, MemoryError, ValueError, OverflowError])
async def test_a_row_that_cannot_be_understood(
    service: Service, error: type[Exception], monkeypatch: pytest.MonkeyPatch
):
    understood = intake_read_row

    def read_row(raw: Any, importer: Any) -> Any:
        if POISON in raw.values.values():
            raise error(POISON)
        return understood(raw, importer)

    monkeypatch.setattr(parsing, "read_row", read_row)
    bad = await send(service, a_list(rows=30, bad_at=17))
    await hold(service, bad, row_number=17, effect="Nothing of the file has taken effect.", created=0)


async def test_attempts_only_rise_and_what_ends_its_worker_lets_others_go_first(
    service: Service, monkeypatch: pytest.MonkeyPatch
):
    """The worker is ended, over and over, while the file takes effect."""
    applied = settle_known

    async def end_the_worker(connection: Any, import_id: Any, **span: Any) -> None:
        if str(import_id) == bad:
            raise ConnectionError
        await applied(connection, import_id, **span)

    monkeypatch.setattr(importing, "settle_known", end_the_worker)
    bad = await send(service, a_list(rows=3))
    for attempt in range(1, 4):
        with pytest.raises(ConnectionError):
            await work_once(service)
        [job] = await service.fetch("SELECT attempts FROM imports")
        assert job["attempts"] == attempt
        assert (await service.client.get("/readyz")).json()["jobs"] == {"stuck": int(attempt == 3)}
        async with service.workplace.connected() as connection:
            assert ((await examine_jobs(connection)).fault is None) == (attempt < 3)
    after_it = await send(service, a_list(rows=1))
    others = [await send(service, a_list(rows=1, court_code=OTHER_COURT), key="other court") for _ in range(2)]
    for other in others:
        assert await work_once(service)
        assert (await state_of(service, other, key="other court"))["state"] == "done"
    for _ in range(tasks.MOST_ATTEMPTS - 3):
        with pytest.raises(ConnectionError):
            await work_once(service)
        assert (await state_of(service, after_it))["state"] == "queued"  # a court's files follow one another
    assert await work_once(service)
    state = await state_of(service, bad)
    assert (state["state"], "too often" in state["problem"]) == ("failed", True)
    assert await work_once(service)
    assert (await state_of(service, after_it))["state"] == "done"


async def test_an_export_that_cannot_be_made_fails_alone(service: Service, monkeypatch: pytest.MonkeyPatch):
    made = make_bundle

    async def make_or_fail(*args: Any, **named: Any) -> Any:
        if named["export_id"] == first:
            raise ValueError(POISON)
        return await made(*args, **named)

    monkeypatch.setattr(export_jobs, "make_bundle", make_or_fail)
    asked = await service.post("/v1/audit/exports", {"format": "jsonl"}, key="auditor")
    first = (await service.fetch("SELECT id FROM exports"))[0]["id"]
    assert asked.status_code == 202
    connection = await connect(service.workplace.dsn)
    assert await export_jobs.make_next(connection, service.workplace.secrecy)
    await connection.close()
    [export] = await service.fetch("SELECT state, problem FROM exports")
    assert (export["state"], "ValueError" in export["problem"], POISON in export["problem"]) == ("failed", True, False)


async def test_what_may_pass_leaves_a_job_to_be_begun_again(service: Service, monkeypatch: pytest.MonkeyPatch):
    """A server that is read-only for a moment ends neither an export nor a simulation."""

    async def refuse(*_: Any, **__: Any) -> None:
        raise asyncpg.ReadOnlySQLTransactionError("read-only")

    monkeypatch.setattr(export_jobs, "_make", refuse)
    await service.post("/v1/audit/exports", {"format": "jsonl"}, key="auditor")
    connection = await connect(service.workplace.dsn)
    for left in (True, True, True, False):
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError) if left else contextlib.nullcontext():
            await export_jobs.make_next(connection, service.workplace.secrecy)
    await connection.close()
    [export] = await service.fetch("SELECT state, attempts FROM exports")
    assert (export["state"], export["attempts"]) == ("failed", 4)
    [ready] = [await service.client.get("/readyz")]
    assert ready.json()["jobs"]["stuck"] == 1


async def test_a_good_file_is_as_good_as_before(service: Service):
    state = await load(service, a_list(rows=12))
    assert (state["state"], state["rows"]["created"], state["problem"]) == ("done", 12, None)
