"""Every act of a court has a rule: a second person before, one afterwards, or none."""

from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

from blacklist_service.access.scopes import Role, Scope
from blacklist_service.application import ROUTERS
from blacklist_service.members.second_person.marking import acts_of
from blacklist_service.members.second_person.rules import AT_ONCE, RULES, CourtAct, Look, SoloAct, persons_needed
from blacklist_service.web.routing import GuardedRoute
from tests.proposals.desks import Clerk, publication
from tests.support import Service, day, resident_id, subject

WRITES = {Scope.LISTINGS_WRITE, Scope.LISTINGS_APPROVE, Scope.NOTICES_WRITE}
NOTICE = {
    "number": "(2026)云0111执90号之二",
    "case_number": "(2026)云0111执90号",
    "ruling_number": "(2026)云0111执90号之一",
    "agency": "GD-HR",
    "action": "stop_procedure",
    "valid_until": day(100),
}


def court_writes() -> Iterator[GuardedRoute]:
    """The routes by which a court, or a person of one, changes anything."""
    for route in routes():
        guard = route.guard
        if route.methods and not route.methods <= {"GET", "HEAD"}:
            assert guard is not None, route.path
            if guard.scope is None or WRITES & {guard.scope, *guard.others}:
                yield route


def routes() -> list[GuardedRoute]:
    return [route for router in ROUTERS for route in router.routes if isinstance(route, GuardedRoute)]


def test_every_route_by_which_a_court_acts_says_which_act_it_is_and_the_table_has_it():
    writing = list(court_writes())
    assert len(writing) > 25
    assert [f"{route.methods} {route.path}" for route in writing if not acts_of(route)] == []
    assert {act for route in writing for act in acts_of(route)} == set(RULES) == {*CourtAct, *SoloAct}
    assert [route.path for route in routes() if acts_of(route) and route not in writing] == []


def test_what_takes_a_burden_off_can_never_be_set_to_need_two():
    assert {CourtAct.DELETE, CourtAct.WITHDRAW, CourtAct.RELEASE, CourtAct.SUSPEND, CourtAct.CONTEST} == AT_ONCE
    needed = persons_needed(dict.fromkeys(CourtAct, 2))
    assert {act for act, persons in needed.items() if persons == 1} == AT_ONCE


def test_what_a_court_has_set_nothing_for_is_as_what_it_is_like():
    usual = persons_needed({})
    assert {act for act, persons in usual.items() if persons == 2} == {
        act for act in CourtAct if RULES[act].look is Look.BEFORE
    }
    alone = persons_needed({CourtAct.PUBLISH: 1})
    assert (alone[CourtAct.RESUME], alone[CourtAct.LIFT_CONTEST], alone[CourtAct.RENEW_NOTICE]) == (1, 1, 2)
    assert persons_needed({CourtAct.PUBLISH: 1, CourtAct.RESUME: 2})[CourtAct.RESUME] == 2


async def test_a_suspension_and_a_contest_take_effect_at_once_and_are_reviewed(
    service: Service, maker: Clerk, checker: Clerk
):
    listing, number = await listed(service)
    contested = await act(maker, listing, "identity-contest", {"reason": "号码系同名人员所有"}, 1)
    assert contested.status_code == 200, contested.text
    assert await service.decide(subject("赵六", number)) == "flag"
    suspension = {"ground": "other", "decided_on": day(), "reason": "核实身份"}
    assert (await act(maker, listing, "suspension", suspension, 2)).status_code == 200
    assert await service.decide(subject("赵六", number)) == "clear"
    again = await act(maker, listing, "suspension", suspension, 3)
    assert (again.status_code, again.json()["version"]) == (200, 3)  # it is suspended already: nothing to review

    owed = (await checker.get("/v1/reviews")).json()["items"]

    assert [(one["act"], one["listing_id"], one["version"]) for one in owed] == [
        ("suspend", listing, 3),
        ("contest", listing, 2),
    ]
    given = await checker.post(f"/v1/reviews/{owed[0]['review_id']}", {"finding": "in_order"})
    assert given.status_code == 200
    [entry] = await service.fetch("SELECT listing_ids FROM ledger_entries WHERE action = 'review_done'")
    assert [str(one) for one in entry["listing_ids"]] == [listing]


