"""Notices that do more: exit bans, structured replies, files, and when they are due."""

import io
import zipfile
from datetime import date, datetime, timedelta
from typing import Any

import httpx
import pytest

from blacklist_service.access.scopes import Role
from blacklist_service.assistance.duties import DUTIES
from blacklist_service.assistance.rules import NoticeAction
from blacklist_service.clock import SHANGHAI
from blacklist_service.members.rules import MemberKind
from tests.support import Service, day, resident_id, subject

BANNED = resident_id(61)
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20) + b"IEND\xaeB`\x82"
JPEG = b"\xff\xd8\xff\xe0" + bytes(20) + b"\xff\xd9"


def workbook(*more: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in ("[Content_Types].xml", "xl/workbook.xml", *more):
            archive.writestr(name, "<x/>")
    return content.getvalue()


@pytest.fixture
async def police(service: Service) -> Service:
    await service.add_member("GD-POLICE", MemberKind.AGENCY)
    service.keys["police"] = await service.add_key("GD-POLICE", Role.AGENCY)
    await service.add_member("SD-COURT", MemberKind.COURT, court_code="云0112")
    service.keys["other court"] = await service.add_key("SD-COURT", Role.COURT)
    return service


def notice(action: str, **values: Any) -> dict[str, Any]:
    return {
        "number": f"（2026）云0111执协{resident_id()[-5:]}号",
        "case_number": "(2026)云0111执77号",
        "ruling_number": "(2026)云0111执77号之一",
        "agency": "GD-POLICE",
        "action": action,
        "subject": {"kind": "person", "name": "张三", "identifier": {"type": "resident_id", "number": BANNED}},
        **values,
    }


async def serve(service: Service, action: str, **values: Any) -> dict[str, Any]:
    response = await service.post("/v1/notices", notice(action, **values), key="court")
    assert response.status_code == 201, response.text
    served: dict[str, Any] = response.json()
    return served


async def send(
    service: Service, notice_id: str, content: bytes, *, key: str = "police", name: str = "x.pdf"
) -> httpx.Response:
    return await service.client.post(
        f"/v1/notices/{notice_id}/attachments", files={"file": (name, content)}, headers=service.bearer(key)
    )


async def asked(service: Service, matter: str, role: str = "applicant") -> str:
    body = {"matter": matter, "reference": "1", "subjects": [subject("张三", BANNED, role=role)]}
    response = await service.post("/v1/checks", body, key="police")
    assert response.status_code == 200, response.text
    decision: str = response.json()["decision"]
    return decision


async def test_an_exit_ban_stops_leaving_the_country_and_nothing_else(police: Service):
    assert await asked(police, "exit_border") == "clear"
    served = await serve(police, "bar_exit", valid_until=day(90))
    assert "不准" in served["duty"]
    assert "第二百六十六条" in served["basis"]
    assert await asked(police, "exit_border") == "block"
    assert await asked(police, "passport_issuance") == "block"
    assert await asked(police, "vehicle_transfer", "transferor") == "clear"
    await serve(police, "control_vehicle")
    assert await asked(police, "vehicle_transfer", "transferor") == "clear"
    released = await police.post(f"/v1/notices/{served['notice_id']}/release", {"reason": "已履行"}, key="court")
    assert released.status_code == 200
    assert await asked(police, "exit_border") == "clear"


@pytest.mark.parametrize("action", ["bar_exit", "withhold_income"])
async def test_what_the_law_does_not_limit_names_its_own_day(police: Service, action: str):
    bare = await police.post("/v1/notices", notice(action), key="court")
    assert (bare.status_code, bare.json()["errors"][0]["pointer"]) == (422, "/valid_until")
    assert (await police.post("/v1/notices", notice(action, valid_until=day(-1)), key="court")).status_code == 422
    served = await serve(police, action, valid_until=day(3000))
    path = f"/v1/notices/{served['notice_id']}/renewal"
    renewed = await police.post(path, {"valid_until": day(4000), "ruling_number": "r"}, key="court")
    assert renewed.json()["valid_until"] == day(4000)


async def test_a_vehicle_is_controlled_for_two_years_at_most(police: Service):
    served = await serve(police, "control_vehicle")
    assert date.fromisoformat(served["valid_until"]) > date.fromisoformat(day(729))
    beyond = await police.post("/v1/notices", notice("control_vehicle", valid_until=day(740)), key="court")
    assert beyond.json()["errors"][0]["code"] == "beyond-limit"


@pytest.mark.parametrize("action", ["transfer_execution", "locate_person", "refer_crime"])
async def test_what_is_done_once_has_nothing_to_renew(police: Service, action: str):
    served = await serve(police, action)
    assert served["valid_until"] is None
    path = f"/v1/notices/{served['notice_id']}/renewal"
    again = await police.post(path, {"valid_until": day(10), "ruling_number": "r"}, key="court")
    assert again.status_code == 409


async def test_a_reply_is_due_in_three_working_days_unless_the_notice_says_otherwise(police: Service):
    usual = datetime.fromisoformat((await serve(police, "query"))["due_at"]).astimezone(SHANGHAI)
    assert (usual.hour, usual.minute) == (23, 59)
    assert timedelta(days=2) < usual - datetime.now(SHANGHAI) < timedelta(days=13)
    own = await serve(police, "query", due_at="2027-01-01T00:00:00Z")
    assert own["due_at"] == "2027-01-01T00:00:00Z"


async def test_from_a_query_to_what_was_found(police: Service):
    served = await serve(police, "query")
    findings = [
        {"kind": "vehicle", "text": "云A12345 小型轿车", "as_of": "2026-11-20"},
        {"kind": "entry_exit", "text": "2026-10-01 出境，2026-10-07 入境"},
        {"kind": "account", "text": "活期存款", "amount": 12000},
        {"kind": "account", "text": "定期存款", "amount": "30000.50"},
    ]
    body = {"result": "done", "text": "查询结果如下", "findings": findings}
    replied = await police.post(f"/v1/notices/{served['notice_id']}/reply", body, key="police")
    assert replied.status_code == 200, replied.text
    read = (await police.get(f"/v1/notices/{served['notice_id']}", key="court")).json()
    assert read["findings"] == findings
    steps = (await police.get(f"/v1/notices/{served['notice_id']}/history", key="court")).json()["items"]
    assert steps[-1]["detail"]["findings"] == findings
    [stored] = await police.fetch("SELECT n::text AS text FROM notices n")
    assert "云A12345" not in stored["text"]
    leaves = await police.fetch("SELECT leaf FROM ledger_entries WHERE action = 'notice_answered'")
    assert "云A12345".encode() not in leaves[0]["leaf"]


@pytest.mark.parametrize(
    "finding",
    [
        {"kind": "rumour", "text": "x"},
        {"kind": "account", "text": ""},
        {"kind": "account", "text": "x", "amount": -1},
        {"kind": "account", "text": "x", "amount": "1,000"},
        {"kind": "account", "text": "x", "as_of": "yesterday"},
        {"kind": "account"},
    ],
)
async def test_a_finding_that_cannot_be_read_is_refused(police: Service, finding: dict[str, Any]):
    served = await serve(police, "query")
    body = {"result": "done", "findings": [finding]}
    assert (await police.post(f"/v1/notices/{served['notice_id']}/reply", body, key="police")).status_code == 422


@pytest.mark.parametrize(
    ("content", "media_type"),
    [(PDF, "application/pdf"), (PNG, "image/png"), (JPEG, "image/jpeg"), (workbook(), "spreadsheetml")],
)
async def test_a_file_is_kept_sealed_and_fetched_by_both_sides_alone(police: Service, content: bytes, media_type: str):
    served = await serve(police, "query")
    sent = await send(police, served["notice_id"], content, name="回执.bin")
    assert sent.status_code == 201, sent.text
    assert media_type in sent.json()["media_type"]
    assert (sent.json()["name"], sent.json()["bytes"], sent.json()["member"]) == ("回执.bin", len(content), "GD-POLICE")
    path = f"/v1/notices/{served['notice_id']}/attachments"
    for key in ("court", "police"):
        assert (await police.get(path, key=key)).json()["items"] == [sent.json()]
        fetched = await police.get(f"{path}/{sent.json()['attachment_id']}", key=key)
        assert fetched.content == content
        assert "nosniff" in fetched.headers["x-content-type-options"]
        assert fetched.headers["content-disposition"].startswith("attachment;")
    for key in ("agency", "other court"):
        assert (await police.get(path, key=key)).status_code == 404
        assert (await police.get(f"{path}/{sent.json()['attachment_id']}", key=key)).status_code == 404
        assert (await send(police, served["notice_id"], content, key=key)).status_code == 404
    assert (await police.get(path, key="auditor")).status_code == 403
    [part] = await police.fetch("SELECT content FROM attachment_parts")
    assert content not in part["content"]
    [entry] = await police.fetch("SELECT leaf FROM ledger_entries WHERE action = 'notice_attached'")
    assert sent.json()["sha256"].encode() in entry["leaf"]
    steps = (await police.get(f"/v1/notices/{served['notice_id']}/history", key="court")).json()["items"]
    assert steps[-1]["act"] == "attached"


@pytest.mark.parametrize(
    "content",
    [b"", b"MZ\x90", b"<html>", b"%PDF-1.7", b"PK\x03\x04", workbook("xl/vbaProject.bin"), b"\x89PNG\r\n\x1a\n"],
)
async def test_anything_else_is_refused_whatever_it_is_called(police: Service, content: bytes):
    served = await serve(police, "query")
    refused = await send(police, served["notice_id"], content, name="x.pdf")
    assert refused.status_code == 422, refused.text
    assert await police.fetch("SELECT 1 FROM attachments") == []


async def test_a_file_has_twenty_megabytes_at_most(police: Service):
    served = await serve(police, "query")
    large = PDF[:9] + bytes((20 << 20) + 1) + PDF[9:]
    assert (await send(police, served["notice_id"], large)).status_code == 413


async def test_the_same_file_again_under_one_key_is_kept_once(police: Service):
    served = await serve(police, "query")
    path = f"/v1/notices/{served['notice_id']}/attachments"
    headers = police.bearer("police") | {"Idempotency-Key": "k-1"}
    first = await police.client.post(path, files={"file": ("x.pdf", PDF)}, headers=headers)
    again = await police.client.post(path, files={"file": ("x.pdf", PDF)}, headers=headers)
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert len((await police.get(path, key="court")).json()["items"]) == 1


async def test_every_kind_of_notice_says_what_it_asks_and_on_what_basis(police: Service):
    items = {one["action"]: one for one in (await police.get("/v1/notices/actions", key="police")).json()["items"]}
    assert items.keys() == {action.value for action in NoticeAction} == {action.value for action in DUTIES}
    assert all(one["duty"] and one["basis"] and one["longest"] for one in items.values())
    assert items["locate_person"]["certainty"] == "to_confirm"


async def test_a_clue_of_refusal_goes_to_police_and_procuratorate(police: Service):
    await police.add_member("GD-PROCURATORATE", MemberKind.AGENCY)
    number = "（2026）云0111移送1号"
    for agency in ("GD-POLICE", "GD-PROCURATORATE"):
        served = await serve(police, "refer_crime", number=number, agency=agency)
        assert "刑法第三百一十三条" in served["basis"]
    body = {"result": "done", "text": "已立案"}
    mine = (await police.get("/v1/notices", key="police")).json()["items"]
    assert (await police.post(f"/v1/notices/{mine[0]['notice_id']}/reply", body, key="police")).status_code == 200
