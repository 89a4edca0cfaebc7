"""A listing is suspended for a time (暂时屏蔽): nobody is stopped by it, and it is not lost."""

import hashlib
from typing import Any
from uuid import UUID

import pytest

from blacklist_service.access.scopes import Role
from blacklist_service.listings.reading import find_version_as_of
from tests.journeys.test_imports_over_http import as_csv, load, work
from tests.support import COURT_CODE, Service, day, resident_id, row, subject

LISTED = resident_id(15)
WHO = subject("张三", LISTED)
SUSPENSION = {"ground": "bankruptcy", "decided_on": day(), "reason": "裁定受理破产"}
RESUMPTION = {"decided_on": day(), "reason": "破产申请被驳回"}


def listed(**values: Any) -> dict[str, str]:
    return row(name="张三", identifier_number=LISTED, case_number="(2025)云0111执1号", **values)


@pytest.fixture
async def listing(service: Service) -> str:
    assert (await load(service, as_csv(listed(), row(name="李四", identifier_number=resident_id(2)))))["rows"][
        "created"
    ]
    [found] = (await service.get("/v1/listings", key="court", case_number="(2025)云0111执1号")).json()["items"]
    return str(found["listing_id"])


async def act(
    service: Service, listing_id: str, name: str, body: dict[str, Any], *, status: int = 200
) -> dict[str, Any]:
    version = (await service.get(f"/v1/listings/{listing_id}", key="court")).json()["version"]
    path, match = f"/v1/listings/{listing_id}/{name}", {"If-Match": f'"{version}"'}
    response = await service.post(path, body, key="court", **match)
    assert response.status_code == status, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def state(service: Service, listing_id: str) -> str:
    found: str = (await service.get(f"/v1/listings/{listing_id}", key="court")).json()["state"]
    return found


async def calendar_round(service: Service) -> None:
    async with service.workplace.connected() as connection:
        await service.do_calendar_round(connection)


async def test_suspended_it_stops_nobody_and_resumed_it_blocks_again(service: Service, listing: str):
    assert await service.decide(WHO) == "block"
    done = await act(service, listing, "suspension", SUSPENSION)
    assert (done["state"], done["version"], done["list_version"]) == ("suspended", 2, 3)
    for asked in (WHO, subject("张三")):
        answer = await service.check(asked)
        assert (answer["decision"], answer["subjects"][0]["matches"]) == ("clear", [])
    shown = (await service.get(f"/v1/listings/{listing}", key="court")).json()
    assert (shown["suspended_on"], shown["ended_on"], shown["expires_on"]) == (day(), None, day(700))
    done = await act(service, listing, "resumption", RESUMPTION)
    assert (done["state"], done["version"], done["list_version"]) == ("published", 3, 4)
    assert await service.decide(WHO) == "block"
    history = (await service.get(f"/v1/listings/{listing}/history", key="court")).json()["items"]
    assert [(one["act"], one["ground"], one["reason"]) for one in history] == [
        ("published", None, None),
        ("suspended", "bankruptcy", "裁定受理破产"),
        ("resumed", None, "破产申请被驳回"),
    ]


async def test_the_feed_says_suspended_and_then_published_and_the_digest_lacks_it(service: Service, listing: str):
    async def follow() -> tuple[list[str], dict[str, int], dict[str, Any]]:
        page = (await service.get("/v1/changes", digest=True)).json()
        copy: dict[str, int] = {}
        for one in page["items"]:
            if one["listing"] is None:
                copy.pop(one["listing_id"])
            else:
                copy[one["listing_id"]] = one["version"]
        lines = "".join(f"{listing_id} {version}\n" for listing_id, version in sorted(copy.items()))
        assert page["set"]["sha256"] == hashlib.sha256(lines.encode()).hexdigest()
        return [one["type"] for one in page["items"]], copy, page["items"][-1]

    await act(service, listing, "suspension", SUSPENSION)
    types, copy, last = await follow()
    assert (types, list(copy), last["listing"]) == (["published", "published", "suspended"], [next(iter(copy))], None)
    assert listing not in copy
    # What becomes of it meanwhile is no change of the list.
    await act(service, listing, "dispute", {"state": "filed", "filed_on": day()})
    await act(service, listing, "extension", {"expires_on": day(900), "decided_on": day(), "reason": "延长"})
    await calendar_round(service)
    assert (await follow())[:2] == (types, copy)
    await act(service, listing, "resumption", RESUMPTION)
    types, copy, last = await follow()
    assert (types[-1], last["listing_id"], last["listing"]["expires_on"]) == ("published", listing, day(900))
    assert len(copy) == 2


