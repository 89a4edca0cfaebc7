"""Objections suspend nothing; a silent feed is reported, and in the end no longer answered from."""

from datetime import date, timedelta
from pathlib import Path

from blacklist_service.settings import Settings
from tests.journeys.test_life_of_a_listing import LISTED, act, decision, publication, publish
from tests.support import Service, day, question, row, serving, subject


async def file(service: Service, listing_id: str, **values: str):
    body = {"listing_id": listing_id, "received_on": day(-5), "grounds": "inaccurate", "text": "金额有误"} | values
    return await service.post("/v1/objections", body, key="court")


async def shown_dispute(service: Service) -> str | None:
    answer = await service.check(subject("张三", LISTED))
    assert answer["decision"] == "block"
    state: str | None = answer["subjects"][0]["matches"][0]["listing"]["dispute_state"]
    return state


async def test_an_objection_is_not_received_on_a_day_to_come(service: Service):
    """Its 15 days would end that much later: a mistyped year, and it is never overdue."""
    listing = await publish(service)
    refused = await file(service, listing["listing_id"], received_on=day(1))
    assert refused.status_code == 422, refused.text
    [fault] = refused.json()["errors"]
    assert (fault["pointer"], fault["code"]) == ("/received_on", "in-future")
    assert await shown_dispute(service) is None
    assert (await file(service, listing["listing_id"], received_on=day())).status_code == 201


async def test_an_objection_is_decided_reconsidered_and_suspends_nothing(service: Service):
    listing = await publish(service)
    objection = (await file(service, listing["listing_id"])).json()
    assert objection["state"] == "filed"
    assert date.fromisoformat(objection["due_on"]) >= date.fromisoformat(day(10))
    assert await shown_dispute(service) == "filed"
    [task] = (await service.get("/v1/listings/tasks", key="court")).json()["items"]
    assert (task["task"], task["objection_id"]) == ("decide_objection", objection["objection_id"])

    path = f"/v1/objections/{objection['objection_id']}"
    rejected = {"result": "rejected", "decided_on": day(-3), "reason": "不成立"}
    assert (await service.post(path + "/decision", rejected, key="court")).json()["state"] == "rejected"
    assert await shown_dispute(service) == "rejected"
    again = await service.post(path + "/reconsideration", {"filed_on": day(-1)}, key="court")
    assert (again.status_code, again.json()["state"]) == (200, "reconsideration")
    assert await shown_dispute(service) == "reconsideration"
    upheld = {"result": "upheld", "decided_on": day(), "reason": "成立"}
    assert (await service.post(path + "/decision", upheld, key="court")).json()["state"] == "upheld"
    tasks = (await service.get("/v1/listings/tasks", key="court")).json()["items"]
    assert [task["task"] for task in tasks] == ["act_on_upheld_objection"]
    days = (await service.get(path, key="court")).json()
    assert (days["decided_on"], days["reconsideration_filed_on"]) == (day(-3), day(-1))
    assert days["reconsideration_decided_on"] == day()
    versions = (await service.get(f"/v1/listings/{listing['listing_id']}/history", key="court")).json()["items"]
    assert [one["filed_on"] for one in versions] == [None, day(-5), None, day(-1), None]

    version = (await service.get(f"/v1/listings/{listing['listing_id']}", key="court")).json()["version"]
    corrected = {"listing": publication(obligation="更正后"), "reason": "异议成立", "decided_on": day()}
    assert (await act(service, listing | {"version": version}, "correction", corrected)).status_code == 200
    ended = (await service.get(path, key="court")).json()
    assert (ended["led_to"], ended["led_to_version"]) == ("corrected", version + 1)
    assert (await service.get("/v1/listings/tasks", key="court")).json()["items"] == []


async def test_an_upheld_objection_is_settled_by_a_file_too(service: Service):
    one = row(name="张三")
    await service.load_rows(one)
    [listing] = await service.fetch("SELECT id FROM listings")
    objection = (await file(service, str(listing["id"]))).json()
    path = f"/v1/objections/{objection['objection_id']}"
    upheld = {"result": "upheld", "decided_on": day(), "reason": "成立"}
    assert (await service.post(path + "/decision", upheld, key="court")).json()["state"] == "upheld"
    report = await service.load_rows(one | {"action": "delete", "ground": "提前删除", "decided_on": day()})
    assert report.counts.ended == 1, report
    assert (await service.get(path, key="court")).json()["led_to"] == "deleted"
    assert (await service.get("/v1/listings/tasks", key="court")).json()["items"] == []


