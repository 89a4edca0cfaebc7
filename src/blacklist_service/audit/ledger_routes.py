"""`/v1/ledger`: the log as static files, for auditors and witnesses. Reading them is not recorded, because they hold nothing
personal and never change.
"""

import hashlib

from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

from blacklist_service.access.scopes import Scope
from blacklist_service.audit.exports import VERIFIER
from blacklist_service.audit.schemas import (
    CosignaturesRequest,
    CosignedResponse,
    EndedLogResponse,
    LedgerKeyResponse,
    LedgerKeysResponse,
)
from blacklist_service.ledger import log as reads
from blacklist_service.ledger.successions import ended_logs
from blacklist_service.ledger.tree import TreeError, bundle, parse_path, width_of
from blacklist_service.ledger.witnesses import accept_cosignatures
from blacklist_service.problems import NotFound
from blacklist_service.web.documented import problems
from blacklist_service.web.routing import GuardedRoute, needs
from blacklist_service.web.transactions import Reads, Writes

router = APIRouter(
    prefix="/v1/ledger", tags=["ledger"], route_class=GuardedRoute, dependencies=[needs(Scope.AUDIT_READ)]
)
keys = APIRouter(prefix="/v1/ledger", tags=["ledger"], route_class=GuardedRoute)

FOR_EVER = "private, max-age=31536000, immutable"
ALWAYS_ASK = "private, no-cache"


@keys.get(
    "/vkey",
    summary="The log's public keys",
    description="Note verifier keys `name+id+key`, one a line, the newest first, for every key: whoever holds a receipt or a "
    "copy of the list, verifies by them. Compare them once by another way. Where a log was ended after a restore, those of "
    "the new log stand before those of the old, whose receipts they prove.",
    response_class=PlainTextResponse,
    responses=problems(401, 404, 503),
    dependencies=[needs(None)],
)
async def read_keys(connection: Reads) -> PlainTextResponse:
    log = await reads.find_log(connection)
    if log is None:
        raise NotFound
    return PlainTextResponse("".join(f"{key.text}\n" for key in log.keys), headers={"Cache-Control": ALWAYS_ASK})


@router.get(
    "/keys",
    summary="The log's public keys, and how far each vouches alone",
    description="Newest first. `until_size` is the largest log that a key vouched for alone: of a larger one its signature "
    "counts only beside a newer key's. `ended` says which logs were ended after a restore. `verifier_sha256` is that of "
    "`GET /v1/ledger/verifier`. Keep both apart from bundles.",
    responses=problems(401, 403, 404, 503),
)
async def read_key_ranges(connection: Reads, response: Response) -> LedgerKeysResponse:
    if await reads.find_log(connection) is None:
        raise NotFound
    response.headers["Cache-Control"] = ALWAYS_ASK
    keys = [LedgerKeyResponse.model_validate(one, from_attributes=True) for one in await reads.key_ranges(connection)]
    ended = [EndedLogResponse.model_validate(one, from_attributes=True) for one in await ended_logs(connection)]
    verifier = hashlib.sha256(VERIFIER.read_bytes()).hexdigest()
    return LedgerKeysResponse(keys=keys, ended=ended, verifier_sha256=verifier)


@router.get(
    "/verifier",
    summary="The program that verifies bundles",
    description="One file of Python that needs `cryptography` and nothing of the service. The copy in a bundle is as true as "
    "the bundle: verify with this one.",
    response_class=PlainTextResponse,
    responses=problems(401, 403, 503),
)
async def read_verifier() -> PlainTextResponse:
    return PlainTextResponse(VERIFIER.read_text("utf-8"), headers={"Cache-Control": ALWAYS_ASK})


@router.get(
    "/checkpoint",
    summary="The newest checkpoint",
    description="A signed note: the log's name, its size, its root; below, the log's signature and those of witnesses.",
    response_class=PlainTextResponse,
    responses=problems(401, 403, 404, 503),
)
async def read_checkpoint(connection: Reads) -> PlainTextResponse:
    return await _checkpoint(connection, is_cosigned=False)


@router.get(
    "/checkpoint/cosigned",
    summary="The newest checkpoint that a witness cosigned",
    response_class=PlainTextResponse,
    responses=problems(401, 403, 404, 503),
)
async def read_cosigned_checkpoint(connection: Reads) -> PlainTextResponse:
    return await _checkpoint(connection, is_cosigned=True)


@router.get(
    "/tile/{path:path}",
    summary="A tile of hashes, or a bundle of entries",
    description="Paths as in C2SP tlog-tiles: `<level>/<number>[.p/<width>]` and `entries/<number>[.p/<width>]`, numbers "
    "as `x001/x234/067`. Only what a published checkpoint covers; it never changes.",
    response_class=Response,
    responses=problems(401, 403, 404, 422, 503)
    | {
        200: {"content": {"application/octet-stream": {}}, "description": "The bytes"},
        304: {"description": "Held already, by `If-None-Match`"},
    },
)
async def read_tile(path: str, connection: Reads) -> Response:
    try:
        tile, is_entries = parse_path(path)
    except TreeError:
        raise NotFound from None
    size = await reads.published_size(connection) or 0
    if tile.width > width_of(tile.level, tile.number, size):
        raise NotFound
    if is_entries:
        content = bundle(await reads.read_leaves(connection, tile.first, tile.first + tile.width))
    else:
        content = b"".join(await reads.read_tile(connection, tile))
    headers = {"Cache-Control": FOR_EVER, "ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"'}
    return Response(content, media_type="application/octet-stream", headers=headers)


@router.post(
    "/cosignatures",
    summary="Cosign a checkpoint",
    description="A checkpoint with the cosignature lines (cosignature/v1) of known witnesses; they then stand under it.",
    responses=problems(401, 403, 404, 409, 413, 415, 422, 503),
)
async def add_cosignatures(body: CosignaturesRequest, connection: Writes) -> CosignedResponse:
    size, witnesses = await accept_cosignatures(connection, body.note)
    return CosignedResponse(size=size, witnesses=witnesses)


async def _checkpoint(connection: Reads, *, is_cosigned: bool) -> PlainTextResponse:
    note = await reads.find_checkpoint(connection, is_cosigned=is_cosigned)
    if note is None:
        raise NotFound
    return PlainTextResponse(note.content, headers={"Cache-Control": ALWAYS_ASK})
