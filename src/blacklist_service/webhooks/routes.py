"""`/v1/webhooks`: opened by a unit, approved by the security officer, called by the worker."""

from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from blacklist_service.access.scopes import Scope
from blacklist_service.database.connections import Connection
from blacklist_service.web.desks import AtDesk
from blacklist_service.web.documented import IDEMPOTENCY, problems
from blacklist_service.web.idempotency import Replay, Replayable
from blacklist_service.web.routing import Caller, GuardedRoute, needs
from blacklist_service.web.transactions import Reads, Writes
from blacklist_service.webhooks import operations, queries
from blacklist_service.webhooks.schemas import (
    ActRequest,
    DeliveryFigures,
    DeliveryPage,
    DeliveryQuery,
    DeliveryResponse,
    NewWebhookResponse,
    PublicKey,
    PublicKeys,
    ReplayRequest,
    ReplayResponse,
    WebhookDetails,
    WebhookPage,
    WebhookQuery,
    WebhookRequest,
    WebhookResponse,
    WebhookTest,
)
from blacklist_service.webhooks.signing import SigningKey, secret_text
from blacklist_service.webhooks.waits import State

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"], route_class=GuardedRoute)
WRITES = problems(401, 403, 404, 409, 413, 415, 422, 503)
READS = problems(401, 403, 404, 422, 503)
EITHER = needs(Scope.WEBHOOKS_WRITE, Scope.WEBHOOKS_APPROVE)
WHOEVER_TENDS = needs(Scope.WEBHOOKS_WRITE, Scope.WEBHOOKS_APPROVE, Scope.WEBHOOKS_TEND)


@router.post(
    "",
    status_code=201,
    summary="Register a webhook",
    description="The address must fit the administrator's list; the security officer approves it; then the service posts "
    '`{"type": "webhook.verification", "timestamp", "data": {"challenge"}}`, signed, and waits for 200 '
    '`{"challenge"}`. The secret is in the answer and nowhere else. 409 `webhook-targets-empty`: nobody is told so here.',
    response_model=NewWebhookResponse,
    responses=WRITES,
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(Scope.WEBHOOKS_WRITE)],
)
async def open_(
    body: WebhookRequest, request: Request, connection: Writes, desk: AtDesk, replay: Replayable
) -> Response:
    webhook_id, secret = await operations.open_webhook(
        connection,
        url=body.url,
        types=body.types,
        after=body.after,
        targets=request.app.state.webhook_targets,
        desk=desk.by(body.operator),
    )
    return await _keep_secret(connection, webhook_id, State.AWAITING_APPROVAL, secret, 201, replay)


@router.get(
    "",
    summary="The webhooks",
    description="Your own; to the security officer those of all units. Newest first.",
    responses=problems(401, 403, 422, 503),
    dependencies=[WHOEVER_TENDS],
)
async def list_(query: Annotated[WebhookQuery, Query()], connection: Reads, caller: Caller) -> WebhookPage:
    rows = await queries.list_webhooks(
        connection,
        member=None if caller.may(Scope.WEBHOOKS_APPROVE) else caller.member,
        state=query.state,
        before=query.before(query.state),
        limit=query.limit,
    )
    items = [WebhookResponse.model_validate(_shown(row)) for row in rows]
    return WebhookPage.of(items, query, lambda last: [str(last.webhook_id)], query.state)


@router.get(
    "/keys",
    summary="The key that `v1a` is verified with",
    description="Ed25519, of this service and for webhooks alone. `v1` is verified with the webhook's own secret.",
    responses=problems(401, 403, 503),
    dependencies=[needs(None)],
)
async def keys(request: Request) -> PublicKeys:
    key = SigningKey.of(request.app.state.secrecy)
    return PublicKeys(items=[PublicKey(key_id=key.key_id, public_key=key.public_text, pem=key.public_pem)])


@router.get("/{webhook_id}", summary="A webhook and its state", responses=READS, dependencies=[WHOEVER_TENDS])
async def read(webhook_id: UUID, connection: Reads, caller: Caller) -> WebhookDetails:
    return await _details(connection, webhook_id, caller)


@router.get(
    "/{webhook_id}/deliveries",
    summary="The deliveries of a webhook",
    description="Newest first; `state=dead`: what was given up. The status, the kind of error and the time alone.",
    responses=READS,
    dependencies=[WHOEVER_TENDS],
)
async def deliveries(
    webhook_id: UUID, query: Annotated[DeliveryQuery, Query()], connection: Reads, caller: Caller
) -> DeliveryPage:
    await queries.get_webhook(connection, webhook_id, caller)
    rows = await queries.list_deliveries(
        connection, webhook_id, state=query.state, before=query.before, limit=query.limit
    )
    return DeliveryPage.of([DeliveryResponse(**dict(row)) for row in rows], query)


