"""告知情况: a court sees which units were told of its withdrawal; the committee, which units were not told of changes."""

from starlette.responses import Response

from blacklist_service.access.duties import Duty
from blacklist_service.console import wording_webhooks
from blacklist_service.console.maker import id_of
from blacklist_service.console.routing import page
from blacklist_service.console.visits import Visit


@page("GET", "/listings/{listing_id}/told", Duty.MAKER, Duty.CHECKER)
async def told(visit: Visit) -> Response:
    """Units that were ever answered because of a withdrawn listing; those that were not told come first."""
    place = f"/v1/listings/{id_of(visit, 'listing_id')}"
    found = await visit.read(f"{place}/withdrawal/told")
    for one in found["items"]:
        one["told_in_full"] = one["told"] == one["checks"]
    return visit.show("court/telling.html", listing=await visit.read(place), found=found)


@page("GET", "/untold", Duty.SUPERVISOR)
async def untold(visit: Visit) -> Response:
    found = await visit.read("/v1/supervision/untold")
    return visit.show("untold.html", found=found, hooks=wording_webhooks)
