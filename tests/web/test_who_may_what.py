"""Every operation × role × owner, from the OpenAPI document: no key gets where it may not, no agency sees another's."""

import json
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import blacklist_service
from blacklist_service.access.scopes import SCOPES_OF_ROLE, Role
from blacklist_service.members.operations import register_follower
from blacklist_service.members.rules import MemberKind
from tests.support import TEST, Service, day, operations, resident_id, row, subject

SOURCE = Path(blacklist_service.__file__).parent
OWN = resident_id(31)
OPEN = {"/healthz", "/readyz", "/metrics"}
STREAMS = {"/v1/notices/stream", "/v1/watch-events/stream"}


@pytest.fixture
async def everyone(service: Service) -> Service:
    for role in Role:
        if role.value not in service.keys:
            service.keys[role.value] = await service.add_key("GD-HR", role)
    async with service.workplace.connected() as connection, connection.transaction():
        await register_follower(connection, "GD-HR", bytes(range(32)), actor=TEST, secrecy=service.workplace.secrecy)
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
    for method, path, scopes in guarded:
        assert (await call(everyone, method, path, None)).status_code == 401, (method, path)
        for role in Role:
            may = not scopes or not SCOPES_OF_ROLE[role].isdisjoint(scopes)
            if may and path in STREAMS:  # it would not end
                continue
            status = (await call(everyone, method, path, role.value)).status_code
            assert (status != 403) if may else (status == 403), (method, path, role, status)


def test_only_scopes_say_what_a_caller_may():
    """Who may do what stands in `access` alone: nothing else asks for the role, the duties or the court of a caller."""
    told = re.compile(r"(?:caller|principal)\.(?:role\b|scopes\b|court_code is )|account\.duties\b")
    knows = {
        "access",
        "console",
        "members/staff",
        "members/staff/operations",
        "web/routing.py",
        "cli/staff_commands.py",
    }
    found = [
        f"{name}: {line.strip()}"
        for file in SOURCE.rglob("*.py")
        if knows.isdisjoint({name := str(file.relative_to(SOURCE)), str(file.relative_to(SOURCE).parent)})
        for line in file.read_text("utf-8").splitlines()
        if told.search(line)
    ]
    assert found == []


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
