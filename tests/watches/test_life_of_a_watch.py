"""A watch over HTTP: opened, its answer changes, its unit is told; with the worker's rounds in between."""

import base64
import json
from typing import Any

import orjson
import pytest

from blacklist_service.access.scopes import Role
from blacklist_service.ledger.entries import Entry, private_part
from tests.journeys.test_life_of_a_listing import LISTED, act, publish
from tests.support import Service, day, question, resident_id, subject
from tests.watches.following import MATTER, events, follow, put, told, watched

WHO = subject("张三", LISTED)
SUSPENSION = {"ground": "bankruptcy", "decided_on": day(), "reason": "裁定受理破产"}
DELETION = {"ground": "early_by_decision", "decided_on": day()}


async def test_cleared_then_listed_it_is_told_and_proved(service: Service):
    check = await watched(service, WHO)
    assert check["watch"] == {"watch_id": check["check_id"], "until": day(100)}
    await follow(service)
    assert not await events(service)

    listing = await publish(service)
    await follow(service)
    [event] = await events(service)
    assert told(event) == ("watch.decision_changed", "clear", "block", "list")
    assert (event["watch_id"], event["revision"]) == (check["check_id"], 1)
    assert (event["reference"], event["matter"], event["list_version"]) == ("GD-1", MATTER, listing["list_version"])
    assert "张三" not in json.dumps(event, ensure_ascii=False)
    assert LISTED not in json.dumps(event)

    recheck = (await service.get(f"/v1/checks/{event['check_id']}")).json()
    assert (recheck["decision"], recheck["reference"]) == ("block", "GD-1")
    assert recheck["subjects"][0]["matches"][0]["listing_id"] == listing["listing_id"]
    assert json.loads(base64.b64decode(recheck["leaf"]))["action"] == "recheck"
    assert (await service.get(f"/v1/checks/{event['check_id']}/receipt")).status_code in {200, 202}
    assert (await service.get(f"/v1/checks/{event['check_id']}", key="other agency")).status_code == 404
    watch = (await service.get(f"/v1/watches/{check['check_id']}")).json()
    assert (watch["decision"], watch["revision"], watch["latest_check_id"]) == ("block", 1, event["check_id"])


async def test_every_act_on_a_listing_reaches_who_watches(service: Service):
    check = await watched(service, WHO)
    listing = await publish(service)
    steps: list[tuple[str, dict[str, Any], str]] = [
        ("identity-contest", {"reason": "号码系他人所有"}, "flag"),
        ("identity-contest/withdrawal", {"reason": "核实为本人"}, "block"),
        ("suspension", SUSPENSION, "clear"),
        ("resumption", {"decided_on": day(), "reason": "破产申请被驳回"}, "block"),
        ("deletion", DELETION, "clear"),
    ]
    await follow(service)
    for name, body, decision in steps:
        done = await act(service, listing, name, body)
        assert done.status_code == 200, done.text
        listing = done.json()
        await follow(service)
        last = (await events(service))[-1]
        assert (last["after"], last["watch_id"]) == (decision, check["check_id"]), name
    assert [one["revision"] for one in await events(service)] == [1, 2, 3, 4, 5, 6]


async def test_what_came_between_two_rounds_and_went_again_is_not_told(service: Service):
    await watched(service, WHO)
    await follow(service)
    listing = await publish(service)
    await act(service, listing, "deletion", DELETION)
    await follow(service)
    assert not await events(service)
    assert not await service.fetch("SELECT FROM ledger_entries WHERE action = 'recheck'")


async def test_an_act_that_changes_no_answer_is_not_told(service: Service):
    listing = await publish(service)
    await watched(service, WHO)
    await act(service, listing, "extension", {"expires_on": day(900), "decided_on": day(), "reason": "暴力抗拒执行"})
    await publish(
        service, number=2, debtor={"name": "李四", "identifier": {"type": "resident_id", "number": resident_id()}}
    )
    await follow(service)
    assert not await events(service)


