"""Uploads: how much of the disk, which checks need too, they may take; and that aborted ones are deleted."""

import asyncio
import shutil
from types import SimpleNamespace
from typing import Any

import pytest

from blacklist_service.access.scopes import Role
from blacklist_service.database import room
from blacklist_service.listings.operations import quotas
from blacklist_service.listings.operations.quotas import MOST_BROKEN_OFF
from blacklist_service.members.rules import MemberKind
from tests.support import Service, listening
from tests.web.test_express import line

LIST = "姓名,案号\n".encode()


async def send(service: Service, content: bytes = LIST, **headers: str) -> Any:
    files = {"file": ("list.csv", content, "text/csv")}
    return await service.client.post("/v1/imports", files=files, headers=service.bearer("court") | headers)


def disk(total: int, free: int) -> Any:
    return lambda _path: SimpleNamespace(total=total, used=total - free, free=free)


@pytest.mark.parametrize(
    ("total", "free", "takes_files", "answers_checks"),
    [
        (100 << 30, 50 << 30, True, True),
        (100 << 30, 9 << 30, False, True),
        (2560 << 20, 400 << 20, False, True),
        (2560 << 20, 600 << 20, True, True),
        (2560 << 20, 200 << 20, False, False),
    ],
)
def test_files_stop_at_a_higher_mark_than_checks(monkeypatch, tmp_path, total, free, takes_files, answers_checks):
    monkeypatch.setattr(shutil, "disk_usage", disk(total, free))
    looked = room.Room(tmp_path)
    assert (looked.is_spare(), not looked.is_short()) == (takes_files, answers_checks)


async def test_without_room_to_spare_no_file_is_taken_also_in_its_middle(service: Service, monkeypatch):
    answers = iter([True] + [False] * 50)
    monkeypatch.setattr(room.Room, "is_spare", lambda _self: next(answers))
    answer = await send(service, b"x" * (5 << 20))
    assert (answer.status_code, answer.json()["code"]) == (503, "undetermined")
    assert int(answer.headers["retry-after"]) > 0
    assert await service.fetch("SELECT FROM import_parts") == []
    [entry] = (await service.get("/v1/audit/entries", key="auditor", action="upload_aborted")).json()["items"]
    assert entry["agency"] == "GD-COURT"
    assert (await send(service)).status_code == 503


async def test_an_upload_that_is_cut_off_leaves_nothing_but_an_entry(service: Service):
    head = (
        b"POST /v1/imports HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b\r\nContent-Length: 99999999\r\n"
        b"Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n"
        b'Content-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
    ) % service.keys["court"].encode()
    async with listening(service) as port:
        async with line(port) as one:
            one.writer.write(head + b"x" * (3 << 20))
            async with asyncio.timeout(10):
                while not await service.fetch("SELECT FROM import_parts"):
                    await asyncio.sleep(0.05)
        async with asyncio.timeout(10):
            while await service.fetch("SELECT FROM import_parts"):
                await asyncio.sleep(0.05)
        assert await service.fetch("SELECT FROM imports") == []
        rows = await service.fetch("SELECT agency, leaf FROM ledger_entries WHERE action = 'upload_aborted'")
        assert [row["agency"] for row in rows] == ["GD-COURT"]


async def test_a_court_that_breaks_off_file_after_file_waits_a_minute_and_another_court_does_not(
    service: Service, monkeypatch: pytest.MonkeyPatch
):
    wrong, bearer = {"wrong": ("list.csv", LIST, "text/csv")}, service.bearer("court")
    answers = [await service.client.post("/v1/imports", files=wrong, headers=bearer) for _ in range(MOST_BROKEN_OFF)]
    assert {answer.status_code for answer in answers} == {422}
    refused = await send(service)
    assert (refused.status_code, refused.json()["code"]) == (429, "too-many-requests")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    entries = "SELECT FROM ledger_entries WHERE action = 'upload_aborted'"
    assert len(await service.fetch(entries)) == MOST_BROKEN_OFF
    await service.add_member("XS-COURT", MemberKind.COURT, court_code="云0112")
    key = await service.add_key("XS-COURT", Role.COURT)
    files = {"file": ("list.csv", LIST, "text/csv")}
    other = await service.client.post("/v1/imports", files=files, headers={"Authorization": f"Bearer {key}"})
    assert other.status_code == 202
    monkeypatch.setattr(quotas, "BROKEN_OFF_SECONDS", 0.0)
    assert (await send(service)).status_code == 202


async def test_a_file_sent_again_under_its_key_is_kept_once(service: Service):
    first, again = [await send(service, LIST, **{"Idempotency-Key": "k"}) for _ in range(2)]
    assert first.json() == again.json()
    assert len(await service.fetch("SELECT FROM import_parts")) == 1
    assert not await service.fetch("SELECT FROM ledger_entries WHERE action = 'upload_aborted'")


async def test_a_court_has_so_many_files_waiting_and_another_court_is_not_held_up(service: Service):
    update = {"waiting_imports": 3}
    service.app.state.settings = service.app.state.settings.model_copy(update=update)
    answers = [(await send(service)) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [202] * 3 + [429] * 2
    assert answers[-1].json()["code"] == "too-many-requests"
    assert int(answers[-1].headers["retry-after"]) > 0
    assert len(await service.fetch("SELECT FROM import_parts")) == 3
    first = answers[0].json()["import_id"]
    assert (await service.post(f"/v1/imports/{first}/cancellation", {}, key="court")).status_code == 200
    assert (await send(service)).status_code == 202


async def test_a_court_has_so_many_bytes_waiting(service: Service):
    service.app.state.settings = service.app.state.settings.model_copy(update={"waiting_megabytes": 4})
    assert [(await send(service, b"x" * (3 << 20))).status_code for _ in range(2)] == [202, 429]
    assert len(await service.fetch("SELECT FROM imports")) == 1


async def test_a_key_sends_two_files_at_once(service: Service):
    answers = await asyncio.gather(*(send(service, b"x" * (2 << 20)) for _ in range(6)))
    assert {answer.status_code for answer in answers} == {202, 429}


async def test_an_auditor_has_so_many_exports_waiting(service: Service):
    asked = {"from": "2018-04-01T00:00:00Z", "to": "2018-05-01T00:00:00Z", "format": "jsonl"}
    statuses = [(await service.post("/v1/audit/exports", asked, key="auditor")).status_code for _ in range(22)]
    assert statuses == [202] * 20 + [429] * 2