@pytest.mark.parametrize(
    ("before", "path", "body", "proposal"),
    [
        (
            ("suspension", {"ground": "other", "decided_on": day(), "reason": "核实身份"}),
            "resumption",
            {"decided_on": day(), "reason": "核实完毕"},
            ("resume", "resumption"),
        ),
        (
            ("identity-contest", {"reason": "号码系同名人员所有"}),
            "identity-contest/withdrawal",
            {"reason": "确系本人"},
            ("lift_contest", "contest_withdrawal"),
        ),
    ],
)
async def test_what_burdens_a_person_again_waits_for_a_second_person(
    service: Service,
    maker: Clerk,
    checker: Clerk,
    before: tuple[str, dict[str, Any]],
    path: str,
    body: dict[str, Any],
    proposal: tuple[str, str],
):
    listing, number = await listed(service)
    assert (await act(maker, listing, *before, 1)).status_code == 200
    was = await service.decide(subject("赵六", number))
    assert was != "block"

    refused = await act(maker, listing, path, body, 2)

    assert (refused.status_code, refused.json()["code"]) == (409, "second-person-needed")
    name, part = proposal
    asked: dict[str, Any] = {"act": name, "listing_id": listing, "version": 2, part: body}
    made = await maker.propose(**asked)
    assert await service.decide(subject("赵六", number)) == was
    seen = (await checker.get(f"/v1/proposals/{made['proposal_id']}")).json()
    assert (seen["content"]["reason"], seen["title"], seen["needs_number"]) == (
        body["reason"],
        publication(number)["case_number"],
        False,
    )
    late = await maker.propose(**asked)
    approved = await checker.approve(made)
    assert approved.status_code == 200, approved.text
    assert approved.json()["outcome"]["version"] == 3
    assert await service.decide(subject("赵六", number)) == "block"
    assert (await checker.approve(late)).json()["code"] == "proposal-stale"
    assert (await maker.post("/v1/proposals", asked | {"version": 3})).status_code == 409  # nothing to be undone


async def test_a_proposals_title_bears_the_case_number_as_the_listing_will(maker: Clerk):
    written = publication(resident_id()) | {"case_number": "（２０２６）云０１１１执００９２号"}
    made = await maker.propose(act="publish", publication=written)
    assert (made["title"], made["content"]["case_number"]) == ("(2026)云0111执92号",) * 2


async def test_a_stop_notice_is_renewed_by_two_and_a_request_by_one(service: Service, maker: Clerk, checker: Clerk):
    named = NOTICE | {"subject": {"kind": "person", "name": "孙七", "identifier": resident()}}
    served = await service.post("/v1/notices", named, key="court")
    notice = served.json()["notice_id"]
    renewal = {"valid_until": day(200), "ruling_number": "(2026)云0111执90号之五"}
    refused = await maker.post(f"/v1/notices/{notice}/renewal", renewal)
    assert (refused.status_code, refused.json()["code"]) == (409, "second-person-needed")
    made = await maker.propose(act="renew_notice", notice_id=notice, renewal=renewal)
    assert (made["title"], made["debtor"], made["notice_id"]) == (NOTICE["number"], "孙七", notice)
    assert made["changes"] == [{"field": "valid_until", "before": day(100), "after": day(200)}]
    late = await maker.propose(act="renew_notice", notice_id=notice, renewal=renewal | {"valid_until": day(210)})
    # What the unit says of it moves nothing; what the court does, does.
    assert (await service.post(f"/v1/notices/{notice}/acknowledgement", {}, key="agency")).status_code == 200
    approved = await checker.approve(made)
    assert approved.status_code == 200, approved.text
    assert approved.json()["changes"] == made["changes"]
    assert (await maker.get(f"/v1/notices/{notice}")).json()["valid_until"] == day(200)
    assert (await checker.approve(late)).json()["code"] == "proposal-stale"
    request = named | {
        "action": "freeze",
        "number": "(2026)云0111执90号之三",
        "object": "账户",
        "object_kind": "deposit",
    }
    asked = await maker.post("/v1/notices", request)
    assert asked.status_code == 201, asked.text
    path = f"/v1/notices/{asked.json()['notice_id']}/renewal"
    assert (await maker.post(path, renewal)).status_code == 200
    assert (await checker.get("/v1/reviews")).json()["items"] == []