async def test_the_public_list_lacks_it_and_the_court_finds_it(service: Service, listing: str):
    await act(service, listing, "suspension", SUSPENSION)
    assert "张三" not in (await service.get("/v1/publication", key="agency")).text
    for filters, count in (({"state": "suspended"}, 1), ({"state": "published"}, 1), ({"state": "grace"}, 0)):
        assert len((await service.get("/v1/listings", key="court", **filters)).json()["items"]) == count
    found = (await service.post("/v1/listings/search", {"name": "张三"}, key="court")).json()["items"]
    assert [one["state"] for one in found] == ["suspended"]


@pytest.mark.parametrize("mode", ["upsert", "snapshot"])
async def test_a_file_that_holds_it_does_not_resume_it(service: Service, listing: str, mode: str):
    await act(service, listing, "suspension", SUSPENSION)
    other = row(name="李四", identifier_number=resident_id(2), case_number="x")
    rows = [listed(), listed(obligation="另")]
    for content in rows:
        loaded = await load(service, as_csv(content, other), mode=mode)
        if loaded["state"] == "awaiting_confirmation":
            second = await service.add_key("GD-COURT", Role.COURT)
            await service.post(f"/v1/imports/{loaded['import_id']}/confirmation", {}, key=second)
            await work(service)
        assert await state(service, listing) == "suspended"
        assert await service.decide(WHO) == "clear"
    again = await service.post("/v1/listings", publication(), key="court")
    assert again.status_code == 409


def publication() -> dict[str, Any]:
    debtor = {"kind": "person", "name": "张三", "identifier": {"type": "resident_id", "number": LISTED}}
    return {"case_number": "(2025)云0111执1号", "court": {"code": COURT_CODE}, "debtor": debtor}


async def test_a_snapshot_that_lacks_it_does_not_end_it(service: Service, listing: str):
    await act(service, listing, "suspension", SUSPENSION)
    [other] = await service.fetch("SELECT case_number, party_sequence FROM listings WHERE debtor_name = '李四'")
    held = row(name="李四", identifier_number=resident_id(2), case_number=other["case_number"])
    loaded = await load(service, as_csv(held), mode="snapshot")
    assert loaded["rows"]["total"] == 1
    assert await state(service, listing) == "suspended"


async def test_a_correction_changes_what_it_says_and_keeps_it_suspended(service: Service, listing: str):
    await act(service, listing, "suspension", SUSPENSION)
    body = publication() | {"obligation": "支付二元", "published_on": day(-1), "expires_on": day(700)}
    done = await act(service, listing, "correction", {"listing": body, "reason": "笔误", "decided_on": day()})
    assert (done["state"], done["list_version"]) == ("suspended", 3)
    assert await service.decide(WHO) == "clear"
    async with service.workplace.connected() as connection:
        assert await find_version_as_of(connection, UUID(listing), 3) is None
        before = await find_version_as_of(connection, UUID(listing), 1)
        assert before is not None
        assert before["act"] == "published"
    await act(service, listing, "resumption", RESUMPTION)
    answer = await service.check(WHO)
    assert answer["decision"] == "block"
    assert (await service.get("/v1/changes")).json()["items"][-1]["listing"]["obligation"] == "支付二元"


async def test_it_ends_as_any_other_and_its_term_runs_on(service: Service, listing: str):
    await act(service, listing, "suspension", SUSPENSION)
    async with service.workplace.connected() as connection:
        await connection.execute("UPDATE listings SET expires_on = current_date - 10 WHERE id = $1", UUID(listing))
    assert await state(service, listing) == "expired"
    await calendar_round(service)
    assert (await act(service, listing, "resumption", RESUMPTION, status=409))["code"] == "conflict"
    assert (await act(service, listing, "suspension", SUSPENSION, status=409))["code"] == "conflict"
    assert await service.decide(WHO) == "clear"
    done = await act(service, listing, "withdrawal", {"reason": "错误纳入", "decided_on": day()})
    assert done["state"] == "withdrawn"