async def test_other_matches_are_told_to_who_wants_to_know(service: Service):
    await publish(service)
    plain = await watched(service, WHO)
    curious = await watched(service, WHO, watch={"tell": "matches"})
    await publish(service, number=2)
    await follow(service)
    [event] = await events(service)
    assert told(event) == ("watch.matches_changed", "block", "block", "list")
    assert event["watch_id"] == curious["check_id"] != plain["check_id"]
    await publish(
        service, number=3, debtor={"name": "无关", "identifier": {"type": "resident_id", "number": resident_id()}}
    )
    await follow(service)
    assert len(await events(service)) == 1


async def test_units_are_told_of_their_own_alone_and_each_without_a_gap(service: Service):
    for key in ("agency", "other agency", "agency"):
        await watched(service, WHO, key=key)
    await publish(service)
    await follow(service)
    assert [one["sequence"] for one in await events(service)] == [1, 2]
    [theirs] = await events(service, key="other agency")
    assert theirs["sequence"] == 1
    assert (await service.get(f"/v1/watches/{theirs['watch_id']}")).status_code == 404
    for stranger in ("court", "auditor"):
        assert (await service.get("/v1/watch-events", key=stranger)).status_code == 403


async def test_a_batch_keeps_open_what_asks_for_it(service: Service):
    items = [question(WHO, watch={"until": day(9)}), question(WHO), question(WHO, watch={"until": day(401)})]
    results = (await service.post("/v1/checks/batch", {"checks": items})).json()["results"]
    assert [one["status"] for one in results] == [200, 200, 422]
    assert results[2]["problem"]["errors"][0]["pointer"] == "/watch/until"
    assert ["watch" in one["check"] for one in results[:2]] == [True, False]
    found = (await service.get("/v1/watches")).json()["items"]
    assert [one["watch_id"] for one in found] == [results[0]["check"]["check_id"]]


async def test_the_same_check_under_its_key_opens_one_watch(service: Service):
    body = question(WHO, watch={"until": day(9)})
    first = await service.post("/v1/checks", body, **{"Idempotency-Key": "k1"})
    again = await service.post("/v1/checks", body, **{"Idempotency-Key": "k1"})
    assert first.content == again.content
    assert len((await service.get("/v1/watches")).json()["items"]) == 1


async def test_a_final_outcome_ends_it_unless_it_goes_on(service: Service):
    ended = await watched(service, WHO)
    office = await watched(service, WHO, watch={"after_outcome": True})
    for check in (ended, office):
        path = f"/v1/checks/{check['check_id']}/outcome"
        assert (await put(service, path, {"action": "referred"})).status_code == 200
    assert len((await service.get("/v1/watches", state="open")).json()["items"]) == 2
    for check in (ended, office):
        path = f"/v1/checks/{check['check_id']}/outcome"
        assert (await put(service, path, {"action": "approved"})).status_code == 200
    [left] = (await service.get("/v1/watches", state="open")).json()["items"]
    [closed] = (await service.get("/v1/watches", state="closed")).json()["items"]
    assert (left["watch_id"], closed["watch_id"]) == (office["check_id"], ended["check_id"])
    assert closed["cause"] == "outcome"
    await publish(service)
    await follow(service)
    assert [told(one) for one in await events(service)] == [
        ("watch.ended", "clear", None, "outcome"),
        ("watch.decision_changed", "clear", "block", "list"),
    ]
    [event] = await events(service, after=1)
    assert (await put(service, f"/v1/checks/{event['check_id']}/outcome", {"action": "refused"})).status_code == 200
    assert len((await service.get("/v1/watches", state="open")).json()["items"]) == 1


async def test_the_outcome_of_a_recheck_ends_its_watch(service: Service):
    await watched(service, WHO)
    await publish(service)
    await follow(service)
    [event] = await events(service)
    assert (await put(service, f"/v1/checks/{event['check_id']}/outcome", {"action": "refused"})).status_code == 200
    assert told((await events(service))[-1]) == ("watch.ended", "block", None, "outcome")


