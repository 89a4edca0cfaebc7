"""A second person: who must propose, who may approve, and what then takes effect."""

import asyncio
from contextvars import ContextVar
from typing import Any

import asyncpg
import pytest

from blacklist_service.access.duties import Duty
from blacklist_service.access.scopes import Role
from blacklist_service.database.servers import HISTORY
from blacklist_service.database.sessions import WHAT_IT_IS
from blacklist_service.members.rules import MemberKind
from tests.proposals.desks import Clerk, publication, seated
from tests.support import Service, day, resident_id, subject

OF_OPENING = (WHAT_IT_IS, HISTORY)
"""The statements of a connection that is being opened."""


async def actions(service: Service) -> list[str]:
    rows = await service.fetch(
        "SELECT action FROM ledger_entries WHERE action LIKE 'proposal%' OR action LIKE 'listing%' OR action = 'refused'"
        " OR action LIKE 'review%' OR action LIKE 'notice%' ORDER BY at, id"
    )
    return [row["action"] for row in rows]


async def published(service: Service, **values) -> tuple[str, str]:
    """By a key, which keeps its contract: one person's publication is in force when it is answered."""
    number = resident_id()
    response = await service.post("/v1/listings", publication(number, **values), key="court")
    assert response.status_code == 201, response.text
    return response.json()["listing_id"], number


async def test_an_account_publishes_with_a_second_person_who_types_the_number(
    service: Service, maker: Clerk, checker: Clerk
):
    number = resident_id()
    refused = await maker.post("/v1/listings", publication(number))
    assert (refused.status_code, refused.json()["code"]) == (409, "second-person-needed")
    proposal = await maker.propose(act="publish", publication=publication(number))
    assert (proposal["state"], proposal["is_own"], proposal["may_decide"]) == ("waiting", True, False)
    assert await service.decide(subject("赵六", number)) == "clear"
    seen = (await checker.get(f"/v1/proposals/{proposal['proposal_id']}")).json()
    assert seen["may_decide"]
    assert seen["needs_number"]
    assert seen["given"] is None
    assert number not in str(seen)
    assert seen["content"]["debtor"]["identifier"]["number_masked"] == f"{number[:4]}{'*' * 10}{number[-4:]}"
    approved = await checker.approve(proposal, number)
    assert approved.status_code == 200, approved.text
    assert approved.json()["state"] == "in_force"
    assert await service.decide(subject("赵六", number)) == "block"
    assert await actions(service) == ["proposal_made", "listing_published", "proposal_approved"]
    [version] = await service.fetch("SELECT operator, key_id FROM listing_versions")
    assert (version["operator"], version["key_id"]) == ("li.jing", maker.account)
    entries = await service.fetch(
        "SELECT key_id, request_id, listing_ids FROM ledger_entries"
        " WHERE action IN ('listing_published', 'proposal_approved') ORDER BY at, id"
    )
    assert [one["key_id"] for one in entries] == [maker.account, checker.account]
    assert entries[0]["request_id"] == entries[1]["request_id"]
    assert entries[0]["listing_ids"] == entries[1]["listing_ids"]


async def test_nobody_approves_their_own_whoever_they_are(service: Service, maker: Clerk, both: Clerk):
    number = resident_id()
    proposal = await both.propose(act="publish", publication=publication(number))
    refused = await both.approve(proposal, number)
    assert (refused.status_code, refused.json()["code"]) == (403, "own-work")
    returned = await both.post(f"/v1/proposals/{proposal['proposal_id']}/return", {"reason": "x"})
    assert returned.status_code == 403
    assert (await actions(service)).count("refused") == 2
    # A system's key may propose as well; the same key cannot approve, whomever it names.
    mine = await service.post("/v1/proposals", {"act": "publish", "publication": publication()}, key="court")
    path = f"/v1/proposals/{mine.json()['proposal_id']}/approval"
    body = {"sha256": mine.json()["sha256"], "operator": "somebody.else"}
    assert (await service.post(path, body, key="court")).status_code == 403
    # Neither can the database be made to hold it.
    async with service.workplace.connected() as connection:
        with pytest.raises(asyncpg.CheckViolationError, match="proposals_another_person"):
            await connection.execute(
                "UPDATE proposals SET state = 'in_force', decided_by = made_by, decided_at = clock_timestamp()"
            )
    # A maker may not approve anybody's.
    assert (await maker.approve(proposal, number)).status_code == 403


