"""`/v1/listings/{id}/removal-certificate` and `/notifications`: letters that a court prints, with their proof."""

import asyncio
from dataclasses import asdict
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.responses import Response as HttpResponse

from blacklist_service.access.scopes import Scope
from blacklist_service.database.connections import Connection, Pool
from blacklist_service.listings.acting_court import court_of
from blacklist_service.listings.bench import AtBench, ListingId
from blacklist_service.listings.certificate_queries import Certificate, draw_up, find_certificate
from blacklist_service.listings.letter_queries import list_notifications, write_letter
from blacklist_service.listings.letter_schemas import (
    CertificateRequest,
    Issued,
    NotificationPage,
    NotificationRequest,
    NotificationResponse,
)
from blacklist_service.listings.operations.carrying_out import Court
from blacklist_service.listings.operations.certificates import issue_certificate
from blacklist_service.listings.operations.telling import record_notification
from blacklist_service.members.second_person.marking import does
from blacklist_service.members.second_person.rules import SoloAct
from blacklist_service.problems import NotFound
from blacklist_service.web.documented import IDEMPOTENCY, problems
from blacklist_service.web.idempotency import Replay, Replayed, replay_of
from blacklist_service.web.routing import Acting, Caller, GuardedRoute, needs
from blacklist_service.web.shares import Share, takes
from blacklist_service.web.transactions import Reads, borrowed

router = APIRouter(prefix="/v1/listings", tags=["listings"], route_class=GuardedRoute)

SEALED_WITHIN_SECONDS = 5.0
LOOK_SECONDS = 0.1
PAGE_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'", "Cache-Control": "no-store"}
PAGE: dict[int | str, dict[str, Any]] = {200: {"content": {"text/html": {}}, "description": "The page"}}
NOT_YET: dict[int | str, dict[str, Any]] = {
    202: {"description": "Its entry is not sealed yet", "headers": {"Retry-After": {"schema": {"type": "integer"}}}}
}


@router.post(
    "/{listing_id}/removal-certificate",
    status_code=201,
    summary="Certify that a listing has ended (解除证明)",
    description="A printable page in Chinese with its number, its receipt, and how to verify it offline; of a withdrawn "
    "listing it says that it was wrong from the start. Each issue is an entry of its own. 202 where that is not sealed "
    "within seconds: fetch the page by `Location`. It says nothing of other listings of that person.",
    response_class=HttpResponse,
    responses=problems(401, 403, 404, 409, 413, 415, 422, 503)
    | {201: {"content": {"text/html": {}}, "description": "The page"}}
    | NOT_YET,
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(Scope.LISTINGS_WRITE), takes(Share.ACT), does(SoloAct.ISSUE_CERTIFICATE)],
)
async def certify(
    listing_id: ListingId,
    body: CertificateRequest,
    request: Request,
    caller: Caller,
    actor: Acting,
) -> HttpResponse:
    pool: Pool = request.app.state.pool
    court = court_of(request, caller, actor, body.operator)
    # Committed before its receipt is waited for: the sealing process only sees what is committed.
    async with borrowed(pool) as connection, connection.transaction():
        certificate = await _issue_once(connection, listing_id, court=court, replay=replay_of(request))
    page = await _wait_for_page(pool, certificate)
    place = {"Location": _place(certificate)}
    return _not_yet(place) if page is None else HTMLResponse(page, status_code=201, headers=PAGE_HEADERS | place)


@router.get(
    "/{listing_id}/removal-certificate/{certificate_id}",
    summary="Fetch a certificate again",
    response_class=HttpResponse,
    responses=problems(401, 403, 404, 422, 503) | PAGE | NOT_YET,
    dependencies=[needs(Scope.LISTINGS_READ)],
)
async def read_certificate(
    listing_id: ListingId, certificate_id: UUID, request: Request, connection: Reads, caller: Caller
) -> HttpResponse:
    certificate = await find_certificate(
        connection,
        listing_id,
        certificate_id,
        court_code=caller.court_code or "",
        secrecy=request.app.state.secrecy,
    )
    if certificate is None:
        raise NotFound
    page = await draw_up(connection, certificate)
    return _not_yet({}) if page is None else HTMLResponse(page, headers=PAGE_HEADERS)


