"""Every operation × role × owner, from the OpenAPI document: no key gets where it may not, no agency sees another's."""

import json
import re
from typing import Any
from uuid import uuid4

import pytest

from blacklist_service.access.scopes import SCOPES_OF_ROLE, Role
from blacklist_service.members.rules import MemberKind
from tests.support import Service, day, operations, resident_id, row, subject

OWN = resident_id(31)
OPEN = {"/healthz", "/readyz", "/metrics"}
BY_EITHER = {
    *(("GET", f"/v1/notices{rest}") for rest in ("", "/stream", "/{notice_id}", "/{notice_id}/history")),
    *(("GET", f"/v1/{what}/attachments") for what in ("notices/{notice_id}", "leads/{lead_id}")),
    *(("POST", f"/v1/{what}/attachments") for what in ("notices/{notice_id}", "leads/{lead_id}")),
    *(("GET", f"/v1/{what}/attachments/{{attachment_id}}") for what in ("notices/{notice_id}", "leads/{lead_id}")),
    *(("GET", "/v1/leads"), ("GET", "/v1/leads/{lead_id}")),
    *(("GET", "/v1/objections"), ("GET", "/v1/objections/{objection_id}"), ("POST", "/v1/objections")),
}

WEBHOOK = "/v1/webhooks/{webhook_id}"
BY_UNIT_OR_SECURITY = {
    *(("GET", path) for path in ("/v1/webhooks", WEBHOOK, f"{WEBHOOK}/deliveries")),
    *(("POST", f"{WEBHOOK}/{act}") for act in ("test", "replay", "closure")),
}


@pytest.fixture
async def everyone(service: Service) -> Service:
    service.keys["security"] = await service.add_key("GD-HR", Role.SECURITY)
    service.keys["system"] = await service.add_key("GD-HR", Role.SYSTEM)
    await service.add_member("SD-COURT", MemberKind.COURT, court_code="云0112")
    service.keys["other court"] = await service.add_key("SD-COURT", Role.COURT)
    return service


async def call(service: Service, method: str, path: str, key: str | None, ids: dict[str, str] | None = None) -> Any:
    url = re.sub(r"\{(\w+?)(:\w+)?\}", lambda m: (ids or {}).get(m[1], str(uuid4())), path)
    headers = service.bearer(key) if key else {}
    body: dict[str, Any] | None = {} if method in {"POST", "PUT"} else None
    return await service.client.request(method, url, json=body, headers=headers)


async def test_every_documented_operation_needs_a_key_and_its_scope(everyone: Service):
    documented = {
        (method.upper(), path)
        for path, methods in everyone.app.openapi()["paths"].items()
        for method in methods
        if path not in OPEN
    }
    guarded = operations(everyone)
    assert documented <= {(method, path.replace(":path", "")) for method, path, _ in guarded}
    roles = {"agency": Role.AGENCY, "court": Role.COURT, "auditor": Role.AUDITOR, "security": Role.SECURITY}
    for method, path, scopes in guarded:
        if path in {"/v1/notices/stream", "/v1/watch-events/stream"}:
            continue
        assert (await call(everyone, method, path, None)).status_code == 401, (method, path)
        for key, role in (roles | {"system": Role.SYSTEM}).items():
            status = (await call(everyone, method, path, key)).status_code
            may = not scopes or not SCOPES_OF_ROLE[role].isdisjoint(scopes)
            if (method, path) in BY_EITHER:
                may = role in {Role.AGENCY, Role.COURT}
            if (method, path) in BY_UNIT_OR_SECURITY:
                may = role in {Role.AGENCY, Role.SECURITY}
            assert (status != 403) if may else (status == 403), (method, path, key, status)


async def test_no_agency_and_no_other_court_sees_what_is_anothers(everyone: Service):
    await everyone.load_rows(row(name="张三", identifier_number=OWN))
    check = await everyone.check(subject("张三", OWN))
    notice = {
        "number": "n-1",
        "case_number": "c",
        "ruling_number": "r",
        "agency": "GD-HR",
        "action": "query",
        "subject": subject("张三", OWN),
    }
    served = (await everyone.post("/v1/notices", notice, key="court")).json()
    upload = {"file": ("list.csv", "姓名,案号\n", "text/csv")}
    started = await everyone.client.post("/v1/imports", files=upload, headers=everyone.bearer("court"))
    assert started.status_code == 202
    [listing] = (await everyone.get("/v1/listings", key="court")).json()["items"]
    filed = {"listing_id": listing["listing_id"], "received_on": day(), "grounds": "inaccurate", "text": "x"}
    objection = (await everyone.post("/v1/objections", filed, key="court")).json()
    ids = {
        "check_id": check["check_id"],
        "notice_id": served["notice_id"],
        "import_id": started.json()["import_id"],
        "objection_id": objection["objection_id"],
    }
    owners = {"check_id": "other agency", "notice_id": "other agency", "import_id": "other court"}
    owners["objection_id"] = "other court"
    tried = 0
    for method, path, _ in operations(everyone):
        name = next((name for name in ids if f"{{{name}}}" in path), None)
        if name is None:
            continue
        for stranger in {owners[name], "other agency", "other court"}:
            response = await call(everyone, method, path, stranger, ids)
            assert response.status_code in {403, 404, 422, 428}, (method, path, stranger)
            assert "张三" not in response.text
            tried += 1
    assert tried > 20
    for path in ("/v1/notices", "/v1/checks?pending=outcome"):
        shown = await everyone.client.get(path, headers=everyone.bearer("other agency"))
        assert shown.json()["items"] == [], path
    everything = json.dumps(
        [
            (await everyone.client.get(path, headers=everyone.bearer("other court"))).json()
            for path in ("/v1/notices", "/v1/imports", "/v1/objections")
        ]
    )
    assert not any(value in everything for value in ids.values())