async def test_fifty_approvals_at_once_make_one_act(service: Service, maker: Clerk, checker: Clerk, both: Clerk):
    number = resident_id()
    proposal = await maker.propose(act="publish", publication=publication(number))
    waiting = [(checker if turn % 2 else both).approve(proposal, number) for turn in range(50)]
    statuses = [response.status_code for response in await asyncio.gather(*waiting)]
    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 409, 429}
    assert statuses.count(409) > 10
    assert await actions(service) == ["proposal_made", "listing_published", "proposal_approved"]


async def test_another_number_sends_it_back_and_is_not_shown(service: Service, maker: Clerk, checker: Clerk):
    number, other = resident_id(), resident_id()
    proposal = await maker.propose(act="publish", publication=publication(number))
    nothing = await checker.approve(proposal)
    assert (nothing.status_code, nothing.json()["errors"][0]["pointer"]) == (422, "/identifier_number")
    misread = await checker.approve(proposal, number[:-1] + ("1" if number[-1] != "1" else "2"))
    assert (misread.status_code, misread.json()["code"]) == (422, "invalid-identifier")
    sent_back = (await checker.approve(proposal, other)).json()
    assert (sent_back["state"], sent_back["return_code"]) == ("returned", "number_differs")
    assert number not in str(sent_back)
    assert await service.decide(subject("赵六", number)) == "clear"
    assert (await maker.get("/v1/proposals/counts")).json()["returned"] == 1
    again = await maker.propose(act="publish", publication=publication(other), replaces=proposal["proposal_id"])
    assert (await maker.get("/v1/proposals/counts")).json()["returned"] == 0
    assert (await checker.approve(again, other)).json()["state"] == "in_force"


async def test_a_correction_shows_what_changes_and_is_void_once_its_base_moved(
    service: Service, maker: Clerk, checker: Clerk
):
    listing, number = await published(service)
    corrected = {
        "listing": publication(number, obligation="支付货款 20000 元", performance="partial"),
        "reason": "金额笔误",
        "decided_on": day(),
    }
    first = await maker.propose(act="correct", listing_id=listing, version=1, correction=corrected)
    assert [(one["field"], one["before"], one["after"]) for one in first["changes"]] == [
        ("obligation", "支付货款 120000 元", "支付货款 20000 元"),
        ("performance", "none", "partial"),
    ]
    assert first["alike"] == 10
    assert not first["needs_number"]
    late = await maker.propose(act="correct", listing_id=listing, version=1, correction=corrected | {"reason": "二"})
    done = (await checker.approve(first)).json()
    assert done["outcome"]["version"] == 2
    assert [one["field"] for one in done["changes"]] == ["obligation", "performance"]
    stale = (await checker.get(f"/v1/proposals/{late['proposal_id']}")).json()
    assert stale["is_stale"]
    refused = await checker.approve(late)
    assert (refused.status_code, refused.json()["code"]) == (409, "proposal-stale")
    old = await maker.post(
        "/v1/proposals", {"act": "correct", "listing_id": listing, "version": 1, "correction": corrected}
    )
    assert old.status_code == 412
    case = publication(number)["case_number"]
    other = corrected | {"listing": publication(resident_id(), case_number=case)}
    changed = await maker.propose(act="correct", listing_id=listing, version=2, correction=other)
    assert changed["needs_number"]
    assert "debtor.identifier" in [one["field"] for one in changed["changes"]]


