"""One debtor, one case, two listings (法发〔2019〕35号 item 19): with a term for C2–C6, without one for C1."""

from typing import Any
from uuid import UUID

import pytest

from tests.journeys.test_fuller_numbers import rejected, warned
from tests.journeys.test_imports_over_http import as_csv, load
from tests.support import COURT_CODE, Service, day, resident_id, row, subject

LISTED = resident_id(15)
WHO = subject("张三", LISTED)
CASE = "(2025)云0111执1号"
TERM = {"circumstances": "违反财产报告制度", "decision_number": "(2025)云0111执1号之一", "expires_on": day(700)}
OPEN = {
    "circumstances": "有履行能力而拒不履行生效法律文书确定义务",
    "decision_number": "(2025)云0111执1号之二",
    "expires_on": None,
}


def listed(said: dict[str, Any], **values: Any) -> dict[str, str]:
    return row(**{"name": "张三", "identifier_number": LISTED, "case_number": CASE} | said | values)


def ending(action: str = "delete", **values: Any) -> dict[str, str]:
    usual = {"ground": "performed"} if action == "delete" else {}
    named = {"name": "张三", "identifier_number": LISTED, "case_number": CASE, "decided_on": day()}
    return {"action": action} | usual | named | values


async def standing(service: Service) -> dict[str, str]:
    """The state of each listing of the case, by its decision."""
    items = (await service.get("/v1/listings", key="court", case_number=CASE)).json()["items"]
    return {one["decision"]["document_number"][-1]: one["state"] for one in items}


async def of_decision(service: Service, last: str) -> dict[str, Any]:
    items = (await service.get("/v1/listings", key="court", case_number=CASE)).json()["items"]
    return next(one for one in items if one["decision"]["document_number"].endswith(last))


async def tasks(service: Service) -> list[tuple[str, str]]:
    items = (await service.get("/v1/listings/tasks", key="court")).json()["items"]
    return [(one["task"], one["listing_id"]) for one in items]


@pytest.mark.parametrize("is_one_file", [True, False])
async def test_both_are_listed_whether_they_come_in_one_file_or_two(service: Service, is_one_file: bool):
    rows = [listed(TERM), listed(OPEN)]
    for file in [rows] if is_one_file else [[one] for one in rows]:
        loaded = await load(service, as_csv(*file))
        assert loaded["rows"]["created"] == len(file)
    assert await standing(service) == {"一": "published", "二": "published"}
    answer = await service.check(WHO)
    assert {match["listing"]["expires_on"] for match in answer["subjects"][0]["matches"]} == {day(700), None}
    for one in rows:
        assert (await load(service, as_csv(one)))["rows"]["unchanged"] == 1
    assert (await load(service, as_csv(*reversed(rows))))["rows"]["unchanged"] == 2


async def test_the_end_of_ones_term_leaves_the_other(service: Service):
    await load(service, as_csv(listed(TERM, published_on=day(-800), expires_on=day(-1)), listed(OPEN)))
    async with service.workplace.connected() as connection:
        await service.do_calendar_round(connection)
    assert await standing(service) == {"一": "expired", "二": "published"}
    assert await service.decide(WHO) == "block"


async def test_a_deletion_as_performed_leaves_the_other_and_opens_a_task_for_it(service: Service):
    await load(service, as_csv(listed(TERM), listed(OPEN)))
    done = await load(service, as_csv(ending(decision_number=OPEN["decision_number"])))
    other = await of_decision(service, "一")
    assert await warned(service, done) == [(2, "other-listing-remains", [other["listing_id"]])]
    assert await standing(service) == {"一": "published", "二": "deleted"}
    assert await service.decide(WHO) == "block"
    assert await tasks(service) == [("review_after_performance", other["listing_id"])]
    again = await load(service, as_csv(ending(decision_number=OPEN["decision_number"])))
    assert (again["rows"]["unchanged"], await standing(service)) == (1, {"一": "published", "二": "deleted"})
    # The court looks at it: it says that the debtor has performed, and leaves the term run, or deletes early.
    body = {"ground": "early_by_decision", "decided_on": day()}
    path = f"/v1/listings/{other['listing_id']}/deletion"
    deleted = await service.post(path, body, key="court", **{"If-Match": '"1"'})
    assert (deleted.json()["warnings"], await tasks(service), await service.decide(WHO)) == ([], [], "clear")


