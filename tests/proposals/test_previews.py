"""Previews: what would become of each row of a file, kept until another person confirms it for the same state of the list."""

import csv
import io
import os
import time
from typing import Any

import pytest

from blacklist_service.access.scopes import Role
from blacklist_service.listings.operations.importing import CHUNK_ROWS
from blacklist_service.listings.operations.jobs import LOADING_SETTINGS, claim_import, run_import
from blacklist_service.listings.operations.uploads import uploaded_file
from blacklist_service.listings.queries import known_courts
from blacklist_service.listings.tasks import load_next
from tests.proposals.desks import Clerk, publication
from tests.support import Service, day, resident_id, row, subject


def as_file(*rows: dict[str, str]) -> dict[str, Any]:
    text = io.StringIO()
    header = list(dict.fromkeys(name for one in rows for name in one))
    writer = csv.DictWriter(text, header)
    writer.writeheader()
    writer.writerows(rows)
    return {"file": ("官渡法院名单.csv", text.getvalue().encode())}


async def sent(clerk: Clerk, *rows: dict[str, str], **query: str) -> str:
    response = await clerk.client.post("/v1/imports", files=as_file(*rows), params=query)
    assert response.status_code == 202, response.text
    import_id: str = response.json()["import_id"]
    return import_id


async def work(service: Service) -> None:
    async with service.workplace.connected() as connection:
        for name, value in LOADING_SETTINGS.items():
            await connection.execute("SELECT set_config($1, $2, false)", name, value)
        while await load_next(connection, service.workplace.secrecy):
            pass


async def state_of(clerk: Clerk, import_id: str) -> dict[str, Any]:
    state: dict[str, Any] = (await clerk.get(f"/v1/imports/{import_id}")).json()
    return state


async def test_an_accounts_file_shows_every_rows_fate_and_waits_for_another(
    service: Service, maker: Clerk, checker: Clerk
):
    known, fresh = row(name="钱七"), row(name="赵六")
    gone = row(name="孙八")
    await service.load_rows(known, gone)
    rows = [
        fresh,
        known | {"expires_on": day(300), "performance": "部分未履行"},
        row(name=""),
        gone,
        gone | {"action": "delete", "ground": "提前删除", "decided_on": day()},
    ]
    import_id = await sent(maker, *rows[:3], rows[4])
    await work(service)
    state = await state_of(maker, import_id)
    assert (state["state"], state["is_preview"], state["needs_another"]) == ("awaiting_confirmation", True, True)
    counts = {name: state["rows"][name] for name in ("total", "created", "corrected", "ended", "rejected")}
    assert counts == {"total": 4, "created": 1, "corrected": 1, "ended": 1, "rejected": 1}
    assert state["plan"]["ended"] == 1
    assert await service.decide(subject("赵六", fresh["identifier_number"])) == "clear"
    fates = (await checker.get(f"/v1/imports/{import_id}/fates")).json()["items"]
    assert [one["fate"] for one in fates] == ["created", "corrected", "rejected", "ended"]
    assert (fates[0]["row"], fates[0]["case_number"], fates[0]["debtor_name"]) == (2, fresh["case_number"], "赵六")
    assert fresh["identifier_number"] not in str(fates)
    assert [one["field"] for one in fates[1]["changes"]] == ["expires_on", "performance"]
    assert fates[2]["refusal"] == {
        "code": "name-missing",
        "zh": "缺少被执行人姓名/名称",
        "en": "the debtor's name is missing",
    }
    assert fates[3]["debtor_name"] == "孙八"
    page = (await maker.get(f"/v1/imports/{import_id}/fates", limit=2)).json()
    rest = (await maker.get(f"/v1/imports/{import_id}/fates", limit=2, cursor=page["next"])).json()
    assert page["items"] + rest["items"] == fates
    only = (await maker.get(f"/v1/imports/{import_id}/fates", fate="corrected")).json()["items"]
    assert only == [fates[1]]
    # Neither its sender nor a second account confirms it but by a proposal.
    for clerk in (maker, checker):
        refused = await clerk.post(f"/v1/imports/{import_id}/confirmation", {})
        assert refused.json()["code"] == "second-person-needed"
    proposal = await maker.propose(act="import", import_id=import_id)
    assert (await maker.post("/v1/proposals", {"act": "import", "import_id": import_id})).status_code == 409
    assert proposal["content"]["file_sha256"] == state["file_sha256"]
    approved = await checker.approve(proposal)
    assert approved.status_code == 200, approved.text
    await work(service)
    done = await state_of(maker, import_id)
    assert done["state"] == "done"
    assert {name: done["rows"][name] for name in counts} == counts
    assert await service.decide(subject("赵六", fresh["identifier_number"])) == "block"
    assert await service.decide(subject("孙八", gone["identifier_number"])) == "clear"
    after = (await maker.get(f"/v1/imports/{import_id}/fates")).json()["items"]
    assert after[1]["changes"] == fates[1]["changes"]
    assert (after[0]["case_number"], after[0]["debtor_name"]) == (fresh["case_number"], "赵六")
    [listed] = (await maker.get("/v1/imports", state="done")).json()["items"][:1]
    assert (listed["import_id"], listed["file_name"], listed["is_own"]) == (import_id, "官渡法院名单.csv", True)


