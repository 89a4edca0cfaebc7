"""督查: which units and courts act and which do not, month by month, from a bar to its rows to the entry."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from starlette.responses import Response

from blacklist_service.access.duties import Duty
from blacklist_service.clock import legal_date, now
from blacklist_service.console.charts import ColumnChart, bars_of, columns_of
from blacklist_service.console.forms import Form
from blacklist_service.console.home import DESKS, matter_names, unit_names
from blacklist_service.console.routing import page
from blacklist_service.console.times import end_of_day, start_of_day
from blacklist_service.console.visits import FULL_PAGE, Visit
from blacklist_service.listings.deadlines import months_after
from blacklist_service.problems import NotFound

MONTHS = 6
SENTENCES = {"range": "结束日期不得早于开始日期，最长400天", "date": "请按 2026-04-26 的形式填写日期"}


@page("GET", "/scorecard", Duty.SUPERVISOR)
async def scorecard(visit: Visit) -> Response:
    form, days = _days(visit)
    card = await _card(visit, form, days)
    if card is None:
        return visit.show("scorecard.html", status=422, form=form, card=None, **_periods())
    months = (await visit.read("/v1/supervision/months", months=MONTHS))["items"]
    asking = sorted((one for one in card["agencies"] if one["checks"]), key=lambda one: -one["checks"])
    idle = [one for one in card["agencies"] if not one["checks"]]
    return visit.show(
        "scorecard.html",
        form=form,
        card=card,
        days=days,
        bars=bars_of([(one["name"], _unit_link(one["agency"], days), _totals(one)) for one in asking]),
        court_bars=bars_of(
            [(one["name"], _court_link(one["court"], days), _punctuality(one)) for one in card["courts"]]
        ),
        active=asking
        + [one for one in idle if one["notices"]["served"] or one["leads"]["filed"] or _has_outcomes(one)],
        never=[one for one in idle if one["last_check_at"] is None],
        not_now=[one for one in idle if one["last_check_at"] is not None],
        trend=_check_trend(months, None),
        court_trend=_court_trend(months, None),
        matters=await matter_names(visit),
        **_periods(),
    )


@page("GET", "/scorecard/table", Duty.SUPERVISOR)
async def table(visit: Visit) -> Response:
    _, days = _days(visit)
    reply = await visit.call("GET", "/v1/supervision/scorecard", query=days | {"format": "csv"})
    if not reply.is_ok:
        return visit.go("/scorecard", **days)
    name = f"scorecard-{days['from']}-{days['to']}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(reply.content, media_type="text/csv; charset=utf-8", headers=headers)


@page("GET", "/scorecard/unit/{unit}", Duty.SUPERVISOR)
async def unit_page(visit: Visit) -> Response:
    form, days = _days(visit)
    card = await _card(visit, form, days)
    unit = next((one for one in card["agencies"] if one["agency"] == visit.path["unit"]), None) if card else None
    if unit is None:
        raise NotFound
    names = await matter_names(visit)
    months = (await visit.read("/v1/supervision/months", months=MONTHS))["items"]
    link = f"/console/scorecard/unit/{unit['agency']}/checks"
    rows = [
        (
            names.get(one["matter"], one["matter"]),
            f"{link}?matter={one['matter']}&from={days['from']}&to={days['to']}",
            {kind: one[kind] for kind in ("block", "flag", "clear")},
        )
        for one in unit["by_matter"]
    ]
    return visit.show(
        "scorecard_unit.html",
        form=form,
        unit=unit,
        days=days,
        bars=bars_of(rows),
        trend=_check_trend(months, unit["agency"]),
        matters=names,
        **_periods(),
    )


@page("GET", "/scorecard/court/{court}", Duty.SUPERVISOR)
async def court_page(visit: Visit) -> Response:
    form, days = _days(visit)
    card = await _card(visit, form, days)
    court = next((one for one in card["courts"] if one["court"] == visit.path["court"]), None) if card else None
    if court is None:
        raise NotFound
    months = (await visit.read("/v1/supervision/months", months=MONTHS))["items"]
    late = (await visit.read("/v1/supervision/late-removals", **days))["items"]
    return visit.show(
        "scorecard_court.html",
        form=form,
        court=court,
        days=days,
        late=[one for one in late if one["court"] == court["court"]],
        trend=_court_trend(months, court["court"]),
        **_periods(),
    )


@page("GET", "/scorecard/unit/{unit}/checks", Duty.SUPERVISOR)
async def rows(visit: Visit) -> Response:
    """The checks behind a bar; a monthly column leads here too."""
    form, days = _days(visit)
    wanted: dict[str, object] = {
        name: visit.query.get(name) for name in ("matter", "decision", "cursor") if visit.query.get(name)
    }
    wanted |= {"agency": visit.path["unit"], "limit": FULL_PAGE}
    wanted |= {"from": start_of_day(days["from"]), "to": end_of_day(days["to"])}
    reply = await visit.call("GET", "/v1/supervision/checks", query=wanted)
    found = reply.json if reply.is_ok else {"items": [], "next": None}
    if not reply.is_ok:
        form.general.append("查询条件有误")
    kept = {name: form[name] for name in ("from", "to", "matter", "decision") if form.given(name)}
    return visit.show(
        "scorecard_rows.html",
        status=200 if reply.is_ok else 422,
        form=form,
        unit=visit.path["unit"],
        unit_name=(await unit_names(visit)).get(visit.path["unit"], visit.path["unit"]),
        items=found["items"],
        next=found["next"],
        kept=kept,
        matters=await matter_names(visit),
    )


@page("GET", "/scorecard/checks/{check_id}", Duty.SUPERVISOR)
async def row(visit: Visit) -> Response:
    found = await visit.read(f"/v1/supervision/checks/{visit.path['check_id']}")
    names = await unit_names(visit)
    unit = names.get(found["agency"], found["agency"])
    return visit.show("scorecard_check.html", check=found, unit=unit, matters=await matter_names(visit))


@page("GET", "/late-removals", Duty.SUPERVISOR)
async def late_removals(visit: Visit) -> Response:
    form, days = _days(visit)
    reply = await visit.call("GET", "/v1/supervision/late-removals", query=days)
    if not reply.is_ok:
        form.take_problem(reply.json, {"from": "from", "to": "to"}, SENTENCES)
    found = reply.json if reply.is_ok else {"items": [], "open": 0}
    status = 200 if reply.is_ok else 422
    return visit.show("late_removals.html", status=status, form=form, found=found, days=days, **_periods())


async def desk(visit: Visit) -> dict[str, Any]:
    """This month at a glance."""
    days = dict(_periods()["periods"][0][1])
    card = await visit.read("/v1/supervision/scorecard", **days)
    late = await visit.read("/v1/supervision/late-removals")
    return {"card": card, "late_open": late["open"], "days": days}


DESKS[Duty.SUPERVISOR] = desk


def _days(visit: Visit) -> tuple[Form, dict[str, str]]:
    """The requested days; by default the last three months."""
    usual = _periods()["periods"][2][1]
    form = Form(dict(visit.query))
    days = {name: form.given(name) or usual[name] for name in ("from", "to")}
    form.values |= days
    return form, days


def _periods() -> dict[str, Any]:
    today = legal_date(now())
    this = today.replace(day=1)
    last = months_after(this, -1)
    spans: list[tuple[str, date, date]] = [
        ("本月", this, today),
        ("上月", last, this - timedelta(days=1)),
        ("近三个月", months_after(this, -2), today),
    ]
    return {"periods": [(word, {"from": first.isoformat(), "to": end.isoformat()}) for word, first, end in spans]}


async def _card(visit: Visit, form: Form, days: Mapping[str, str]) -> Any:
    """None if the days are invalid; the form then says why."""
    reply = await visit.call("GET", "/v1/supervision/scorecard", query=days)
    if reply.is_ok:
        return reply.json
    form.take_problem(reply.json, {"from": "from", "to": "to"}, SENTENCES)
    return None


def _has_outcomes(unit: Mapping[str, Any]) -> bool:
    return bool(unit["outcomes"]["expected"] or unit["outcomes"]["given"])


def _unit_link(agency: str, days: Mapping[str, str]) -> str:
    return f"/console/scorecard/unit/{agency}?from={days['from']}&to={days['to']}"


def _court_link(court: str, days: Mapping[str, str]) -> str:
    return f"/console/scorecard/court/{court}?from={days['from']}&to={days['to']}"


def _totals(unit: Mapping[str, Any]) -> dict[str, int]:
    return {kind: sum(one[kind] for one in unit["by_matter"]) for kind in ("block", "flag", "clear")}


def _punctuality(court: Mapping[str, Any]) -> dict[str, int]:
    """A court's acts: within three working days of their decision, later, and those whose decision has no date."""
    acts = [court[name] for name in ("publications", "corrections", "deletions", "withdrawals")]
    in_time, dated = (sum(one[name] for one in acts) for name in ("in_time", "dated"))
    return {"in_time": in_time, "late": dated - in_time, "undated": sum(one["total"] for one in acts) - dated}


def _check_trend(months: list[Mapping[str, Any]], agency: str | None) -> ColumnChart:
    """For one unit, or all together; a unit's column leads to its rows."""
    shown = []
    for month in months:
        units = [one for one in month["agencies"] if agency in (None, one["agency"])]
        counts = {kind: sum(one[kind] for one in units) for kind in ("block", "flag", "clear")}
        days = f"from={month['from']}&to={month['to']}"
        link = f"/console/scorecard/unit/{agency}/checks?{days}" if agency else f"/console/scorecard?{days}"
        shown.append((month["from"][:7], link, counts))
    return columns_of(shown)


def _court_trend(months: list[Mapping[str, Any]], court: str | None) -> ColumnChart:
    shown = []
    for month in months:
        courts = [one for one in month["courts"] if court in (None, one["court"])]
        acts, dated, in_time = (sum(one[name] for one in courts) for name in ("acts", "dated", "in_time"))
        link = f"?from={month['from']}&to={month['to']}"
        shown.append((month["from"][:7], link, {"in_time": in_time, "late": dated - in_time, "undated": acts - dated}))
    return columns_of(shown)
