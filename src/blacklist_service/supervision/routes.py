"""`GET /v1/supervision/scorecard`: what each unit and each court did between two days."""

import csv
import io
from collections import Counter as Tally
from datetime import datetime, timedelta
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Header, Query
from starlette.requests import Request
from starlette.responses import Response as HttpResponse

from blacklist_service.access.scopes import Scope
from blacklist_service.clock import begin_of, legal_date
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.problems import FieldError, InvalidRequest
from blacklist_service.supervision import queries
from blacklist_service.supervision.late_removals import list_late_removals
from blacklist_service.supervision.schemas import (
    ActFigures,
    AgencyScore,
    CheckFigures,
    CourtScore,
    LateRemoval,
    LateRemovals,
    LateRemovalsQuery,
    LeadFigures,
    NoticeFigures,
    ObjectionFigures,
    OutcomeFigures,
    Override,
    Scorecard,
    ScorecardQuery,
    ToldFigures,
)
from blacklist_service.web.documented import problems
from blacklist_service.web.routing import Acting, GuardedRoute, needs
from blacklist_service.web.shares import Share, takes
from blacklist_service.web.spreadsheets import cell
from blacklist_service.web.transactions import Writes
from blacklist_service.web.wire import Response
from blacklist_service.webhooks.queries import count_told

router = APIRouter(prefix="/v1/supervision", tags=["supervision"], route_class=GuardedRoute)

LONGEST_DAYS = 400
DECISIONS = ("block", "flag", "clear")
Figures = TypeVar("Figures", bound=Response)


@router.get(
    "/scorecard",
    summary="What each unit and court did",
    description="Checks by matter and decision, outcomes, overrides with their reasons, notices, the last check ever; for "
    "courts what was published, corrected and deleted in time. From the ledger: the same again for a past month. Reading "
    "it is recorded.",
    response_model=Scorecard,
    responses=problems(401, 403, 422, 503) | {200: {"content": {"text/csv": {}}}},
    dependencies=[needs(Scope.SUPERVISION_READ), takes(Share.BULK)],
)
async def scorecard(
    query: Annotated[ScorecardQuery, Query()],
    request: Request,
    connection: Writes,
    actor: Acting,
    accept: Annotated[str, Header()] = "application/json",
) -> HttpResponse:
    if not 0 <= (query.last - query.first).days < LONGEST_DAYS:
        message = f"not before `from`, and at most {LONGEST_DAYS} days"
        raise InvalidRequest(errors=[FieldError("to", "range", message)])
    at = await database_clock(connection)
    facts = {"what": "scorecard", "from": query.first.isoformat(), "to": query.last.isoformat()}
    await record(connection, [Entry(Action.AUDIT_READ, actor, facts=facts)], at=at, secrecy=request.app.state.secrecy)
    card = await _scorecard(connection, query, at, request.app.state)
    if query.format == "csv" or (query.format is None and "text/csv" in accept.lower()):
        return HttpResponse(_csv(card), media_type="text/csv; charset=utf-8")
    return HttpResponse(card.model_dump_json(by_alias=True), media_type="application/json")


@router.get(
    "/late-removals",
    summary="Listings performed, and not deleted in time",
    description="For the committee: what the courts knew to be performed, whose deletion was due in the days (the last year "
    "unless said otherwise), and which was late or is still on the list; the oldest first. Reading it is recorded.",
    responses=problems(401, 403, 422, 503),
    dependencies=[needs(Scope.SUPERVISION_READ)],
)
async def late_removals(
    query: Annotated[LateRemovalsQuery, Query()], request: Request, connection: Writes, actor: Acting
) -> LateRemovals:
    at = await database_clock(connection)
    last = query.last or legal_date(at)
    first = query.first or last - timedelta(days=LONGEST_DAYS)
    if not 0 <= (last - first).days <= LONGEST_DAYS:
        message = f"not before `from`, and at most {LONGEST_DAYS} days"
        raise InvalidRequest(errors=[FieldError("to", "range", message)])
    facts = {"what": "late_removals", "from": first.isoformat(), "to": last.isoformat()}
    await record(connection, [Entry(Action.AUDIT_READ, actor, facts=facts)], at=at, secrecy=request.app.state.secrecy)
    found = await list_late_removals(connection, first, last, today=legal_date(at))
    items = [LateRemoval.model_validate(one | {"court": one["court_code"], "name": one["court_name"]}) for one in found]
    return LateRemovals(items=items, open=sum(one.removed_on is None for one in items))