async def test_an_extension_and_a_stop_notice_wait_and_a_query_does_not(service: Service, maker: Clerk, checker: Clerk):
    listing, _ = await published(service)
    extension = {"expires_on": day(900), "decided_on": day(), "reason": "抗拒执行"}
    alone = await maker.post(f"/v1/listings/{listing}/extension", extension, **{"If-Match": '"1"'})
    assert alone.json()["code"] == "second-person-needed"
    proposal = await maker.propose(act="extend", listing_id=listing, version=1, extension=extension)
    assert [one["field"] for one in proposal["changes"]] == ["expires_on"]
    assert (await checker.approve(proposal)).json()["outcome"]["version"] == 2
    number = resident_id()
    notice = {
        "number": "(2026)云0111执88号之二",
        "case_number": "(2026)云0111执88号",
        "ruling_number": "(2026)云0111执88号之一",
        "agency": "GD-HR",
        "action": "stop_procedure",
        "subject": {"kind": "person", "name": "孙七", "identifier": {"type": "resident_id", "number": number}},
    }
    assert (await maker.post("/v1/notices", notice)).json()["code"] == "second-person-needed"
    asked = await maker.post("/v1/notices", notice | {"action": "query", "number": "(2026)云0111执88号之三"})
    assert asked.status_code == 201
    proposal = await maker.propose(act="stop_notice", notice=notice)
    seen = (await checker.get(f"/v1/proposals/{proposal['proposal_id']}")).json()
    assert number not in str(seen)
    assert (await checker.approve(proposal)).json()["outcome"]["notice_id"]
    served = (await maker.get("/v1/notices")).json()["items"]
    assert [one["number"] for one in served] == [notice["number"], "(2026)云0111执88号之三"]
    released = await maker.post(f"/v1/notices/{served[0]['notice_id']}/release", {"reason": "已履行"})
    assert released.status_code == 200
    assert [one["act"] for one in (await checker.get("/v1/reviews")).json()["items"]] == ["release"]


async def test_what_could_never_be_done_is_not_even_proposed(service: Service, maker: Clerk):
    child = publication(resident_id(born="20150101"))
    assert (await maker.post("/v1/proposals", {"act": "publish", "publication": child})).status_code == 422
    foreign = publication() | {"court": {"code": "云0112"}}
    assert (await maker.post("/v1/proposals", {"act": "publish", "publication": foreign})).status_code == 403
    parts = await maker.post("/v1/proposals", {"act": "extend", "publication": publication()})
    assert parts.status_code == 422
    masked = await maker.propose(act="publish", publication=publication(term := resident_id(), expires_on=None))
    assert masked["warnings"] == ["term-missing"]
    assert (
        term not in (await service.fetch("SELECT convert_from(leaf, 'UTF8') AS leaf FROM ledger_entries"))[-1]["leaf"]
    )
    [kept] = await service.fetch("SELECT content, content_sha256 FROM proposals")
    assert term.encode() not in kept["content"]
    assert await service.fetch("SELECT FROM listings") == []


async def test_it_waits_seven_days_and_its_maker_may_recall_it(service: Service, maker: Clerk, checker: Clerk):
    number = resident_id()
    proposal = await maker.propose(act="publish", publication=publication(number))
    path = f"/v1/proposals/{proposal['proposal_id']}"
    assert (await checker.post(f"{path}/recall", {})).status_code == 403
    recalled = await maker.post(f"{path}/recall", {})
    assert recalled.json()["state"] == "recalled"
    assert (await checker.approve(proposal, number)).status_code == 409
    late = await maker.propose(act="publish", publication=publication(number))
    async with service.workplace.connected() as connection:
        await connection.execute(
            "UPDATE proposals SET made_at = made_at - interval '7 days', ends_at = ends_at - interval '7 days'"
        )
    assert (await checker.get(f"/v1/proposals/{late['proposal_id']}")).json()["state"] == "expired"
    assert (await checker.approve(late, number)).status_code == 409
    assert (await checker.get("/v1/proposals", state="waiting")).json()["items"] == []
    assert len((await checker.get("/v1/proposals", state="expired")).json()["items"]) == 1
    assert (await checker.get("/v1/proposals/counts")).json()["to_decide"] == 0


