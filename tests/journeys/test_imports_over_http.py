"""List files as jobs: sent, read to their end, applied, reported; whatever process ends in the middle."""

import asyncio
import csv
import io
from pathlib import Path
from typing import Any

import pytest

from blacklist_service.access.scopes import Role
from blacklist_service.database.connections import Connection, connect
from blacklist_service.listings.operations import importing
from blacklist_service.listings.operations.jobs import LOADING_SETTINGS
from blacklist_service.listings.operations.shortcuts import FreshListings, make_fresh
from blacklist_service.listings.tasks import load_next
from tests.support import Service, day, resident_id, row, subject

SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples"
LISTED = resident_id(15)


def as_csv(*rows: dict[str, str], encoding: str = "utf-8") -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for one in rows for name in one)))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode(encoding)


async def send(service: Service, content: bytes, *, key: str = "court", name: str = "list.csv", **query: Any):
    return await service.client.post(
        "/v1/imports", files={"file": (name, content)}, params=query, headers=service.bearer(key)
    )


async def work(service: Service) -> None:
    """What the background worker does until nothing waits."""
    connection = await connect(service.workplace.dsn, **LOADING_SETTINGS)
    try:
        while await load_next(connection, service.workplace.secrecy):
            pass
    finally:
        connection.terminate()


async def load(service: Service, content: bytes, **query: Any) -> dict[str, Any]:
    response = await send(service, content, **query)
    assert (response.status_code, response.json()["state"]) == (202, "queued"), response.text
    await work(service)
    return await state_of(service, response.json()["import_id"])


async def state_of(service: Service, import_id: str) -> dict[str, Any]:
    state: dict[str, Any] = (await service.get(f"/v1/imports/{import_id}", key="court")).json()
    return state


async def test_a_file_is_a_job_and_the_next_check_is_answered_by_it(service: Service):
    good = row(name="张三", identifier_number=LISTED)
    state = await load(service, as_csv(good, row(name=""), good, row(circumstances="没见过的")))
    assert (state["state"], state["progress"], state["format"]) == ("done", 1.0, "csv")
    assert state["rows"] == {
        "total": 4,
        "created": 2,
        "corrected": 0,
        "ended": 0,
        "unchanged": 1,
        "rejected": 1,
        "warned": 1,
    }
    assert await service.decide(subject("张三", LISTED)) == "block"
    assert await service.fetch("SELECT 1 FROM import_parts UNION ALL SELECT 1 FROM import_rows") == []


async def test_the_report_has_numbers_and_codes_and_never_a_value(service: Service):
    state = await load(service, as_csv(row(name="", identifier_number=LISTED), row(expires_on=None, name="某某某")))
    path = f"/v1/imports/{state['import_id']}/rows"
    rejected = await service.get(path, key="court", status="rejected")
    assert rejected.json()["items"] == [
        {"row": 2, "sheet": None, "column": "name", "code": "name-missing", "message": "the debtor's name is missing"}
    ]
    warned = await service.get(path, key="court", status="warned")
    assert [(one["row"], one["code"]) for one in warned.json()["items"]] == [(3, "term-missing")]
    for response in (rejected, warned):
        assert LISTED not in response.text
        assert "某某某" not in response.text


async def test_a_court_gets_its_own_refused_rows_to_mend_and_send_again(service: Service):
    bad = row(name="", identifier_number=LISTED, obligation='=HYPERLINK("http://x")')
    state = await load(service, as_csv(bad, row()))
    response = await service.client.get(
        f"/v1/imports/{state['import_id']}/rows", headers=service.bearer("court") | {"Accept": "text/csv"}
    )
    [refused] = list(csv.DictReader(io.StringIO(response.text.removeprefix("\ufeff"))))
    assert (refused["row"], refused["code"]) == ("2", "name-missing")
    assert refused["identifier_number"] == f'="{LISTED}"'  # as a number a spreadsheet would round it
    assert refused["obligation"].startswith("'=")
    again = await load(service, as_csv(refused | {"name": "张三"}))
    assert (again["rows"]["created"], again["unknown_columns"]) == (1, [])
    stored = await service.fetch("SELECT document->>'obligation' AS said FROM listing_versions")
    assert bad["obligation"] in [one["said"] for one in stored]
    stored = await service.fetch("SELECT content FROM import_refusals")
    assert all(LISTED.encode() not in one["content"] for one in stored)


