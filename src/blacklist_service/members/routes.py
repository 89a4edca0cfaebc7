"""`/v1/members` and `/v1/keys`, for the security officer: who may take part, under which name, and with which keys."""

from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response as HttpResponse

from blacklist_service.access.scopes import Scope
from blacklist_service.database.connections import Connection
from blacklist_service.members import queries
from blacklist_service.members.changes import allow_matters, change_contacts, rename_member, succeed_member
from blacklist_service.members.operations import add_member, create_key, revoke_key
from blacklist_service.members.problems import MemberNotFound
from blacklist_service.members.schemas import (
    Contacts,
    KeyPage,
    KeyRequest,
    KeyResponse,
    MattersRequest,
    MemberPage,
    MemberQuery,
    MemberRequest,
    MemberResponse,
    NameRequest,
    NewKeyResponse,
    RevocationRequest,
    RevocationResponse,
    SuccessorRequest,
)
from blacklist_service.members.second_person.problems import SecondOfficerNeeded
from blacklist_service.secrecy import Secrecy
from blacklist_service.web.documented import IDEMPOTENCY, problems
from blacklist_service.web.idempotency import Replayable
from blacklist_service.web.paging import read_text
from blacklist_service.web.routing import Acting, GuardedRoute, needs
from blacklist_service.web.shares import Share, takes
from blacklist_service.web.transactions import Reads, Writes
from blacklist_service.web.wire import Code

router = APIRouter(prefix="/v1/members", tags=["members"], route_class=GuardedRoute)
keys = APIRouter(prefix="/v1/keys", tags=["members"], route_class=GuardedRoute)
WRITES = problems(401, 403, 404, 409, 413, 415, 422, 503)


@router.get(
    "",
    summary="The members",
    responses=problems(401, 403, 422, 503),
    dependencies=[needs(Scope.MEMBERS_WRITE)],
)
async def list_(query: Annotated[MemberQuery, Query()], request: Request, connection: Reads) -> MemberPage:
    after = read_text(query.cursor, query.kind) if query.cursor else ""
    rows = await queries.list_members(connection, kind=query.kind, after=after, limit=query.limit)
    items = [await _response(connection, row, request.app.state.secrecy) for row in rows]
    return MemberPage.of(items, query, lambda member: [member.code], query.kind)


@router.post(
    "",
    status_code=201,
    summary="Add a member",
    response_model=MemberResponse,
    responses=WRITES | {200: {"model": MemberResponse, "description": "the same as it is"}},
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(Scope.MEMBERS_WRITE)],
)
async def add(
    body: MemberRequest, request: Request, connection: Writes, actor: Acting, replay: Replayable
) -> HttpResponse:
    is_new = await add_member(connection, **body.model_dump(), actor=actor, secrecy=request.app.state.secrecy)
    return await replay.keep(connection, 201 if is_new else 200, await _read(connection, body.code, request))


@router.get(
    "/{code}",
    summary="A member",
    responses=problems(401, 403, 404, 422, 503),
    dependencies=[needs(Scope.MEMBERS_WRITE)],
)
async def read(code: Code, request: Request, connection: Reads) -> MemberResponse:
    return await _read(connection, code, request)


@router.post(
    "/{code}/name",
    summary="Rename a member from a day on",
    description="Units are renamed; an answer keeps the name of its day.",
    response_model=MemberResponse,
    responses=WRITES,
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(Scope.MEMBERS_WRITE)],
)
async def rename(
    code: Code, body: NameRequest, request: Request, connection: Writes, actor: Acting, replay: Replayable
) -> HttpResponse:
    secrecy = request.app.state.secrecy
    await rename_member(connection, code, name=body.name, since=body.since, actor=actor, secrecy=secrecy)
    return await replay.keep(connection, 200, await _read(connection, code, request))


