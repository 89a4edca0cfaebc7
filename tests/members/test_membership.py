"""The 36 units, their names, successors, contacts and keys, as the security officer keeps them."""

from typing import Any

import pytest

from blacklist_service.access.scopes import Role
from blacklist_service.measures.operations import founding_catalogue
from blacklist_service.members.sample import load_sample, sample_units
from tests.support import TEST, Service, day, question, resident_id, subject


@pytest.fixture
async def officer(service: Service) -> Service:
    service.keys["security"] = await service.add_key("GD-HR", Role.SECURITY)
    return service


async def put(service: Service, path: str, body: Any, *, key: str = "security") -> Any:
    return await service.client.put(path, json=body, headers=service.bearer(key))


async def load(service: Service) -> int:
    async with service.workplace.connected() as connection, connection.transaction():
        return await load_sample(connection, actor=TEST, secrecy=service.workplace.secrecy)


LATER = {"GD-NATURAL-RESOURCES", "GD-EMERGENCY"}
BESIDE = {"GD-ARMED-FORCES", "GD-BANK", "GD-TRADE-UNION", "GD-YOUTH-LEAGUE", "GD-WOMEN"}


def test_the_sample_has_36_units_and_those_beside_them_whose_matters_are_in_the_catalogue():
    units = sample_units()
    assert len([unit for unit in units if unit["code"] not in LATER | BESIDE]) == 36
    assert {unit["code"] for unit in units} > BESIDE
    asked = {matter for unit in units for matter in unit.get("matters", ())}
    decided = {code for code, matter in founding_catalogue().by_code.items() if matter.is_decided_here}
    assert asked <= decided
    assert decided - asked == {"customs_certification"}  # outside a district
    assert len({unit["code"] for unit in units}) == len(units)


async def test_the_sample_loads_once(officer: Service):
    assert await load(officer) > 30
    assert await load(officer) == 0
    page = (await officer.get("/v1/members", key="security", limit=500)).json()
    land = next(one for one in page["items"] if one["code"] == "GD-LAND")
    assert land["successors"] == [{"member": "GD-NATURAL-RESOURCES", "on": "2019-03-01"}]
    assert "real_estate_transfer" in land["matters"]
    assert land["contacts"]["department"] == "不动产登记中心"
    health = (await officer.get("/v1/members/GD-HEALTH", key="security")).json()
    assert health["name"] == "官渡区卫生健康局"
    assert [name["from"] for name in health["names"]] == [None, "2019-03-01"]


async def test_an_answer_keeps_the_name_of_its_day(officer: Service):
    check = await officer.check(subject("张三", resident_id()))
    renamed = await officer.post("/v1/members/GD-HR/name", {"name": "新名局", "from": day(1)}, key="security")
    assert renamed.json()["name"] == "GD-HR"
    assert renamed.json() == (await officer.get("/v1/members/GD-HR", key="security")).json()
    path = f"/v1/checks/{check['check_id']}/explanation"
    assert "GD-HR" in (await officer.get(path)).text
    await officer.post("/v1/members/GD-HR/name", {"name": "今名局", "from": day()}, key="security")
    assert "今名局" in (await officer.get(path)).text
    assert (await officer.get("/v1/members/GD-HR", key="security")).json()["name"] == "今名局"


async def test_a_successor_of_a_successor_answers_too_and_nobody_succeeds_itself(officer: Service):
    for code in ("A", "B", "C"):
        made = await officer.post("/v1/members", {"code": code, "name": code, "kind": "agency"}, key="security")
        assert made.status_code == 201
    for old, new in (("B", "C"), ("A", "B")):
        body = {"successor": new, "on": "2019-03-01"}
        assert (await officer.post(f"/v1/members/{old}/successor", body, key="security")).status_code == 200
    shown = (await officer.get("/v1/members/A", key="security")).json()
    assert {one["member"] for one in shown["successors"]} == {"B", "C"}
    for old, new in (("A", "A"), ("C", "A"), ("A", "GD-COURT"), ("A", "NOBODY")):
        refused = await officer.post(
            f"/v1/members/{old}/successor", {"successor": new, "on": "2019-03-01"}, key="security"
        )
        assert refused.status_code in {404, 422}


async def test_a_unit_asks_no_further_than_it_may(officer: Service):
    await put(officer, "/v1/members/GD-EDU/matters", {"matters": ["private_school_enrolment"]})
    path = "/v1/members/GD-EDU/keys"
    beyond = await officer.post(path, {"role": "agency", "matters": ["government_procurement"]}, key="security")
    assert beyond.status_code == 422
    made = (await officer.post(path, {"role": "agency"}, key="security")).json()
    who = question(subject("张三", resident_id(), role="guardian"), matter="private_school_enrolment")
    assert (await officer.post("/v1/checks", who, key=made["key"])).status_code == 200
    other = question(subject("张三", resident_id()))
    assert (await officer.post("/v1/checks", other, key=made["key"])).status_code == 403
    listed = (await officer.get(path, key="security")).json()["items"]
    assert listed[0]["key_id"] == made["key_id"]
    assert made["key"] not in str(listed)
    assert (await officer.post(f"/v1/keys/{made['key_id']}/revocation", {}, key="security")).status_code == 200
    assert (await officer.get(path, key="security")).json()["items"][0]["revoked_at"]
    assert (await officer.post("/v1/keys/nokey/revocation", {}, key="security")).status_code == 404


async def test_every_change_is_in_the_ledger_and_no_contact_is(officer: Service):
    contacts = {"responsible_leader": "王某某", "department": "办", "liaison": "李某某", "phone": "0871-11111111"}
    assert (await put(officer, "/v1/members/GD-HR/contacts", contacts)).json()["contacts"] == contacts
    await officer.post("/v1/members/GD-HR/name", {"name": "局", "from": day()}, key="security")
    await put(officer, "/v1/members/GD-HR/matters", {"matters": None})
    await put(officer, "/v1/members/GD-HR/matters", {"matters": []})
    entries = await officer.fetch(
        "SELECT action, leaf FROM ledger_entries WHERE action LIKE 'member_%' ORDER BY at, id"
    )
    assert [entry["action"] for entry in entries][-3:] == [
        "member_contacts_changed",
        "member_renamed",
        "member_matters_changed",
    ]
    assert "王某某".encode() not in b"".join(entry["leaf"] for entry in entries)
    kept = await officer.fetch("SELECT contacts FROM member_contacts")
    assert all("王某某".encode() not in row["contacts"] for row in kept)


@pytest.mark.parametrize("role", ["agency", "court", "auditor"])
async def test_nobody_else_keeps_members(officer: Service, role: str):
    assert (await officer.get("/v1/members", key=role)).status_code == 403
    body = {"code": "X", "name": "X", "kind": "agency"}
    assert (await officer.post("/v1/members", body, key=role)).status_code == 403
    assert (await officer.post("/v1/members/GD-HR/keys", {"role": "auditor"}, key=role)).status_code == 403


@pytest.mark.parametrize(
    "wrong",
    [
        {"code": "", "name": "x", "kind": "agency"},
        {"code": "x y", "name": "x", "kind": "agency"},
        {"code": "X", "name": " ", "kind": "agency"},
        {"code": "X", "name": "x", "kind": "court"},
        {"code": "X", "name": "x", "kind": "agency", "court_code": "云0111"},
        {"code": "X", "name": "x", "kind": "king"},
    ],
)
async def test_a_wrong_member_is_refused(officer: Service, wrong: dict[str, Any]):
    assert (await officer.post("/v1/members", wrong, key="security")).status_code == 422
