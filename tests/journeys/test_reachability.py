"""Whatever a court writes in a cell: while it is in force, no question with the debtor's name and right number is clear; and
once it has ended, none is blocked or flagged by it.
"""

import csv
import json
import os
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from blacklist_service.subjects.identifiers import IdentifierType
from tests.listings.courts_cells import Case, cases
from tests.support import COURT_CODE, Service, day

AT_ONCE = 25
"""Cases in one file."""
USUAL = 400 if settings.get_current_profile_name() == "ci" else 1_000
"""In CI they are the same each time: what is new is found by those that `make test` draws."""
EXAMPLES = (40_000 if os.environ.get("BLACKLIST_SOAK") else USUAL) // AT_ONCE
FORMATS = ("csv", "xlsx", "jsonl", "http")
HEADER = {
    "name": "被执行人姓名/名称",
    "kind": "类型",
    "type": "证件类型",
    "number": "身份证号码/组织机构代码",
    "case": "案号",
    "decision": "决定书文号",
    "decided": "决定日期",
    "published": "发布时间",
    "expires": "期限届满日",
    "circumstances": "失信情形",
    "action": "操作",
}
_debtors = count()


@pytest.mark.timeout(3600)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[
        Phase.explicit,
        Phase.reuse,
        Phase.generate,
    ],  # the message names the case: nothing is gained by a smaller file
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(drawn=st.lists(cases, min_size=AT_ONCE, max_size=AT_ONCE), way=st.sampled_from(FORMATS))
async def test_no_debtor_is_clear_while_listed_nor_stopped_after(service: Service, drawn: list[Case], way: str):
    named = [(_name(case), case) for case in drawn]
    rows = [_row(name, case) for name, case in named]
    listed = await _publish(service, way, rows, drawn)
    missed = [
        f"{way}: {case} asked as {asked['identifier']['type']}"
        for (name, case), is_listed in zip(named, listed, strict=True)
        if is_listed
        for asked, decision in await _ask(service, name, case)
        if decision == "clear"
    ]
    assert not missed, "\n".join(missed)

    await _end(service, way, rows)
    stopped = [
        f"{way}: {case}"
        for name, case in named
        for _, decision in await _ask(service, name, case)
        if decision != "clear"
    ]
    assert not stopped, "\n".join(stopped)


async def _ask(service: Service, name: str, case: Case) -> list[tuple[dict[str, Any], str]]:
    """By the name and the number, under every type; what is refused (422) was not answered."""
    asked = [_subject(name, case, type_) for type_ in IdentifierType]
    matter = "civil_service_recruitment" if case.is_person else "government_procurement"
    checks = [{"matter": matter, "reference": "r", "subjects": [one]} for one in asked]
    results = (await service.post("/v1/checks/batch", {"checks": checks})).json()["results"]
    answered = [
        (one, result["check"]["decision"])
        for one, result in zip(asked, results, strict=True)
        if result["status"] == 200
    ]
    assert answered
    return answered


def _subject(name: str, case: Case, type_: IdentifierType) -> dict[str, Any]:
    kind, role = ("person", "applicant") if case.is_person else ("organisation", "bidder")
    return {"role": role, "kind": kind, "name": name, "identifier": {"type": type_.value, "number": case.number}}


def _name(case: Case) -> str:
    """Of a debtor that nobody else is called like."""
    place = next(_debtors)
    own = chr(0x4E00 + place // 5000 % 5000) + chr(0x5200 + place % 5000)
    return f"赵{own}" if case.is_person else f"昆明{own}有限公司"


def _row(name: str, case: Case) -> dict[str, Any]:
    number = f"(2025)云0111执{next(_debtors) + 100_000}号"
    said = {"name": name, "kind": case.kind_word, "type": case.type_word, "number": case.cell, "case": number}
    days = {"decided": day(-33), "published": day(-30), "expires": day(700)}
    return said | days | {"decision": f"{number}之一", "circumstances": "违反财产报告制度", "action": ""}


# --- the four ways in


async def _publish(service: Service, way: str, rows: Sequence[dict[str, Any]], drawn: Sequence[Case]) -> list[bool]:
    """Which of the rows were taken; a refused one lists nobody, and says so."""
    if way == "http":
        responses = [
            await service.post("/v1/listings", _body(*one), key="court") for one in zip(rows, drawn, strict=True)
        ]
        for row, response in zip(rows, responses, strict=True):
            row["answer"] = response.json()
        assert {one.status_code for one in responses} <= {201, 422}
        return [one.status_code == 201 for one in responses]
    report = await service.load(_write(service, way, rows))
    refused = {one.row for one in report.rows if one.is_refused}
    first = 1 if way == "jsonl" else 2
    return [place not in refused for place in range(first, first + len(rows))]


async def _end(service: Service, way: str, rows: Sequence[dict[str, Any]]) -> None:
    """By the same rows again, or by each listing's own act."""
    if way != "http":
        report = await service.load(_write(service, way, [row | {"action": "撤销"} for row in rows]))
        assert report.counts.ended + report.counts.rejected == len(rows)
        return
    for row in rows:
        if "listing_id" in row["answer"]:
            body = {"reason": "错误纳入", "decided_on": day()}
            path = f"/v1/listings/{row['answer']['listing_id']}/withdrawal"
            assert (await service.post(path, body, key="court", **{"If-Match": '"1"'})).status_code == 200


def _write(service: Service, way: str, rows: Sequence[dict[str, Any]]) -> Path:
    path = service.workplace.settings.data_dir / f"reach.{way}"
    if way == "csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([HEADER.values(), *([row[name] for name in HEADER] for row in rows)])
    elif way == "jsonl":
        lines = [json.dumps({label: row[name] for name, label in HEADER.items()}, ensure_ascii=False) for row in rows]
        path.write_text("\n".join(lines), "utf-8")
    else:
        book = openpyxl.Workbook()
        sheet: Any = book.active
        for row in ([*HEADER.values()], *([row[name] for name in HEADER] for row in rows)):
            sheet.append([f"'{one}" if isinstance(one, str) and one.startswith("=") else one for one in row])
        book.save(path)
    return path


def _body(row: dict[str, Any], case: Case) -> dict[str, Any]:
    number = str(row["number"]).replace("\n", " ")[:64]
    types = {
        "": "resident_id" if case.is_person else "uscc",
        "护照": "passport",
        "军官证": "military_id",
        "其他": "other",
    }
    types |= {"注册号": "business_registration_number", "组织机构代码": "organisation_code"}
    type_ = types.get(row["type"], types[""])
    kind = "person" if row["kind"] in ("自然人", "person", "580") else "organisation"
    return {
        "case_number": row["case"],
        "court": {"code": COURT_CODE},
        "debtor": {
            "kind": kind,
            "name": row["name"],
            "identifier": {"type": type_, "number": number} if number else None,
        },
        "circumstances": ["C4"],
        "decision": {"document_number": row["decision"], "decided_on": row["decided"]},
        "published_on": row["published"],
        "expires_on": row["expires"],
    }