async def test_in_grace_it_is_no_change_of_the_list_and_does_not_come_into_force(service: Service):
    body = publication() | {"grace_until": day(5)}
    listing = (await service.post("/v1/listings", body, key="court")).json()["listing_id"]
    done = await act(service, listing, "suspension", SUSPENSION)
    assert (done["state"], done["list_version"]) == ("suspended", None)
    async with service.workplace.connected() as connection:
        await service.move_grace_back(connection)
    await calendar_round(service)
    assert (await state(service, listing), await service.decide(WHO)) == ("suspended", "clear")
    assert (await service.get("/v1/changes")).json()["items"] == []
    assert (await act(service, listing, "resumption", RESUMPTION))["state"] == "published"
    assert await service.decide(WHO) == "block"
    assert [one["type"] for one in (await service.get("/v1/changes")).json()["items"]] == ["published"]


async def test_resumed_in_grace_it_is_in_grace(service: Service):
    body = publication() | {"grace_until": day(5)}
    listing = (await service.post("/v1/listings", body, key="court")).json()["listing_id"]
    await act(service, listing, "suspension", SUSPENSION)
    done = await act(service, listing, "resumption", RESUMPTION)
    assert (done["state"], done["list_version"]) == ("grace", None)


async def test_twice_suspended_is_once_and_what_is_not_suspended_is_not_resumed(service: Service, listing: str):
    assert (await act(service, listing, "resumption", RESUMPTION, status=409))["code"] == "conflict"
    first = await act(service, listing, "suspension", SUSPENSION)
    assert await act(service, listing, "suspension", SUSPENSION) == first


async def test_it_needs_the_version_the_court_and_a_reason(service: Service, listing: str):
    path = f"/v1/listings/{listing}/suspension"
    assert (await service.post(path, SUSPENSION, key="court")).status_code == 428
    assert (await service.post(path, SUSPENSION, key="court", **{"If-Match": '"9"'})).status_code == 412
    assert (await service.post(path, SUSPENSION, key="agency", **{"If-Match": '"1"'})).status_code == 403
    for wrong in ({"ground": "poverty"}, {"reason": ""}, {"decided_on": "someday"}):
        response = await service.post(path, SUSPENSION | wrong, key="court", **{"If-Match": '"1"'})
        assert response.status_code == 422
    assert await service.decide(WHO) == "block"


async def test_rows_of_a_file_suspend_and_resume(service: Service, listing: str):
    pause = {"name": "张三", "identifier_number": LISTED, "case_number": "(2025)云0111执1号", "decided_on": day()}
    done = await load(service, as_csv(pause | {"action": "暂时屏蔽", "ground": "法院裁定受理破产"}))
    assert (done["rows"]["corrected"], await state(service, listing)) == (1, "suspended")
    again = await load(service, as_csv(pause | {"action": "暂时屏蔽", "ground": "法院裁定受理破产"}))
    assert (again["rows"]["unchanged"], await service.decide(WHO)) == (1, "clear")
    assert (await load(service, as_csv(pause | {"action": "解除屏蔽"})))["rows"]["corrected"] == 1
    assert await service.decide(WHO) == "block"
    unknown = pause | {"action": "暂时屏蔽", "name": "无此人", "identifier_number": resident_id(9)}
    assert (await load(service, as_csv(unknown)))["rows"]["rejected"] == 1
    history = (await service.get(f"/v1/listings/{listing}/history", key="court")).json()["items"]
    assert [(one["act"], one["ground"]) for one in history][1:] == [("suspended", "bankruptcy"), ("resumed", None)]


@pytest.mark.parametrize("dated", [True, False])
async def test_an_old_file_loaded_again_neither_suspends_nor_resumes(service: Service, listing: str, dated: bool):
    named = {"name": "张三", "identifier_number": LISTED, "case_number": "(2025)云0111执1号"}
    pause = named | {"action": "暂时屏蔽", "ground": "法院裁定受理破产"} | ({"decided_on": day(-9)} if dated else {})
    resumption = named | {"action": "解除屏蔽"} | ({"decided_on": day(-3)} if dated else {})
    for one in (pause, resumption):
        assert (await load(service, as_csv(one)))["rows"]["corrected"] == 1
    replayed = await load(service, as_csv(pause))
    assert (replayed["rows"]["unchanged"], replayed["findings"][0]["code"]) == (1, "superseded")
    assert await service.decide(WHO) == "block"
    anew = await load(service, as_csv(pause | {"decided_on": day(-1)}))
    assert (anew["rows"]["corrected"], await state(service, listing)) == (1, "suspended")
    replayed = await load(service, as_csv(resumption))
    assert (replayed["rows"]["unchanged"], await state(service, listing)) == (1, "suspended")
