"""All that a scorecard of some days is made of, read from the ledger's counts and from what waits now."""

from collections import Counter as Tally
from datetime import date, datetime, timedelta

from blacklist_service.clock import begin_of, legal_date
from blacklist_service.database.connections import Connection
from blacklist_service.secrecy import Secrecy
from blacklist_service.supervision import queries
from blacklist_service.supervision.late_removals import list_late_removals
from blacklist_service.supervision.scorecards import Counts
from blacklist_service.webhooks.queries import count_told


async def count(
    connection: Connection, first: date, last: date, *, at: datetime, outcome_days: int, secrecy: Secrecy
) -> Counts:
    """Count what happened from `first` to `last`, both included; `at` is now, by which what waits is late or not."""
    days, today = (first, last), legal_date(at)
    checks: dict[str, dict[str, dict[str, int]]] = {}
    for row in await queries.count_checks(connection, *days):
        checks.setdefault(row["agency"], {}).setdefault(row["matter"], {})[row["decision"]] = row["checks"]
    leads_of, leads_to = await queries.count_leads(connection, *days)
    return Counts(
        first=first,
        last=last,
        at=at,
        units=await queries.list_units(connection, on=last),
        checks=checks,
        last_checks=await queries.find_last_checks(connection),
        outcomes=await queries.count_outcomes(connection, *days),
        overrides=await queries.list_overrides(connection, *days, secrecy=secrecy),
        waiting=await queries.count_waiting(connection, *days, working_days=outcome_days, today=today),
        notices=await queries.count_notices(connection, *days, at=at),
        acts=await queries.count_acts(connection, *days),
        objections=await queries.count_objections(connection, *days),
        late=Tally(one["court_code"] for one in await list_late_removals(connection, *days, today=today)),
        leads_of=leads_of,
        leads_to=leads_to,
        told=await count_told(connection, begin_of(first), begin_of(last + timedelta(days=1))),
    )
