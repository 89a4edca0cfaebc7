"""Court notices over HTTP: what they stop, who may see them, their states."""

import asyncio
import json
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from blacklist_service.access.scopes import Role
from blacklist_service.assistance.tasks import escalate_emergencies
from blacklist_service.checks.queries import LOOK_UP_WITH_NOTICES
from blacklist_service.database.connections import Connection
from blacklist_service.members.rules import MemberKind
from tests.support import Service, day, question, resident_id, row, subject

SELLER = resident_id(7)
LAND = "GD-LAND"
COMPANY = "91530111080734599W"


@pytest.fixture
async def land(service: Service) -> Service:
    """The service with a land registry that may ask everything."""
    await service.add_member(LAND, MemberKind.AGENCY)
    service.keys["land"] = await service.add_key(LAND, Role.AGENCY)
    await service.add_member("SD-COURT", MemberKind.COURT, court_code="云0112")
    service.keys["other court"] = await service.add_key("SD-COURT", Role.COURT)
    return service


def notice(**values: Any) -> dict[str, Any]:
    usual = {
        "number": f"(2026)云0111执协{resident_id()[-4:]}{len(values)}号",
        "case_number": "(2026)云0111执77号",
        "ruling_number": "(2026)云0111执77号之一",
        "agency": LAND,
        "action": "stop_transfer",
        "subject": {"kind": "person", "name": "张三", "identifier": {"type": "resident_id", "number": SELLER}},
        "object": None,
        "valid_until": day(300),
        "due_at": None,
        "urgency": "normal",
        "text": "请协助停止办理转移登记。",
    }
    return usual | values


async def serve(service: Service, **values: Any) -> dict[str, Any]:
    response = await service.post("/v1/notices", notice(**values), key="court")
    assert response.status_code == 201, response.text
    served: dict[str, Any] = response.json()
    return served


async def sale(service: Service, *, key: str = "land", name: str = "张三", **values: Any) -> dict[str, Any]:
    seller = subject(name, SELLER, role="transferor")
    body = question(seller, matter="real_estate_transfer", **values)
    response = await service.post("/v1/checks", body, key=key)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def runs_with_notices(service: Service) -> int:
    """How often the lanes have run the look-up that reads notices."""

    async def count(connection: Connection) -> int:
        plans = await connection.fetchval(
            "SELECT generic_plans FROM pg_prepared_statements WHERE statement = $1", LOOK_UP_WITH_NOTICES
        )
        return int(plans)

    return sum([await lane.run(count, timeout_seconds=5) for lane in service.app.state.batcher._lanes])


async def test_notices_are_read_only_for_a_batch_that_has_one(land: Service):
    await serve(land)
    at_first = await runs_with_notices(land)
    others = [land.check(subject("李四", resident_id(n))) for n in range(20, 40)]
    assert {answer["decision"] for answer in await asyncio.gather(*others)} == {"clear"}
    assert await runs_with_notices(land) == at_first
    others = [land.check(subject("李四", resident_id(n))) for n in range(40, 60)]
    *answers, stopped = await asyncio.gather(*others, sale(land))
    assert {answer["decision"] for answer in answers} == {"clear"}
    assert stopped["decision"] == "block"
    assert await runs_with_notices(land) == at_first + 1


async def test_a_notice_stops_a_sale_that_is_sent_under_an_idempotency_key(land: Service):
    await serve(land)
    body = question(subject("张三", SELLER, role="transferor"), matter="real_estate_transfer")
    first, again = [await land.post("/v1/checks", body, key="land", **{"Idempotency-Key": "sale-1"}) for _ in range(2)]
    assert first.json()["decision"] == "block"
    assert first.content == again.content


async def test_a_listed_seller_is_flagged_and_with_a_notice_blocked(land: Service):  # golden 5
    await land.load_rows(row(name="张三", identifier_number=SELLER))
    before = await sale(land)
    assert (before["decision"], before["subjects"][0]["matches"][0]["reason"]) == ("flag", "notice_missing")
    served = await serve(land)
    after = await sale(land)
    [match] = after["subjects"][0]["matches"]
    assert (after["decision"], match["reason"], match["effect"]) == ("block", "notice", "block")
    assert match["notice"] == {
        "notice_id": served["notice_id"],
        "number": served["number"],
        "court": "昆明市官渡区人民法院",
        "action": "stop_transfer",
        "served_at": served["served_at"],
        "valid_until": served["valid_until"],
    }
    assert match["listing_id"]
    assert after["notices_version"] == before["notices_version"] + 1
    assert datetime.fromisoformat(served["served_at"]).microsecond == 0


