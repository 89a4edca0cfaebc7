"""A debtor has paid and is still listed: the court's task, the committee's list and the figures."""

from datetime import date
from typing import Any

import pytest

from blacklist_service.database.connections import connect
from blacklist_service.supervision.late_removals import LateRemovalsGauge
from blacklist_service.telemetry import LATE_REMOVALS
from tests.journeys.test_life_of_a_listing import LISTED, act, publication, publish
from tests.support import Service, day, subject

PAID = {"kind": "performed", "performed_on": day(-20), "note": "全部到账"}


async def tasks(service: Service) -> dict[str, Any]:
    page = (await service.get("/v1/listings/tasks", key="court")).json()
    return {one["task"]: one for one in page["items"]} | {"overdue": page["overdue"]}


async def days_pass(service: Service, days: int) -> None:
    """As if the court had said so before: nobody waits for a calendar in a test."""
    connection = await connect(service.workplace.dsn, role=None)
    try:
        await connection.execute("UPDATE listing_performances SET stated_on = stated_on - $1::integer", days)
    finally:
        await connection.close()


async def late(service: Service) -> dict[str, Any]:
    found: dict[str, Any] = (await service.get("/v1/supervision/late-removals", key="auditor")).json()
    return found


async def score(service: Service) -> int:
    card = await service.get("/v1/supervision/scorecard", key="auditor", **{"from": day(-30), "to": day()})
    [court] = card.json()["courts"]
    number: int = court["late_removals"]
    return number


async def gauge(service: Service) -> float:
    async with service.workplace.connected() as connection:
        await LateRemovalsGauge().count(connection)
    value: float = LATE_REMOVALS.labels("云0111")._value.get()
    return value


async def test_golden_10_from_the_courts_word_to_the_committees_list(service: Service):
    listing = await publish(service, expires_on=None, circumstances=["C1"])
    said = await act(service, listing, "performance", PAID)
    assert said.status_code == 201, said.text
    assert (said.json()["task"], said.json()["stated_on"]) == ("delete_after_performance", day())
    assert date.fromisoformat(said.json()["due_on"]) > date.fromisoformat(day(2))

    assert await service.decide(subject("张三", LISTED)) == "block"
    assert (await service.get(f"/v1/listings/{listing['listing_id']}", key="court")).json()["version"] == 1
    due = await tasks(service)
    assert (due["delete_after_performance"]["since"], due["overdue"]) == (day(), 0)
    assert ((await late(service))["items"], await score(service), await gauge(service)) == ([], 0, 0)

    await days_pass(service, 20)
    assert (await tasks(service))["overdue"] == 1
    [overdue] = (await late(service))["items"]
    assert (overdue["court"], overdue["removed_on"], overdue["performed_on"]) == ("云0111", None, day(-20))
    assert overdue["days_late"] > 5
    assert "张三" not in str(overdue)
    assert (await score(service), await gauge(service)) == (1, 1)
    assert await service.decide(subject("张三", LISTED)) == "block"

    deleted = await act(service, listing, "deletion", {"ground": "performed", "decided_on": day()})
    assert deleted.status_code == 200
    assert await service.decide(subject("张三", LISTED)) == "clear"
    assert "delete_after_performance" not in await tasks(service)
    [gone] = (await late(service))["items"]
    assert (gone["removed_on"], (await late(service))["open"]) == (day(), 0)
    assert (await score(service), await gauge(service)) == (1, 0)


async def test_of_a_listing_with_a_term_the_court_decides(service: Service):
    listing = await publish(service, expires_on=day(300))
    said = (await act(service, listing, "performance", PAID | {"kind": "settlement_performed"})).json()
    assert (said["task"], said["due_on"]) == ("decide_early_deletion", day(300))
    await days_pass(service, 60)
    due = await tasks(service)
    assert (due["decide_early_deletion"]["is_overdue"], due["overdue"]) == (False, 0)
    assert ((await late(service))["items"], await gauge(service)) == ([], 0)
    assert await service.decide(subject("张三", LISTED)) == "block"
    early = {"ground": "early_by_decision", "decided_on": day()}
    assert (await act(service, listing, "deletion", early)).status_code == 200
    assert "decide_early_deletion" not in await tasks(service)


async def test_a_correction_that_says_so_begins_the_same_task(service: Service):
    listing = await publish(service, expires_on=None)
    body = {"listing": publication(expires_on=None, performance="full"), "reason": "已履行", "decided_on": day()}
    assert (await act(service, listing, "correction", body)).status_code == 200
    assert (await tasks(service))["delete_after_performance"]["since"] == day()


async def test_it_is_said_more_than_once_and_the_first_day_counts(service: Service):
    listing = await publish(service, expires_on=None)
    assert (await act(service, listing, "performance", PAID)).status_code == 201
    await days_pass(service, 1)
    assert (await act(service, listing, "performance", PAID | {"performed_on": day()})).status_code == 201
    assert (await tasks(service))["delete_after_performance"]["since"] == day(-1)
    path = f"/v1/listings/{listing['listing_id']}/performance"
    kept = (await service.get(path, key="court")).json()["items"]
    assert [one["performed_on"] for one in kept] == [day(-20), day()]
    assert kept[0]["note"] == "全部到账"


async def test_said_again_later_it_is_no_new_removal_of_that_time(service: Service):
    listing = await publish(service, expires_on=None)
    assert (await act(service, listing, "performance", PAID)).status_code == 201
    await days_pass(service, 60)
    assert (await act(service, listing, "performance", PAID)).status_code == 201
    shown = await service.get("/v1/supervision/late-removals", key="auditor", **{"from": day(-10), "to": day(10)})
    assert shown.json()["items"] == []
    [only] = (await late(service))["items"]
    assert only["days_late"] > 40


async def test_what_is_refused(service: Service):
    listing = await publish(service, expires_on=None)
    assert (await act(service, listing, "performance", PAID | {"performed_on": day(1)})).status_code == 422
    assert (await act(service, listing, "performance", PAID | {"kind": "paid"})).status_code == 422
    assert (await act(service, listing | {"version": 7}, "performance", PAID)).status_code == 412
    path = f"/v1/listings/{listing['listing_id']}/performance"
    assert (await service.post(path, PAID, key="court")).status_code == 428
    for key in ("agency", "auditor"):
        assert (await service.post(path, PAID, key=key)).status_code == 403
    assert (await service.get(path)).status_code == 403
    await act(service, listing, "deletion", {"ground": "performed", "decided_on": day()})
    assert (await act(service, listing | {"version": 2}, "performance", PAID)).status_code == 409
    for key in ("agency", "court"):
        assert (await service.get("/v1/supervision/late-removals", key=key)).status_code == 403
    wrong = await service.get("/v1/supervision/late-removals", key="auditor", **{"from": day(), "to": day(-1)})
    assert wrong.status_code == 422


@pytest.mark.parametrize("text", ["全部到账"])
async def test_the_courts_note_is_sealed_and_its_word_is_in_the_ledger(service: Service, text: str):
    listing = await publish(service, expires_on=None)
    await act(service, listing, "performance", PAID)
    [stored] = await service.fetch("SELECT p::text AS text FROM listing_performances p")
    assert text not in stored["text"]
    [entry] = await service.fetch("SELECT leaf FROM ledger_entries WHERE action = 'performance_recorded'")
    assert b"performed_on" in entry["leaf"]
    assert text.encode() not in entry["leaf"]
