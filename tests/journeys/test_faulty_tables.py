"""Tables as courts keep them: whoever is in one is found by name and number, whatever stands in the cells (law.md §0)."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support import Service, row, subject

FAULTS = Path(__file__).parents[2].parent / "shared" / "faults"
with_tables = pytest.mark.skipif(not FAULTS.is_dir(), reason="the tables lie beside the project, not in it")


@with_tables
async def test_a_number_in_words_is_found_and_what_is_none_is_flagged_by_name(service: Service):
    report = await service.load(FAULTS / "01-number-cell-with-words.csv")
    assert (report.counts.created, report.counts.warned) == (21, 21)
    answers = {
        one["name"]: await service.check(subject(one["name"], one["number"]))
        for one in json.loads((FAULTS / "01-questions.json").read_text("utf-8"))
    }
    decided = {name: answer["decision"] for name, answer in answers.items()}
    in_words = {"甲一一", "甲一二", "甲一三", "甲一四", "甲二一", "甲二二", "甲二四"}
    assert {name for name, decision in decided.items() if decision == "block"} == in_words
    assert set(decided.values()) == {"block", "flag"}


@with_tables
async def test_a_declared_type_never_hides_a_number_whose_check_holds(service: Service):
    report = await service.load(FAULTS / "02-declared-type.csv")
    warned = {one.row for one in report.rows if one.code == "identifier-type-differs"}
    assert warned == set(range(2, 9))
    for asked in json.loads((FAULTS / "02-questions.json").read_text("utf-8")):
        is_person = asked["kind"] == "person"
        matter = "civil_service_recruitment" if is_person else "government_procurement"
        role = "applicant" if is_person else "bidder"
        assert await service.decide(subject(**asked, role=role), matter=matter) == "block"
    by_name = subject("官渡区丙号百货店", kind="person", role="bidder")
    assert await service.decide(by_name, matter="government_procurement") == "flag"


@with_tables
async def test_a_masked_resident_id_means_a_person_whatever_the_name_ends_in(service: Service):
    await service.load(FAULTS / "15-kind-guessed.csv")
    for name, number in (("陈建厂", "530111197803254793"), ("辛一一", "530111198308155645")):
        answer = await service.check(subject(name, number))
        assert answer["decision"] == "flag"
        assert answer["subjects"][0]["matches"][0]["identity"] == "masked"
        assert await service.decide(subject(name)) == "flag"


@with_tables
async def test_a_credit_code_that_ends_in_zeros_is_none_that_a_spreadsheet_rounded(service: Service):
    path = FAULTS / "14-uscc-ending-000.csv"
    report = await service.load(path)
    assert (report.counts.created, report.counts.rejected) == (2, 0)
    with path.open(encoding="utf-8-sig") as file:
        for one in csv.DictReader(file):
            asked = {"kind": "organisation", "type": "uscc", "role": "bidder"}
            listed = subject(one["被执行人姓名/名称"], one["身份证号码/组织机构代码"], **asked)
            assert await service.decide(listed, matter="government_procurement") == "block"


@with_tables
async def test_radicals_in_a_name_are_the_ideographs_they_look_like(service: Service):
    await service.load(FAULTS / "07-kangxi-radicals.csv")
    masked = await service.check(subject("高文行", "530111195707041705"))
    assert (masked["decision"], masked["subjects"][0]["matches"][0]["identity"]) == ("flag", "masked")
    assert await service.decide(subject("马小龙", "530111197503245860")) == "block"


@pytest.mark.parametrize(
    ("listed", "asked"),
    [
        ("SMITH, John-Paul", "john paul smith"),
        ("O'NEIL Séan", "ONEIL SEAN"),
        ("MÜLLER, Jörg", "Jorg Muller"),
        ("买买提ㆍ艾力", "买买提·艾力"),
        ("买买提··艾力", "买买提˙艾力"),
        ("王\u202e小明\u2069", "\u2067王小明"),
    ],
)
async def test_a_name_is_found_however_it_is_written(service: Service, listed: str, asked: str):
    await service.load_rows(row(name=listed, identifier_type="passport", identifier_number="E12345678"))
    assert await service.decide(subject(asked)) == "flag"
    assert await service.decide(subject(asked, "E12345678", type="passport")) == "block"


async def test_a_bare_number_that_javascript_may_have_rounded_is_damaged(service: Service):
    common = {"caseCode": "(2025)云0111执1号", "disruptTypeName": "违反财产报告制度", "publishDate": "2025-04-20"}
    lines: list[dict[str, Any]] = [
        common | {"iname": "张三", "cardNum": 530111198503170015},
        common | {"iname": "李四", "cardNum": 530111850317001, "caseCode": "(2025)云0111执2号"},
    ]
    report = await service.load_json(*lines)
    assert [(one.row, one.code) for one in report.rows if one.is_refused] == [(1, "identifier-damaged")]
    assert await service.decide(subject("李四", "530111198503170015")) == "block"


async def test_a_company_of_the_old_register_is_found_by_name_under_any_credit_code(service: Service):
    company = {"kind": "organisation", "role": "bidder"}
    listed = {"kind": "organisation", "identifier_type": None, "performance": None}
    await service.load_rows(row(name="昆明甲有限公司", identifier_number="530103620128086", **listed))
    await service.load_rows(row(name="昆明乙有限公司", identifier_number="64772964-4", **listed))
    await service.load_rows(row(name="昆明丙有限公司", identifier_number="64772964-5", **listed))

    async def decide(name: str, number: str, type_: str = "uscc") -> str:
        return await service.decide(subject(name, number, type=type_, **company), matter="government_procurement")

    assert await decide("昆明甲有限公司", "91530111MA6K70012B") == "flag"
    assert await decide("昆明甲有限公司", "530103620128086", "business_registration_number") == "block"
    assert await decide("昆明甲有限公司", "530103620128087", "business_registration_number") == "clear"
    assert await decide("昆明乙有限公司", "91530111647729644H") == "block"
    assert await decide("昆明乙有限公司", "91530111MA6K70012B") == "clear"
    assert await decide("昆明丙有限公司", "91530111MA6K70012B") == "flag"


async def test_a_mistyped_credit_code_proves_nobody_else(service: Service):
    listed = {"kind": "organisation", "identifier_type": None}
    await service.load_rows(row(name="昆明甲有限公司", identifier_number="91530111MA6K70012B", **listed))
    asked = subject("昆明甲有限公司", "91530111MA6K70013B", type="uscc", kind="organisation", role="bidder")
    answer = await service.check(asked, matter="government_procurement")
    [match] = answer["subjects"][0]["matches"]
    assert (answer["decision"], match["identity"], answer["warnings"]) == ("flag", "name_only", ["identifier-checksum"])
    assert match["listing"]["debtor_identifier_masked"] is None


@pytest.mark.parametrize("number", ["0" * 17 + "X", "0" * 18, "1" * 18, "9" * 18])
@pytest.mark.parametrize("type_", ["resident_id", "uscc", "passport"])
async def test_a_placeholder_is_no_number_to_ask_by(service: Service, number: str, type_: str):
    body = {"matter": "civil_service_recruitment", "reference": "r", "subjects": [subject("张三", number, type=type_)]}
    response = await service.post("/v1/checks", body)
    assert (response.status_code, response.json()["code"]) == (422, "invalid-identifier")
    placed = await service.load_rows(row(identifier_number=number, identifier_type=None))
    assert [one.code for one in placed.rows] == ["identifier-missing"]
