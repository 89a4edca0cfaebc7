"""Leads (线索): from a unit to the executing court, and the court's reply."""

from typing import Any

import pytest

from blacklist_service.access.scopes import Role
from blacklist_service.members.rules import MemberKind
from tests.journeys.test_life_of_a_listing import LISTED, publish
from tests.journeys.test_notices_that_do_more import PDF
from tests.support import Service, day, subject


@pytest.fixture
async def told(service: Service) -> tuple[Service, dict[str, Any]]:
    """A unit that an answer named the listing to."""
    listing = await publish(service)
    await service.check(subject("张三", LISTED))
    await service.add_member("SD-COURT", MemberKind.COURT, court_code="云0112")
    service.keys["other court"] = await service.add_key("SD-COURT", Role.COURT)
    return service, listing


async def tell(service: Service, listing: dict[str, Any], *, key: str = "agency", **values: Any) -> Any:
    body = {"listing_id": listing["listing_id"], "kind": "asset", "text": "新登记车辆一辆"} | values
    return await service.post("/v1/leads", body, key=key)


async def figures(service: Service) -> tuple[dict[str, int], dict[str, int]]:
    card = await service.get("/v1/supervision/scorecard", key="auditor", **{"from": day(-1), "to": day()})
    agency = next(one for one in card.json()["agencies"] if one["agency"] == "GD-HR")
    court = next(one for one in card.json()["courts"] if one["court"] == "云0111")
    return agency["leads"], court["leads"]


async def test_from_the_window_to_the_court_and_its_word_back(told: tuple[Service, dict[str, Any]]):
    service, listing = told
    lead = (await tell(service, listing, operator="wang.li")).json()
    assert (lead["state"], lead["agency"], lead["court_code"]) == ("filed", "GD-HR", "云0111")
    path = f"/v1/leads/{lead['lead_id']}"
    [seen] = (await service.get("/v1/leads", key="court", state="filed")).json()["items"]
    assert (seen["text"], seen["case_number"]) == ("新登记车辆一辆", "(2025)云0111执1号")

    sent = await service.client.post(
        f"{path}/attachments", files={"file": ("x.pdf", PDF)}, headers=service.bearer("agency")
    )
    assert sent.status_code == 201, sent.text
    fetched = await service.get(f"{path}/attachments/{sent.json()['attachment_id']}", key="court")
    assert fetched.content == PDF

    taken = await service.post(f"{path}/taking-up", {"word": "已派员核查"}, key="court")
    assert (taken.json()["state"], taken.json()["word"]) == ("taken_up", "已派员核查")
    closed = await service.post(f"{path}/closure", {"word": "车辆已查封"}, key="court")
    assert closed.json()["state"] == "closed"
    read = (await service.get(path)).json()
    assert (read["word"], bool(read["taken_up_at"]), bool(read["closed_at"])) == ("车辆已查封", True, True)
    assert await figures(service) == ({"filed": 1, "taken_up": 1, "closed": 1},) * 2
    table = await service.get("/v1/supervision/scorecard", key="auditor", format="csv", **{"from": day(), "to": day()})
    assert table.text.count("leads_taken_up") == 2

    actions = [one["action"] for one in await service.fetch("SELECT action FROM ledger_entries ORDER BY at")]
    assert {"lead_filed", "lead_attached", "lead_taken_up", "lead_closed"} <= set(actions)
    stored = await service.fetch("SELECT l::text AS text FROM leads l")
    assert "车辆" not in stored[0]["text"]
    leaves = b"".join(one["leaf"] for one in await service.fetch("SELECT leaf FROM ledger_entries"))
    assert "车辆".encode() not in leaves


async def test_nobody_else_sees_it(told: tuple[Service, dict[str, Any]]):
    service, listing = told
    lead = (await tell(service, listing)).json()
    path = f"/v1/leads/{lead['lead_id']}"
    for key in ("other agency", "other court"):
        assert (await service.get(path, key=key)).status_code == 404
        assert (await service.get("/v1/leads", key=key)).json()["items"] == []
        assert (await service.get(f"{path}/attachments", key=key)).status_code == 404
    assert (await service.post(f"{path}/closure", {"word": "x"}, key="other court")).status_code == 404
    assert (await service.get(path, key="auditor")).status_code == 403


async def test_what_is_refused(told: tuple[Service, dict[str, Any]]):
    service, listing = told
    assert (await tell(service, listing, key="other agency")).status_code == 404
    assert (await tell(service, {"listing_id": "0197c9a5-7c00-7000-8000-000000000001"})).status_code == 404
    assert (await tell(service, listing, key="court")).status_code == 403
    assert (await tell(service, listing, kind="gossip")).status_code == 422
    assert (await tell(service, listing, text="")).status_code == 422
    lead = (await tell(service, listing)).json()
    path = f"/v1/leads/{lead['lead_id']}"
    assert (await service.post(f"{path}/taking-up", {}, key="agency")).status_code == 403
    assert (await service.post(f"{path}/closure", {}, key="court")).status_code == 422
    assert (await service.post(f"{path}/taking-up", {}, key="court")).json()["state"] == "taken_up"
    assert (await service.post(f"{path}/taking-up", {}, key="court")).json()["state"] == "taken_up"
    assert (await service.post(f"{path}/closure", {"word": "查无实据"}, key="court")).status_code == 200
    assert (await service.post(f"{path}/closure", {"word": "x"}, key="court")).status_code == 409
    assert (await service.post(f"{path}/taking-up", {}, key="court")).status_code == 409


async def test_leads_are_read_page_by_page(told: tuple[Service, dict[str, Any]]):
    service, listing = told
    sent = [(await tell(service, listing, text=f"线索{number}")).json()["lead_id"] for number in range(3)]
    first = (await service.get("/v1/leads", key="court", limit=2)).json()
    rest = (await service.get("/v1/leads", key="court", limit=2, cursor=first["next"])).json()
    assert [one["lead_id"] for one in first["items"] + rest["items"]] == sent[::-1]