async def test_a_refusal_points_into_the_part_of_its_act(service: Service, maker: Clerk):
    listing, _ = await listed(service)
    named = NOTICE | {"subject": {"kind": "person", "name": "孙七", "identifier": resident()}}
    served = (await service.post("/v1/notices", named, key="court")).json()["notice_id"]
    extension = {"expires_on": day(10), "decided_on": day(), "reason": "抗拒执行"}
    renewal = {"valid_until": day(20), "ruling_number": "(2026)云0111执90号之五"}
    refused: list[tuple[dict[str, Any], str]] = [
        ({"act": "extend", "listing_id": listing, "version": 1, "extension": extension}, "/extension/expires_on"),
        ({"act": "renew_notice", "notice_id": served, "renewal": renewal}, "/renewal/valid_until"),
        ({"act": "stop_notice", "notice": named | {"agency": "GD-NONE"}}, "/notice/agency"),
    ]
    for asked, pointer in refused:
        answer = await maker.post("/v1/proposals", asked)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_another_courts_notice_is_not_told_of(service: Service, maker: Clerk):
    renewal = {"valid_until": day(200), "ruling_number": "(2026)云0111执90号之五"}
    path = "/v1/notices/0197c9a5-7c00-7000-8000-000000000001"
    assert (await maker.post(f"{path}/renewal", renewal)).status_code == 404
    asked = {"act": "renew_notice", "notice_id": path[-36:], "renewal": renewal}
    assert (await maker.post("/v1/proposals", asked)).status_code == 404


async def test_a_systems_key_keeps_its_contract_in_every_act(service: Service, checker: Clerk):
    listing, _ = await listed(service)
    suspension = {"ground": "other", "decided_on": day(), "reason": "核实身份"}
    steps: list[tuple[str, dict[str, Any]]] = [
        ("identity-contest", {"reason": "号码系同名人员所有"}),
        ("identity-contest/withdrawal", {"reason": "确系本人"}),
        ("suspension", suspension),
        ("resumption", {"decided_on": day(), "reason": "核实完毕"}),
    ]
    for version, (path, body) in enumerate(steps, start=1):
        headers = {"If-Match": f'"{version}"'}
        done = await service.post(f"/v1/listings/{listing}/{path}", body, key="court", **headers)
        assert done.status_code == 200, done.text
    assert (await checker.get("/v1/reviews")).json()["items"] == []


async def test_the_further_acts_are_set_like_the_others(service: Service, maker: Clerk):
    security = await service.add_key("GD-AUDIT", Role.SECURITY)
    path, headers = "/v1/members/GD-COURT/options", service.bearer(security)
    for name in ("suspend", "contest"):
        refused = await service.client.put(path, json={"options": {name: 2}}, headers=headers)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, f"/options/{name}")
        async with service.workplace.connected() as connection:
            with pytest.raises(asyncpg.CheckViolationError, match="court_options_check"):
                await connection.execute(
                    "INSERT INTO court_options VALUES ('GD-COURT', $1, 2, clock_timestamp(), 'x')", name
                )
    assert (await maker.get(path)).json()["options"]["resume"] == 2
    changed = await service.client.put(path, json={"options": {"resume": 1}}, headers=headers)
    assert changed.json()["options"]["resume"] == 1
    listing, number = await listed(service)
    suspension = {"ground": "other", "decided_on": day(), "reason": "核实身份"}
    assert (await act(maker, listing, "suspension", suspension, 1)).status_code == 200
    resumption = {"decided_on": day(), "reason": "核实完毕"}
    assert (await act(maker, listing, "resumption", resumption, 2)).status_code == 200
    assert await service.decide(subject("赵六", number)) == "block"


async def listed(service: Service) -> tuple[str, str]:
    number = resident_id()
    response = await service.post("/v1/listings", publication(number), key="court")
    assert response.status_code == 201, response.text
    return response.json()["listing_id"], number


async def act(clerk: Clerk, listing: str, path: str, body: dict[str, Any], version: int) -> Any:
    return await clerk.post(f"/v1/listings/{listing}/{path}", body, **{"If-Match": f'"{version}"'})


def resident() -> dict[str, str]:
    return {"type": "resident_id", "number": resident_id()}
