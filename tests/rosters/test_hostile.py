"""Files that cannot be screened are refused with the reason, and nothing of them is kept."""

import io
import os
import zipfile

import pytest
from xlsxwriter import Workbook

from blacklist_service.access.duties import Duty
from blacklist_service.console import wording_rosters
from blacklist_service.rosters.rules import MOST_ATTEMPTS, RosterFault, RosterState
from tests.console.desk import Desk
from tests.members.staff.people import add_person
from tests.rosters.handing import HEADER, checks_of, hand_in, handed, result_of, state_of, work, workbook
from tests.support import Service, resident_id, row


@pytest.fixture
async def desk(service: Service) -> Desk:
    made = Desk(service)
    await made.log_in(await add_person(service, "wang.li", Duty.WINDOW))
    return made


def bomb() -> bytes:
    """A workbook whose only sheet is blanks, thousands of times its size."""
    held = io.BytesIO()
    good = zipfile.ZipFile(io.BytesIO(workbook(("A1", "王芳", resident_id(), ""))))
    with good, zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as bad:
        for part in good.namelist():
            if part != "xl/worksheets/sheet1.xml":
                bad.writestr(part, good.read(part))
        with bad.open("xl/worksheets/sheet1.xml", "w") as sheet:
            for _ in range(64):
                sheet.write(b" " * (1 << 20))
    return held.getvalue()


FILES = {
    "a zip bomb": (bomb, RosterFault.UNREADABLE),
    "a picture": (lambda: b"\x89PNG" + b"0" * 100, RosterFault.UNREADABLE),
    "half a workbook": (lambda: workbook(("A1", "王芳", resident_id(), ""))[:900], RosterFault.UNREADABLE),
    "bytes": (lambda: bytes(range(256)) * 9, RosterFault.UNREADABLE),
    "nothing": (lambda: b"", RosterFault.UNREADABLE),
    "an open quote": (('编号,姓名\nA1,"' + "王" * 200_000).encode, RosterFault.UNREADABLE),
    "other columns": (lambda: workbook(("1", "2"), header=("甲", "乙")), RosterFault.NO_COLUMNS),
    "no rows": (workbook, RosterFault.NO_ROWS),
    "blank rows": (lambda: workbook(("", " ", "", ""), ("", "", "", "")), RosterFault.NO_ROWS),
    "organisations": (
        lambda: workbook(("A1", "甲公司", "x", ""), header=("编号", "企业名称", "统一社会信用代码", "")),
        RosterFault.OTHER_KIND,
    ),
}


@pytest.mark.parametrize("name", FILES)
async def test_it_is_refused_by_name(service: Service, desk: Desk, name: str):
    make, fault = FILES[name]
    roster_id = await handed(desk, make())
    await work(service)
    found = await state_of(service, roster_id)
    assert (found["state"], found["problem"]) == ("refused", fault)
    await desk.open(f"/console/rosters/{roster_id}")
    assert wording_rosters.FAULTS[fault] in desk.text
    assert (await desk.open(f"/console/rosters/{roster_id}/result.xlsx")).status_code == 404
    assert await service.fetch("SELECT FROM roster_parts") == []
    assert await service.fetch("SELECT FROM roster_slices") == []
    assert await checks_of(service, roster_id) == []


async def test_a_column_that_is_named_and_is_not_there_is_said(service: Service, desk: Desk):
    roster_id = await handed(desk, workbook(("A1", "王芳", resident_id(), "")), number="号码")
    await work(service)
    assert (await state_of(service, roster_id))["problem"] == RosterFault.NO_SUCH_COLUMN


async def test_more_rows_than_a_unit_may_screen_in_a_day_are_not_asked(service: Service, desk: Desk):
    first = await handed(desk, workbook(*[(f"A{n}", "王芳", resident_id(), "") for n in range(7)]))
    await work(service, most_rows=10)
    second = await handed(desk, workbook(*[(f"B{n}", "王芳", resident_id(), "") for n in range(4)]))
    third = await handed(desk, workbook(*[(f"C{n}", "王芳", resident_id(), "") for n in range(11)]))
    await work(service, most_rows=10)
    assert (await state_of(service, first))["state"] == "done"
    assert (await state_of(service, second))["problem"] == RosterFault.OVER_QUOTA
    assert (await state_of(service, third))["problem"] == RosterFault.TOO_MANY_ROWS
    assert len(await service.fetch("SELECT FROM ledger_entries WHERE action = 'check'")) == 7