async def test_closed_its_keys_and_question_are_gone(service: Service):
    check = await watched(service, WHO)
    path = f"/v1/watches/{check['check_id']}"
    assert (await service.post(path + "/closure", {}, key="other agency")).status_code == 404
    closed = await service.post(path + "/closure", {"operator": "wang.li"})
    assert (closed.json()["state"], closed.json()["cause"]) == ("closed", "closed")
    assert (await service.post(path + "/closure", {})).json() == closed.json()
    assert not await service.fetch("SELECT FROM watch_keys")
    [stored] = await service.fetch("SELECT question FROM watches")
    assert stored["question"] is None
    assert (await put(service, path, {"until": day(3)})).json()["code"] == "watch-closed"
    await publish(service)
    await follow(service)
    assert [told(one) for one in await events(service)] == [("watch.ended", "clear", None, "closed")]


async def test_its_terms_can_be_changed(service: Service):
    check = await watched(service, WHO)
    path = f"/v1/watches/{check['check_id']}"
    changed = (await put(service, path, {"until": day(7), "tell": "matches", "after_outcome": True})).json()
    assert (changed["until"], changed["tell"], changed["after_outcome"]) == (day(7), "matches", True)
    assert (await service.get(path)).json() == changed
    for until in (day(-1), day(401)):
        assert (await put(service, path, {"until": until})).status_code == 422
    assert await service.fetch("SELECT FROM ledger_entries WHERE action = 'watch_changed'")


async def test_opened_afterwards_it_tells_what_has_changed_since(service: Service):
    checks = [await service.check(WHO), await service.check(subject("李四", resident_id()))]
    ids = [one["check_id"] for one in checks]
    await publish(service)
    await follow(service)
    made = await service.post("/v1/watches", {"check_ids": [*ids, ids[0]], "until": day(9)})
    assert made.status_code == 201, made.text
    assert [one["watch_id"] for one in made.json()["items"]] == ids
    await follow(service)
    [event] = await events(service)
    assert (told(event), event["watch_id"]) == (("watch.decision_changed", "clear", "block", "list"), ids[0])
    again = await service.post("/v1/watches", {"check_ids": ids[:1], "until": day(30)})
    assert again.json()["items"][0]["until"] == day(9)
    await follow(service)
    assert len(await events(service)) == 1
    await service.post(f"/v1/watches/{ids[0]}/closure", {})
    reopened = (await service.post("/v1/watches", {"check_ids": ids[:1], "until": day(30)})).json()["items"][0]
    assert (reopened["state"], reopened["revision"]) == ("open", 2)
    await follow(service)
    assert [told(one)[:3] for one in await events(service, after=2)] == [("watch.decision_changed", "clear", "block")]
    assert (
        await service.post("/v1/watches", {"check_ids": ids, "until": day(9)}, key="other agency")
    ).status_code == 404


async def test_a_check_of_before_objects_were_kept_is_not_opened(service: Service, monkeypatch: pytest.MonkeyPatch):
    def as_before(entry: Entry) -> bytes:
        return private_part(entry._replace(private={}))

    monkeypatch.setattr("blacklist_service.ledger.operations.private_part", as_before)
    old = await service.check(WHO)
    monkeypatch.undo()
    new = await service.check(WHO)
    refused = await service.post("/v1/watches", {"check_ids": [new["check_id"], old["check_id"]], "until": day(9)})
    assert (refused.status_code, refused.json()["code"]) == (409, "check-too-old")
    assert refused.json()["errors"][0]["pointer"] == "/check_ids/1"
    assert not (await service.get("/v1/watches")).json()["items"]