async def test_a_list_that_moved_meanwhile_is_previewed_and_confirmed_anew(
    service: Service, maker: Clerk, checker: Clerk
):
    import_id = await sent(maker, one := row(name="赵六"))
    await work(service)
    proposal = await maker.propose(act="import", import_id=import_id)
    assert (await service.post("/v1/listings", publication(), key="court")).status_code == 201
    assert (await state_of(maker, import_id))["has_moved"]
    refused = await checker.approve(proposal)
    assert (refused.status_code, refused.json()["code"]) == (409, "proposal-stale")
    assert (await maker.post(f"/v1/proposals/{proposal['proposal_id']}/recall", {})).status_code == 200
    assert (await maker.post(f"/v1/imports/{import_id}/preview", {})).status_code == 200
    await work(service)
    assert not (await state_of(maker, import_id))["has_moved"]
    again = await maker.propose(act="import", import_id=import_id)
    assert (await checker.approve(again)).status_code == 200
    # Between the approval and the worker it moves again: what was approved is not what would be done now.
    assert (await service.post("/v1/listings", publication(), key="court")).status_code == 201
    await work(service)
    assert (await state_of(maker, import_id))["state"] == "awaiting_confirmation"
    assert await service.decide(subject("赵六", one["identifier_number"])) == "clear"


async def test_a_keys_preview_is_its_own_to_confirm_unless_the_brakes_hold_it(service: Service):
    second = await service.add_key("GD-COURT", Role.COURT)
    await service.load_rows(*[row() for _ in range(3)])

    async def previewed(mode: str) -> str:
        files = as_file(row(name="赵六"))
        response = await service.client.post(
            "/v1/imports", files=files, params={"mode": mode, "preview": "true"}, headers=service.bearer("court")
        )
        await work(service)
        import_id: str = response.json()["import_id"]
        return import_id

    import_id = await previewed("upsert")
    path = f"/v1/imports/{import_id}/confirmation"
    assert (await service.post(path, None, key="court")).status_code == 200
    await work(service)
    state = (await service.get(f"/v1/imports/{import_id}", key="court")).json()
    assert (state["state"], state["rows"]["created"]) == ("done", 1)
    braked = await previewed("snapshot")
    state = (await service.get(f"/v1/imports/{braked}", key="court")).json()
    assert (state["needs_another"], state["plan"]["absent"]) == (True, 4)
    lacking = (await service.get(f"/v1/imports/{braked}/absent", key="court", limit=3)).json()
    rest = (await service.get(f"/v1/imports/{braked}/absent", key="court", limit=3, cursor=lacking["next"])).json()
    assert len({one["listing_id"] for one in lacking["items"] + rest["items"]}) == 4
    path = f"/v1/imports/{braked}/confirmation"
    assert (await service.post(path, None, key="court")).status_code == 409
    assert (await service.post(path, None, key=second)).status_code == 200
    await work(service)
    assert (await service.get(f"/v1/imports/{braked}", key="court")).json()["state"] == "done"


