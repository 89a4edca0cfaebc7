"""The explanation of an answer, for the person it is about."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Header
from starlette.requests import Request
from starlette.responses import Response

from blacklist_service.access.scopes import Scope
from blacklist_service.checks.english import prefers_english
from blacklist_service.checks.explanations import ASKED_HERE, Explained, Letter
from blacklist_service.checks.records import get_check, get_own_check
from blacklist_service.clock import legal_date
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.listings.reading import find_version_as_of
from blacklist_service.measures.queries import find_catalogue
from blacklist_service.members.queries import find_name
from blacklist_service.web.documented import problems
from blacklist_service.web.routing import Acting, Caller, GuardedRoute, needs
from blacklist_service.web.transactions import Writes

router = APIRouter(prefix="/v1/checks", tags=["checks"], route_class=GuardedRoute)


@router.get(
    "/{check_id}/explanation",
    summary="A printable explanation",
    description="In Chinese, for the person it is about: court, case, decision letter and its service, ground, term, legal "
    "basis, remedy and where to object; with English beside it where `Accept-Language` prefers that. Text, or HTML where "
    "`Accept` prefers it. For the agency that asked, and auditors (whose reading is recorded).",
    response_class=Response,
    responses=problems(401, 403, 404, 422, 503) | {200: {"content": {"text/plain": {}, "text/html": {}}}},
    dependencies=[needs(Scope.CHECKS_READ)],
)
async def explain(
    check_id: UUID,
    request: Request,
    connection: Writes,
    caller: Caller,
    actor: Acting,
    accept: Annotated[str, Header()] = "text/plain",
    accept_language: Annotated[str, Header(max_length=1000)] = "zh",
) -> Response:
    secrecy = request.app.state.secrecy
    if caller.may(Scope.AUDIT_READ):
        recorded = await get_check(connection, check_id, secrecy=secrecy)
        entry = Entry(Action.AUDIT_READ, actor, check_id=check_id, facts={"what": "explanation"})
        await record(connection, [entry], at=await database_clock(connection), secrecy=secrecy)
    else:
        recorded = await get_own_check(connection, check_id, agency=caller.member, secrecy=secrecy)
    answer: dict[str, Any] = orjson.loads(recorded.answer)
    catalogue = await find_catalogue(connection, answer["measures_version"])
    asked_on = legal_date(datetime.fromisoformat(answer["checked_at"]))
    agency = ASKED_HERE
    if recorded.agency is not None:
        agency = await find_name(connection, recorded.agency, on=asked_on) or recorded.agency
    is_html = "text/html" in accept.lower()
    letters = await _letters(connection, answer)
    explained = Explained(answer, catalogue, agency, letters, is_bilingual=prefers_english(accept_language))
    content = explained.as_html() if is_html else explained.as_text()
    media_type = "text/html" if is_html else "text/plain"
    headers = {
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
        "Vary": "Accept, Accept-Language",
    }
    return Response(content, media_type=f"{media_type}; charset=utf-8", headers=headers)


async def _letters(connection: Connection, answer: dict[str, Any]) -> dict[str, Letter]:
    """The decision letters of the listings shown, as of the list version of the answer."""
    found = {}
    for listing_id in {match["listing_id"] for subject in answer["subjects"] for match in subject["matches"]} - {None}:
        row = await find_version_as_of(connection, UUID(listing_id), answer["list_version"])
        if row is not None:
            document = row["document"]
            found[listing_id] = Letter(document["decision"]["document_number"], document.get("served_on"))
    return found
