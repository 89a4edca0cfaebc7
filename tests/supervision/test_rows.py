"""The rows behind the figures: months, a unit's checks, one check; reading is recorded, and no names are shown."""

from datetime import date

import httpx
import pytest

from blacklist_service.clock import legal_date, now
from blacklist_service.console.charts import bars_of, columns_of, round_up
from blacklist_service.supervision.trends import last_months
from tests.support import Service, resident_id, row, subject

LISTED = resident_id(51)


async def read(service: Service, what: str, **query: object) -> httpx.Response:
    headers = service.bearer("auditor")
    return await service.client.get(f"/v1/supervision/{what}", params=query, headers=headers)  # type: ignore[arg-type]


async def test_a_figure_leads_to_its_checks_and_to_one_of_them(service: Service):
    await service.load_rows(row(name="张三", identifier_number=LISTED))
    stopped = await service.check(subject("张三", LISTED))
    await service.check(subject("李四", None))
    said = {"action": "approved", "reason": "法院同意"}
    path = f"/v1/checks/{stopped['check_id']}/outcome"
    await service.client.put(path, json=said, headers=service.bearer("agency"))
    found = (await read(service, "checks", agency="GD-HR")).json()
    assert [one["decision"] for one in found["items"]] == ["clear", "block"]
    found = (await read(service, "checks", agency="GD-HR", decision="block")).json()
    [one] = found["items"]
    response = await service.get(f"/v1/supervision/checks/{one['check_id']}", key="auditor")
    shown = response.json()
    assert (shown["agency"], shown["outcome"], shown["reason"]) == ("GD-HR", "approved", "法院同意")
    assert "张三" not in response.text
    assert LISTED not in response.text
    entries = await service.fetch("SELECT leaf FROM ledger_entries WHERE action = 'audit_read' ORDER BY at")
    assert [b"supervised" in one["leaf"] for one in entries] == [True, True, True]
    assert (await read(service, "checks", agency="GD-EDU")).json()["items"] == []


async def test_months_are_counted_to_today(service: Service):
    await service.check(subject("李四", None))
    found = (await read(service, "months", months=3)).json()["items"]
    assert len(found) == 3
    assert found[-1]["to"] == legal_date(now()).isoformat()
    assert found[-1]["agencies"] == [{"agency": "GD-HR", "block": 0, "flag": 0, "clear": 1}]
    assert found[0]["agencies"] == []


@pytest.mark.parametrize("path", ["months", "checks?agency=GD-HR", "checks/00000000-0000-7000-8000-000000000000"])
@pytest.mark.parametrize("key", ["agency", "court"])
async def test_nobody_but_supervision_reads_them(service: Service, path: str, key: str):
    assert (await service.get(f"/v1/supervision/{path}", key=key)).status_code == 403


async def test_what_is_no_check_is_not_found(service: Service):
    for one in ("00000000-0000-7000-8000-000000000000", "00000000-0000-4000-8000-000000000000"):
        assert (await service.get(f"/v1/supervision/checks/{one}", key="auditor")).status_code == 404


def test_months_go_over_the_turn_of_the_year():
    months = last_months(date(2026, 2, 10), 3)
    assert [(one.first, one.last) for one in months] == [
        (date(2025, 12, 1), date(2025, 12, 31)),
        (date(2026, 1, 1), date(2026, 1, 31)),
        (date(2026, 2, 1), date(2026, 2, 10)),
    ]


def test_bars_and_columns_stand_where_their_counts_say():
    long, short = bars_of([("甲", "/a", {"block": 3, "clear": 1}), ("乙", "/b", {"block": 0, "clear": 2})])
    assert [(part.kind, part.start, part.length) for part in long.parts] == [("block", 0, 75), ("clear", 75, 25)]
    assert [(part.kind, part.length) for part in short.parts] == [("clear", 50)]
    chart = columns_of([("2026-01", "/", {"clear": 7}), ("2026-02", "/", {})])
    assert chart.scale[-1] == (10, 0)
    assert chart.bars[0].parts[0].length == 84
    assert [round_up(one) for one in (0, 2, 3, 10, 11, 101)] == [2, 2, 4, 10, 20, 200]
    assert bars_of([]) == []