async def _scorecard(connection: Connection, query: ScorecardQuery, at: datetime, state: Any) -> Scorecard:
    days = (query.first, query.last)
    today = legal_date(at)
    checks: dict[str, dict[str, dict[str, int]]] = {}
    for row in await queries.count_checks(connection, *days):
        checks.setdefault(row["agency"], {}).setdefault(row["matter"], {})[row["decision"]] = row["checks"]
    last_checks = await queries.find_last_checks(connection)
    outcomes = await queries.count_outcomes(connection, *days)
    overrides = await queries.list_overrides(connection, *days, secrecy=state.secrecy)
    waiting = await queries.count_waiting(connection, *days, working_days=state.settings.outcome_days, today=today)
    notices = await queries.count_notices(connection, *days, at=at)
    acts = await queries.count_acts(connection, *days)
    objections = await queries.count_objections(connection, *days)
    late = Tally(one["court_code"] for one in await list_late_removals(connection, *days, today=today))
    leads_of, leads_to = await queries.count_leads(connection, *days)
    told = await count_told(connection, begin_of(query.first), begin_of(query.last + timedelta(days=1)))
    units = await queries.list_units(connection, on=query.last)
    agencies = [
        _agency(
            unit,
            checks=checks.get(unit["code"], {}),
            last_check_at=last_checks.get(unit["code"]),
            outcomes=outcomes.get(unit["code"]),
            overrides=overrides.get(unit["code"], []),
            overdue=waiting.get(unit["code"], 0),
            notices=notices.get(unit["code"]),
            leads=leads_of.get(unit["code"], {}),
            told=told.get(unit["code"]),
        )
        for unit in units
        if unit["kind"] == "agency"
    ]
    courts = [
        CourtScore(
            court=unit["court_code"],
            name=unit["name"],
            publications=ActFigures(**acts.get(unit["court_code"], {}).get("published", {})),
            corrections=ActFigures(**acts.get(unit["court_code"], {}).get("corrected", {})),
            deletions=ActFigures(**acts.get(unit["court_code"], {}).get("deleted", {})),
            withdrawals=ActFigures(**acts.get(unit["court_code"], {}).get("withdrawn", {})),
            objections=_figures(ObjectionFigures, objections.get(unit["court_code"])),
            late_removals=late.get(unit["court_code"], 0),
            leads=LeadFigures(**leads_to.get(unit["court_code"], {})),
        )
        for unit in units
        if unit["kind"] == "court"
    ]
    return Scorecard.model_validate(
        {"from": query.first, "to": query.last, "at": at, "agencies": agencies, "courts": courts}
    )


def _agency(
    unit: Any,
    *,
    checks: dict[str, dict[str, int]],
    last_check_at: datetime | None,
    outcomes: Any,
    overrides: list[dict[str, Any]],
    overdue: int,
    notices: Any,
    leads: dict[str, int],
    told: Any,
) -> AgencyScore:
    by_matter = [CheckFigures(matter=matter, **figures) for matter, figures in sorted(checks.items())]
    expected = sum(one.block + one.flag for one in by_matter)
    given = outcomes["outcomes"] if outcomes else 0
    return AgencyScore(
        agency=unit["code"],
        name=unit["name"],
        checks=sum(one.block + one.flag + one.clear for one in by_matter),
        by_matter=by_matter,
        last_check_at=last_check_at,
        outcomes=OutcomeFigures(
            expected=expected,
            given=given,
            rate=round(given / expected, 4) if expected else None,
            median_seconds=outcomes["median_seconds"] if outcomes else None,
            overdue=overdue,
            overridden=outcomes["overridden"] if outcomes else 0,
            overrides=[Override(**one) for one in overrides],
        ),
        notices=_figures(NoticeFigures, notices),
        leads=LeadFigures(**leads),
        events=_figures(ToldFigures, told),
    )


def _figures(model: type[Figures], row: Any) -> Figures:
    return model(**{name: row[name] for name in model.model_fields}) if row else model()


def _csv(card: Scorecard) -> str:
    """One line for each unit, then one for each court."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(
        [
            "unit",
            "name",
            "checks",
            "block",
            "flag",
            "clear",
            "last_check_at",
            "outcome_rate",
            "median_seconds",
            "overdue",
            "overridden",
            "notices",
            "due",
            "in_time",
            "late",
            "escalated",
            *("leads", "leads_taken_up", "leads_closed"),
            *("events", "events_told", "events_median_seconds"),
        ]
    )
    for unit in card.agencies:
        totals = [sum(getattr(one, decision) for one in unit.by_matter) for decision in DECISIONS]
        outcomes, notices = unit.outcomes, unit.notices
        writer.writerow(
            [
                cell(unit.agency),
                cell(unit.name),
                unit.checks,
                *totals,
                unit.last_check_at or "",
                outcomes.rate,
                outcomes.median_seconds,
                outcomes.overdue,
                outcomes.overridden,
                notices.served,
                notices.due,
                notices.in_time,
                notices.late,
                notices.escalated,
                *unit.leads.model_dump().values(),
                *unit.events.model_dump().values(),
            ]
        )
    writer.writerow([])
    acts = ("publications", "corrections", "deletions", "withdrawals")
    writer.writerow(
        [
            "court",
            "name",
            *(f"{act}{part}" for act in acts for part in ("", "_dated", "_in_time")),
            "objections",
            "objections_decided",
            "objections_in_time",
            "late_removals",
            *("leads", "leads_taken_up", "leads_closed"),
        ]
    )
    for court in card.courts:
        figures = [value for act in acts for value in getattr(court, act).model_dump().values()]
        figures += [*court.objections.model_dump().values(), court.late_removals, *court.leads.model_dump().values()]
        writer.writerow([cell(court.court), cell(court.name), *figures])
    return "\ufeff" + text.getvalue()