async def test_a_notice_blocks_somebody_who_is_not_listed(land: Service):
    assert (await sale(land))["decision"] == "clear"
    await serve(land)
    answer = await sale(land)
    [match] = answer["subjects"][0]["matches"]
    assert answer["decision"] == "block"
    assert (match["listing_id"], match["listing"], match["relation"]) == (None, None, "debtor")
    assert (await sale(land, name="李四"))["subjects"][0]["matches"][0]["reason"] == "identity_uncertain"


async def test_a_notice_binds_its_addressee_alone_and_only_where_a_notice_is_needed(land: Service):
    await serve(land)
    assert (await sale(land, key="agency"))["decision"] == "clear"
    applicant = question(subject("张三", SELLER), matter="civil_service_recruitment")
    assert (await land.post("/v1/checks", applicant, key="land")).json()["decision"] == "clear"


async def test_a_notice_about_one_object_leaves_another_alone(land: Service):
    await serve(land, object="530111 001001 gb00001 F0001")
    assert (await sale(land, object="530111001001GB00001F0001"))["decision"] == "block"
    assert (await sale(land, object="530111001001GB00001F0002"))["decision"] == "clear"
    assert (await sale(land))["decision"] == "block"


async def test_a_request_that_is_no_stop_changes_no_answer(land: Service):
    await serve(land, action="query", valid_until=None)
    assert (await sale(land))["decision"] == "clear"


async def test_a_reply_does_not_end_a_stop_and_a_release_does(land: Service):
    served = await serve(land)
    path = f"/v1/notices/{served['notice_id']}"
    assert (await land.post(f"{path}/acknowledgement", {"operator": "li"}, key="land")).json()[
        "state"
    ] == "acknowledged"
    done = await land.post(f"{path}/reply", {"operator": "li", "result": "done", "text": "已停办"}, key="land")
    assert (done.json()["state"], done.json()["reply"]) == ("answered", "已停办")
    assert (await sale(land))["decision"] == "block"
    released = await land.post(f"{path}/release", {"reason": "已履行"}, key="court")
    assert released.json()["state"] == "released"
    assert (await sale(land))["decision"] == "clear"
    assert (await land.post(f"{path}/release", {"reason": "再次"}, key="court")).status_code == 409
    steps = (await land.get(f"{path}/history", key="court")).json()["items"]
    assert [step["act"] for step in steps] == ["served", "acknowledged", "answered", "released"]
    entries = await land.fetch("SELECT action FROM ledger_entries WHERE action LIKE 'notice%' ORDER BY at, id")
    assert [entry["action"] for entry in entries] == [
        "notice_served",
        "notice_acknowledged",
        "notice_answered",
        "notice_released",
    ]


async def test_a_notice_past_its_last_day_blocks_nothing(land: Service):
    served = await serve(land, valid_until=day())
    assert (await sale(land))["decision"] == "block"
    async with land.workplace.connected() as connection:
        await connection.execute("UPDATE notices SET valid_until = valid_until - 1")
    assert (await sale(land))["decision"] == "clear"
    assert (await land.get(f"/v1/notices/{served['notice_id']}", key="court")).json()["state"] == "expired"
    assert (await land.get("/v1/notices", key="court", state="expired")).json()["items"]
    assert not (await land.get("/v1/notices", key="court", state="served")).json()["items"]


@pytest.mark.parametrize(
    ("action", "object_kind", "years"),
    [("freeze", None, 1), ("seize", "movable", 2), ("seize", None, 3), ("stop_transfer", None, 3)],
)
async def test_a_notice_binds_no_longer_than_the_law_allows(land: Service, action: str, object_kind: str, years: int):
    today = date.fromisoformat(day())
    limit = today.replace(year=today.year + years, day=min(today.day, 28))
    values = {"action": action, "object_kind": object_kind}
    assert (await serve(land, **values, valid_until=limit.isoformat()))["valid_until"] == limit.isoformat()
    beyond = notice(**values, valid_until=(limit + timedelta(days=5)).isoformat())
    refused = await land.post("/v1/notices", beyond, key="court")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "beyond-limit")


async def test_a_renewal_counts_its_limit_anew_and_needs_its_ruling(land: Service):
    served = await serve(land, valid_until=day(10))
    path = f"/v1/notices/{served['notice_id']}/renewal"
    renewed = await land.post(path, {"valid_until": day(700), "ruling_number": "(2026)云0111执77号之九"}, key="court")
    assert (renewed.json()["valid_until"], renewed.json()["ruling_number"]) == (day(700), "(2026)云0111执77号之九")
    assert (await land.post(path, {"valid_until": day(2000), "ruling_number": "x"}, key="court")).status_code == 422


