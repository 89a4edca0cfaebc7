"""工作台: what is due for the logged-in person; and finding a check by its number."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

from starlette.responses import Response

from blacklist_service.access.duties import Duty
from blacklist_service.assistance.queries import get_notices_version
from blacklist_service.checks.outcome_queries import OutcomeDue, list_waiting
from blacklist_service.clock import legal_date, now
from blacklist_service.console.forms import Form
from blacklist_service.console.routing import page
from blacklist_service.console.translations import Language
from blacklist_service.console.visits import Visit
from blacklist_service.database.servers import server_of
from blacklist_service.measures.queries import get_measures_version
from blacklist_service.members.queries import list_members
from blacklist_service.members.staff.rules import PASSWORD_AGE
from blacklist_service.problems import InvalidRequest
from blacklist_service.watches.problems import EventsForgotten
from blacklist_service.web.paging import next_cursor, read_place
from blacklist_service.web.transactions import borrowed

CHECK_NUMBER = re.compile(r"(?:BLS1:)?\s*([0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12})")
SHOWN = 5
COUNTED = 100
"""How many waiting checks are counted on the home page: above this, it says that there are more."""
LONGEST_FIRST = "longest first"

DESKS: dict[Duty, Callable[[Visit], Awaitable[dict[str, Any]]]] = {}
"""What the home page shows for a duty, registered by the duty's own module."""


@page("GET", "/")
async def home(visit: Visit) -> Response:
    set_at = visit.person.account.password_set_at
    is_old = set_at is not None and now() - set_at > PASSWORD_AGE
    context: dict[str, Any] = {"waiting": None, "notices": None, "log": None, "is_password_old": is_old}
    if visit.has(Duty.WINDOW):
        waiting, more = await waiting_checks(visit, COUNTED)
        context["waiting"] = {"items": waiting[:SHOWN], "count": len(waiting), "more": more is not None}
        async with borrowed(visit.state.pool) as connection:  # before they are read: anything later is new
            context["notices_version"] = await get_notices_version(connection)
        context["notices"] = await open_notices(visit)
        context["matters"] = await matter_names(visit)
        context["untold"] = await untold(visit, SHOWN)
    if visit.has(Duty.MAKER, Duty.CHECKER):
        context |= await court_counts(visit)
    if visit.has(Duty.AUDITOR):
        checkpoint = await visit.find("/v1/ledger/checkpoint")
        context["log"] = checkpoint.text.splitlines() if checkpoint else None
    for duty, look in DESKS.items():
        if visit.has(duty):
            context |= await look(visit)
    return visit.show("home.html", **context)


@page("GET", "/find")
async def find_page(visit: Visit) -> Response:
    return visit.show("find.html")


@page("POST", "/find")
async def find(visit: Visit) -> Response:
    """By a check's number, typed or scanned from a printed explanation."""
    found = CHECK_NUMBER.search(visit.form["number"])
    if found is None:
        faults = {"number": "请输入核查编号，或扫描说明上的二维码"}
        return visit.show("find.html", status=422, form=Form({"number": visit.form["number"]}, faults))
    check_id = UUID(found[1])
    if visit.has(Duty.AUDITOR):
        return visit.go(f"/entries/{check_id}")
    if visit.has(Duty.SUPERVISOR):
        return visit.go(f"/scorecard/checks/{check_id}")
    return visit.go(f"/checks/{check_id}")


async def waiting_checks(visit: Visit, limit: int, cursor: str | None = None) -> tuple[list[OutcomeDue], str | None]:
    """The unit's blocks and flags without an outcome, overdue ones first; with the cursor of the next page."""
    async with borrowed(visit.state.pool) as connection:
        found = await list_waiting(
            connection,
            visit.principal.member,
            beyond=read_place(cursor, LONGEST_FIRST) if cursor else None,
            limit=limit,
            working_days=visit.state.settings.outcome_days,
            today=legal_date(now()),
            is_oldest_first=True,
        )
    return found, next_cursor(found, limit, lambda last: [str(last.check_id)], LONGEST_FIRST)


async def court_counts(visit: Visit) -> dict[str, Any]:
    """What waits for a court's person, for badges; tasks are the maker's."""
    counts = await visit.read("/v1/proposals/counts")
    due = await visit.read("/v1/listings/tasks") if visit.has(Duty.MAKER) else None
    return {"counts": counts, "due": due}


async def open_notices(visit: Visit) -> list[dict[str, Any]]:
    """Notices that wait for this unit, overdue ones first."""
    found = (await visit.read("/v1/notices", limit=100))["items"]
    waiting = [one for one in found if one["state"] in {"served", "acknowledged"}]
    return sorted(waiting, key=lambda one: (not one["overdue"], one["due_at"] or "9999"))


async def untold(visit: Visit, limit: int) -> dict[str, Any]:
    """Changes that nobody in the unit has acknowledged yet: the first one, and whether there are more."""
    reply = await visit.call("GET", "/v1/watch-events", query={"limit": limit})
    if reply.status == EventsForgotten.status:  # a unit with an endpoint acknowledges nothing
        after = reply.json["forgotten"]
        reply = await visit.call("GET", "/v1/watch-events", query={"limit": limit, "after": after})
    if not reply.is_ok:
        raise InvalidRequest
    found: dict[str, Any] = reply.json
    return found


async def matter_names(visit: Visit) -> dict[str, str]:
    """The names of matters, in the person's language, sorted by name."""
    return dict(matter_options(visit, await all_matters(visit)))


async def addressee_names(visit: Visit) -> dict[str, str]:
    """The names of the units that a notice can be served on."""
    return {one["agency"]: one["name"] for one in (await visit.read("/v1/notices/addressees"))["items"]}


async def matter_names_on_paper(visit: Visit) -> dict[str, str]:
    """Their names on a printed page, which is Chinese whatever the person's own language."""
    return {str(one["matter"]): str(one["name"]) for one in await all_matters(visit)}


async def unit_names(visit: Visit) -> dict[str, str]:
    """The members' current names, by code."""
    async with borrowed(visit.state.pool) as connection:
        return {row["code"]: row["name"] for row in await list_members(connection)}


def matter_options(visit: Visit, matters: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Code and name in the person's language, for a select, sorted by name."""
    name = "name_en" if visit.language is Language.ENGLISH else "name"
    return sorted(((str(one["matter"]), str(one[name])) for one in matters), key=lambda one: one[1])


def chosen_matters(form: Form) -> list[str]:
    """The matters that are ticked."""
    ticked = (name for name, value in form.values.items() if name.startswith("matter-") and value == "on")
    return sorted(name.removeprefix("matter-") for name in ticked)


def kept_matters(visit: Visit) -> list[dict[str, Any]]:
    """The matters listed last, without the database: for when it does not answer."""
    kept = visit.state.console.matters
    items: list[dict[str, Any]] = [] if kept is None else kept[1]
    return items


async def all_matters(visit: Visit) -> list[dict[str, Any]]:
    """As the API lists them; cached as long as their version is in force and the day lasts, because nearly every page needs
    them, and composing them takes as long as a hundred checks.
    """
    console = visit.state.console
    async with borrowed(visit.state.pool) as connection:
        place = (server_of(connection), await get_measures_version(connection), legal_date(now()))
    if console.matters is not None and console.matters[0] == place:
        kept: list[dict[str, Any]] = console.matters[1]
        return kept
    listed = await visit.read("/v1/matters", limit=500)
    items: list[dict[str, Any]] = listed["items"]
    if listed["version"] == place[1]:
        console.matters = (place, items)
    return items