@router.post(
    "/{webhook_id}/approval",
    summary="Approve a webhook",
    description="By the security officer; also of one that was disabled. What is not approved is closed.",
    response_model=WebhookDetails,
    responses=WRITES,
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(Scope.WEBHOOKS_APPROVE)],
)
async def approve(
    webhook_id: UUID, body: ActRequest, request: Request, connection: Writes, desk: AtDesk, replay: Replayable
) -> Response:
    targets = request.app.state.webhook_targets
    await operations.approve_webhook(connection, webhook_id, targets=targets, desk=desk.by(body.operator))
    return await replay.keep(connection, 200, await _details(connection, webhook_id, desk.caller))


@router.post(
    "/{webhook_id}/rotation",
    summary="Rotate a webhook's secret",
    description="Shown this once. The one before signs along for 72 hours.",
    response_model=NewWebhookResponse,
    responses=WRITES,
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(Scope.WEBHOOKS_WRITE)],
)
async def rotate(webhook_id: UUID, body: ActRequest, connection: Writes, desk: AtDesk, replay: Replayable) -> Response:
    secret = await operations.rotate_secret(connection, webhook_id, desk=desk.by(body.operator))
    row = await queries.get_webhook(connection, webhook_id, desk.caller)
    return await _keep_secret(connection, webhook_id, State(row["state"]), secret, 200, replay)


@router.post(
    "/{webhook_id}/test",
    status_code=202,
    summary="Send a test event",
    description="`webhook.test`, signed; before it is verified, the challenge, at once. What came of it stands under `test`.",
    response_model=WebhookDetails,
    responses=WRITES,
    openapi_extra=IDEMPOTENCY,
    dependencies=[WHOEVER_TENDS],
)
async def test(webhook_id: UUID, body: ActRequest, connection: Writes, desk: AtDesk, replay: Replayable) -> Response:
    await operations.ask_test(connection, webhook_id, desk=desk.by(body.operator))
    return await replay.keep(connection, 202, await _details(connection, webhook_id, desk.caller))


@router.post(
    "/{webhook_id}/replay",
    status_code=202,
    summary="Send events again",
    description="From a sequence on, or what was given up; under the same ids and with the same bytes.",
    response_model=ReplayResponse,
    responses=WRITES,
    openapi_extra=IDEMPOTENCY,
    dependencies=[WHOEVER_TENDS],
)
async def replay_(
    webhook_id: UUID, body: ReplayRequest, connection: Writes, desk: AtDesk, replay: Replayable
) -> Response:
    events = await operations.replay(connection, webhook_id, start=body.start, desk=desk.by(body.operator))
    return await replay.keep(connection, 202, ReplayResponse(webhook_id=webhook_id, events=events))


@router.post(
    "/{webhook_id}/closure",
    summary="Close a webhook",
    description="Nothing more is sent, its secrets are deleted; the events stay in the feed.",
    response_model=WebhookDetails,
    responses=WRITES,
    openapi_extra=IDEMPOTENCY,
    dependencies=[EITHER],
)
async def close(webhook_id: UUID, body: ActRequest, connection: Writes, desk: AtDesk, replay: Replayable) -> Response:
    await operations.close_webhook(connection, webhook_id, desk=desk.by(body.operator))
    return await replay.keep(connection, 200, await _details(connection, webhook_id, desk.caller))


async def _keep_secret(
    connection: Connection, webhook_id: UUID, state: State, secret: bytes, status: int, replay: Replay
) -> Response:
    made = NewWebhookResponse(webhook_id=webhook_id, state=state, secret=secret_text(secret))
    return await replay.keep(connection, status, made, repeated=made.model_copy(update={"secret": None}))


async def _details(connection: Connection, webhook_id: UUID, caller: Any) -> WebhookDetails:
    row = await queries.get_webhook(connection, webhook_id, caller)
    figures = DeliveryFigures(**await queries.count_deliveries(connection, webhook_id))
    return WebhookDetails.model_validate(_shown(row) | {"deliveries": figures})


def _shown(row: asyncpg.Record) -> dict[str, Any]:
    values = dict(row)
    tested = {name: values.pop(f"test_{name}") for name in ("asked_at", "tried_at", "status", "fault", "milliseconds")}
    tested["error"] = tested.pop("fault")
    return values | {"test": None if tested["asked_at"] is None else WebhookTest(**tested)}