async def test_the_ledger_keeps_the_object_sealed(service: Service):
    check = await service.check(WHO, object="滇A·12345")
    [entry] = await service.fetch(
        "SELECT e.leaf, s.private FROM ledger_entries e JOIN ledger_secrets s"
        " ON s.entry_id = e.id WHERE e.action = 'check'"
    )
    assert "滇A".encode() not in entry["leaf"] + entry["private"]
    made = await service.post("/v1/watches", {"check_ids": [check["check_id"]], "until": day(9)})
    assert made.status_code == 201


async def test_a_child_is_not_kept_so_not_watched(service: Service):
    child = resident_id(9, born=f"{int(day()[:4]) - 9}0101")
    asked = [subject("小明", child), subject("张三", LISTED, role="guardian")]
    body = question(*asked, matter="private_school_enrolment")
    refused = await service.post("/v1/checks", body | {"watch": {"until": day(9)}})
    assert (refused.status_code, refused.json()["code"]) == (422, "child-not-watched")
    check = (await service.post("/v1/checks", body)).json()
    refused = await service.post("/v1/watches", {"check_ids": [check["check_id"]], "until": day(9)})
    assert (refused.status_code, refused.json()["code"]) == (422, "child-not-watched")


async def test_a_member_may_keep_so_many_open(service: Service):
    service.app.state.watching.most = 3
    items = [question(WHO, watch={"until": day(9)}) for _ in range(5)]
    results = (await service.post("/v1/checks/batch", {"checks": items})).json()["results"]
    assert [one["status"] for one in results] == [200, 200, 200, 429, 429]
    await follow(service)
    assert (await service.post("/v1/checks", items[0])).status_code == 429
    plain = (await service.post("/v1/checks", question(WHO))).json()
    late = {"check_ids": [plain["check_id"]], "until": day(9)}
    assert (await service.post("/v1/watches", late)).status_code == 429
    await service.post(f"/v1/watches/{results[0]['check']['check_id']}/closure", {})
    assert (await service.post("/v1/watches", late)).status_code == 201
    assert (await service.post("/v1/checks", items[0], key="other agency")).status_code == 200
    [feed] = await service.fetch("SELECT open FROM watch_feeds WHERE member_code = 'GD-HR'")
    assert feed["open"] == 2
    await follow(service)
    [feed] = await service.fetch("SELECT open FROM watch_feeds WHERE member_code = 'GD-HR'")
    assert feed["open"] == 3


async def test_watches_are_found_by_state_and_reference_page_by_page(service: Service):
    checks = [await watched(service, WHO, reference=f"GD-{number % 2}") for number in range(5)]
    newest_first = [one["check_id"] for one in checks][::-1]
    page = (await service.get("/v1/watches", limit=2)).json()
    rest = (await service.get("/v1/watches", limit=500, cursor=page["next"])).json()
    assert [one["watch_id"] for one in page["items"] + rest["items"]] == newest_first
    assert rest["next"] is None
    by_reference = (await service.get("/v1/watches", reference="GD-1", state="open")).json()["items"]
    assert [one["watch_id"] for one in by_reference] == [newest_first[1], newest_first[3]]
    assert not (await service.get("/v1/watches", reference="GD-1", key="other agency")).json()["items"]


async def test_events_are_read_on_and_acknowledged(service: Service):
    for _ in range(3):
        await watched(service, WHO)
    await publish(service)
    await follow(service)
    page = (await service.get("/v1/watch-events", after=0, limit=2)).json()
    assert ([one["sequence"] for one in page["items"]], page["next"], page["more"]) == ([1, 2], 2, True)
    page = (await service.get("/v1/watch-events", after=page["next"])).json()
    assert ([one["sequence"] for one in page["items"]], page["next"], page["more"]) == ([3], 3, False)
    assert (await service.get("/v1/watch-events", after=3)).json() == {"items": [], "next": 3, "more": False}
    assert (await service.get("/v1/watch-events", after=4)).status_code == 410
    path = "/v1/watch-events/acknowledgement"
    assert (await service.post(path, {"through": 4})).status_code == 422
    assert (await service.post(path, {"through": 2})).json() == {"last": 3, "acknowledged": 2}
    assert (await service.post(path, {"through": 1})).json() == {"last": 3, "acknowledged": 2}
    assert [one["sequence"] for one in (await service.get("/v1/watch-events")).json()["items"]] == [3]
    [entry] = await service.fetch("SELECT leaf FROM ledger_entries WHERE action = 'events_told'")
    assert orjson.loads(entry["leaf"])["facts"] == {"how": "acknowledged", "after": 0, "through": 2}


