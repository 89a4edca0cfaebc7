"""`/v1/proposals`: acts that wait for a second person."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from blacklist_service.access.scopes import Scope
from blacklist_service.clock import legal_date, now
from blacklist_service.database.connections import Connection
from blacklist_service.members.second_person.marking import does
from blacklist_service.members.second_person.queries import count_open_reviews
from blacklist_service.members.second_person.rules import SoloAct
from blacklist_service.proposals.acts import ProposalDesk
from blacklist_service.proposals.backdrops import Backdrop, look_behind
from blacklist_service.proposals.operations import (
    Approval,
    approve_proposal,
    get_proposal,
    is_stale,
    make_proposal,
    may_decide,
    recall_proposal,
    return_proposal,
)
from blacklist_service.proposals.queries import Proposal, count_proposals, list_proposals, visible_acts
from blacklist_service.proposals.rules import ProposalState, ReturnCode
from blacklist_service.proposals.schemas import (
    ApprovalRequest,
    FieldDifferenceResponse,
    ProposalCountsResponse,
    ProposalDetailResponse,
    ProposalOutcomeResponse,
    ProposalPage,
    ProposalQuery,
    ProposalRequest,
    ProposalResponse,
    ProposeQuery,
    RecallRequest,
    ReturnRequest,
)
from blacklist_service.proposals.showing import number_to_type, show, title_of
from blacklist_service.web.bodies import BATCH_BODY_BYTES
from blacklist_service.web.documented import IDEMPOTENCY, problems
from blacklist_service.web.idempotency import Replayable
from blacklist_service.web.routing import Acting, Caller, GuardedRoute, needs
from blacklist_service.web.shares import Share, takes
from blacklist_service.web.transactions import Reads, Writes


class ProposalRoute(GuardedRoute):
    most_bytes = BATCH_BODY_BYTES  # for a catalogue


router = APIRouter(prefix="/v1/proposals", tags=["proposals"], route_class=ProposalRoute)

WRITES = problems(401, 403, 404, 409, 412, 413, 415, 422, 503)
READS = problems(401, 403, 404, 422, 503)
OFFICERS = (Scope.KEYS_WRITE, Scope.MEASURES_WRITE)
MAKERS = (Scope.LISTINGS_WRITE, Scope.NOTICES_WRITE, *OFFICERS)
READERS = (Scope.LISTINGS_READ, Scope.NOTICES_WRITE, *OFFICERS)
DECIDERS = (Scope.LISTINGS_APPROVE, *OFFICERS)


def desk_of(request: Request, caller: Caller, actor: Acting) -> ProposalDesk:
    state = request.app.state
    return ProposalDesk(caller, actor, state.secrecy, state.digester, state.settings.key_environment)


AtProposals = Annotated[ProposalDesk, Depends(desk_of)]


@router.post(
    "",
    status_code=201,
    summary="Propose an act to a second person",
    description="Refused at once for whatever the act itself would be refused for. Sealed and frozen; it waits 7 days. What "
    "a court has two people do (`GET /v1/members/{code}/options`), its accounts do by this alone; a system's key may, and "
    "need not. `replaces` takes a proposal of your own back in its place.",
    response_model=ProposalDetailResponse,
    responses=WRITES | {200: {"model": ProposalDetailResponse, "description": "of a dry run: nothing is kept"}},
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(*MAKERS), takes(Share.ACT), does(SoloAct.PROPOSE)],
)
async def propose(
    body: ProposalRequest,
    query: Annotated[ProposeQuery, Query()],
    connection: Writes,
    desk: AtProposals,
    replay: Replayable,
) -> Response:
    by = desk.by(body.operator)
    if query.dry_run:
        trial = connection.transaction()
        await trial.start()
        shown = await _detail(connection, await make_proposal(connection, body, desk=by), by)
        await trial.rollback()
        return Response(shown.model_dump_json(by_alias=True), media_type="application/json")
    proposal = await make_proposal(connection, body, desk=by)
    return await replay.keep(connection, 201, await _detail(connection, proposal, by))


@router.get(
    "",
    summary="The court's proposals",
    description="Newest first.",
    responses=READS,
    dependencies=[needs(*READERS)],
)
async def list_(query: Annotated[ProposalQuery, Query()], connection: Reads, desk: AtProposals) -> ProposalPage:
    filters = [query.state, query.act, query.by]
    key_id = desk.caller.key_id
    found = await list_proposals(
        connection,
        desk.caller.member,
        [act for act in visible_acts(desk.caller) if query.act in (None, act)],
        state=query.state,
        by=key_id if query.by == "me" else None,
        not_by=key_id if query.by == "others" else None,
        before=query.before(filters),
        limit=query.limit,
        secrecy=desk.secrecy,
        at=now(),
    )
    behind = await look_behind(connection, [one.about for one in found], desk.secrecy.cipher("listing"))
    items = [ProposalResponse.model_validate(_values(one, by, desk)) for one, by in zip(found, behind, strict=True)]
    return ProposalPage.of(items, query, lambda one: [str(one.proposal_id)], filters)


@router.get(
    "/counts",
    summary="Counts of what waits for you",
    responses=problems(401, 403, 503),
    dependencies=[needs(*READERS)],
)
async def counts(connection: Reads, caller: Caller) -> ProposalCountsResponse:
    found = await count_proposals(connection, caller, now())
    may_review = caller.may(Scope.LISTINGS_APPROVE)
    to_review = await count_open_reviews(connection, caller.member, not_by=caller.key_id) if may_review else 0
    return ProposalCountsResponse(**dict(found), to_review=to_review)


@router.get(
    "/{proposal_id}",
    summary="Read a proposal",
    description="Numbers are masked; to its maker `given` shows it as it was sent. `changes` are what a correction or an "
    "extension makes of the listing as it stands now, or a renewal of the notice; once it took effect, what it made of it.",
    responses=READS,
    dependencies=[needs(*READERS)],
)
async def read(proposal_id: UUID, connection: Reads, desk: AtProposals) -> ProposalDetailResponse:
    return await _detail(connection, await get_proposal(connection, proposal_id, desk, now()), desk)


@router.post(
    "/{proposal_id}/approval",
    summary="Approve a proposal, which then takes effect",
    description="By another than its maker, whoever that is. The act, the approval and their entries are one transaction; of "
    "many at once one acts. Where the number that was typed is another than the proposal's, it is returned "
    "(`number_differs`) and nothing takes effect. 409 `proposal-stale`: what it is about has changed since.",
    response_model=ProposalDetailResponse,
    responses=WRITES,
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(*DECIDERS), takes(Share.ACT), does(SoloAct.DECIDE_PROPOSAL)],
)
async def approve(
    proposal_id: UUID, body: ApprovalRequest, connection: Writes, desk: AtProposals, replay: Replayable
) -> Response:
    by = desk.by(body.operator)
    shown = Approval(body.sha256, body.identifier_number)
    proposal, outcome = await approve_proposal(connection, proposal_id, shown, desk=by)
    detail = await _detail(connection, proposal, by)
    made = detail.model_copy(update={"key": outcome.key if outcome else None})
    return await replay.keep(connection, 200, made, repeated=detail)


@router.post(
    "/{proposal_id}/return",
    summary="Return a proposal to its maker",
    response_model=ProposalDetailResponse,
    responses=WRITES,
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(*DECIDERS), does(SoloAct.DECIDE_PROPOSAL)],
)
async def give_back(
    proposal_id: UUID, body: ReturnRequest, connection: Writes, desk: AtProposals, replay: Replayable
) -> Response:
    by = desk.by(body.operator)
    proposal = await return_proposal(connection, proposal_id, reason=body.reason, desk=by)
    return await replay.keep(connection, 200, await _detail(connection, proposal, by))


@router.post(
    "/{proposal_id}/recall",
    summary="Recall your own proposal",
    response_model=ProposalDetailResponse,
    responses=WRITES,
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(*MAKERS), does(SoloAct.RECALL_PROPOSAL)],
)
async def recall(
    proposal_id: UUID, body: RecallRequest, connection: Writes, desk: AtProposals, replay: Replayable
) -> Response:
    by = desk.by(body.operator)
    proposal = await recall_proposal(connection, proposal_id, desk=by)
    return await replay.keep(connection, 200, await _detail(connection, proposal, by))


async def _detail(connection: Connection, proposal: Proposal, desk: ProposalDesk) -> ProposalDetailResponse:
    is_own = proposal.made_by == desk.caller.key_id
    is_done = proposal.state is ProposalState.IN_FORCE
    [behind] = await look_behind(connection, [proposal.about], desk.secrecy.cipher("listing"))
    shown = await show(connection, proposal.read(), desk, version=proposal.base_version if is_done else None)
    return ProposalDetailResponse.model_validate(
        _values(proposal, behind, desk)
        | {
            "content": shown.content,
            "given": proposal.given if is_own else None,
            "changes": [FieldDifferenceResponse(**one._asdict()) for one in shown.changes],
            "alike": shown.alike,
            "warnings": proposal.warnings,
            "other_listings": proposal.others,
            "outcome": ProposalOutcomeResponse.model_validate(proposal.outcome) if is_done else None,
        }
    )


def _values(proposal: Proposal, behind: Backdrop, desk: ProposalDesk) -> dict[str, Any]:
    title, debtor = title_of(proposal, behind)
    is_waiting = proposal.state is ProposalState.WAITING
    came_back = proposal.outcome if proposal.state is ProposalState.RETURNED else None
    names = ("proposal_id", "act", "state", "base_version", "made_by", "made_at", "ends_at", "replaces")
    return {name: getattr(proposal, name) for name in names} | {
        "title": title,
        "debtor": debtor,
        "listing_id": proposal.given.get("listing_id"),
        "import_id": proposal.given.get("import_id"),
        "notice_id": proposal.given.get("notice_id"),
        "is_stale": is_waiting and is_stale(proposal, behind),
        "sha256": proposal.sha256.hex(),
        "maker": proposal.operator,
        "is_own": proposal.made_by == desk.caller.key_id,
        "may_decide": may_decide(proposal, desk.caller),
        "needs_number": is_waiting and number_to_type(proposal, behind, today=legal_date(now())) is not None,
        "decided_by": proposal.decided_by,
        "decider": proposal.decider,
        "decided_at": proposal.decided_at,
        "return_code": came_back and ReturnCode(came_back["code"]),
        "reason": came_back and came_back["reason"],
    }
