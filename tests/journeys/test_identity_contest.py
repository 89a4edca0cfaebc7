"""A person who is not the debtor: from the unit's window to the court and to the next answer."""

from typing import Any

import pytest

from tests.journeys.test_life_of_a_listing import LISTED, act, publish
from tests.support import Service, day, subject

WHY = {"reason": "号码系同名人员所有，正在核实"}


async def first_match(service: Service, key: str = "agency", **values: Any) -> dict[str, Any]:
    response = await service.post(
        "/v1/checks",
        {"matter": "civil_service_recruitment", "reference": "1", "subjects": [subject("张三", LISTED)]} | values,
        key=key,
    )
    match: dict[str, Any] = response.json()["subjects"][0]["matches"][0]
    return match


def shown(match: dict[str, Any]) -> tuple[str, str, str, Any]:
    return match["effect"], match["reason"], match["identity"], match["listing"]["identity_contested_on"]


async def file(service: Service, listing: dict[str, Any], *, key: str = "agency", **values: str) -> Any:
    body = {
        "listing_id": listing["listing_id"],
        "received_on": day(),
        "grounds": "not_the_debtor",
        "text": "同名不同人",
    }
    return await service.post("/v1/objections", body | values, key=key)


async def tasks(service: Service) -> dict[str, dict[str, Any]]:
    page = (await service.get("/v1/listings/tasks", key="court")).json()
    return {one["task"]: one for one in page["items"]}


async def test_from_the_window_to_the_court_and_back(service: Service):
    listing = await publish(service)
    assert shown(await first_match(service)) == ("block", "prohibition", "exact", None)

    filed = (await file(service, listing)).json()
    assert (filed["grounds"], filed["filed_by_member"], filed["state"]) == ("not_the_debtor", "GD-HR", "filed")
    assert (await first_match(service))["listing"]["dispute_state"] == "filed"
    emergency = (await tasks(service))["confirm_identity"]
    assert (emergency["due_on"], emergency["is_emergency"], emergency["is_overdue"]) == (day(), True, False)
    assert (await tasks(service))["decide_objection"]["is_emergency"] is False

    version = (await service.get(f"/v1/listings/{listing['listing_id']}", key="court")).json()["version"]
    contested = await act(service, listing | {"version": version}, "identity-contest", WHY)
    assert contested.status_code == 200, contested.text
    assert shown(await first_match(service)) == ("flag", "identity_uncertain", "exact", day())
    assert "confirm_identity" not in await tasks(service)
    read = (await service.get(f"/v1/listings/{listing['listing_id']}", key="court")).json()
    assert (read["identity_contested_on"], read["dispute_state"]) == (day(), "filed")

    lifted = await act(service, contested.json(), "identity-contest/withdrawal", {"reason": "核实为本人"})
    assert lifted.status_code == 200, lifted.text
    assert shown(await first_match(service)) == ("block", "prohibition", "exact", None)
    history = (await service.get(f"/v1/listings/{listing['listing_id']}/history", key="court")).json()["items"]
    assert [one["act"] for one in history] == ["published", "disputed", "contested", "contest_withdrawn"]
    assert history[2]["reason"] == WHY["reason"]
    recorded = [one["action"] for one in await service.fetch("SELECT action FROM ledger_entries ORDER BY at")]
    assert {"objection_filed", "identity_contested", "contest_withdrawn"} <= set(recorded)


async def test_followers_of_the_list_are_told(service: Service):
    listing = await publish(service)
    contested = (await act(service, listing, "identity-contest", WHY)).json()
    await act(service, contested, "identity-contest/withdrawal", WHY)
    items = (await service.get("/v1/changes")).json()["items"]
    assert [(one["type"], one["listing"].get("identity_contested_on")) for one in items] == [
        ("published", None),
        ("disputed", day()),
        ("disputed", None),
    ]


