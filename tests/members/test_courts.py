"""A court is recognised however its code and its name are written."""

import pytest

from blacklist_service.access.scopes import Role
from blacklist_service.members.rules import MemberKind
from tests.support import COURT_CODE, COURT_NAME, Service, day, resident_id, row, subject

WIDE = "云０１１１"


@pytest.fixture
async def officer(service: Service) -> Service:
    service.keys["security"] = await service.add_key("GD-HR", Role.SECURITY)
    return service


async def test_a_file_of_the_same_court_written_otherwise_is_the_same_file(service: Service):  # fault 13
    listed = row(name="张三", court_code=WIDE)
    assert (await service.load_rows(listed)).counts.created == 1
    for code in (WIDE, " 云 0111", "云０1１1"):
        again = await service.load_rows(listed | {"court_code": ""}, court_code=code)
        assert (again.counts.created, again.counts.unchanged) == (0, 1)
    deletion = listed | {"action": "delete", "decided_on": day(), "ground": "early_by_decision"}
    assert (await service.load_rows(deletion, court_code=WIDE)).counts.ended == 1
    assert await service.decide(subject("张三", listed["identifier_number"])) == "clear"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("另一法院", WIDE),
        ("另一法院", "云 0111"),
        (COURT_NAME, "云0103"),
        (" 昆明市官渡区 人民法院", "云0103"),
    ],
)
async def test_a_second_court_of_one_code_or_name_is_refused(officer: Service, name: str, code: str):
    body = {"code": "OTHER", "name": name, "kind": "court", "court_code": code}
    response = await officer.post("/v1/members", body, key="security")
    assert (response.status_code, response.json()["code"]) == (409, "conflict")
    assert "GD-COURT" in response.json()["detail"]
    assert (await officer.get("/v1/members/OTHER", key="security")).status_code == 404


async def test_the_same_court_again_is_the_same(officer: Service):
    body = {"code": "GD-COURT", "name": COURT_NAME, "kind": "court", "court_code": WIDE}
    response = await officer.post("/v1/members", body, key="security")
    assert (response.status_code, response.json()["court_code"]) == (200, COURT_CODE)


async def test_a_new_courts_code_is_kept_folded(officer: Service):
    body = {"code": "PL", "name": "盘龙区法院", "kind": "court", "court_code": "云０１０３"}
    assert (await officer.post("/v1/members", body, key="security")).json()["court_code"] == "云0103"


async def test_a_court_takes_no_other_courts_name(officer: Service):
    await officer.add_member("PL-COURT", MemberKind.COURT, court_code="云0103")
    for since in (day(), day(30)):
        response = await officer.post("/v1/members/PL-COURT/name", {"name": COURT_NAME, "from": since}, key="security")
        assert response.status_code == 409
    response = await officer.post("/v1/members/GD-COURT/name", {"name": "官渡区法院", "from": day(9)}, key="security")
    assert response.status_code == 200
    response = await officer.post("/v1/members/PL-COURT/name", {"name": "官渡区法院", "from": day()}, key="security")
    assert response.status_code == 409


async def test_a_court_that_was_kept_under_another_writing_keeps_its_list(service: Service):
    """An installation of before may hold one: its listings' keys were made with the code as it was."""
    async with service.workplace.connected() as connection:
        await connection.execute("INSERT INTO members (code, name, kind, court_code, added_at) VALUES"
                                 " ('PL', '盘龙法院', 'court', '云０１０３', clock_timestamp())")  # fmt: skip
    number = resident_id()
    listed = row(name="李四", identifier_number=number, court_code="", case_number="(2025)云0103执1号")
    assert (await service.load_rows(listed, court_code="云0103")).counts.created == 1
    assert (await service.load_rows(listed, court_code="云０１０３")).counts.unchanged == 1
    assert [r["court_code"] for r in await service.fetch("SELECT court_code FROM listings")] == ["云０１０３"]
    key = await service.add_key("PL", Role.COURT)
    body = {
        "case_number": "(2025)云0103执2号",
        "court": {"code": "云0103"},
        "debtor": {"kind": "person", "name": "李四", "identifier": {"type": "resident_id", "number": number}},
    }
    assert (await service.post("/v1/listings", body, key=key)).status_code == 201
    page = (await service.get("/v1/listings", key=key, court_code="云0103")).json()
    assert len(page["items"]) == 2
