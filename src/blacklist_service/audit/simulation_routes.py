"""`/v1/measures/simulation`: what a catalogue would have answered, before it is put in force."""

from uuid import UUID

import asyncpg
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response as HttpResponse

from blacklist_service.access.scopes import Scope
from blacklist_service.audit.jobs import find_own, require_quota
from blacklist_service.audit.schemas import SimulationResponse
from blacklist_service.audit.simulation_jobs import ask_simulation
from blacklist_service.measures.routes import CatalogueRoute
from blacklist_service.measures.rules import Catalogue
from blacklist_service.measures.schemas import CatalogueRequest
from blacklist_service.web.documented import IDEMPOTENCY, problems
from blacklist_service.web.idempotency import Replayable
from blacklist_service.web.routing import Acting, Caller, needs
from blacklist_service.web.transactions import Reads, Writes

router = APIRouter(prefix="/v1/measures/simulation", tags=["matters"], route_class=CatalogueRoute)


@router.post(
    "",
    status_code=202,
    summary="Simulate a catalogue",
    description="A job: the checks of the last 90 days are decided anew by the catalogue's articles of today, on the list as "
    "it was known to each. It counts answers that would be others by matter, unit and direction, and names nobody. Nothing "
    "is put in force. Recorded.",
    response_model=SimulationResponse,
    responses=problems(401, 403, 413, 415, 422, 503),
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(Scope.MEASURES_WRITE)],
)
async def create_simulation(
    body: CatalogueRequest, request: Request, replay: Replayable, connection: Writes, actor: Acting
) -> HttpResponse:
    candidate = Catalogue.model_validate(body, from_attributes=True)
    state = request.app.state
    await require_quota(connection, "simulations", actor, most=state.settings.waiting_exports)
    row = await ask_simulation(connection, candidate, actor=actor, secrecy=state.secrecy)
    return await replay.keep(connection, 202, _simulation(row))


@router.get(
    "/{simulation_id}",
    summary="The state of a simulation, and what it found",
    responses=problems(401, 403, 404, 422, 503),
    dependencies=[needs(Scope.MEASURES_WRITE)],
)
async def read_simulation(simulation_id: UUID, connection: Reads, caller: Caller) -> SimulationResponse:
    return _simulation(await find_own(connection, "simulations", simulation_id, caller))


def _simulation(row: asyncpg.Record) -> SimulationResponse:
    fields = {name: row[name] for name in SimulationResponse.model_fields if name != "simulation_id"}
    state = "running" if row["state"] == "attended" else row["state"]
    return SimulationResponse.model_validate(fields | {"simulation_id": row["id"], "state": state})