async def test_a_replay_answers_as_it_was(service: Service):
    listing = await publish(service)
    before = await service.check(subject("张三", LISTED))
    contested = (await act(service, listing, "identity-contest", WHY)).json()
    during = await service.check(subject("张三", LISTED))
    await act(service, contested, "identity-contest/withdrawal", WHY)
    after = await service.check(subject("张三", LISTED))
    for answer, decision in ((before, "block"), (during, "flag"), (after, "block")):
        question = {
            "matter": "civil_service_recruitment",
            "subject": subject("张三", LISTED),
            "at": answer["checked_at"],
        }
        replayed = (await service.post("/v1/audit/as-of", question, key="auditor")).json()
        assert (replayed["decision"], replayed["subjects"]) == (decision, answer["subjects"])


async def test_a_served_notice_still_blocks_whom_it_names(service: Service):
    listing = await publish(service)
    await act(service, listing, "identity-contest", WHY)
    notice = {
        "number": "n-1",
        "case_number": "c",
        "ruling_number": "r",
        "agency": "GD-HR",
        "action": "stop_procedure",
        "subject": {name: value for name, value in subject("张三", LISTED).items() if name != "role"},
    }
    assert (await service.post("/v1/notices", notice, key="court")).status_code == 201
    asked = {"matter": "investment_project_approval", "reference": "1", "subjects": [subject("张三", LISTED)]}
    answer = (await service.post("/v1/checks", asked)).json()
    assert answer["decision"] == "block"
    assert {(one["effect"], one["reason"]) for one in answer["subjects"][0]["matches"]} == {
        ("block", "notice"),
        ("flag", "identity_uncertain"),
    }


async def test_what_is_refused(service: Service):
    listing = await publish(service)
    assert (await act(service, listing, "identity-contest/withdrawal", WHY)).status_code == 409
    stale = await act(service, listing | {"version": 9}, "identity-contest", WHY)
    assert (stale.status_code, stale.json()["code"]) == (412, "version-mismatch")
    bare = await service.post(f"/v1/listings/{listing['listing_id']}/identity-contest", WHY, key="court")
    assert bare.status_code == 428
    assert (await act(service, listing, "identity-contest", {"reason": ""})).status_code == 422
    contested = (await act(service, listing, "identity-contest", WHY)).json()
    assert (await act(service, contested, "identity-contest", WHY)).status_code == 409
    for key in ("agency", "auditor"):
        path = f"/v1/listings/{listing['listing_id']}/identity-contest"
        assert (await service.post(path, WHY, key=key)).status_code == 403
    withdrawn = await act(service, contested, "withdrawal", {"reason": "错误纳入", "decided_on": day()})
    assert withdrawn.status_code == 200
    assert (await act(service, withdrawn.json(), "identity-contest/withdrawal", WHY)).status_code == 409


async def test_a_unit_files_only_this_and_only_of_what_it_was_told(service: Service):
    listing = await publish(service)
    untold = await file(service, listing)
    assert (untold.status_code, untold.json()["code"]) == (404, "not-found")
    await first_match(service)
    assert (await file(service, listing, grounds="inaccurate")).status_code == 422
    assert (await file(service, listing, filed_by_member="GD-EDU")).status_code == 422
    assert (await file(service, listing, key="auditor")).status_code == 403
    filed = (await file(service, listing, filed_by_member="GD-HR")).json()
    path = f"/v1/objections/{filed['objection_id']}"
    assert (await service.get(path)).json()["objection_id"] == filed["objection_id"]
    assert (await service.get(path, key="other agency")).status_code == 404
    assert len((await service.get("/v1/objections")).json()["items"]) == 1
    assert (await service.get("/v1/objections", key="other agency")).json()["items"] == []
    decided = await service.post(path + "/decision", {"result": "upheld", "decided_on": day(), "reason": "x"})
    assert decided.status_code == 403


@pytest.mark.parametrize(("member", "status"), [("GD-EDU", 201), ("GD-COURT", 422), ("GD-NOBODY", 422)])
async def test_a_court_says_which_unit_passed_it_on(service: Service, member: str, status: int):
    listing = await publish(service)
    filed = await file(service, listing, key="court", filed_by_member=member)
    assert filed.status_code == status
    if status == 201:
        assert filed.json()["filed_by_member"] == member
