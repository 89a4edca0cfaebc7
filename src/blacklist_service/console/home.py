"""工作台: what is due to the person who logged in; and finding a check by its number."""

import re
from typing import Any
from uuid import UUID

from starlette.responses import Response

from blacklist_service.access.duties import Duty
from blacklist_service.console.forms import Form
from blacklist_service.console.routing import page
from blacklist_service.console.visits import Visit

CHECK_NUMBER = re.compile(r"(?:BLS1:)?\s*([0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12})")
SHOWN = 5


@page("GET", "/")
async def home(visit: Visit) -> Response:
    context: dict[str, Any] = {"waiting": None, "notices": None, "log": None}
    if visit.has(Duty.WINDOW):
        context["waiting"] = await visit.read("/v1/checks", pending="outcome", limit=SHOWN)
        context["notices"] = await open_notices(visit)
        context["matters"] = await matter_names(visit)
        context["untold"] = await untold(visit, SHOWN)
    if visit.has(Duty.MAKER, Duty.CHECKER):
        context |= await court_counts(visit)
    if visit.has(Duty.AUDITOR):
        checkpoint = await visit.find("/v1/ledger/checkpoint")
        context["log"] = checkpoint.text.splitlines() if checkpoint else None
    return visit.show("home.html", **context)


@page("GET", "/find")
async def find_page(visit: Visit) -> Response:
    return visit.show("find.html")


@page("POST", "/find")
async def find(visit: Visit) -> Response:
    """By a check's number, typed or read from a printed explanation by a scanner."""
    found = CHECK_NUMBER.search(visit.form["number"])
    if found is None:
        faults = {"number": "请输入核查编号，或扫描说明上的二维码"}
        return visit.show("find.html", status=422, form=Form({"number": visit.form["number"]}, faults))
    check_id = UUID(found[1])
    if visit.has(Duty.AUDITOR):
        return visit.go(f"/entries/{check_id}")
    return visit.go(f"/checks/{check_id}")


async def court_counts(visit: Visit) -> dict[str, Any]:
    """What waits for a court's person, as badges show it; tasks are the maker's."""
    counts = await visit.read("/v1/proposals/counts")
    due = await visit.read("/v1/listings/tasks") if visit.has(Duty.MAKER) else None
    return {"counts": counts, "due": due}


async def open_notices(visit: Visit) -> list[dict[str, Any]]:
    """Notices that wait for this unit, the overdue ones first."""
    found = (await visit.read("/v1/notices", limit=100))["items"]
    waiting = [one for one in found if one["state"] in {"served", "acknowledged"}]
    return sorted(waiting, key=lambda one: (not one["overdue"], one["due_at"] or "9999"))


async def untold(visit: Visit, limit: int) -> dict[str, Any]:
    """What changed that nobody of the unit has taken note of yet: the first of it, and whether there is more."""
    found: dict[str, Any] = await visit.read("/v1/watch-events", limit=limit)
    return found


async def matter_names(visit: Visit) -> dict[str, str]:
    """What the matters are called, in the person's language."""
    name = "name_en" if visit.language.value == "en" else "name"
    return {one["matter"]: one[name] for one in await all_matters(visit)}


async def all_matters(visit: Visit) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await visit.read("/v1/matters", limit=500))["items"]
    return items