async def test_who_was_ever_blocked_by_a_withdrawn_listing_is_told(service: Service):
    listing = await publish(service)
    open_one = await watched(service, WHO)
    plain = (await service.post("/v1/checks", question(WHO), key="other agency")).json()
    await service.check(subject("无关", resident_id()))
    await follow(service)
    other = await publish(service, number=2)
    await follow(service)
    done = await act(service, listing, "withdrawal", {"reason": "错误纳入", "decided_on": day()})
    assert done.json()["state"] == "withdrawn"
    await follow(service)
    [theirs] = await events(service, key="other agency")
    assert told(theirs) == ("check.listing_withdrawn", "block", None, "list")
    assert (theirs["check_id"], theirs["watch_id"], theirs["revision"]) == (plain["check_id"], None, None)
    [ours] = await events(service)
    assert (ours["type"], ours["check_id"]) == ("check.listing_withdrawn", open_one["check_id"])

    # By the second listing it is still blocked; when that one goes too, the recheck raises nothing beside its event.
    await act(service, other, "withdrawal", {"reason": "错误纳入", "decided_on": day()})
    await follow(service)
    assert [told(one) for one in await events(service, after=1)] == [
        ("watch.decision_changed", "block", "clear", "list")
    ]
    await service.fetch("UPDATE watch_withdrawals SET withdrawn_at = withdrawn_at - interval '2 minutes' RETURNING 1")
    await follow(service)
    assert not await service.fetch("SELECT FROM watch_withdrawals")
    assert len(await events(service)) == 2


async def test_an_answer_that_was_under_way_when_a_listing_was_withdrawn_is_told_of_too(service: Service):
    listing = await publish(service)
    late = await service.check(WHO)
    [(after_at,)] = await service.fetch("SELECT clock_timestamp()")
    await act(service, listing, "withdrawal", {"reason": "错误纳入", "decided_on": day()})
    await follow(service)
    assert [one["check_id"] for one in await events(service)] == [late["check_id"]]
    # One more, decided before and committed only now.
    async with service.workplace.connected() as connection:
        await connection.execute(
            """
            INSERT INTO ledger_entries (at, id, action, agency, matter, reference, check_id, decision, listing_ids,
                                        list_version, leaf)
            SELECT $1, gen_random_uuid(), action, agency, matter, 'late', check_id, decision, listing_ids, list_version, leaf
            FROM ledger_entries WHERE id = $2
            """,
            after_at,
            late["check_id"],
        )
        await connection.execute("UPDATE watch_withdrawals SET withdrawn_at = withdrawn_at - interval '61 seconds'")
    await follow(service)
    assert [one["reference"] for one in await events(service)] == ["GD-1", "late"]


async def test_a_key_without_the_scope_opens_none(service: Service):
    service.keys["security"] = await service.add_key("GD-HR", Role.SECURITY)
    for path in ("/v1/watches", "/v1/watch-events", "/v1/watch-events/stream"):
        for key in ("court", "auditor", "security"):
            assert (await service.get(path, key=key)).status_code == 403, (path, key)


async def test_nothing_personal_stands_in_clear(service: Service):
    await watched(service, WHO, object="滇A·12345")
    await publish(service)
    await follow(service)
    for table in ("watches", "watch_keys", "watch_events", "watches_due", "watch_feeds"):
        stored = "".join(one["text"] for one in await service.fetch(f"SELECT t::text AS text FROM {table} t"))
        for personal in (LISTED, "张三", "滇A"):
            assert personal not in stored
            assert personal.encode().hex() not in stored
