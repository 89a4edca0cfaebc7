"""Searching the ledger for all questions about a person, by digest: no number is in a URL or an answer."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from blacklist_service.audit.filters import EntryFilters
from tests.support import Service, question, resident_id, row, subject

WHOM = resident_id(61)
ABOUT = {"kind": "person", "name": "张三", "identifier": {"type": "resident_id", "number": WHOM}}
SEARCH = "/v1/audit/entries/search"


async def test_all_who_asked_about_somebody_are_found_under_whatever_name(service: Service):
    first = await service.check(subject("张三", WHOM))
    second = (await service.post("/v1/checks", question(subject("李四", WHOM)), key="other agency")).json()
    await service.check(subject("张三", resident_id()))
    await service.check(subject("张三"))
    found = await service.post(SEARCH, {"subject": ABOUT, "action": "check"}, key="auditor")
    items = found.json()["items"]
    assert [item["check_id"] for item in items] == [second["check_id"], first["check_id"]]
    assert WHOM not in found.text
    narrowed = await service.post(SEARCH, {"subject": ABOUT, "action": "check", "agency": "GD-EDU"}, key="auditor")
    assert [item["agency"] for item in narrowed.json()["items"]] == ["GD-EDU"]


async def test_who_looked_for_somebody_is_found_too(service: Service):
    for expected in (0, 1):
        found = await service.post(SEARCH, {"subject": ABOUT}, key="auditor")
        assert [item["action"] for item in found.json()["items"]] == ["audit_read"] * expected


async def test_a_page_is_continued_for_the_same_subject_alone(service: Service):
    checks = [(await service.check(subject("张三", WHOM)))["check_id"] for _ in range(3)]
    asked = {"subject": ABOUT, "action": "check", "limit": 2}
    page = (await service.post(SEARCH, asked, key="auditor")).json()
    rest = (await service.post(SEARCH, asked | {"cursor": page["next"]}, key="auditor")).json()
    assert [item["check_id"] for item in page["items"] + rest["items"]] == checks[::-1]
    other = ABOUT | {"identifier": {"type": "resident_id", "number": resident_id()}}
    assert (
        await service.post(SEARCH, asked | {"subject": other, "cursor": page["next"]}, key="auditor")
    ).status_code == 422


async def test_a_search_without_a_subject_takes_the_same_filters(service: Service):
    await service.check(subject("张三", WHOM), operator="wang.li")
    await service.check(subject("张三", WHOM), operator="li.na")
    [item] = (await service.post(SEARCH, {"operator": "wang.li"}, key="auditor")).json()["items"]
    assert item["operator"] == "wang.li"


@pytest.mark.parametrize("key", ["agency", "court"])
async def test_nobody_but_an_auditor_searches(service: Service, key: str):
    assert (await service.post(SEARCH, {"subject": ABOUT}, key=key)).status_code == 403


async def test_a_number_that_is_none_is_refused_without_being_repeated(service: Service):
    wrong = ABOUT | {"identifier": {"type": "resident_id", "number": "5301111985****0015"}}
    refused = await service.post(SEARCH, {"subject": wrong}, key="auditor")
    assert refused.status_code == 422
    assert "5301111985" not in refused.text


Kept = Callable[[dict[str, Any], Any], bool]
KEPT_BY: Mapping[str, Kept] = {
    "from": lambda item, value: item["at"] >= value,
    "to": lambda item, value: item["at"] < value,
    "list_version_from": lambda item, value: item["list_version"] is not None and item["list_version"] >= value,
    "list_version_to": lambda item, value: item["list_version"] is not None and item["list_version"] <= value,
}
"""What a filter keeps, where it is not simply the field of its name."""


@pytest.mark.parametrize("name", [field.alias or name for name, field in EntryFilters.model_fields.items()])
@pytest.mark.parametrize("about", [{}, {"subject": ABOUT}])
async def test_each_filter_keeps_what_it_says_and_nothing_else(service: Service, name: str, about: dict[str, Any]):
    await asked_and_listed(service)
    everything = (await service.post(SEARCH, {"limit": 100, **about}, key="auditor")).json()["items"]
    kept_by: Kept = KEPT_BY.get(name, lambda item, value: item[name] == value)
    told = "at" if name in {"from", "to"} else name.removesuffix("_from").removesuffix("_to")
    told_of = [item[told] for item in everything if item[told] is not None]
    value = min(told_of) if name.endswith("_to") else max(told_of)
    expected = [item["entry_id"] for item in everything if kept_by(item, value)]
    assert 0 < len(expected) < len(everything)
    asked = {"limit": 100, "to": everything[0]["at"], **about, name: value}
    found = (await service.post(SEARCH, asked, key="auditor")).json()["items"]
    assert [item["entry_id"] for item in found] == [one for one in expected if one != everything[0]["entry_id"]]


async def asked_and_listed(service: Service) -> None:
    """Two agencies, two operators, two matters, two decisions, two list versions, and somebody who looked for the person."""
    await service.check(subject("张三", WHOM), operator="li.na")
    await service.post(SEARCH, {"subject": ABOUT}, key="auditor")
    await service.load_rows(row(name="张三", identifier_number=WHOM))
    await service.check(subject("张三", WHOM), operator="wang.li")
    other = question(subject("张三", WHOM)) | {"matter": "government_procurement", "reference": "CG-2026-1"}
    await service.post("/v1/checks", other, key="other agency")
