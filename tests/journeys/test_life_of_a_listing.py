"""The life of a listing over HTTP; a check is answered correctly at every step."""

import asyncio
import hashlib
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from blacklist_service.access.scopes import Role
from blacklist_service.listings.reading import find_version_as_of, get_list_version_at
from blacklist_service.members.rules import MemberKind
from tests.support import COURT_CODE, COURT_NAME, Service, day, question, resident_id, row, subject

LISTED = resident_id(15)


def publication(number: int = 1, **values: Any) -> dict[str, Any]:
    debtor = {"kind": "person", "name": "张三", "identifier": {"type": "resident_id", "number": LISTED}}
    return {
        "case_number": f"(2025)云0111执{number}号",
        "court": {"code": COURT_CODE, "name": COURT_NAME},
        "debtor": debtor | values.pop("debtor", {}),
        "circumstances": ["C4"],
        "decision": {"document_number": f"之{number}", "decided_on": day(-3)} | values.pop("decision", {}),
        "published_on": day(-1),
        "expires_on": day(700),
    } | values


async def publish(service: Service, **values: Any) -> dict[str, Any]:
    response = await service.post("/v1/listings", publication(**values), key="court")
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


async def act(service: Service, listing: dict[str, Any], name: str, body: dict[str, Any], **headers: str):
    headers = {"If-Match": f'"{listing["version"]}"'} | headers
    return await service.post(f"/v1/listings/{listing['listing_id']}/{name}", body, key="court", **headers)


async def decision(service: Service) -> str:
    return await service.decide(subject("张三", LISTED))


async def test_published_corrected_extended_disputed_and_deleted(service: Service):
    assert await decision(service) == "clear"
    listing = await publish(service)
    assert (listing["version"], listing["state"], listing["warnings"]) == (1, "published", [])
    assert await decision(service) == "block"

    corrected = publication(obligation="支付二元")
    response = await act(service, listing, "correction", {"listing": corrected, "reason": "笔误", "decided_on": day()})
    assert (response.status_code, response.json()["version"]) == (200, 2)
    response = await act(
        service, response.json(), "extension", {"expires_on": day(900), "decided_on": day(), "reason": "暴力抗拒执行"}
    )
    assert response.json()["version"] == 3
    response = await act(service, response.json(), "dispute", {"state": "filed", "filed_on": day()})
    answer = await service.check(subject("张三", LISTED))
    shown = answer["subjects"][0]["matches"][0]["listing"]
    assert (answer["decision"], shown["dispute_state"], shown["expires_on"]) == ("block", "filed", day(900))

    deletion = {"ground": "early_by_decision", "decided_on": day()}
    response = await act(service, response.json(), "deletion", deletion)
    assert (response.json()["state"], response.json()["warnings"]) == ("deleted", [])
    assert await decision(service) == "clear"

    path = f"/v1/listings/{listing['listing_id']}"
    history = (await service.get(path + "/history", key="court")).json()["items"]
    assert [one["act"] for one in history] == ["published", "corrected", "extended", "disputed", "deleted"]
    assert [one["list_version"] for one in history] == [1, 2, 3, 4, 5]
    assert history[1]["reason"] == "笔误"
    assert history[2]["listing"]["expires_on"] == day(900)
    changes = (await service.get("/v1/changes", key="agency")).json()
    assert [one["type"] for one in changes["items"]] == ["published", "corrected", "extended", "disputed", "deleted"]
    assert changes["items"][-1]["listing"] is None
    assert LISTED not in str(changes)


async def test_the_same_content_again_is_unchanged_and_other_content_names_the_correction(service: Service):
    listing = await publish(service)
    again = await service.post("/v1/listings", publication(), key="court")
    assert (again.status_code, again.json()["listing_id"]) == (200, listing["listing_id"])
    other = await service.post("/v1/listings", publication(obligation="其他"), key="court")
    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    assert f"/v1/listings/{listing['listing_id']}/correction" in other.json()["detail"]
    assert (await service.get("/v1/changes")).json()["list_version"] == 1


