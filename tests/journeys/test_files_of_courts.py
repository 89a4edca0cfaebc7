"""Files as courts and sharing platforms send them: what they say has ended stays ended, and what is not understood waits."""

import csv
import io
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import openpyxl
import pytest

from blacklist_service.access.scopes import Role
from blacklist_service.database.connections import connect
from blacklist_service.listings.findings import ROW_SENTENCES
from blacklist_service.listings.operations.jobs import LOADING_SETTINGS, confirm_import
from blacklist_service.listings.rules import Refusal, Warn
from blacklist_service.listings.tasks import load_next
from tests.support import COURT_CODE, TEST, Service, day, resident_id, row, subject

FAULTS = Path(__file__).parents[2].parent / "shared" / "faults"


def as_rows(report: Any) -> list[tuple[Any, ...]]:
    told = json.loads(report.as_json())
    return [(one["row"], one.get("sheet"), one["code"]) for one in told["rejected"]]


async def load_book(service: Service, book: openpyxl.Workbook, **options: Any) -> Any:
    path = service.workplace.settings.data_dir / "list.xlsx"
    book.save(path)
    return await service.load(path, **options)


def codes(report: Any) -> list[str]:
    return [finding.code for finding in report.findings]


# --- ended is ended


@pytest.mark.parametrize(
    "ending",
    [
        {"状态": "已撤销"},
        {"屏蔽时间": day(-3), "屏蔽原因": "其他"},
        {"撤销时间": day(-3)},
        {"退出日期": day(-3)},
        {"dsc_biz_operation": "delete"},
        {"delist": "1"},
    ],
    ids=str,
)
async def test_a_record_that_has_ended_is_not_listed_and_ends_what_is(service: Service, ending: dict[str, str]):
    number = resident_id()
    listed = row(name="张三", identifier_number=number, action=None)
    report = await service.load_rows(listed | ending)
    assert (report.counts.unchanged, report.counts.created, codes(report)) == (1, 0, ["already-ended"])
    assert await service.decide(subject("张三", number)) == "clear"
    await service.load_rows(listed)
    assert await service.decide(subject("张三", number)) == "block"
    report = await service.load_rows(listed | ending)
    assert report.counts.ended == 1
    assert await service.decide(subject("张三", number)) == "clear"


async def test_an_end_without_a_ground_leaves_the_court_a_task(service: Service):
    listed = row(name="张三", action=None)
    await service.load_rows(listed)
    await service.load_rows(listed | {"退出日期": day(-3)})
    tasks = (await service.get("/v1/listings/tasks", key="court")).json()["items"]
    assert [(task["task"], task["case_number"]) for task in tasks] == [("give_ground", listed["case_number"])]


async def test_a_bankruptcy_suspends_and_is_no_end(service: Service):
    number = resident_id()
    listed = row(name="张三", identifier_number=number, action=None)
    await service.load_rows(listed)
    report = await service.load_rows(listed | {"屏蔽时间": day(-3), "屏蔽原因": "法院已裁定受理破产申请"})
    assert report.counts.corrected == 1
    assert await service.decide(subject("张三", number)) == "clear"
    [found] = await service.fetch("SELECT suspended_on, ended FROM listings")
    assert (found["suspended_on"].isoformat(), found["ended"]) == (day(-3), None)


async def test_a_day_of_exit_to_come_is_the_last_in_force(service: Service):
    number = resident_id()
    await service.load_rows(row(identifier_number=number, action=None, expires_on=None) | {"退出日期": day(30)})
    assert await service.decide(subject("张三", number)) == "block"
    [found] = await service.fetch("SELECT expires_on FROM listings")
    assert found["expires_on"].isoformat() == day(30)


async def test_what_an_action_ends_and_never_was_here_is_told(service: Service):
    report = await service.load_rows(row(action="删除", ground="已履行"))
    assert as_rows(report) == [(2, None, "unknown-listing")]


# --- numbers in several columns