async def test_a_correction_closes_the_task(service: Service):
    await load(service, as_csv(listed(TERM), listed(OPEN)))
    await load(service, as_csv(ending(decision_number=OPEN["decision_number"])))
    assert len(await tasks(service)) == 1
    done = await load(service, as_csv(listed(TERM, action="correct", performance="全部已履行")))
    assert (done["rows"]["corrected"], await tasks(service), await service.decide(WHO)) == (1, [], "block")


@pytest.mark.parametrize("action", ["delete", "withdraw", "correct", "暂时屏蔽"])
async def test_a_row_that_does_not_say_which_is_refused(service: Service, action: str):
    await load(service, as_csv(listed(TERM), listed(OPEN)))
    meant = ending(action) if action != "correct" else listed(TERM, action="correct", decision_number=None)
    loaded = await load(service, as_csv(meant))
    [(_, code, named)] = await rejected(service, loaded)
    assert (code, len(named)) == ("ambiguous-listing", 2)
    assert await standing(service) == {"一": "published", "二": "published"}


async def test_a_publication_that_could_be_about_either_is_refused(service: Service):
    await load(service, as_csv(listed(TERM), listed(OPEN)))
    unsaid = listed(TERM, decision_number=None, circumstances=None, obligation="另")
    assert [code for _, code, _ in await rejected(service, await load(service, as_csv(unsaid)))] == [
        "ambiguous-listing"
    ]
    told = listed(TERM, decision_number=None, obligation="另")
    assert (await load(service, as_csv(told)))["rows"]["corrected"] == 1
    assert len(await service.fetch("SELECT FROM listings WHERE ended IS NULL")) == 2


async def test_brackets_make_no_other_decision(service: Service):
    await load(service, as_csv(listed(TERM)))
    wide = listed(TERM, decision_number="（2025） 云0111执1号之一", circumstances="违反限制消费令")
    assert (await load(service, as_csv(wide)))["rows"]["corrected"] == 1


async def test_a_record_id_tells_them_apart_whatever_else_they_say(service: Service):
    one, other = listed(TERM, 失信ID="１００１ "), listed(TERM, 失信ID="1002", obligation="另")
    assert (await load(service, as_csv(one, other)))["rows"]["created"] == 2
    assert (await load(service, as_csv(listed(OPEN, 流水号="1001"))))["rows"]["corrected"] == 1
    deleted = await load(service, as_csv(ending("withdraw", 失信ID="1002")))
    assert deleted["rows"]["ended"] == 1
    unknown = await load(service, as_csv(ending("withdraw", 失信ID="1003")))
    assert [code for _, code, _ in await rejected(service, unknown)] == ["unknown-listing"]
    held = await service.fetch("SELECT record_id, ended FROM listings ORDER BY record_id")
    assert [tuple(kept) for kept in held] == [("1001", None), ("1002", "withdrawn")]


async def test_what_was_stored_before_it_had_a_record_id_is_corrected_and_keeps_it(service: Service):
    await load(service, as_csv(listed(TERM)))
    assert (await load(service, as_csv(listed(TERM, 失信ID="1001"))))["rows"]["corrected"] == 1
    assert (await load(service, as_csv(listed(TERM, obligation="另"))))["rows"]["corrected"] == 1
    [kept] = await service.fetch("SELECT record_id FROM listings")
    assert kept["record_id"] == "1001"
    assert (await load(service, as_csv(listed(TERM))))["rows"]["unchanged"] == 1


async def test_the_second_is_made_though_the_first_has_ended(service: Service):
    await load(service, as_csv(listed(TERM, published_on=day(-800), expires_on=day(-1))))
    loaded = await load(service, as_csv(listed(OPEN)))
    assert (loaded["rows"]["created"], await service.decide(WHO)) == (1, "block")
    assert (await load(service, as_csv(listed(TERM, published_on=day(-800), expires_on=day(-1)))))["rows"][
        "unchanged"
    ] == 1


@pytest.mark.parametrize(("left", "stays"), [(TERM, "一"), (OPEN, "二")])
async def test_a_snapshot_ends_the_one_that_it_lacks(service: Service, left: dict[str, Any], stays: str):
    others = [row() for _ in range(200)]
    await load(service, as_csv(listed(TERM), listed(OPEN), *others))
    whole = await load(service, as_csv(listed(TERM), listed(OPEN), *others), mode="snapshot")
    assert (whole["state"], whole["rows"]["unchanged"], len(await standing(service))) == ("done", 202, 2)
    for file in (listed(left), listed(left, obligation="另")):
        done = await load(service, as_csv(file, *others), mode="snapshot")
        assert done["state"] == "done"
        assert [last for last, state in (await standing(service)).items() if state == "published"] == [stays]
    assert await service.decide(WHO) == "block"