async def test_a_withdrawal_names_the_answers_it_touched(service: Service):  # golden 14
    listing = await publish(service)
    asked = [(await service.check(subject("张三", LISTED)))["check_id"] for _ in range(12)]
    await service.check(subject("李四", resident_id(2)))
    response = await act(service, listing, "withdrawal", {"reason": "错误纳入", "decided_on": day()})
    assert {one["check_id"] for one in response.json()["touched_checks"]} == set(asked)
    assert {one["decision"] for one in response.json()["touched_checks"]} == {"block"}
    assert await decision(service) == "clear"
    assert (await service.get(f"/v1/checks/{asked[0]}")).json()["decision"] == "block"


async def test_an_act_needs_the_version_it_changes(service: Service):
    listing = await publish(service)
    path = f"/v1/listings/{listing['listing_id']}/withdrawal"
    body = {"reason": "错误纳入", "decided_on": day()}
    without = await service.post(path, body, key="court")
    assert (without.status_code, without.json()["code"]) == (428, "precondition-required")
    other = await service.post(path, body, key="court", **{"If-Match": '"7"'})
    assert (other.status_code, other.json()["code"]) == (412, "version-mismatch")
    assert await decision(service) == "block"


async def test_another_courts_listing_is_not_ones_to_change(service: Service):
    await service.add_member("PL-COURT", MemberKind.COURT, court_code="云0103")
    other = await service.add_key("PL-COURT", Role.COURT)
    listing = await publish(service)
    body = {"reason": "错误纳入", "decided_on": day()}
    path = f"/v1/listings/{listing['listing_id']}/withdrawal"
    response = await service.post(path, body, key=other, **{"If-Match": '"1"'})
    assert (response.status_code, response.json()["code"]) == (403, "court-mismatch")
    response = await service.post("/v1/listings", publication(2), key=other)
    assert (response.status_code, response.json()["code"]) == (403, "court-mismatch")
    assert await decision(service) == "block"


async def test_a_listing_in_grace_is_no_change_until_it_is_published(service: Service):  # golden 12
    listing = await publish(service, published_on=None, grace_until=day(30))
    assert (listing["state"], listing["list_version"]) == ("grace", None)
    assert await decision(service) == "clear"
    assert (await service.get("/v1/changes")).json()["items"] == []
    assert (await service.get(f"/v1/listings/{listing['listing_id']}", key="court")).json()["state"] == "grace"
    response = await act(service, listing, "deletion", {"ground": "performed", "decided_on": day()})
    assert (response.json()["state"], response.json()["list_version"]) == ("deleted", None)
    assert (await service.get("/v1/changes")).json()["items"] == []


async def test_a_listing_with_a_term_is_not_ended_by_payment(service: Service):  # golden 9
    listing = await publish(service)
    paid = publication(performance="full")
    await act(service, listing, "correction", {"listing": paid, "reason": "已付款", "decided_on": day()})
    assert await decision(service) == "block"
    assert (await service.get("/v1/listings/tasks", key="court")).json()["items"] == []


async def test_a_performed_listing_without_a_term_is_in_force_and_a_task(service: Service):  # golden 10
    listing = await publish(service, expires_on=None, circumstances=["C1"], performance="full")
    assert await decision(service) == "block"
    [task] = (await service.get("/v1/listings/tasks", key="court")).json()["items"]
    assert (task["task"], task["listing_id"]) == ("delete_after_performance", listing["listing_id"])
    assert task["due_on"] > day()
    assert not task["is_overdue"]


async def test_a_term_that_ended_does_not_block_and_is_a_task(service: Service):  # golden 11
    listing = await publish(service, published_on=day(-800), expires_on=day(-30), decision={"decided_on": day(-801)})
    assert listing["state"] == "expired"
    assert await decision(service) == "clear"
    async with service.workplace.connected() as connection:
        await service.do_calendar_round(connection)
    tasks = (await service.get("/v1/listings/tasks", key="court")).json()
    assert [task["task"] for task in tasks["items"]] == ["delete_after_term"]
    assert tasks["overdue"] == 1
    types = [one["type"] for one in (await service.get("/v1/changes")).json()["items"]]
    assert types == ["published", "expired"]


async def test_a_correction_into_a_case_whose_listing_is_past_its_term_ends_that_one(service: Service):
    await publish(service, published_on=day(-800), expires_on=day(-30), decision={"decided_on": day(-801)})
    listing = await publish(service, number=2)
    body = {"listing": publication(number=1), "reason": "案号笔误", "decided_on": day()}
    assert (await act(service, listing, "correction", body)).status_code == 200
    assert await decision(service) == "block"
    types = [one["type"] for one in (await service.get("/v1/changes")).json()["items"]]
    assert types == ["published", "published", "expired", "corrected"]