@router.post(
    "/{listing_id}/notifications",
    status_code=201,
    summary="Record whom the court notified (Art. 8)",
    description="An employer, superior, investor, credit bureau or industry body. Nothing leaves by itself: the letter is "
    "printed from `…/notifications/{id}/letter`, and the ledger proves that it was sent.",
    response_model=NotificationResponse,
    responses=problems(401, 403, 404, 409, 413, 415, 422, 503),
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(Scope.LISTINGS_WRITE), takes(Share.ACT), does(SoloAct.KEEP_NOTIFICATION)],
)
async def notify(listing_id: ListingId, body: NotificationRequest, bench: AtBench) -> HttpResponse:
    told = await record_notification(
        bench.connection,
        listing_id,
        addressee_kind=body.addressee_kind,
        addressee=body.addressee,
        sent_on=body.sent_on,
        means=body.means,
        court=bench.court(body.operator),
    )
    return await bench.replay.keep(bench.connection, 201, NotificationResponse(**asdict(told)))


@router.get(
    "/{listing_id}/notifications",
    summary="Whom the court notified of a listing",
    responses=problems(401, 403, 404, 422, 503),
    dependencies=[needs(Scope.LISTINGS_READ)],
)
async def notifications(listing_id: ListingId, request: Request, connection: Reads, caller: Caller) -> NotificationPage:
    found = await list_notifications(
        connection, listing_id, court_code=caller.court_code or "", secrecy=request.app.state.secrecy
    )
    return NotificationPage(items=[NotificationResponse(**asdict(one)) for one in found])


@router.get(
    "/{listing_id}/notifications/{notification_id}/letter",
    summary="The letter of a notification, to print",
    response_class=HttpResponse,
    responses=problems(401, 403, 404, 422, 503) | PAGE,
    dependencies=[needs(Scope.LISTINGS_READ)],
)
async def letter(
    listing_id: ListingId, notification_id: UUID, request: Request, connection: Reads, caller: Caller
) -> HttpResponse:
    page = await write_letter(
        connection,
        listing_id,
        notification_id,
        court_code=caller.court_code or "",
        secrecy=request.app.state.secrecy,
    )
    if page is None:
        raise NotFound
    return HTMLResponse(page, headers=PAGE_HEADERS)


async def _issue_once(connection: Connection, listing_id: UUID, *, court: Court, replay: Replay) -> Certificate:
    """Every issue is a certificate with a number of its own, except a repeated request with the same Idempotency-Key."""
    try:
        await replay.look(connection)
    except Replayed as before:
        certificate_id = UUID(before.response.headers["Location"].rpartition("/")[2])
        found = await find_certificate(
            connection, listing_id, certificate_id, court_code=court.code, secrecy=court.secrecy
        )
        if found is None:
            raise NotFound from None
        return found
    certificate = await issue_certificate(connection, listing_id, court=court)
    await replay.keep(connection, 201, Issued(number=certificate.number), headers={"Location": _place(certificate)})
    return certificate


def _place(certificate: Certificate) -> str:
    return f"/v1/listings/{certificate.listing_id}/removal-certificate/{certificate.certificate_id}"


async def _wait_for_page(pool: Pool, certificate: Certificate) -> str | None:
    for _ in range(int(SEALED_WITHIN_SECONDS / LOOK_SECONDS)):
        async with borrowed(pool) as connection:
            page = await draw_up(connection, certificate)
        if page is not None:
            return page
        await asyncio.sleep(LOOK_SECONDS)
    return None


def _not_yet(headers: dict[str, str]) -> HttpResponse:
    return HttpResponse("", status_code=202, headers=headers | {"Retry-After": "1"})
