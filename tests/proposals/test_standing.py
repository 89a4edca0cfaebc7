"""Proposals that replace one another; and whose proposals can still take effect."""

import asyncio

import pytest

from blacklist_service.access.duties import Duty
from blacklist_service.access.scopes import Role
from blacklist_service.members.staff.operations import accounts, grants
from tests.proposals.desks import Clerk, publication, seated
from tests.support import TEST, Service, day, resident_id, subject


async def actions(service: Service) -> list[str]:
    rows = await service.fetch(
        "SELECT action FROM ledger_entries WHERE action LIKE 'proposal%' OR action LIKE 'listing%' ORDER BY at, id"
    )
    return [row["action"] for row in rows]


async def test_what_is_replaced_does_not_wait_beside_what_replaces_it(service: Service, maker: Clerk, checker: Clerk):
    number = resident_id()
    first = await maker.propose(act="publish", publication=publication(number, obligation="支付货款 1 元"))
    second = await maker.propose(act="publish", publication=publication(number), replaces=first["proposal_id"])

    refused = await checker.approve(first, number)

    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert (await checker.get(f"/v1/proposals/{first['proposal_id']}")).json()["state"] == "recalled"
    waiting = (await checker.get("/v1/proposals", state="waiting")).json()["items"]
    assert [one["proposal_id"] for one in waiting] == [second["proposal_id"]]
    assert (await checker.approve(second, number)).status_code == 200
    made = await actions(service)
    assert sorted(made[:3]) == ["proposal_made", "proposal_made", "proposal_recalled"]
    assert made[3:] == ["listing_published", "proposal_approved"]
    again = await maker.post(
        "/v1/proposals", {"act": "publish", "publication": publication(), "replaces": second["proposal_id"]}
    )
    assert again.status_code == 409  # it is in force


async def test_a_replacement_that_is_refused_leaves_the_first_waiting(service: Service, maker: Clerk):
    first = await maker.propose(act="publish", publication=publication())
    child = publication(resident_id(born="20150101"))
    asked = {"act": "publish", "publication": child, "replaces": first["proposal_id"]}
    assert (await maker.post("/v1/proposals", asked)).status_code == 422
    assert (await maker.get(f"/v1/proposals/{first['proposal_id']}")).json()["state"] == "waiting"
    dry = await maker.client.post(
        "/v1/proposals", params={"dry_run": "true"}, json=asked | {"publication": publication()}
    )
    assert dry.status_code == 200
    assert (await maker.get(f"/v1/proposals/{first['proposal_id']}")).json()["state"] == "waiting"


async def test_only_the_same_act_on_the_same_target_is_replaced_by_its_maker(
    service: Service, maker: Clerk, both: Clerk
):
    listings = []
    for _ in range(2):
        listed = await service.post("/v1/listings", publication(), key="court")
        listings.append(listed.json()["listing_id"])
    extension = {"expires_on": day(900), "decided_on": day(), "reason": "抗拒执行"}
    first = await maker.propose(act="extend", listing_id=listings[0], version=1, extension=extension)
    replaces = {"replaces": first["proposal_id"]}
    another = {"act": "extend", "listing_id": listings[1], "version": 1, "extension": extension}
    for asked in (another, {"act": "publish", "publication": publication()}):
        refused = await maker.post("/v1/proposals", asked | replaces)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/replaces")
    same = another | {"listing_id": listings[0]}
    assert (await both.post("/v1/proposals", same | replaces)).status_code == 404  # not their own
    nothing = {"replaces": "0197c9a5-7c00-7000-8000-000000000001"}
    assert (await maker.post("/v1/proposals", same | nothing)).status_code == 404
    assert (await maker.get(f"/v1/proposals/{first['proposal_id']}")).json()["state"] == "waiting"
    assert (await maker.post("/v1/proposals", same | replaces)).status_code == 201