async def test_with_one_person_enough_the_sender_confirms_what_no_brake_holds(service: Service, maker: Clerk):
    security = await service.add_key("GD-AUDIT", Role.SECURITY)
    await service.client.put(
        "/v1/members/GD-COURT/options", json={"options": {"import": 1}}, headers=service.bearer(security)
    )
    await service.load_rows(*[row() for _ in range(3)])
    import_id = await sent(maker, row(name="赵六", identifier_number=resident_id()))
    await work(service)
    assert not (await state_of(maker, import_id))["needs_another"]
    assert (await maker.post(f"/v1/imports/{import_id}/confirmation", {})).status_code == 200
    await work(service)
    assert (await state_of(maker, import_id))["state"] == "done"


async def test_a_worker_that_dies_at_any_step_changes_nothing_of_what_was_confirmed(
    service: Service, maker: Clerk, checker: Clerk
):
    rows = [row(name=f"新增{number}") for number in range(CHUNK_ROWS + 50)]
    import_id = await sent(maker, *rows)
    for far in (0.1, 0.6):
        await die_at(service, far)
    await work(service)
    previewed = (await state_of(maker, import_id))["rows"]
    assert (previewed["created"], await service.fetch("SELECT FROM listings")) == (len(rows), [])
    assert (await checker.approve(await maker.propose(act="import", import_id=import_id))).status_code == 200
    for far in (0.1, 0.6):
        await die_at(service, far)
    listed = len(await service.fetch("SELECT FROM listings"))
    assert 0 < listed < len(rows)
    await work(service)
    done = await state_of(maker, import_id)
    assert (done["state"], done["rows"]) == ("done", previewed)
    assert len(await service.fetch("SELECT FROM listings")) == len(rows)


async def die_at(service: Service, far: float) -> None:
    """A worker that claims the job, comes so far, and is gone."""
    secrecy = service.workplace.secrecy
    async with service.workplace.connected() as connection:
        job = await claim_import(connection)
        assert job is not None
        courts = await known_courts(connection)
        async with uploaded_file(connection, job.import_id, secrecy) as path:
            running: Any = run_import(connection, job, path, courts=courts, secrecy=secrecy)
            async for progress in running:
                if progress >= far:
                    break
            await running.aclose()


@pytest.mark.skipif("BLACKLIST_SOAK" not in os.environ, reason="a hundred thousand rows: BLACKLIST_SOAK=1")
@pytest.mark.timeout(1800)
async def test_a_hundred_thousand_rows_page_within_a_tenth_of_a_second(service: Service, maker: Clerk):
    known = [row(name=f"在列{number}") for number in range(20_000)]
    await service.load_rows(*known)
    changed = [one | {"performance": "部分未履行"} for one in known[:5_000]]
    fresh = [row(name=f"新增{number}") for number in range(80_000)]
    import_id = await sent(maker, *changed, *known[5_000:], *fresh)
    await work(service)
    state = await state_of(maker, import_id)
    assert (state["rows"]["total"], state["rows"]["corrected"], state["rows"]["created"]) == (100_000, 5_000, 80_000)
    for query in ({}, {"fate": "corrected"}, {"fate": "created"}, {"fate": "ended"}, {"warned": "true"}):
        times, cursor, pages = [], None, 0
        while pages < 40:
            begun = time.perf_counter()
            asked = query | ({"cursor": cursor} if cursor else {})
            page = (await maker.get(f"/v1/imports/{import_id}/fates", limit=50, **asked)).json()
            times.append(time.perf_counter() - begun)
            cursor, pages = page["next"], pages + 1
            if cursor is None:
                break
        times.sort()
        print(query, pages, "pages:", round(times[len(times) // 2] * 1000), "ms", round(times[-1] * 1000))  # noqa: T201
        assert times[len(times) // 2] < 0.1
    begun = time.perf_counter()
    await state_of(maker, import_id)
    print("counts:", round((time.perf_counter() - begun) * 1000), "ms")  # noqa: T201