@router.post(
    "/{code}/successor",
    summary="Name a member's successor",
    description="It answers to the notices that were served on this one. Keys of this one last until they are revoked.",
    response_model=MemberResponse,
    responses=WRITES,
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(Scope.MEMBERS_WRITE)],
)
async def succeed(
    code: Code, body: SuccessorRequest, request: Request, connection: Writes, actor: Acting, replay: Replayable
) -> HttpResponse:
    secrecy = request.app.state.secrecy
    await succeed_member(connection, code, successor=body.successor, on=body.on, actor=actor, secrecy=secrecy)
    return await replay.keep(connection, 200, await _read(connection, code, request))


@router.put(
    "/{code}/contacts",
    summary="Set a member's contacts",
    responses=WRITES,
    dependencies=[needs(Scope.MEMBERS_WRITE)],
)
async def put_contacts(
    code: Code, body: Contacts, request: Request, connection: Writes, actor: Acting
) -> MemberResponse:
    await change_contacts(connection, code, body.model_dump(), actor=actor, secrecy=request.app.state.secrecy)
    return await _read(connection, code, request)


@router.put(
    "/{code}/matters",
    summary="Set the matters that a member's keys may ask about",
    description="Keys already made keep theirs.",
    responses=WRITES,
    dependencies=[needs(Scope.MEMBERS_WRITE)],
)
async def put_matters(
    code: Code, body: MattersRequest, request: Request, connection: Writes, actor: Acting
) -> MemberResponse:
    await allow_matters(connection, code, body.matters, actor=actor, secrecy=request.app.state.secrecy)
    return await _read(connection, code, request)


@router.get(
    "/{code}/keys",
    summary="A member's keys, without their secrets",
    responses=problems(401, 403, 404, 422, 503),
    dependencies=[needs(Scope.KEYS_WRITE)],
)
async def list_keys(code: Code, connection: Reads) -> KeyPage:
    await queries.get_member(connection, code)
    rows = await queries.list_keys(connection, code)
    return KeyPage(items=[KeyResponse(**dict(row)) for row in rows])


@router.post(
    "/{code}/keys",
    status_code=201,
    summary="Make a key",
    description="The key is in the answer and nowhere else: repeated under its Idempotency-Key, the answer has no `key`; "
    "where it was lost, revoke the key and make another.",
    response_model=NewKeyResponse,
    responses=WRITES,
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(Scope.KEYS_WRITE)],
)
async def make_key(
    code: Code, body: KeyRequest, request: Request, connection: Writes, actor: Acting, replay: Replayable
) -> HttpResponse:
    state = request.app.state
    if state.settings.second_officer:
        raise SecondOfficerNeeded
    key = await create_key(
        connection,
        member_code=code,
        role=body.role,
        matters=body.matters,
        days=body.days,
        environment=state.settings.key_environment,
        actor=actor,
        secrecy=state.secrecy,
    )
    made = NewKeyResponse(key_id=key.key_id, key=key.text)
    return await replay.keep(connection, 201, made, repeated=NewKeyResponse(key_id=key.key_id, key=None))


@keys.post(
    "/{key_id}/revocation",
    summary="Revoke a key at once",
    description="Refused within a second on all workers.",
    response_model=RevocationResponse,
    responses=WRITES,
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(Scope.KEYS_WRITE), takes(Share.KEYS)],
)
async def revoke(
    key_id: Code,
    body: RevocationRequest,  # noqa: ARG001 - an empty object: a POST has a body here
    request: Request,
    connection: Writes,
    actor: Acting,
    replay: Replayable,
) -> HttpResponse:
    await revoke_key(connection, key_id, actor=actor, secrecy=request.app.state.secrecy)
    return await replay.keep(connection, 200, RevocationResponse(key_id=key_id))


async def _read(connection: Connection, code: str, request: Request) -> MemberResponse:
    found = await queries.list_members(connection, code=code)
    if not found:
        raise MemberNotFound
    return await _response(connection, found[0], request.app.state.secrecy)


async def _response(connection: Connection, row: asyncpg.Record, secrecy: Secrecy) -> MemberResponse:
    values: dict[str, Any] = dict(row)
    values["contacts"] = await queries.find_contacts(connection, row["code"], secrecy=secrecy)
    return MemberResponse.model_validate(values)