async def test_an_act_that_fails_leaves_the_proposal_waiting(service: Service, maker: Clerk, checker: Clerk):
    number = resident_id()
    first = await maker.propose(act="publish", publication=publication(number))
    second = await maker.propose(act="publish", publication=publication(number, obligation="另一金额"))
    assert (await checker.approve(first, number)).status_code == 200
    refused = await checker.approve(second, number)
    assert refused.status_code == 409
    assert (await checker.get(f"/v1/proposals/{second['proposal_id']}")).json()["state"] == "waiting"
    assert await actions(service) == ["proposal_made"] * 2 + ["listing_published", "proposal_approved"]


async def test_another_content_than_was_read_is_not_approved(service: Service, maker: Clerk, checker: Clerk):
    number = resident_id()
    proposal = await maker.propose(act="publish", publication=publication(number))
    refused = await checker.approve(proposal | {"sha256": "0" * 64}, number)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/sha256")


async def test_another_court_sees_nothing_of_it(service: Service, maker: Clerk):
    proposal = await maker.propose(act="publish", publication=publication())
    await service.add_member("CG-COURT", MemberKind.COURT, court_code="云0114")
    async with seated(service, "he.yun", Duty.CHECKER, member="CG-COURT") as stranger:
        path = f"/v1/proposals/{proposal['proposal_id']}"
        assert (await stranger.get(path)).status_code == 404
        assert (await stranger.approve(proposal)).status_code == 404
        assert (await stranger.get("/v1/proposals")).json()["items"] == []


async def test_a_deletion_takes_effect_at_once_and_another_reviews_it(
    service: Service, maker: Clerk, checker: Clerk, both: Clerk
):
    listing, number = await published(service)
    deletion = {"ground": "early_by_decision", "decided_on": day()}
    done = await both.post(f"/v1/listings/{listing}/deletion", deletion, **{"If-Match": '"1"'})
    assert done.status_code == 200
    assert await service.decide(subject("赵六", number)) == "clear"
    [owed] = (await checker.get("/v1/reviews")).json()["items"]
    assert (owed["act"], owed["listing_id"], owed["version"], owed["is_overdue"]) == ("delete", listing, 2, False)
    assert (await checker.get("/v1/proposals/counts")).json()["to_review"] == 1
    assert (await both.get("/v1/proposals/counts")).json()["to_review"] == 0
    path = f"/v1/reviews/{owed['review_id']}"
    assert (await both.post(path, {"finding": "in_order"})).status_code == 403
    assert (await checker.post(path, {"finding": "not_in_order"})).status_code == 422
    reviewed = await checker.post(path, {"finding": "not_in_order", "note": "缺少收款凭证"})
    assert (reviewed.json()["reviewer"], reviewed.json()["note"]) == ("zhou.fang", "缺少收款凭证")
    assert (await checker.post(path, {"finding": "in_order"})).status_code == 409
    assert (await checker.get("/v1/reviews", state="done")).json()["items"] == [reviewed.json()]
    assert (await actions(service))[-1] == "review_done"
    # A key's deletion keeps its contract: nobody owes a review for it.
    other, _ = await published(service)
    withdrawal = {"reason": "错误", "decided_on": day()}
    gone = await service.post(f"/v1/listings/{other}/withdrawal", withdrawal, key="court", **{"If-Match": '"1"'})
    assert gone.status_code == 200
    assert (await checker.get("/v1/reviews")).json()["items"] == []
    async with service.workplace.connected() as connection:
        with pytest.raises(asyncpg.CheckViolationError, match="reviews_another_person"):
            await connection.execute("UPDATE reviews SET reviewed_by = made_by")