def publication(said: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {
        "case_number": CASE,
        "court": {"code": COURT_CODE},
        "debtor": {"kind": "person", "name": "张三", "identifier": {"type": "resident_id", "number": LISTED}},
        "circumstances": [said["circumstances"]],
        "decision": {"document_number": said["decision_number"], "decided_on": day(-3)},
        "published_on": day(-1),
        "expires_on": said["expires_on"],
    } | values


async def test_over_http_the_second_is_made(service: Service):
    made = [await service.post("/v1/listings", publication(said), key="court") for said in (TERM, OPEN)]
    assert [one.status_code for one in made] == [201, 201]
    for said in (TERM, OPEN):
        assert (await service.post("/v1/listings", publication(said), key="court")).status_code == 200
    changed = await service.post("/v1/listings", publication(OPEN, obligation="另"), key="court")
    path = f"/v1/listings/{made[1].json()['listing_id']}/correction"
    assert (changed.status_code, changed.json()["correction"]) == (409, path)
    body = {"listing": publication(OPEN, obligation="另"), "reason": "笔误", "decided_on": day()}
    done = await service.post(path, body, key="court", **{"If-Match": '"1"'})
    assert (done.status_code, done.json()["version"]) == (200, 2)
    into = await service.post(path, body | {"listing": publication(TERM)}, key="court", **{"If-Match": '"2"'})
    assert (into.status_code, into.json()["code"]) == (409, "conflict")
    unsaid = publication(TERM, decision={}, circumstances=[], obligation="又")
    refused = await service.post("/v1/listings", unsaid, key="court")
    assert (refused.status_code, refused.json()["code"]) == (409, "ambiguous-listing")
    body = {"ground": "performed", "decided_on": day()}
    path = f"/v1/listings/{made[1].json()['listing_id']}/deletion"
    ended = (await service.post(path, body, key="court", **{"If-Match": '"2"'})).json()
    assert ended["warnings"] == ["other-listing-remains"]
    assert ended["other_listings"] == [made[0].json()["listing_id"]]
    assert await tasks(service) == [("review_after_performance", made[0].json()["listing_id"])]
    assert await service.decide(WHO) == "block"


async def test_over_http_a_record_id_is_kept_and_shown(service: Service):
    made = await service.post("/v1/listings", publication(TERM, record_id="1001"), key="court")
    other = await service.post("/v1/listings", publication(TERM, record_id="1002"), key="court")
    assert (made.status_code, other.status_code) == (201, 201)
    shown = (await service.get(f"/v1/listings/{made.json()['listing_id']}", key="court")).json()
    assert shown["record_id"] == "1001"


async def test_a_clock_ahead_ends_nothing_for_good_beside_the_other_listing(service: Service):
    await load(service, as_csv(listed(TERM), listed(OPEN)))
    first = UUID((await of_decision(service, "一"))["listing_id"])
    async with service.workplace.connected() as connection:
        await connection.execute("UPDATE listings SET expires_on = expires_on - 800 WHERE id = $1", first)
        await service.do_calendar_round(connection)
        await connection.execute("UPDATE listings SET expires_on = expires_on + 800 WHERE id = $1", first)
        await service.do_calendar_round(connection)
    assert await standing(service) == {"一": "published", "二": "published"}


async def test_an_old_deletion_without_a_number_never_ends_a_namesakes_listing(service: Service):
    """Two persons of one name in one case: the row was about the first, and its file is loaded again."""
    first, second = (
        row(name="王强", identifier_number=resident_id(n), case_number="(2025)云0111执77号") for n in (31, 32)
    )
    by_name = {"name": "王强", "case_number": "(2025)云0111执77号", "action": "删除", "ground": "已履行完毕"}
    await load(service, as_csv(first))
    assert (await load(service, as_csv(by_name)))["rows"]["ended"] == 1
    await load(service, as_csv(second))
    replayed = await load(service, as_csv(by_name))
    assert replayed["rows"]["rejected"] == 1
    assert "ambiguous-listing" in {finding["code"] for finding in replayed["findings"]}
    assert await service.decide(subject("王强", resident_id(32))) == "block"
    dated = await load(service, as_csv(by_name | {"decided_on": day()}))
    assert (dated["rows"]["ended"] + dated["rows"]["unchanged"], dated["rows"]["rejected"]) == (1, 0)
