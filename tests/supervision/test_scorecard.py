"""Scorecards: equal to a full count, reproducible, and complete."""

from collections import Counter
from datetime import datetime, timedelta, timezone
from random import Random
from typing import Any
from uuid import uuid4

import pytest

from blacklist_service.clock import legal_date, now
from blacklist_service.supervision.tasks import count_days
from tests.support import Service, day, resident_id, row, subject

SHANGHAI = timezone(timedelta(hours=8))
LISTED = resident_id(51)


async def card(service: Service, first: str, last: str, **values: Any) -> dict[str, Any]:
    response = await service.client.get(
        "/v1/supervision/scorecard",
        params={"from": first, "to": last} | values,
        headers=service.bearer("auditor"),
    )
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def plant(service: Service, days: int, entries: int) -> Counter[tuple[str, str, str, str]]:
    """Entries over the last days, some at the very edges of a legal date; return the full count."""
    random = Random(7)
    counted: Counter[tuple[str, str, str, str]] = Counter()
    rows: list[tuple[Any, ...]] = []
    for number in range(entries):
        on = legal_date(now()) - timedelta(days=random.randrange(days))
        begin = datetime(on.year, on.month, on.day, tzinfo=SHANGHAI)
        edges = (timedelta(), timedelta(days=1, microseconds=-1), timedelta(seconds=random.randrange(86400)))
        at = begin + random.choice(edges)
        agency, matter = (
            random.choice(["GD-HR", "GD-EDU"]),
            random.choice(["civil_service_recruitment", "tender_bidding"]),
        )
        decision = random.choice(["block", "flag", "clear"])
        counted[on.isoformat(), agency, matter, decision] += 1
        rows.append((at, uuid4(), "check", agency, matter, decision, [], f"{number}".encode()))
    columns = ["at", "id", "action", "agency", "matter", "decision", "listing_ids", "leaf"]
    async with service.workplace.connected() as connection:
        await connection.copy_records_to_table("ledger_entries", records=rows, columns=columns)
    return counted


async def test_the_figures_equal_a_full_count_before_and_after_the_days_are_counted(service: Service):
    counted = await plant(service, 9, 800)
    for _ in range(2):
        for first, last in ((8, 0), (7, 3), (1, 1), (0, 0)):
            shown = await card(service, day(-first), day(-last))
            expected: Counter[tuple[str, str, str]] = Counter()
            for (on, agency, matter, decision), checks in counted.items():
                if day(-first) <= on <= day(-last):
                    expected[agency, matter, decision] += checks
            found = {
                (unit["agency"], one["matter"], decision): one[decision]
                for unit in shown["agencies"]
                for one in unit["by_matter"]
                for decision in ("block", "flag", "clear")
                if one[decision]
            }
            assert found == dict(expected)
        async with service.workplace.connected() as connection:
            while True:
                async with connection.transaction():
                    if not await count_days(connection, service.workplace.secrecy):
                        break
    assert len(await service.fetch("SELECT FROM check_days_counted")) >= 7


async def test_a_unit_that_never_asked_is_the_finding(service: Service):
    await service.check(subject("张三", LISTED))
    units = {unit["agency"]: unit for unit in (await card(service, day(-5), day()))["agencies"]}
    assert (units["GD-HR"]["checks"], units["GD-EDU"]["checks"]) == (1, 0)
    assert units["GD-HR"]["last_check_at"]
    assert units["GD-EDU"]["last_check_at"] is None


async def test_outcomes_overrides_and_notices_are_counted(service: Service):
    await service.load_rows(row(name="张三", identifier_number=LISTED))
    checks = [await service.check(subject("张三", LISTED)) for _ in range(4)]
    for check, action in zip(checks, ("approved", "refused", "approved"), strict=False):
        path = f"/v1/checks/{check['check_id']}/outcome"
        body = {"action": action, "reason": "法院同意"}
        assert (await service.client.put(path, json=body, headers=service.bearer("agency"))).status_code == 200
    changed = {"action": "refused", "reason": "更正"}
    path = f"/v1/checks/{checks[2]['check_id']}/outcome"
    await service.client.put(path, json=changed, headers=service.bearer("agency"))
    notice = {
        "number": "n",
        "case_number": "c",
        "ruling_number": "r",
        "agency": "GD-HR",
        "action": "query",
        "subject": subject("张三", LISTED),
        "due_at": "2026-01-01T00:00:00Z",
    }
    await service.post("/v1/notices", notice, key="court")
    shown = await card(service, day(-1), day())
    unit = next(one for one in shown["agencies"] if one["agency"] == "GD-HR")
    assert (unit["outcomes"]["expected"], unit["outcomes"]["given"], unit["outcomes"]["rate"]) == (4, 3, 0.75)
    assert unit["outcomes"]["overridden"] == 1
    assert [one["reason"] for one in unit["outcomes"]["overrides"]] == ["法院同意"]
    assert unit["outcomes"]["median_seconds"] >= 0
    assert (unit["notices"]["served"], unit["notices"]["late"], unit["notices"]["in_time"]) == (1, 1, 0)
    court = next(one for one in shown["courts"] if one["court"] == "云0111")
    assert court["publications"]["total"] == 1
    table = await service.client.get(
        "/v1/supervision/scorecard",
        params={"from": day(-1), "to": day(), "format": "csv"},
        headers=service.bearer("auditor"),
    )
    assert "GD-HR" in table.text


async def test_a_courts_fifteen_days_for_an_objection_end_after_the_holidays(service: Service):
    """2025-09-20 and 15 days is 5 October, in the National Day holidays: the court has until the 9th (民诉法 Art. 85)."""
    await service.load_rows(*(row() for _ in range(3)))
    listings = await service.fetch("SELECT id FROM listings ORDER BY id")
    for listing, decided_on in zip(listings, ("2025-10-09", "2025-10-10", None), strict=True):
        body = {"listing_id": str(listing["id"]), "received_on": "2025-09-20", "grounds": "inaccurate", "text": "有误"}
        objection = (await service.post("/v1/objections", body, key="court")).json()
        decision = {"result": "rejected", "decided_on": decided_on, "reason": "不成立"}
        if decided_on:
            await service.post(f"/v1/objections/{objection['objection_id']}/decision", decision, key="court")
    shown = await card(service, "2025-09-01", "2025-10-31")
    court = next(one for one in shown["courts"] if one["court"] == "云0111")
    assert court["objections"] == {"filed": 3, "decided": 2, "in_time": 1}


async def test_reading_it_is_recorded(service: Service):
    await card(service, day(-1), day())
    entries = await service.fetch("SELECT leaf FROM ledger_entries WHERE action = 'audit_read'")
    assert b"scorecard" in entries[-1]["leaf"]


@pytest.mark.parametrize("key", ["agency", "court"])
async def test_nobody_but_supervision_reads_it(service: Service, key: str):
    params = {"from": day(-1), "to": day()}
    response = await service.client.get("/v1/supervision/scorecard", params=params, headers=service.bearer(key))
    assert response.status_code == 403


@pytest.mark.parametrize(("first", "last"), [("2026-02-30", "2026-03-01"), (day(), day(-1)), ("2020-01-01", day())])
async def test_days_that_are_no_range_are_refused(service: Service, first: str, last: str):
    params = {"from": first, "to": last}
    response = await service.client.get("/v1/supervision/scorecard", params=params, headers=service.bearer("auditor"))
    assert response.status_code == 422
