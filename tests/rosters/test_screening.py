"""Rosters come back with a result for each row, each a recorded check; nothing of the file is kept."""

import re
from datetime import timedelta

import pytest

from blacklist_service.access.duties import Duty
from blacklist_service.console.limits import count_asked
from blacklist_service.ledger.queries import database_clock
from blacklist_service.rosters.operations import forget_rosters
from blacklist_service.rosters.rules import SLICE
from blacklist_service.subjects.roster_results import ADDED
from tests.console.desk import Desk
from tests.members.staff.people import add_person
from tests.rosters.handing import (
    HEADER,
    checks_of,
    hand_in,
    handed,
    result_of,
    screener,
    state_of,
    work,
    workbook,
    working,
)
from tests.support import Service, resident_id, row

LISTED = resident_id(501)
CLEAR = resident_id(502)


@pytest.fixture
async def desk(service: Service) -> Desk:
    await service.load_rows(row(name="李明", identifier_number=LISTED))
    made = Desk(service)
    await made.log_in(await add_person(service, "wang.li", Duty.WINDOW))
    return made


async def test_each_row_comes_back_with_its_answer(service: Service, desk: Desk):
    rows = [
        ("A1", "李明", LISTED, "人社局"),
        ("A2", "王芳", CLEAR, "=HYPERLINK(1)"),
        ("A3", "赵六", "530111198503170016", "教育局"),
        ("", "钱七", CLEAR, ""),
        ("A5", "李明", "", "@局"),
        ("A6", "孙八", 530111198503170015, ""),
    ]
    roster_id = await handed(desk, workbook(*rows, extra=("说明",)))
    await work(service)
    found, totals = await result_of(desk, roster_id)
    assert found[0] == [*HEADER, *ADDED]
    assert [cells[:4] for cells in found[1:6]] == [[text or None for text in cells] for cells in rows[:5]]
    assert [cells[4] for cells in found[1:]] == ["停止办理", "未命中", "未受理", "未受理", "人工审核", "未受理"]
    assert "校验位" in found[3][11]
    assert "编号）为空" in found[4][11]
    assert "仅按姓名" in found[5][11]
    assert "电子表格改写" in found[6][11]
    assert (totals["停止办理"], totals["未命中"], totals["未受理"], totals["人工审核"], totals["合计"]) == (
        1,
        1,
        3,
        1,
        6,
    )
    assert totals["未核查的工作表"] == "说明"
    asked = await checks_of(service, roster_id)
    assert sorted(str(one["id"]) for one in asked) == sorted(cells[8] for cells in found[1:] if cells[8])
    assert {(one["operator"], one["agency"]) for one in asked} == {("wang.li", "GD-HR")}
    await desk.open(f"/console/checks/{found[1][8]}")
    assert "停止办理" in desk.text
    await desk.open(f"/console/rosters/{roster_id}")
    assert "只核查了一个工作表" in desk.text
    assert "已完成" in desk.text


async def test_all_its_rows_are_one_act_of_the_officer(service: Service, desk: Desk):
    roster_id = await handed(desk, workbook(*[(f"B{n}", "王芳", resident_id(), "") for n in range(40)]))
    await work(service)
    assert len(await checks_of(service, roster_id)) == 40
    async with working(service) as connection:
        since = await database_clock(connection) - timedelta(minutes=5)
        key_id = (await checks_of(service, roster_id))[0]["key_id"]
        assert await count_asked(connection, "wang.li", key_id, since=since) == 1
    assert (await service.fetch("SELECT rows FROM screened_parts"))[0]["rows"] == 40


async def test_text_in_gb18030_is_read_by_the_columns_that_are_named(service: Service, desk: Desk):
    text = f"受理号;单位;联系人;号码\nC1;甲局;李明;{LISTED}\nC2;乙局;王芳;{CLEAR}\n"
    named = {"name": "联系人", "number": "号码"}
    roster_id = await handed(desk, text.encode("gb18030"), called="名册.csv", **named)
    await work(service)
    found, _ = await result_of(desk, roster_id)
    assert [cells[4] for cells in found[1:]] == ["停止办理", "未命中"]


