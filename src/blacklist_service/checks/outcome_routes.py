"""Routes for the outcome of a check: what the agency did with the answer."""

from dataclasses import asdict
from uuid import UUID

import orjson
from fastapi import APIRouter
from starlette.requests import Request

from blacklist_service.access.scopes import Scope
from blacklist_service.checks.outcome_queries import Outcome, find_outcome
from blacklist_service.checks.outcomes import record_outcome
from blacklist_service.checks.records import get_own_check
from blacklist_service.checks.schemas import OutcomeRequest, OutcomeResponse
from blacklist_service.checks.watching import Watching
from blacklist_service.problems import NotYours
from blacklist_service.web.documented import problems
from blacklist_service.web.routing import Acting, Caller, GuardedRoute, needs
from blacklist_service.web.transactions import Reads, Writes

router = APIRouter(prefix="/v1/checks", tags=["checks"], route_class=GuardedRoute)


@router.put(
    "/{check_id}/outcome",
    summary="Report the outcome",
    description="By the agency that asked. The last one stands, the earlier ones stay in the ledger. A block that is "
    "overridden (`approved`) needs a reason.",
    responses=problems(401, 403, 404, 413, 415, 422, 503),
    dependencies=[needs(Scope.CHECKS_WRITE)],
)
async def put_outcome(
    check_id: UUID, body: OutcomeRequest, request: Request, connection: Writes, caller: Caller, actor: Acting
) -> OutcomeResponse:
    recorded = await get_own_check(connection, check_id, agency=caller.member, secrecy=request.app.state.secrecy)
    outcome = await record_outcome(
        connection,
        orjson.loads(recorded.answer),
        action=body.action,
        reason=body.reason,
        actor=actor.by(body.operator),
        secrecy=request.app.state.secrecy,
    )
    watching: Watching = request.app.state.watching
    await watching.end_by_outcome(connection, check_id, body.action, actor=actor.by(body.operator))
    return _response(outcome)


@router.get(
    "/{check_id}/outcome",
    summary="Read the outcome",
    responses=problems(401, 403, 404, 422, 503),
    dependencies=[needs(Scope.CHECKS_WRITE)],
)
async def read_outcome(check_id: UUID, request: Request, connection: Reads, caller: Caller) -> OutcomeResponse:
    await get_own_check(connection, check_id, agency=caller.member, secrecy=request.app.state.secrecy)
    outcome = await find_outcome(connection, check_id, secrecy=request.app.state.secrecy)
    if outcome is None:
        raise NotYours  # recorded in both cases, or the response time would reveal whether the check exists
    return _response(outcome)


def _response(outcome: Outcome) -> OutcomeResponse:
    return OutcomeResponse.model_validate(asdict(outcome))