async def test_reconsideration_is_asked_for_within_ten_days_and_once(service: Service):
    listing = await publish(service)
    objection = (await file(service, listing["listing_id"], received_on=day(-60))).json()
    path = f"/v1/objections/{objection['objection_id']}"
    assert (await service.post(path + "/reconsideration", {"filed_on": day()}, key="court")).status_code == 409
    await service.post(
        path + "/decision", {"result": "rejected", "decided_on": day(-40), "reason": "不成立"}, key="court"
    )
    late = await service.post(path + "/reconsideration", {"filed_on": day()}, key="court")
    assert late.status_code == 422


async def test_a_reconsideration_is_not_decided_before_it_was_asked_for(service: Service):
    path = f"/v1/objections/{(await file(service, (await publish(service))['listing_id'])).json()['objection_id']}"
    await service.post(
        path + "/decision", {"result": "rejected", "decided_on": day(-4), "reason": "不成立"}, key="court"
    )
    await service.post(path + "/reconsideration", {"filed_on": day(-2)}, key="court")
    early = {"result": "upheld", "decided_on": day(-3), "reason": "成立"}
    assert (await service.post(path + "/decision", early, key="court")).status_code == 422


async def test_when_a_dispute_was_filed_is_kept(service: Service):
    listing = await publish(service)
    disputed = await act(service, listing, "dispute", {"state": "filed", "filed_on": day(-2)})
    assert disputed.status_code == 200
    history = await service.get(f"/v1/listings/{listing['listing_id']}/history", key="court")
    assert history.json()["items"][-1]["filed_on"] == day(-2)


async def test_an_objection_is_overdue_after_fifteen_days(service: Service):
    listing = await publish(service)
    objection = (await file(service, listing["listing_id"], received_on=day(-40))).json()
    assert objection["is_overdue"]
    assert (await service.get("/v1/listings/tasks", key="court")).json()["overdue"] == 1
    page = (await service.get("/v1/objections", key="court", listing_id=listing["listing_id"])).json()
    assert [one["objection_id"] for one in page["items"]] == [objection["objection_id"]]


async def test_an_objections_text_is_sealed_and_its_steps_are_in_the_ledger(service: Service):
    listing = await publish(service)
    await file(service, listing["listing_id"], text="本人电话 13800000000")
    [stored] = await service.fetch("SELECT o::text AS text FROM objections o")
    assert "13800000000" not in stored["text"]
    assert b"13800000000".hex() not in stored["text"]
    actions = {one["action"] for one in await service.fetch("SELECT action FROM ledger_entries")}
    assert {"objection_filed", "listing_disputed", "listing_published"} <= actions


async def test_a_silent_feed_makes_clear_a_flag_and_then_stops_the_answers(  # golden 18
    service: Service, dsn: str, tmp_path: Path
):
    settings = Settings(data_dir=tmp_path, list_soft_age=3600, list_hard_age=2 * 86400)
    async with serving(settings, dsn, service.workplace.secrecy) as strict:
        never_fed = await strict.post("/v1/checks", question(subject("李四")))
        assert never_fed.status_code == 503
        await publish(strict)
        answer = await strict.check(subject("李四"))
        assert (answer["decision"], answer["warnings"]) == ("clear", [])

        await age(strict, timedelta(hours=2))
        answer = await strict.check(subject("李四"))
        assert (answer["decision"], answer["warnings"]) == ("flag", ["list-stale"])
        assert await decision(strict) == "block"

        await age(strict, timedelta(days=2))
        response = await strict.post("/v1/checks", question(subject("李四")))
        assert (response.status_code, response.json()["code"]) == (503, "undetermined")

        beat = await strict.post("/v1/list/heartbeat", {}, key="court")
        assert beat.json()["list_version"] == 1
        assert await strict.decide(subject("李四")) == "clear"


async def age(service: Service, by: timedelta) -> None:
    await service.fetch("UPDATE court_feeds SET alive_at = alive_at - $1::interval RETURNING 1", by)
