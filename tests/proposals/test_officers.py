"""A second security officer for keys and catalogues: proposed over HTTP where the installation asks for it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from blacklist_service.access.duties import Duty
from blacklist_service.access.scopes import Role
from tests.proposals.desks import Clerk, seated
from tests.support import Service


async def catalogue_in_force(service: Service) -> tuple[dict[str, Any], int]:
    [head] = await service.fetch("SELECT version FROM heads WHERE name = 'measures'")
    [kept] = await service.fetch("SELECT catalogue FROM measures_versions WHERE version = $1", head["version"])
    return dict(kept["catalogue"]), head["version"]


async def test_a_key_is_made_by_two_officers_and_shown_once(service: Service, officer: Clerk):
    service.app.state.settings = service.app.state.settings.model_copy(update={"second_officer": True})
    first = await service.add_key("GD-AUDIT", Role.SECURITY)
    alone = await service.post("/v1/members/GD-HR/keys", {"role": "agency"}, key=first)
    assert (alone.status_code, alone.json()["code"]) == (409, "second-person-needed")
    asked = {"act": "key", "member": "GD-HR", "key": {"role": "agency", "days": 30}}
    proposed = await service.post("/v1/proposals", asked, key=first)
    assert proposed.status_code == 201, proposed.text
    keys = len(await service.fetch("SELECT FROM api_keys WHERE member = 'GD-HR'"))
    own = f"/v1/proposals/{proposed.json()['proposal_id']}/approval"
    body = {"sha256": proposed.json()["sha256"]}
    assert (await service.post(own, body, key=first)).status_code == 403
    assert (await service.post(own, body, key="court")).status_code == 404
    assert (await officer.get("/v1/proposals/counts")).json()["to_decide"] == 1
    approved = await officer.post(own, body, **{"Idempotency-Key": "k-1"})
    assert approved.status_code == 200, approved.text
    made = approved.json()
    assert made["outcome"]["key_id"]
    assert (await service.get("/v1/checks", key=made["key"])).status_code == 200
    assert len(await service.fetch("SELECT FROM api_keys WHERE member = 'GD-HR'")) == keys + 1
    again = await officer.post(own, body, **{"Idempotency-Key": "k-1"})
    assert (again.status_code, again.json()["key"]) == (200, None)
    assert made["key"] not in str((await officer.get(f"/v1/proposals/{made['proposal_id']}")).json())
    [entry] = await service.fetch(
        "SELECT key_id FROM ledger_entries WHERE action = 'key_created' ORDER BY at DESC LIMIT 1"
    )
    assert entry["key_id"] == first.split("_")[2]


async def test_a_catalogue_is_applied_by_two_on_the_version_they_saw(service: Service, officer: Clerk):
    service.app.state.settings = service.app.state.settings.model_copy(update={"second_officer": True})
    first = await service.add_key("GD-AUDIT", Role.SECURITY)
    catalogue, version = await catalogue_in_force(service)
    less = catalogue | {"matters": catalogue["matters"][1:]}
    alone = await service.client.put("/v1/measures", json=less, headers=service.bearer(first))
    assert alone.json()["code"] == "second-person-needed"
    dry = await service.client.put("/v1/measures", json=less, params={"dry_run": "true"}, headers=service.bearer(first))
    assert dry.status_code == 200
    asked = {"act": "catalogue", "version": version, "catalogue": less}
    proposed = (await service.post("/v1/proposals", asked, key=first)).json()
    late = (await service.post("/v1/proposals", asked, key=first)).json()
    seen = (await officer.get(f"/v1/proposals/{proposed['proposal_id']}")).json()
    assert seen["content"]["removed"] == [catalogue["matters"][0]["code"]]
    assert seen["content"]["weakened"]
    approved = await officer.approve(proposed)
    assert approved.status_code == 200, approved.text
    assert approved.json()["outcome"]["measures_version"] == version + 1
    assert (await catalogue_in_force(service))[0]["matters"][0]["code"] == less["matters"][0]["code"]
    stale = await officer.approve(late)
    assert (stale.status_code, stale.json()["code"]) == (409, "proposal-stale")


async def test_a_courts_person_sees_nothing_of_officers_and_they_nothing_of_courts(service: Service, officer: Clerk):
    asked = {"act": "key", "member": "GD-HR", "key": {"role": "agency"}}
    proposal = await officer.propose(**asked)
    async with seated(service, "wu.hai", Duty.MAKER, Duty.CHECKER) as court:
        assert (await court.get("/v1/proposals")).json()["items"] == []
        assert (await court.get(f"/v1/proposals/{proposal['proposal_id']}")).status_code == 404
        assert (await court.post("/v1/proposals", asked)).status_code == 403
        assert (await court.approve(proposal)).status_code == 404
    assert [one["act"] for one in (await officer.get("/v1/proposals")).json()["items"]] == ["key"]


@pytest.fixture
async def officer(service: Service) -> AsyncIterator[Clerk]:
    async with seated(service, "he.ping", Duty.SECURITY, member="GD-AUDIT") as clerk:
        yield clerk