async def test_nothing_is_kept_in_clear_and_what_was_handed_in_is_gone_with_the_result(service: Service, desk: Desk):
    roster_id = await handed(desk, f"编号,姓名,身份证号\nD1,王芳,{CLEAR}\n".encode(), called="王芳.csv")
    async with working(service) as connection:
        worker = screener(service)
        await worker.rehearse(connection)
        assert await worker.do_some(connection)
        kept = [
            bytes(value)
            for table, column in (("roster_parts", "content"), ("roster_slices", "content"), ("rosters", "private"))
            for value in [one[0] for one in await connection.fetch(f"SELECT {column} FROM {table}")]
        ]
        assert len(kept) == 3
        assert not any(word.encode() in held for held in kept for word in (CLEAR, "王芳"))
    await work(service)
    assert {one["what"] for one in await service.fetch("SELECT what FROM roster_parts")} == {"result"}
    assert await service.fetch("SELECT FROM roster_slices") == []
    await service.fetch("UPDATE rosters SET queued_at = queued_at - interval '8 days'")
    async with working(service) as connection:
        await forget_rosters(connection, service.workplace.secrecy)
    assert await service.fetch("SELECT FROM roster_parts") == []
    assert (await desk.open(f"/console/rosters/{roster_id}")).status_code == 404
    assert len(await checks_of(service, roster_id)) == 1


async def test_a_form_that_is_sent_twice_is_one_roster(service: Service, desk: Desk):
    content = workbook(("E1", "王芳", CLEAR, ""))
    await desk.open("/console/rosters")
    first = await hand_in(desk, content, once="x1")
    assert (await hand_in(desk, content, once="x1")).json() == first.json()
    assert len(await service.fetch("SELECT FROM rosters")) == 1


async def test_another_unit_does_not_see_it(service: Service, desk: Desk):
    roster_id = await handed(desk, workbook(("F1", "王芳", CLEAR, "")))
    await work(service)
    other = Desk(service)
    await other.log_in(await add_person(service, "li.na", Duty.WINDOW, member="GD-EDU"))
    for path in ("", "/state", "/result.xlsx"):
        assert (await other.open(f"/console/rosters/{roster_id}{path}")).status_code == 404
    await other.open("/console/rosters")
    assert "一周内没有核查过名册" in other.text
    token = {"token": re.findall('name="token" value="([^"]+)"', other.page.text)[0]}
    assert (await other.send("POST", f"/console/rosters/{roster_id}/deletion", token)).status_code == 404
    assert (await state_of(service, roster_id))["state"] == "done"


async def test_an_account_that_ended_is_not_asked_for_and_its_rows_say_so(service: Service, desk: Desk):
    rows = [(f"G{n}", "李明", LISTED, "") for n in range(SLICE + 1)]
    roster_id = await handed(desk, workbook(*rows))
    async with working(service) as connection:
        worker = screener(service)
        await worker.rehearse(connection)
        assert await worker.do_some(connection)
        assert await worker.do_some(connection)
        await connection.execute("UPDATE staff SET ended_at = now()")
        await connection.execute("UPDATE api_keys SET revoked_at = now() WHERE kind = 'staff'")
    await work(service)
    assert (await state_of(service, roster_id))["counts"] == {"停止办理": SLICE, "未答复": 1}
    other = Desk(service)
    await other.log_in(await add_person(service, "li.na", Duty.WINDOW))
    found, _ = await result_of(other, roster_id)
    assert "不能视为未命中" in found[-1][11]


async def test_one_that_is_deleted_is_asked_no_further(service: Service, desk: Desk):
    roster_id = await handed(desk, workbook(*[(f"H{n}", "王芳", resident_id(), "") for n in range(SLICE + 1)]))
    async with working(service) as connection:
        worker = screener(service)
        await worker.rehearse(connection)
        assert await worker.do_some(connection)
        assert await worker.do_some(connection)
        await desk.open(f"/console/rosters/{roster_id}")
        assert f"已核查 {SLICE}/{SLICE + 1} 行" in desk.text
        await desk.submit(f"/rosters/{roster_id}/deletion")
        assert "已删除" in desk.text
        assert not await worker.do_some(connection)
    assert len(await checks_of(service, roster_id)) == SLICE
    assert await service.fetch("SELECT FROM roster_slices") == []


async def test_rosters_take_turns(service: Service, desk: Desk):
    long = await handed(desk, workbook(*[(f"J{n}", "王芳", resident_id(), "") for n in range(5 * SLICE)]))
    async with working(service) as connection:
        worker = screener(service)
        await worker.rehearse(connection)
        for _ in range(3):
            assert await worker.do_some(connection)
        short = await handed(desk, workbook(("K1", "李明", LISTED, "")))
        for _ in range(6):
            await worker.do_some(connection)
    assert (await state_of(service, short))["state"] == "done"
    assert (await state_of(service, long))["state"] == "running"