async def test_a_dry_run_shows_the_same_and_changes_nothing(service: Service):
    await load(service, as_csv(listed := row(name="张三", identifier_number=LISTED)))
    content = as_csv(listed | {"obligation": "另"}, row(), listed | {"action": "撤销"})
    dry = await load(service, content, dry_run="true")
    assert (dry["dry_run"], dry["rows"]["created"], dry["rows"]["corrected"], dry["rows"]["ended"]) == (True, 1, 1, 1)
    assert await service.decide(subject("张三", LISTED)) == "block"
    wet = await load(service, content)
    assert wet["rows"] == dry["rows"]
    assert await service.decide(subject("张三", LISTED)) == "clear"


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\x00", b"%PDF-1.4", b"a,b\n1,2\n", as_csv(row()) + b'"unclosed'], ids=str
)
async def test_a_file_that_cannot_be_read_loads_nothing_and_says_why(service: Service, content: bytes):
    response = await send(service, content)
    if response.status_code == 422:
        assert not content
        return
    await work(service)
    state = await state_of(service, response.json()["import_id"])
    assert (state["state"], bool(state["problem"])) == ("failed", True)
    assert await service.fetch("SELECT 1 FROM listings") == []


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"files": {"other": ("x", b"1")}}, 422),
        ({"files": [("file", ("a", b"1")), ("file", ("b", b"2"))]}, 422),
        ({"json": {}}, 415),
        ({"content": b"--x\r\nnonsense", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 422),
        ({"content": b"", "headers": {"Content-Type": "multipart/form-data"}}, 415),
    ],
)
async def test_what_is_not_one_file_is_refused(service: Service, options: dict[str, Any], status: int):
    headers = options.pop("headers", {}) | service.bearer("court")
    response = await service.client.post("/v1/imports", headers=headers, **options)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_file_sent_twice_under_one_key_is_one_job(service: Service):
    content, headers = as_csv(row()), service.bearer("court") | {"Idempotency-Key": "f1"}
    files = {"file": ("list.csv", content)}
    first = await service.client.post("/v1/imports", files=files, headers=headers)
    again = await service.client.post("/v1/imports", files=files, headers=headers)
    assert first.content == again.content
    other = await service.client.post("/v1/imports", files={"file": ("list.csv", as_csv(row()))}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")


async def test_another_courts_import_and_an_agencys_key_see_nothing(service: Service):
    state = await load(service, as_csv(row()))
    assert (await service.get(f"/v1/imports/{state['import_id']}", key="agency")).status_code == 403
    assert (await service.get("/v1/imports/01980000-0000-7000-8000-000000000000", key="court")).status_code == 404


class TestSnapshots:
    async def test_a_snapshot_ends_what_it_lacks_after_a_second_persons_confirmation(self, service: Service):
        rows = [row(name="张三", identifier_number=resident_id(n)) for n in range(1, 11)]
        await load(service, as_csv(*rows))
        sent = await send(service, as_csv(*rows[:-1]), mode="snapshot")
        await work(service)
        state = await state_of(service, sent.json()["import_id"])
        assert (state["state"], state["absent"]) == ("awaiting_confirmation", 1)
        assert await service.decide(subject("张三", resident_id(10))) == "block"

        path = f"/v1/imports/{state['import_id']}/confirmation"
        own = await service.post(path, None, key="court")
        assert (own.status_code, own.json()["code"]) == (409, "conflict")
        second = await service.add_key("GD-COURT", Role.COURT)
        assert (await service.post(path, None, key=second)).json()["state"] == "queued"
        await work(service)
        assert (await state_of(service, state["import_id"]))["state"] == "done"
        assert await service.decide(subject("张三", resident_id(10))) == "clear"
        assert await service.decide(subject("张三", resident_id(9))) == "block"
        tasks = (await service.get("/v1/listings/tasks", key="court")).json()["items"]
        assert [task["task"] for task in tasks] == ["give_ground"]

    async def test_a_snapshot_that_lacks_nothing_goes_through(self, service: Service):
        rows = [row() for _ in range(5)]
        await load(service, as_csv(*rows))
        state = await load(service, as_csv(*rows), mode="snapshot")
        assert (state["state"], state["absent"], state["rows"]["unchanged"]) == ("done", 0, 5)

    async def test_a_refused_row_does_not_end_its_own_listing_unseen(self, service: Service):
        rows = [row(), row()]
        await load(service, as_csv(*rows))
        state = await load(service, as_csv(rows[0], rows[1] | {"published_on": "x"}), mode="snapshot")
        assert state["state"] == "awaiting_confirmation"

    async def test_a_held_snapshot_can_be_cancelled(self, service: Service):
        await load(service, as_csv(row(), row()))
        state = await load(service, as_csv(row()), mode="snapshot")
        path = f"/v1/imports/{state['import_id']}/cancellation"
        assert (await service.post(path, None, key="court")).json()["state"] == "cancelled"
        assert (await service.post(path, None, key="court")).status_code == 409
        assert len(await service.fetch("SELECT 1 FROM listings WHERE ended IS NULL")) == 2


async def test_a_load_that_is_cut_off_goes_on_and_ends_as_if_it_never_was(service: Service, monkeypatch):
    monkeypatch.setattr(importing, "CHUNK_ROWS", 10)
    rows = [row(name="张三") for _ in range(95)]
    rows += [rows[3] | {"action": "撤销"}, rows[4], rows[5] | {"obligation": "另"}]
    sent = await send(service, as_csv(*rows))
    await cut_off(service, after_chunks=4)
    assert 0 < len(await service.fetch("SELECT 1 FROM listings")) < 95
    await cut_off(service, after_chunks=0)
    await work(service)
    state = await state_of(service, sent.json()["import_id"])
    assert state["rows"] == {
        "total": 98,
        "created": 95,
        "corrected": 0,
        "ended": 1,
        "unchanged": 1,
        "rejected": 1,
        "warned": 0,
    }
    versions = await service.fetch("SELECT list_version FROM listing_versions ORDER BY list_version")
    assert [one["list_version"] for one in versions] == list(range(1, 97))


async def test_the_shortcuts_say_what_the_resolution_says(service: Service, monkeypatch):
    rows = [row(name=f"人{n}", published_on=day(n % 3 - 1)) for n in range(20)]
    plain = await load(service, as_csv(*rows), dry_run="true")

    async def nothing(*_args: Any, **_options: Any) -> FreshListings:
        return FreshListings(0, "")

    monkeypatch.setattr(importing, "settle_known", nothing)
    monkeypatch.setattr(importing, "make_fresh", nothing)
    resolved = await load(service, as_csv(*rows))
    assert plain["rows"] == resolved["rows"]
    monkeypatch.undo()
    shortcut = await load(service, as_csv(*rows, *(row(name=f"又{n}") for n in range(5))))
    assert (shortcut["rows"]["unchanged"], shortcut["rows"]["created"]) == (20, 5)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples lie beside the project, not in it")
@pytest.mark.parametrize("name", ["court-list.csv", "court-list.xlsx", "official-list.jsonl"])
async def test_the_samples_load_over_http_as_from_the_command_line(service: Service, name: str):
    dry = await load(service, (SAMPLES / name).read_bytes(), name=name, dry_run="true")
    report = await service.load(SAMPLES / name)
    assert dry["rows"]["rejected"] == report.counts.rejected
    assert dry["rows"]["created"] == report.counts.created
    again = await load(service, (SAMPLES / name).read_bytes(), name=name)
    assert (again["rows"]["created"], again["rows"]["corrected"], again["rows"]["ended"]) == (0, 0, 0)


async def cut_off(service: Service, *, after_chunks: int) -> None:
    """Let a worker begin, and end its connection in the middle, as a kill would."""
    connection: Connection = await connect(service.workplace.dsn, **LOADING_SETTINGS)
    seen = 0

    async def counted(*args: Any, **options: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen > after_chunks:
            connection.terminate()
            await asyncio.sleep(0.05)
            raise ConnectionError("cut off")
        return await make_fresh(*args, **options)

    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(importing, "make_fresh", counted)
    try:
        with pytest.raises(Exception, match=r".*"):
            await load_next(connection, service.workplace.secrecy)
    finally:
        monkeypatch.undo()
        connection.terminate()