async def test_an_import_is_proposed_anew_in_the_place_of_its_first_proposal(service: Service, maker: Clerk):
    """Two of one import cannot wait: the first has to be out of the way before the second is there."""
    async with service.workplace.connected() as connection:
        await connection.execute(
            "INSERT INTO imports (id, court_code, court_name, mode, is_dry_run, state, is_preview, queued_at, legal_date)"
            " VALUES (gen_random_uuid(), '云0111', '官渡', 'upsert', false, 'awaiting_confirmation', true,"
            " clock_timestamp(), current_date)"
        )
    [load] = await service.fetch("SELECT id FROM imports")
    first = await maker.propose(act="import", import_id=str(load["id"]))
    second = await maker.propose(act="import", import_id=str(load["id"]), replaces=first["proposal_id"])
    assert second["state"] == "waiting"


@pytest.mark.parametrize("gone", ["ended", "duty taken"])
async def test_nothing_takes_effect_in_the_name_of_somebody_who_left(service: Service, checker: Clerk, gone: str):
    number, secrecy = resident_id(), service.workplace.secrecy
    async with seated(service, "li.jing", Duty.MAKER) as maker:
        proposal = await maker.propose(act="publish", publication=publication(number))
        async with service.workplace.connected() as connection, connection.transaction():
            if gone == "ended":
                await accounts.end_account(connection, maker.account, actor=TEST, secrecy=secrecy)
            else:
                await grants.take_duty(connection, maker.account, Duty.MAKER, actor=TEST, secrecy=secrecy)

    refused = await checker.approve(proposal, number)

    assert refused.status_code == 409
    assert refused.json()["title"].startswith("Whoever made this proposal may not do the act any more")
    assert await service.decide(subject("赵六", number)) == "clear"
    path = f"/v1/proposals/{proposal['proposal_id']}/return"
    assert (await checker.post(path, {"reason": "经办人已离任"})).status_code == 200


async def test_a_locked_account_is_not_one_that_left(service: Service, maker: Clerk, checker: Clerk):
    number = resident_id()
    proposal = await maker.propose(act="publish", publication=publication(number))
    async with service.workplace.connected() as connection:
        await connection.execute(
            "UPDATE staff SET locked_until = clock_timestamp() + interval '30 minutes' WHERE id = $1", maker.account
        )
        await connection.execute("UPDATE api_keys SET revoked_at = clock_timestamp() WHERE id = $1", maker.account)
    assert (await checker.approve(proposal, number)).status_code == 200


async def test_nothing_takes_effect_in_the_name_of_a_revoked_key(service: Service, checker: Clerk):
    number = resident_id()
    asked = {"act": "publish", "publication": publication(number)}
    proposal = (await service.post("/v1/proposals", asked, key="court")).json()
    key_id = service.keys["court"].split("_")[2]
    security = await service.add_key("GD-AUDIT", Role.SECURITY)
    revoked = await service.post(f"/v1/keys/{key_id}/revocation", {}, key=security)
    assert revoked.status_code == 200, revoked.text
    assert (await checker.approve(proposal, number)).status_code == 409
    assert await service.decide(subject("赵六", number)) == "clear"


async def test_a_revocation_under_way_is_waited_for(service: Service, checker: Clerk):
    number = resident_id()
    asked = {"act": "publish", "publication": publication(number)}
    proposal = (await service.post("/v1/proposals", asked, key="court")).json()
    key_id = service.keys["court"].split("_")[2]
    async with service.workplace.connected() as connection:
        async with connection.transaction():
            await connection.execute("UPDATE api_keys SET revoked_at = clock_timestamp() WHERE id = $1", key_id)
            approving = asyncio.ensure_future(checker.approve(proposal, number))
            async with asyncio.timeout(30):
                while not await service.fetch("SELECT FROM pg_locks WHERE NOT granted"):
                    await asyncio.sleep(0.02)
        refused = await approving
    assert refused.status_code == 409
    assert await service.decide(subject("赵六", number)) == "clear"
