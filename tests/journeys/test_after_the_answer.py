"""What follows an answer: outcomes, explanations, the catalogue of its day, publication; and no data of children is kept."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import orjson
import pytest

from blacklist_service.access.scopes import Role
from blacklist_service.cli import checking
from blacklist_service.clock import legal_date, now
from blacklist_service.measures.operations import founding_catalogue
from blacklist_service.web.paging import make_cursor
from tests.support import Service, day, question, resident_id, row, subject

LISTED = resident_id(11)


@pytest.fixture
async def listed(service: Service) -> Service:
    await service.load_rows(row(name="张三", identifier_number=LISTED, case_number="(2025)云0111执777号"))
    service.keys["security"] = await service.add_key("GD-HR", Role.SECURITY)
    return service


async def put(service: Service, path: str, body: Any, *, key: str = "agency", **headers: str) -> Any:
    return await service.client.put(path, json=body, headers=service.bearer(key) | headers)


async def ask(service: Service, **values: Any) -> dict[str, Any]:
    return await service.check(subject("张三", LISTED), **values)


async def test_overriding_a_block_needs_a_reason_and_is_kept_with_it(listed: Service):
    check = await ask(listed)
    path = f"/v1/checks/{check['check_id']}/outcome"
    refused = await put(listed, path, {"action": "approved"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/reason")
    kept = await put(listed, path, {"action": "approved", "reason": "法院书面同意", "operator": "wang.li"})
    assert (kept.json()["revision"], kept.json()["decision"], kept.json()["reason"]) == (1, "block", "法院书面同意")
    again = await put(listed, path, {"action": "approved", "reason": "法院书面同意", "operator": "wang.li"})
    assert again.json() == kept.json()
    assert (await put(listed, path, {"action": "refused"})).json()["revision"] == 2
    assert (await listed.get(path)).json()["action"] == "refused"
    entries = await listed.fetch("SELECT leaf FROM ledger_entries WHERE action = 'outcome_recorded' ORDER BY at")
    assert [orjson.loads(entry["leaf"])["facts"]["outcome"] for entry in entries] == ["approved", "refused"]
    assert "法院书面同意".encode() not in b"".join(entry["leaf"] for entry in entries)


async def test_what_has_no_outcome_waits_and_is_overdue_after_its_working_days(listed: Service):
    first, second = await ask(listed), await ask(listed)
    await listed.check(subject("无名", resident_id()))
    items = (await listed.get("/v1/checks", pending="outcome")).json()["items"]
    assert [item["check_id"] for item in items] == [second["check_id"], first["check_id"]]
    assert not items[0]["is_overdue"]
    assert items[0]["due_on"] >= (legal_date(now()) + timedelta(days=5)).isoformat()
    page = (await listed.get("/v1/checks", pending="outcome", limit=1)).json()
    rest = (await listed.get("/v1/checks", pending="outcome", limit=1, cursor=page["next"])).json()
    assert [one["items"][0]["check_id"] for one in (page, rest)] == [second["check_id"], first["check_id"]]
    await put(listed, f"/v1/checks/{second['check_id']}/outcome", {"action": "refused"})
    [left] = (await listed.get("/v1/checks", pending="outcome")).json()["items"]
    assert left["check_id"] == first["check_id"]
    assert not (await listed.get("/v1/checks", pending="outcome", key="other agency")).json()["items"]
    assert (await listed.get("/v1/checks", pending="answer")).status_code == 422


@pytest.mark.parametrize(
    ("filters", "refused"),
    [
        ({"pending": "outcome", "from": "2026-01-01T00:00:00Z"}, ["from"]),
        ({"pending": "outcome", "to": "2026-01-01T00:00:00Z", "matter": "x"}, ["to", "matter"]),
        ({"pending": "outcome", "reference": "R"}, ["reference"]),
        ({"pending": "outcome", "decision": "block", "overdue": "true"}, ["decision"]),
        ({"pending": "outcome", "agency": "GD-HR"}, ["agency"]),
        ({"overdue": "true"}, ["overdue"]),
    ],
    ids=",".join,
)
async def test_a_filter_that_is_not_applied_is_refused(listed: Service, filters: dict[str, str], refused: list[str]):
    await ask(listed)
    reply = await listed.client.get("/v1/checks", params=filters, headers=listed.bearer("agency"))
    assert reply.status_code == 422
    assert [(one["pointer"], one["code"]) for one in reply.json()["errors"]] == [
        (name, "not-applicable") for name in refused
    ]


async def test_an_outcome_is_told_by_who_asked_alone(listed: Service):
    path = f"/v1/checks/{(await ask(listed))['check_id']}/outcome"
    assert (await put(listed, path, {"action": "refused"}, key="other agency")).status_code == 404
    assert (await put(listed, path, {"action": "refused"}, key="auditor")).status_code == 403
    assert (await put(listed, path, {"action": "burnt"})).status_code == 422


async def test_a_block_explains_itself_in_chinese_with_court_case_basis_and_remedy(listed: Service):
    check = await ask(listed)
    path = f"/v1/checks/{check['check_id']}/explanation"
    text = (await listed.get(path)).text
    for words in (
        "昆明市官渡区人民法院",
        "(2025)云0111执777号",
        "违反财产报告制度",
        "公务员法第二十六条",
        "复议",
        "停止办理",
    ):
        assert words in text
    assert LISTED not in text
    html = await listed.client.get(path, headers=listed.bearer("agency") | {"Accept": "text/html"})
    assert html.headers["content-type"].startswith("text/html")
    assert "昆明市官渡区人民法院" in html.text
    assert (await listed.get(path, key="other agency")).status_code == 404
    assert (await listed.get(path, key="auditor")).status_code == 200
    assert await listed.fetch("SELECT FROM ledger_entries WHERE action = 'audit_read' AND check_id IS NOT NULL")


async def test_an_explanation_cannot_be_made_to_carry_script(listed: Service):
    check = await ask(listed, reference="<script>alert(1)</script>")
    path = f"/v1/checks/{check['check_id']}/explanation"
    page = await listed.client.get(path, headers=listed.bearer("agency") | {"Accept": "text/html"})
    assert "<script>" not in page.text


async def test_a_new_version_is_in_force_for_the_next_check_and_the_old_one_can_be_read(listed: Service):
    before = await ask(listed)
    catalogue = founding_catalogue().model_dump(mode="json", by_alias=True)
    [matter] = [one for one in catalogue["matters"] if one["code"] == "civil_service_recruitment"]
    matter["measures"][0]["class"] = "restriction"
    tried = await listed.client.put(
        "/v1/measures", params={"dry_run": "true"}, json=catalogue, headers=listed.bearer("security")
    )
    digest = tried.json()["digest"]
    assert {
        name: value for name, value in tried.json().items() if name not in {"digest", "difference", "weakened"}
    } == {
        "measures_version": before["measures_version"],
        "added": [],
        "removed": [],
        "changed": ["civil_service_recruitment"],
        "local_settings_changed": False,
        "dry_run": True,
    }
    path = f"/v1/measures?confirm={digest}"
    applied = await put(listed, path, catalogue, key="security", **{"If-Match": '"1"'})
    assert applied.json()["measures_version"] == before["measures_version"] + 1
    after = await ask(listed)
    assert (before["decision"], after["decision"]) == ("block", "flag")
    assert after["measures_version"] == before["measures_version"] + 1
    old = (await listed.get("/v1/matters", version=before["measures_version"])).json()
    assert {one["matter"]: one for one in old["items"]}["civil_service_recruitment"]["measures"][0][
        "class"
    ] == "prohibition"
    assert (await put(listed, "/v1/measures", catalogue, key="security", **{"If-Match": '"1"'})).status_code == 412
    assert (await put(listed, "/v1/measures", catalogue, key="security")).json()["changed"] == []
    for stranger in ("agency", "court", "auditor"):
        assert (await put(listed, "/v1/measures", catalogue, key=stranger)).status_code == 403


@pytest.mark.parametrize(
    "spoil",
    [
        lambda one: one["matters"].append(one["matters"][0]),
        lambda one: one["matters"][0]["measures"][0].pop("basis"),
        lambda one: one["matters"][0]["measures"][0].update(valid_to="1999-01-01"),
        lambda one: one["matters"][0].update(measures=[]),
        lambda one: one.update(unknown=1),
        lambda one: one["local_settings"][0].update(matter="nowhere"),
    ],
)
async def test_a_catalogue_that_is_not_whole_is_refused(listed: Service, spoil: Any):
    catalogue = founding_catalogue().model_dump(mode="json", by_alias=True)
    spoil(catalogue)
    assert (await put(listed, "/v1/measures", catalogue, key="security")).status_code == 422
    assert (await listed.get("/v1/matters")).json()["version"] == 1


async def test_the_catalogue_is_paged_and_stays_the_version_it_was_begun_with(listed: Service):
    whole = (await listed.get("/v1/matters")).json()
    assert whole["next"] is None
    first = (await listed.get("/v1/matters", limit=10)).json()
    changed = founding_catalogue().model_dump(mode="json", by_alias=True)
    changed["matters"] = changed["matters"][:5]
    refused = await put(listed, "/v1/measures", changed, key="security")
    path = f"/v1/measures?confirm={refused.json()['digest']}"
    assert (await put(listed, path, changed, key="security")).status_code == 200
    items, page = first["items"], first
    while page["next"]:
        page = (await listed.get("/v1/matters", limit=10, cursor=page["next"])).json()
        assert page["version"] == whole["version"]
        items += page["items"]
    assert items == whole["items"]
    forged = make_cursor([True, True], [None, None])
    for wrong in (
        {"cursor": "x"},
        {"cursor": forged},
        {"cursor": first["next"], "version": 1},
        {"limit": 0},
        {"limit": 501},
    ):
        assert (await listed.get("/v1/matters", **wrong)).status_code == 422


async def test_the_whole_catalogue_is_shown_and_what_has_no_verdict_cannot_be_asked(listed: Service):
    page = (await listed.get("/v1/matters")).json()
    measures = [measure for matter in page["items"] for measure in matter["measures"]]
    assert {measure["id"] for measure in measures} == {f"M{number:02}" for number in range(1, 45)}
    assert all(measure["basis"] for measure in measures)
    assert {setting["name"] for setting in page["local_settings"]} == {"fee_threshold", "schools"}
    for matter in ("police_dispatch", "high_consumption"):
        refused = await listed.post("/v1/checks", question(subject("张三", LISTED), matter=matter))
        assert refused.status_code == 422


async def test_the_publication_shows_masks_and_loses_what_is_withdrawn_at_once(listed: Service):
    await listed.load_rows(row(name="=HYPERLINK(1)", identifier_number=resident_id()), row(published_on=day(9)))
    response = await listed.get("/v1/publication")
    shown = [json.loads(line) for line in response.text.splitlines()]
    assert sorted(one["debtor"]["name"] for one in shown) == ["=HYPERLINK(1)", "张三"]
    assert LISTED not in response.text
    changes = (await listed.get("/v1/changes")).json()
    assert response.headers["List-Version"] == str(changes["list_version"])
    table = await listed.get("/v1/publication", format="csv")
    assert "'=HYPERLINK(1)" in table.text
    assert LISTED not in table.text
    [one] = [one for one in shown if one["debtor"]["name"] == "张三"]
    withdrawn = await listed.post(
        f"/v1/listings/{one['listing_id']}/withdrawal",
        {"reason": "错误纳入", "decided_on": day()},
        key="court",
        **{"If-Match": f'"{one["version"]}"'},
    )
    assert withdrawn.status_code == 200
    assert "张三" not in (await listed.get("/v1/publication")).text
    assert (await listed.get("/v1/publication", key="auditor")).status_code == 403


async def test_a_child_that_is_named_is_not_stored(listed: Service):
    child = resident_id(9, born=f"{legal_date(now()).year - 9}0101")
    pupil, parent = subject("小明", child), subject("张三", LISTED, role="guardian")
    answer = await listed.check(pupil, parent, matter="private_school_enrolment")
    assert [one["decision"] for one in answer["subjects"]] == ["clear", "flag"]
    kept = await listed.fetch("SELECT name_masked, identifier_masked FROM ledger_subjects ORDER BY ordinal")
    assert [tuple(one) for one in kept] == [("*", None), ("张*", "5301**********" + LISTED[-4:])]


async def test_a_check_by_the_services_operator_is_explained_too(service: Service):
    answer = orjson.loads(
        await asyncio.to_thread(
            checking.check,
            service.workplace,
            matter="civil_service_recruitment",
            name="张三",
            number=None,
            kind=checking.SubjectKind.PERSON,
            role=checking.SubjectRole.APPLICANT,
            reference="R",
        )
    )
    told = await service.get(f"/v1/checks/{answer['check_id']}/explanation", key="auditor")
    assert "承办单位：本服务管理方" in told.text


async def test_a_unit_finds_its_own_checks_again_and_an_auditor_those_of_a_unit(listed: Service):
    asked = [(await listed.check(subject("张三"), reference=f"卷{n}"))["check_id"] for n in range(3)]
    await put(listed, f"/v1/checks/{asked[1]}/outcome", {"action": "refused"})
    found = (await listed.get("/v1/checks")).json()["items"]
    assert [one["check_id"] for one in found] == asked[::-1]
    assert [one["outcome"] for one in found] == [None, "refused", None]
    first = (await listed.get("/v1/checks", limit=2)).json()
    rest = (await listed.get("/v1/checks", limit=2, cursor=first["next"])).json()
    assert [one["check_id"] for one in first["items"] + rest["items"]] == asked[::-1]
    assert rest["next"] is None
    by_reference = (await listed.get("/v1/checks", reference="卷1")).json()["items"]
    assert [one["check_id"] for one in by_reference] == [asked[1]]
    assert (await listed.get("/v1/checks", key="other agency")).json()["items"] == []
    assert (await listed.get("/v1/checks", key="other agency", agency="GD-HR")).status_code == 422
    assert (await listed.get("/v1/checks", key="auditor")).status_code == 422
    assert len((await listed.get("/v1/checks", key="auditor", agency="GD-HR")).json()["items"]) == 3
    [read] = await listed.fetch(
        "SELECT convert_from(leaf, 'UTF8')::jsonb->'facts' AS facts FROM ledger_entries WHERE action = 'audit_read'"
    )
    assert (read["facts"]["what"], read["facts"]["agency"]) == ("checks", "GD-HR")