async def test_a_long_roster_over_the_quota_is_refused_before_anything_is_asked(service: Service, desk: Desk):
    rows, most = (60_000, 50_000) if os.environ.get("BLACKLIST_SOAK") else (6000, 5000)
    text = "编号,姓名,身份证号\n" + "".join(f"A{n},王芳,530111198503170015\n" for n in range(rows))
    roster_id = await handed(desk, text.encode(), called="名册.csv")
    await work(service, most_rows=most)
    assert (await state_of(service, roster_id))["problem"] == RosterFault.TOO_MANY_ROWS
    assert await service.fetch("SELECT FROM ledger_entries WHERE action = 'check'") == []


async def test_a_fourth_at_once_waits_outside(service: Service, desk: Desk):
    for number in range(3):
        await handed(desk, workbook((f"A{number}", "王芳", resident_id(), "")))
    refused = await hand_in(desk, workbook(("A4", "王芳", resident_id(), "")))
    assert refused.status_code == 422
    assert "3 份" in refused.json()["fault"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"matter": "no_such_matter"}, "无权"),
        ({"matter": ""}, "办理事项"),
        ({"role": "emperor"}, "身份"),
        ({"kind": "robot"}, "自然人"),
        ({"matter": "exploration_right_transfer", "role": "guardian"}, "身份"),
    ],
)
async def test_what_the_officer_may_not_ask_is_refused_before_the_file_is_kept(service, desk, fields, said):
    refused = await hand_in(desk, workbook(("A1", "王芳", resident_id(), "")), **fields)
    assert refused.status_code == 422
    assert said in refused.json()["fault"]
    assert await service.fetch("SELECT FROM rosters") == []


async def test_a_cell_without_a_value_or_of_merged_cells_is_never_asked_by_the_name_alone(service: Service, desk: Desk):
    await service.load_rows(row(identifier_number=resident_id(701)))
    held = io.BytesIO()
    book = Workbook(held, {"in_memory": True})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, HEADER)
    sheet.write_row(1, 0, ("A1", "王芳"))
    sheet.write_formula(1, 2, "=A9", None, "")
    sheet.write_row(2, 0, ("A2", "王芳"))
    sheet.write_formula(2, 2, "=1/0", None, "#DIV/0!")
    sheet.write_row(3, 0, ("A3", "王芳"))
    sheet.write_row(4, 0, ("A4", "李明"))
    sheet.merge_range(3, 2, 4, 2, resident_id())
    sheet.write_row(5, 0, ("A5", "赵六", resident_id()))
    book.close()
    roster_id = await handed(desk, held.getvalue())
    await work(service)
    found, _ = await result_of(desk, roster_id)
    assert [cells[4] for cells in found[1:]] == ["未受理"] * 4 + ["未命中"]


async def test_while_nothing_was_ever_loaded_no_row_is_clear(service: Service, desk: Desk):
    roster_id = await handed(desk, workbook(("A1", "王芳", resident_id(), "")))
    await work(service)
    found, _ = await result_of(desk, roster_id)
    assert found[1][4] == "未答复"
    assert "尚未载入" in found[1][11]


async def test_a_file_that_ends_its_reader_again_and_again_is_given_up(service: Service, desk: Desk):
    roster_id = await handed(desk, workbook(("A1", "王芳", resident_id(), "")))
    await service.fetch("UPDATE rosters SET attempts = $1", MOST_ATTEMPTS)
    await work(service)
    assert (await state_of(service, roster_id))["problem"] == RosterFault.GIVEN_UP


def test_every_state_fault_and_conclusion_has_its_word():
    assert set(wording_rosters.STATES) | {"incoming"} == set(RosterState)
    assert set(wording_rosters.FAULTS) == set(RosterFault)