async def test_a_creditor_is_barred_for_six_months_and_the_court_is_not(service: Service):  # golden 20
    listing = await publish(service, expires_on=None, circumstances=["C1"])
    await act(service, listing, "deletion", {"ground": "creditor_request", "decided_on": day(-120)})
    again = publication(decision={"document_number": "再", "decided_on": day(), "on_application_of": "creditor"})
    response = await service.post("/v1/listings", again, key="court")
    assert (response.status_code, response.json()["code"]) == (409, "conflict")
    own = publication(decision={"document_number": "再", "decided_on": day(), "on_application_of": "court"})
    assert (await service.post("/v1/listings", own, key="court")).status_code == 201


async def test_listing_again_needs_a_decision_after_the_end(service: Service):
    listing = await publish(service)
    await act(service, listing, "deletion", {"ground": "early_by_decision", "decided_on": day(-1)})
    assert (await service.post("/v1/listings", publication(), key="court")).status_code == 200
    assert await decision(service) == "clear"
    old = publication(obligation="另", decision={"decided_on": day(-2)})
    assert (await service.post("/v1/listings", old, key="court")).status_code == 409
    new = publication(decision={"document_number": "新", "decided_on": day()})
    response = await service.post("/v1/listings", new, key="court")
    assert response.status_code == 201
    assert response.json()["listing_id"] != listing["listing_id"]
    assert await decision(service) == "block"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"debtor": {"identifier": {"type": "resident_id", "number": resident_id(3, born="20150101")}}}, "minor"),
        ({"debtor": {"identifier": {"type": "resident_id", "number": "5.30111E+17"}}}, "identifier-damaged"),
        ({"debtor": {"name": "  "}}, "blank"),
        ({"case_number": "  "}, "case-number-missing"),
        ({"published_on": "2025-13-45"}, "date"),
        ({"performance": "somewhat"}, "literal-error"),
    ],
)
async def test_what_may_not_be_listed_is_refused_by_its_code(service: Service, change, code):
    response = await service.post("/v1/listings", publication(**change), key="court")
    assert response.status_code == 422
    assert code in [error["code"] for error in response.json()["errors"]]