async def test_only_court_and_addressee_see_a_notice(land: Service):
    served = await serve(land)
    path = f"/v1/notices/{served['notice_id']}"
    assert (await land.get(path, key="court")).status_code == 200
    assert (await land.get(path, key="land")).status_code == 200
    for stranger in ("agency", "other agency", "other court"):
        assert (await land.get(path, key=stranger)).status_code == 404
        assert (await land.get(f"{path}/history", key=stranger)).status_code == 404
        assert (await land.get("/v1/notices", key=stranger)).json()["items"] == []
    assert (await land.get(path, key="auditor")).status_code == 403
    assert (await land.post(f"{path}/release", {"reason": "x"}, key="other court")).status_code == 404
    assert (await land.post(f"{path}/acknowledgement", {}, key="agency")).status_code == 404
    assert (await land.post(f"{path}/release", {"reason": "x"}, key="land")).status_code == 403
    assert (await land.post("/v1/notices", notice(), key="land")).status_code == 403


async def test_a_successor_answers_for_the_unit_it_replaced(land: Service):
    await serve(land)
    await land.add_member("GD-NATURAL", MemberKind.AGENCY)
    land.keys["natural"] = await land.add_key("GD-NATURAL", Role.AGENCY)
    async with land.workplace.connected() as connection:
        await connection.execute("INSERT INTO member_lineage (member, ancestor) VALUES ('GD-NATURAL', $1)", LAND)
    assert (await sale(land, key="natural"))["decision"] == "block"
    assert len((await land.get("/v1/notices", key="natural")).json()["items"]) == 1


async def test_notices_on_one_object_wait_in_the_order_of_service(land: Service):
    first = await serve(land, object="云A12345", action="seize", object_kind="movable")
    second = await serve(land, object="云a 12345", action="seize", object_kind="movable", number="x2")
    assert (first["waiting_order"], second["waiting_order"]) == (1, 2)
    await land.post(f"/v1/notices/{first['notice_id']}/release", {"reason": "解除"}, key="court")
    assert (await land.get(f"/v1/notices/{second['notice_id']}", key="court")).json()["waiting_order"] == 1


async def test_what_was_due_and_has_no_reply_is_overdue(land: Service):
    served = await serve(land, action="query", valid_until=None, due_at="2026-01-01T00:00:00Z")
    [overdue] = (await land.get("/v1/notices", key="land", state="overdue")).json()["items"]
    assert overdue["notice_id"] == served["notice_id"]
    assert overdue["overdue"]


async def test_the_same_number_is_served_on_a_unit_once_and_a_retry_is_no_second(land: Service):
    body = notice()
    first = await land.post("/v1/notices", body, key="court", **{"Idempotency-Key": "n1"})
    again = await land.post("/v1/notices", body, key="court", **{"Idempotency-Key": "n1"})
    assert first.content == again.content
    assert (await land.post("/v1/notices", body, key="court")).status_code == 409


@pytest.mark.parametrize(
    "wrong",
    [
        {"agency": "NOBODY"},
        {"agency": "GD-COURT"},
        {"action": "burn"},
        {"valid_until": "2020-01-01"},
        {
            "subject": {
                "kind": "person",
                "name": "张三",
                "identifier": {"type": "resident_id", "number": "530111198503170014"},
            }
        },
        {"subject": {"kind": "person", "name": " ", "identifier": None}},
    ],
)
async def test_a_wrong_notice_is_refused_and_nothing_of_it_is_kept(land: Service, wrong: dict[str, Any]):
    refused = await land.post("/v1/notices", notice(**wrong), key="court")
    assert refused.status_code == 422
    assert not await land.fetch("SELECT FROM notices")


async def test_an_emergency_that_nobody_takes_up_is_escalated_once(land: Service):
    served = await serve(land, action="dispatch_police", urgency="emergency", valid_until=None)
    async with land.workplace.connected() as connection:
        assert not await escalate_emergencies(connection, land.workplace.secrecy)
        await connection.execute("UPDATE notices SET served_at = served_at - interval '6 minutes'")
        for expected in (True, False):
            async with connection.transaction():
                assert await escalate_emergencies(connection, land.workplace.secrecy) is expected
    shown = (await land.get(f"/v1/notices/{served['notice_id']}", key="court")).json()
    assert shown["escalated_at"]
    assert await land.fetch("SELECT FROM ledger_entries WHERE action = 'notice_escalated'")


async def test_the_look_out_tells_a_waiting_stream_within_a_second(land: Service):
    look_out = land.app.state.notice_look_out
    waiting = asyncio.create_task(look_out.moved_past(0, timeout_seconds=5))
    await asyncio.sleep(0.5)
    await serve(land)
    started = asyncio.get_running_loop().time()
    assert await waiting
    assert asyncio.get_running_loop().time() - started < 1.0


async def test_no_number_of_a_notice_lies_in_clear(land: Service):
    await serve(land, text=f"身份证 {SELLER}")
    for table in ("notices", "notice_events", "notice_keys", "ledger_entries"):
        rows = await land.fetch(f"SELECT to_jsonb(t) AS row FROM {table} t")
        assert SELLER not in json.dumps([one["row"] for one in rows], default=str)
