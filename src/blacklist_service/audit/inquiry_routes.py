"""`/v1/audit`: who is behind a mask, and what would have been answered in the past. Each request is recorded."""

from datetime import date
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request

from blacklist_service.access.scopes import Scope
from blacklist_service.audit.as_of import Versions, answer_as_of, versions_at
from blacklist_service.audit.persons import entry_subject, read_subject, unmask
from blacklist_service.audit.schemas import AsOfRequest, AsOfResponse, UnmaskedResponse, UnmaskingRequest
from blacklist_service.checks.problems import UnknownMatter
from blacklist_service.checks.schemas import CheckRequest
from blacklist_service.clock import legal_date
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.measures.queries import find_catalogue
from blacklist_service.measures.rules import SubjectRole
from blacklist_service.problems import FieldError, InvalidRequest
from blacklist_service.web.documented import problems
from blacklist_service.web.routing import Acting, GuardedRoute, needs
from blacklist_service.web.shares import Share, takes
from blacklist_service.web.transactions import Writes

router = APIRouter(prefix="/v1/audit", tags=["audit"], route_class=GuardedRoute)


@router.post(
    "/entries/{entry_id}/unmasking",
    summary="Unmask an entry",
    description="Needs a reason, and is itself an entry, committed before the answer. 404 also after the end of retention.",
    responses=problems(401, 403, 404, 413, 415, 422, 503),
    dependencies=[needs(Scope.AUDIT_READ), takes(Share.SEARCH)],
)
async def unmask_entry(
    entry_id: UUID, body: UnmaskingRequest, request: Request, connection: Writes, actor: Acting
) -> UnmaskedResponse:
    by = actor.by(body.operator)
    found = await unmask(connection, entry_id, reason=body.reason, actor=by, secrecy=request.app.state.secrecy)
    return UnmaskedResponse(
        entry_id=found.entry_id,
        at=found.at,
        action=Action(found.action),
        agency=found.agency,
        operator=found.private.get("operator"),
        reference=found.private.get("reference"),
        subjects=found.private.get("subjects", []),
    )


@router.post(
    "/as-of",
    summary="The answer as of an earlier moment",
    description="By the list, the measures and the notices as they were known at that instant. Itself an entry.",
    response_model_exclude_unset=True,  # left out, as a check leaves out matches_total
    responses=problems(401, 403, 413, 415, 422, 503),
    dependencies=[needs(Scope.AUDIT_READ), takes(Share.SEARCH)],
)
async def read_as_of(body: AsOfRequest, request: Request, connection: Writes, actor: Acting) -> AsOfResponse:
    state = request.app.state
    if body.at > await database_clock(connection):
        raise InvalidRequest(errors=[FieldError("/at", "future", "must be in the past")])
    known = await versions_at(connection, body.at)
    versions = Versions(
        known.list if body.list_version is None else body.list_version,
        known.measures,
        known.notices if body.notices_version is None else body.notices_version,
    )
    requests = await _questions(connection, body, versions.measures, legal_date(body.at))
    wire = await answer_as_of(
        connection, requests, body.at, agency=body.agency, digester=state.digester, versions=versions
    )
    entry = Entry(
        Action.AUDIT_READ,
        actor,
        matter=body.matter,
        subjects=(entry_subject(read_subject(body.subject), body.subject, state.digester),),
        private={"at": body.at.isoformat()},
        facts={"what": "as_of"},
    )
    await record(connection, [entry], at=await database_clock(connection), secrecy=state.secrecy)
    return AsOfResponse.model_validate(wire)


async def _questions(connection: Connection, body: AsOfRequest, measures_version: int, on: date) -> list[CheckRequest]:
    """If no role is given, one question for each covered role that the matter's measures distinguished on that day."""
    catalogue = await find_catalogue(connection, measures_version)
    matter = catalogue.by_code.get(body.matter) if catalogue else None
    if matter is None:
        raise UnknownMatter
    told_apart = {role for measure in matter.measures for role in measure.roles}
    covered = matter.coverage(on).roles_for(body.subject.kind) or (SubjectRole.APPLICANT,)
    # A measure for any role treats all other roles alike: one of them represents them.
    alike = [role for role in covered if role not in told_apart][:1]
    roles = [body.subject.role] if body.subject.role else [*(role for role in covered if role in told_apart), *alike]
    subject = body.subject.model_dump(exclude={"role"})
    return [
        CheckRequest.model_validate(
            {
                "matter": body.matter,
                "reference": "as-of",
                "object": body.object,
                "subjects": [subject | {"role": role}],
            }
        )
        for role in roles
    ]