async def test_an_act_under_one_key_is_carried_out_once(service: Service):
    headers = {"Idempotency-Key": "p1"}
    asked = (service.post("/v1/listings", publication(), key="court", **headers) for _ in range(8))
    responses = await asyncio.gather(*asked)
    assert {response.status_code for response in responses} == {201}
    assert len({response.content for response in responses}) == 1
    other = await service.post("/v1/listings", publication(2), key="court", **headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")


async def test_agencies_cannot_write_the_list(service: Service):
    assert (await service.post("/v1/listings", publication(), key="agency")).status_code == 403
    assert (await service.get("/v1/listings", key="agency")).status_code == 403


async def test_the_list_is_read_by_filters_and_searched_in_the_body(service: Service):
    for number in range(1, 6):
        await publish(service, number=number)
    page = (await service.get("/v1/listings", key="court", limit=2)).json()
    more = (await service.get("/v1/listings", key="court", limit=4, cursor=page["next"])).json()
    assert (len(page["items"]), len(more["items"]), more["next"]) == (2, 3, None)
    one = (await service.get("/v1/listings", key="court", case_number="（2025）云0111执03号")).json()
    assert [item["case_number"] for item in one["items"]] == ["(2025)云0111执3号"]
    assert (await service.get("/v1/listings", key="court", state="deleted")).json()["items"] == []
    found = await service.post("/v1/listings/search", {"name": "张三"}, key="court")
    assert len(found.json()["items"]) == 5
    body = {"subject": {"kind": "person", "name": "张三", "identifier": {"type": "resident_id", "number": LISTED}}}
    assert len((await service.post("/v1/listings/search", body, key="court")).json()["items"]) == 5
    assert LISTED not in str(page)


async def test_what_has_ended_is_found_by_its_own_court_where_it_asks(service: Service):
    """A debtor asks at the desk what became of a listing; nobody else is to learn of one that has ended."""
    for number in range(1, 4):
        await publish(service, number=number)
    ended = await publish(service, number=4)
    done = await act(service, ended, "deletion", {"ground": "performed", "decided_on": day()})
    assert done.status_code == 200
    await service.add_member("SD-COURT", MemberKind.COURT, court_code="云0112")
    service.keys["other court"] = await service.add_key("SD-COURT", Role.COURT)

    async def found(key: str = "court", **asked: Any) -> list[str]:
        answer = await service.post("/v1/listings/search", {"name": "张三", **asked}, key=key)
        return [item["state"] for item in answer.json()["items"]]

    assert await found() == ["published"] * 3
    assert sorted(await found(include_ended=True)) == ["deleted", *["published"] * 3]
    assert await found(state="deleted") == ["deleted"]
    assert await found(state="published", include_ended=True) == ["published"] * 3
    assert await found(case_number="(2025)云0111执4号", include_ended=True) == ["deleted"]
    assert await found(case_number="(2025)云0111执2号", state="deleted") == []
    assert await found("other court", include_ended=True) == ["published"] * 3
    assert await found("other court", state="deleted") == []


async def test_the_own_court_reads_complete_numbers_to_correct_without_retyping(service: Service):
    listing = await publish(service)
    response = await service.get(f"/v1/listings/{listing['listing_id']}", key="court")
    assert response.headers["etag"] == '"1"'
    assert response.json()["debtor"]["identifier"]["number"] == LISTED


async def test_the_feed_has_no_gap_and_no_repeat_while_many_publish(service: Service):
    async def read_feed(until: int) -> list[int]:
        seen: list[int] = []
        after = 0
        while after < until:
            page = (await service.get("/v1/changes", after=after, limit=7)).json()
            seen += [item["version"] for item in page["items"]]
            assert page["next"] == (seen[-1] if page["items"] else after)
            after = page["next"]
            await asyncio.sleep(0)
        return seen

    async def publish_some(first: int) -> None:
        for number in range(first, first + 10):
            await publish(service, number=number)

    results = await asyncio.gather(*(publish_some(100 * n) for n in range(1, 4)), read_feed(30), read_feed(30))
    assert results[-1] == results[-2] == list(range(1, 31))


async def test_a_copy_of_the_feed_can_prove_itself_whole(service: Service):
    made = [await publish(service, number=number) for number in range(1, 4)]
    await act(service, made[1], "deletion", {"ground": "early_by_decision", "decided_on": day()})
    page = (await service.get("/v1/changes", digest=True)).json()
    copy: dict[str, int] = {}
    for change in page["items"]:
        if change["listing"] is None:
            copy.pop(change["listing_id"])
        else:
            copy[change["listing_id"]] = change["version"]
    lines = "".join(f"{listing_id} {version}\n" for listing_id, version in sorted(copy.items()))
    assert page["set"] == {"count": 2, "sha256": hashlib.sha256(lines.encode()).hexdigest()}
    response = await service.get("/v1/changes", after=4)
    assert (response.json()["items"], response.json()["next"], response.json()["more"]) == ([], 4, False)
    assert response.headers["etag"] == '"4"'


async def test_a_row_of_a_file_and_an_act_over_http_meet(service: Service):
    await service.load_rows(row(name="张三", identifier_number=LISTED, case_number="（2025）云0111执1号"))
    response = await service.post("/v1/listings", publication(), key="court")
    assert response.status_code == 409
    assert await service.decide(*question(subject("张三", LISTED))["subjects"]) == "block"


async def test_a_listing_is_read_as_it_was_known_at_an_instant(service: Service):
    listing = await publish(service, obligation="一")
    corrected = {"listing": publication(obligation="二"), "reason": "笔误", "decided_on": day()}
    listing |= (await act(service, listing, "correction", corrected)).json()
    await act(service, listing, "deletion", {"ground": "early_by_decision", "decided_on": day()})
    instants = [one["at"] for one in await service.fetch("SELECT at FROM listing_versions ORDER BY list_version")]
    async with service.workplace.connected() as connection:
        known = []
        for at in (instants[0] - timedelta(seconds=1), *instants):
            version = await get_list_version_at(connection, at)
            row_ = await find_version_as_of(connection, UUID(listing["listing_id"]), version)
            known.append(row_ and row_["document"]["obligation"])
    assert known == [None, "一", "二", None]