async def test_the_courts_option_is_set_by_security_and_never_two_for_what_delay_would_harm(
    service: Service, maker: Clerk
):
    security = await service.add_key("GD-AUDIT", Role.SECURITY)
    path = "/v1/members/GD-COURT/options"
    assert (await maker.get(path)).json()["options"]["publish"] == 2
    assert (await maker.put(path, {"options": {"publish": 1}})).status_code == 403
    headers = service.bearer(security)
    for act in ("delete", "withdraw", "release"):
        refused = await service.client.put(path, json={"options": {act: 2}}, headers=headers)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, f"/options/{act}")
        async with service.workplace.connected() as connection:
            with pytest.raises(asyncpg.CheckViolationError, match="court_options_check"):
                await connection.execute(
                    "INSERT INTO court_options VALUES ('GD-COURT', $1, 2, clock_timestamp(), 'x')", act
                )
    changed = await service.client.put(path, json={"options": {"publish": 1}}, headers=headers)
    assert changed.json()["options"]["publish"] == 1
    assert (await maker.post("/v1/listings", publication())).status_code == 201
    assert (await service.client.put(path, json={"options": {"publish": 1}}, headers=headers)).status_code == 200
    rows = await service.fetch("SELECT FROM ledger_entries WHERE action = 'court_options_changed'")
    assert len(rows) == 1
    agency = await service.client.put("/v1/members/GD-HR/options", json={"options": {"publish": 1}}, headers=headers)
    assert agency.status_code == 422


async def test_a_page_of_proposals_is_read_by_as_many_statements_however_many_stand_there(
    service: Service, maker: Clerk, checker: Clerk, monkeypatch: pytest.MonkeyPatch
):
    asked: list[str] = []
    for name in ("fetch", "fetchrow", "fetchval"):
        monkeypatch.setattr(asyncpg.Connection, name, listened(getattr(asyncpg.Connection, name), asked))

    async def statements() -> int:
        asked.clear()
        is_listened.set(True)
        assert (await checker.get("/v1/proposals")).status_code == 200
        is_listened.set(False)
        return len([one for one in asked if one not in OF_OPENING])

    await propose_all(service, maker)
    few = await statements()
    assert few == 2  # the page, and what stands behind its rows
    await propose_all(service, maker)
    assert len((await checker.get("/v1/proposals")).json()["items"]) == 6
    assert await statements() == few
    monkeypatch.undo()
    shown = {one["act"]: one for one in (await checker.get("/v1/proposals")).json()["items"]}
    assert {act: one["needs_number"] for act, one in shown.items()} == {
        "publish": True,
        "correct": True,
        "extend": False,
    }
    for one in shown.values():
        detail = (await checker.get(f"/v1/proposals/{one['proposal_id']}")).json()
        assert {name: detail[name] for name in one} == one


is_listened = ContextVar("is_listened", default=False)
"""Of this test's own requests: what the service does beside them is not counted."""


def listened(ask: Any, asked: list[str]) -> Any:
    async def listening(connection: Any, query: str, *arguments: Any, **more: Any) -> Any:
        if is_listened.get():
            asked.append(query)
        return await ask(connection, query, *arguments, **more)

    return listening


async def propose_all(service: Service, maker: Clerk) -> None:
    """A publication, a correction to another number, and an extension."""
    await maker.propose(act="publish", publication=publication())
    listing, number = await published(service)
    case = publication(number)["case_number"]
    other = {"listing": publication(resident_id(), case_number=case), "reason": "号码笔误", "decided_on": day()}
    await maker.propose(act="correct", listing_id=listing, version=1, correction=other)
    extension = {"expires_on": day(900), "decided_on": day(), "reason": "抗拒执行"}
    await maker.propose(act="extend", listing_id=listing, version=1, extension=extension)