async def test_of_two_columns_of_numbers_the_filled_one_counts_and_both_where_both_are(service: Service):
    number, code = resident_id(), "91530111MA6K70047X"
    base = {
        name: text
        for name, text in row(name="张三", kind="", identifier_type="").items()
        if name != "identifier_number"
    }
    for place, (person, organisation) in enumerate([(number, ""), ("", "10162374-1"), (number, code)]):
        one = base | {
            "case_number": f"(2025)云0111执{7000 + place}号",
            "身份证号": person,
            "统一社会信用代码": organisation,
        }
        report = await service.load_rows(one)
        assert (report.state, report.counts.created) == ("done", 1), report.as_text()
    digests = await service.fetch(
        "SELECT listing_id, count(*) AS keys FROM subject_keys GROUP BY listing_id ORDER BY listing_id"
    )
    assert digests[2]["keys"] > digests[0]["keys"]
    assert "identifiers-several" in codes(report)
    damaged = await service.load_rows(base | {"身份证号": number, "统一社会信用代码": "9.15301E+17"})
    assert [code_ for _, _, code_ in as_rows(damaged)] == ["identifier-damaged"]


# --- what waits for a person


@pytest.mark.parametrize(
    "column",
    [
        "名单状态码",
        "end_date",
        "是否公示",
        "撤回标志",
        "scbz",
        "isShow",
        "生效标识",
        "current_flag",
        "历史标识",
        "sfxs",
    ],
)
async def test_a_column_that_may_speak_of_an_end_holds_the_file(service: Service, column: str):
    number = resident_id()
    one = row(name="张三", identifier_number=number)
    dry = await service.load_rows(one | {column: "1"}, is_dry_run=True)
    assert (dry.state, codes(dry)) == ("done", ["column-doubtful"])
    held = await service.load_rows(one | {column: "1"})
    assert (held.state, held.exit_status, codes(held)) == ("awaiting_confirmation", 3, ["column-doubtful"])
    assert column in held.as_text()
    assert await service.decide(subject("张三", number)) == "clear"
    async with service.workplace.connected() as connection, connection.transaction():
        await confirm_import(
            connection, UUID(held.import_id), court_code=COURT_CODE, actor=TEST, secrecy=service.workplace.secrecy
        )
    connection = await connect(service.workplace.dsn, **LOADING_SETTINGS)
    try:
        assert await load_next(connection, service.workplace.secrecy)
    finally:
        connection.terminate()
    assert await service.decide(subject("张三", number)) == "block"


@pytest.mark.parametrize(
    ("column", "word"),
    [
        ("业务类型", "删除"),
        ("更新类型", "退出"),
        ("处理方式", "从名单中移除"),
        ("备注2", "已撤销"),
        ("kind2", "Deleted"),
        ("op", "D"),
        ("附注", "已履行完毕"),
        ("案件进展", "已结案"),
    ],
)
async def test_a_word_of_an_end_in_a_column_that_nobody_knows_holds_the_file(service: Service, column: str, word: str):
    number = resident_id()
    one = row(name="张三", identifier_number=number)
    for held in (await service.load_rows(one | {column: word}), await service.load_json(one | {column: word})):
        assert (held.state, codes(held)) == ("awaiting_confirmation", ["column-doubtful"])
        assert column in held.as_text()
    assert await service.decide(subject("张三", number)) == "clear"


async def test_other_words_there_hold_nothing(service: Service):
    report = await service.load_rows(row() | {"业务类型": "新增", "经办意见": "已核对，不予删除", "手机": "无"})
    assert report.state == "done"


async def test_such_a_column_without_a_value_holds_nothing(service: Service):
    report = await service.load_rows(row() | {"名单状态码": ""})
    assert (report.state, report.counts.created) == ("done", 1)


async def test_over_http_the_answer_says_which_column(service: Service):
    key = await service.add_key("GD-COURT", Role.COURT)
    text = io.StringIO()
    writer = csv.DictWriter(text, [*row(), "下架标记"])
    writer.writeheader()
    writer.writerow(row() | {"下架标记": "否"})
    sent = await service.client.post(
        "/v1/imports", files={"file": ("list.csv", text.getvalue().encode())}, headers=service.bearer("court")
    )
    path = f"/v1/imports/{sent.json()['import_id']}"

    async def work() -> dict[str, Any]:
        connection = await connect(service.workplace.dsn, **LOADING_SETTINGS)
        try:
            await load_next(connection, service.workplace.secrecy)
        finally:
            connection.terminate()
        state: dict[str, Any] = (await service.get(path, key="court")).json()
        return state

    held = await work()
    assert held["state"] == "awaiting_confirmation"
    [finding] = held["findings"]
    assert (finding["code"], finding["count"], finding["sheet"]) == ("column-doubtful", 1, None)
    assert "下架标记" in finding["zh"]
    assert "下架标记" in finding["en"]
    own = await service.post(f"{path}/confirmation", {}, key="court")
    assert own.status_code == 409
    confirmed = await service.client.post(f"{path}/confirmation", headers=service.bearer(key))
    assert confirmed.status_code == 200, confirmed.text
    assert (await work())["rows"]["created"] == 1


