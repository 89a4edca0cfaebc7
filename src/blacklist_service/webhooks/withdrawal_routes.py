"""`/v1/listings/{id}/withdrawal/told`: the court that withdrew a listing sees which units were told."""

from dataclasses import asdict

from fastapi import APIRouter

from blacklist_service.access.scopes import Scope
from blacklist_service.listings.bench import ListingId
from blacklist_service.listings.reading import get_own_listing
from blacklist_service.web.documented import problems
from blacklist_service.web.routing import Caller, GuardedRoute, needs
from blacklist_service.web.transactions import Reads
from blacklist_service.webhooks.schemas import ToldUnit, ToldUnits
from blacklist_service.webhooks.withdrawals import get_telling

router = APIRouter(prefix="/v1/listings", tags=["listings"], route_class=GuardedRoute)


@router.get(
    "/{listing_id}/withdrawal/told",
    summary="Who was told of a withdrawal, and who was not",
    description="Units that were ever answered block or flag by the listing, those first that were not told. A unit is told "
    "once it acknowledged the event, or its endpoint took it. To the listing's own court alone; 404 where it was not "
    "withdrawn. What was told more than 400 days ago is in the ledger alone.",
    responses=problems(401, 403, 404, 422, 503),
    dependencies=[needs(Scope.LISTINGS_READ)],
)
async def read_told(listing_id: ListingId, connection: Reads, caller: Caller) -> ToldUnits:
    await get_own_listing(connection, listing_id, court_code=caller.court_code or "")
    telling = await get_telling(connection, listing_id)
    units = [ToldUnit(**asdict(one)) for one in telling.units]
    return ToldUnits(items=units, withdrawn_at=telling.withdrawn_at, complete=telling.is_complete)
