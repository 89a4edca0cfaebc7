"""The scorecard of some days, from counts: one score for each unit and each court, and the same as CSV. Pure."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from blacklist_service.supervision.schemas import (
    ActFigures,
    AgencyScore,
    CheckFigures,
    CourtScore,
    LeadFigures,
    NoticeFigures,
    ObjectionFigures,
    OutcomeFigures,
    Override,
    Scorecard,
    ToldFigures,
)
from blacklist_service.web.spreadsheets import cell
from blacklist_service.web.wire import Response

DECISIONS = ("block", "flag", "clear")
Figures = TypeVar("Figures", bound=Response)


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted of the days from `first` to `last`: of units by their code, of courts by their court code."""

    first: date
    last: date
    at: datetime
    units: list[Mapping[str, Any]]
    checks: Mapping[str, Mapping[str, Mapping[str, int]]]
    """By unit and matter: how many of each decision."""
    last_checks: Mapping[str, datetime]
    outcomes: Mapping[str, Any]
    overrides: Mapping[str, list[dict[str, Any]]]
    waiting: Mapping[str, int]
    notices: Mapping[str, Any]
    acts: Mapping[str, Mapping[str, Mapping[str, int]]]
    objections: Mapping[str, Mapping[str, int]]
    late: Mapping[str, int]
    leads_of: Mapping[str, Mapping[str, int]]
    leads_to: Mapping[str, Mapping[str, int]]
    told: Mapping[str, Any]


def scorecard_of(counts: Counts) -> Scorecard:
    agencies = [_agency(unit, counts) for unit in counts.units if unit["kind"] == "agency"]
    courts = [_court(unit, counts) for unit in counts.units if unit["kind"] == "court"]
    return Scorecard.model_validate(
        {"from": counts.first, "to": counts.last, "at": counts.at, "agencies": agencies, "courts": courts}
    )


def csv_of(card: Scorecard) -> str:
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


def _agency(unit: Mapping[str, Any], counts: Counts) -> AgencyScore:
    code = unit["code"]
    by_matter = [
        CheckFigures(matter=matter, **figures) for matter, figures in sorted(counts.checks.get(code, {}).items())
    ]
    outcomes = counts.outcomes.get(code)
    expected = sum(one.block + one.flag for one in by_matter)
    given = outcomes["outcomes"] if outcomes else 0
    return AgencyScore(
        agency=code,
        name=unit["name"],
        checks=sum(one.block + one.flag + one.clear for one in by_matter),
        by_matter=by_matter,
        last_check_at=counts.last_checks.get(code),
        outcomes=OutcomeFigures(
            expected=expected,
            given=given,
            rate=round(given / expected, 4) if expected else None,
            median_seconds=outcomes["median_seconds"] if outcomes else None,
            overdue=counts.waiting.get(code, 0),
            overridden=outcomes["overridden"] if outcomes else 0,
            overrides=[Override(**one) for one in counts.overrides.get(code, [])],
        ),
        notices=_figures(NoticeFigures, counts.notices.get(code)),
        leads=LeadFigures(**counts.leads_of.get(code, {})),
        events=_figures(ToldFigures, counts.told.get(code)),
    )


def _court(unit: Mapping[str, Any], counts: Counts) -> CourtScore:
    code = unit["court_code"]
    acts = {act: ActFigures(**figures) for act, figures in counts.acts.get(code, {}).items()}
    return CourtScore(
        court=code,
        name=unit["name"],
        publications=acts.get("published", ActFigures()),
        corrections=acts.get("corrected", ActFigures()),
        deletions=acts.get("deleted", ActFigures()),
        withdrawals=acts.get("withdrawn", ActFigures()),
        objections=_figures(ObjectionFigures, counts.objections.get(code)),
        late_removals=counts.late.get(code, 0),
        leads=LeadFigures(**counts.leads_to.get(code, {})),
    )


def _figures(model: type[Figures], row: Any) -> Figures:
    return model(**{name: row[name] for name in model.model_fields}) if row else model()