async def test_a_file_without_a_column_of_names_or_of_numbers_waits(service: Service):
    without_names = await service.load_rows({"债务人": "张三", "案号": "(2025)云0111执1号", "证件号码": resident_id()})
    assert (without_names.state, codes(without_names)[0]) == ("awaiting_confirmation", "no-name-column")
    without_numbers = await service.load_rows({"姓名": "张三", "案号": "(2025)云0111执1号", "身份编码": resident_id()})
    assert (without_numbers.state, codes(without_numbers)[0]) == ("awaiting_confirmation", "no-number-column")
    assert await service.fetch("SELECT 1 FROM listings") == []
    deletions = await service.load_rows(
        {"操作": "删除", "删除事由": "已履行", "姓名": "张三", "案号": "(2025)云0111执1号"}
    )
    assert (deletions.state, as_rows(deletions)) == ("done", [(2, None, "unknown-listing")])


# --- workbooks


async def test_the_report_names_sheets_rows_and_what_was_not_read(service: Service):
    book = openpyxl.Workbook()
    people, companies, notes = book.worksheets[0], book.create_sheet("法人"), book.create_sheet("填表说明")
    people.title = "自然人"
    header = list(row())
    for sheet in (people, companies):
        sheet.append(header)
        sheet.append(list(row().values()))
    companies.append(list(row(name="").values()))
    companies.row_dimensions[2].hidden = True
    notes.append(["姓名", "写全名"])
    report = await load_book(service, book)
    assert (report.counts.created, as_rows(report)) == (2, [(3, "法人", "name-missing")])
    told = {finding.code: (finding.count, finding.example_row, finding.sheet) for finding in report.findings}
    assert told == {
        "sheet-not-read": (1, None, "填表说明"),
        "rows-hidden": (1, 2, "法人"),
        "name-missing": (1, 3, "法人"),
    }
    path = f"/v1/imports/{report.import_id}"
    [refused] = (await service.get(f"{path}/rows", key="court")).json()["items"]
    assert (refused["row"], refused["sheet"]) == (3, "法人")
    answer = await service.client.get(f"{path}/rows", headers=service.bearer("court") | {"Accept": "text/csv"})
    [mended] = csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff")))
    assert (mended["sheet"], mended["row"]) == ("法人", "3")


async def test_refused_rows_of_several_sheets_are_paged_by_the_files_order(service: Service):
    """Rows of a worksheet count from its own header: a page that went by them would begin anew, or skip."""
    book = openpyxl.Workbook()
    people, companies = book.worksheets[0], book.create_sheet("法人")
    for sheet in (people, companies):
        sheet.append(list(row()))
    people.append(list(row().values()))
    for sheet in (people, companies, companies):
        sheet.append(list(row(name="").values()))
    report = await load_book(service, book)
    path, cursor = f"/v1/imports/{report.import_id}/rows", None
    pages: list[list[tuple[str, int]]] = []
    while cursor or not pages:
        page = (await service.get(path, key="court", limit=1, **({"cursor": cursor} if cursor else {}))).json()
        pages.append([(one["sheet"], one["row"]) for one in page["items"]])
        cursor = page["next"]
    assert [one for page in pages for one in page] == [(people.title, 3), ("法人", 2), ("法人", 3)]


async def test_what_was_refused_is_refused_again_until_it_is_mended(service: Service):
    """Two values, an error, an object: the file of refused rows must not come back as if one of them had been chosen."""
    whole = {"姓名": "张三", "案号": "(2025)云0111执1号", "证件号码": resident_id(), "期限届满日": day(90)}
    report = await service.load_json(
        whole | {"iname": "李四"},
        whole | {"有效期至": day(30)},
        whole | {"姓名": {"a": 1}},
        whole | {"案号": "#N/A"},
        whole | {"期限届满日": {"a": 1}},
    )
    refused = ["cells-disagree", "cells-disagree", "cell-unreadable", "cell-unreadable", "date-invalid"]
    assert [code for _, _, code in as_rows(report)] == refused
    answer = await service.client.get(
        f"/v1/imports/{report.import_id}/rows", headers=service.bearer("court") | {"Accept": "text/csv"}
    )
    path = service.workplace.settings.data_dir / "refused.csv"
    path.write_bytes(answer.content)
    again = await service.load(path)
    assert [code for _, _, code in as_rows(again)] == refused
    assert await service.fetch("SELECT 1 FROM listings") == []


async def test_a_formula_without_a_value_refuses_its_row(service: Service):
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(list(row()))
    sheet.append(list((row() | {"name": "=A1"}).values()))
    report = await load_book(service, book)
    assert as_rows(report) == [(2, "Sheet", "cell-unreadable")]


# --- every code has its sentences


def test_every_code_is_said_in_both_languages():
    for code in (*Refusal, *Warn):
        assert code.value in ROW_SENTENCES, f"listings/findings.py: ROW_SENTENCES has no sentence for {code.value}"
        assert ROW_SENTENCES[code.value].zh.isascii() is False


# --- the faults that were found


@pytest.mark.skipif(not FAULTS.exists(), reason="the papers lie outside the repository")
class TestFaults:
    async def load(self, service: Service, name: str) -> Any:
        return await service.load(FAULTS / name)

    async def test_both_sheets_are_loaded(self, service: Service):
        report = await self.load(service, "03-two-sheets.xlsx")
        assert (report.counts.total, report.counts.created) == (2, 2)

    @pytest.mark.parametrize(
        ("name", "count", "code"),
        [
            ("04a-deletion-under-another-header.csv", 1, "unknown-listing"),
            ("04b-action-is-an-error-cell.xlsx", 1, "kind-unknown"),
            ("04c-merged-action.xlsx", 2, "unknown-listing"),
            ("04d-action-object.jsonl", 1, "kind-unknown"),
            ("06c-term-is-an-error-cell.xlsx", 1, "date-invalid"),
        ],
    )
    async def test_nothing_is_listed(self, service: Service, name: str, count: int, code: str):
        report = await self.load(service, name)
        assert [code_ for _, _, code_ in as_rows(report)] == [code] * count
        assert await service.fetch("SELECT 1 FROM listings") == []

    @pytest.mark.parametrize(
        ("name", "days"),
        [
            ("06b-dates-with-offset.jsonl", [("2024-04-20", "2027-04-20")]),
            ("06d-sheetjs-43-seconds.xlsx", [("2024-04-20", "2027-04-20")]),
            ("06e-1904-serials.xlsx", [("2024-04-20", "2027-04-20")]),
            ("16-gbk-euro.csv", [("2024-04-20", "2027-04-20")]),
        ],
    )
    async def test_the_days_are_those_that_were_meant(self, service: Service, name: str, days: list[tuple[str, str]]):
        report = await self.load(service, name)
        assert report.counts.created == len(days)
        found = await service.fetch("SELECT published_on, expires_on FROM listings ORDER BY case_number")
        assert [(one["published_on"].isoformat(), one["expires_on"].isoformat()) for one in found] == days

    async def test_days_as_arrays_are_read(self, service: Service):
        await self.load(service, "06a-dates-as-arrays.jsonl")
        found = await service.fetch("SELECT expires_on, grace_until FROM listings ORDER BY case_number")
        assert [str(found[0]["expires_on"]), str(found[1]["grace_until"])] == ["2026-01-01", "2027-06-01"]

    async def test_refused_rows_survive_a_spreadsheet(self, service: Service):
        report = await self.load(service, "17-refused-rows.csv")
        answer = await service.client.get(
            f"/v1/imports/{report.import_id}/rows", headers=service.bearer("court") | {"Accept": "text/csv"}
        )
        assert '="530111197903017808"' in next(csv.reader(io.StringIO(answer.text.splitlines()[1])))
