"""`/v1/matters`: what may be asked, and on what legal basis."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Header, Query
from starlette.requests import Request
from starlette.responses import Response as HttpResponse

from blacklist_service.access.scopes import Scope
from blacklist_service.clock import legal_date, now
from blacklist_service.measures.operations import apply_measures
from blacklist_service.measures.queries import find_catalogue, get_measures_version
from blacklist_service.measures.rules import Catalogue, Matter, Measure
from blacklist_service.measures.schemas import (
    AppliedResponse,
    ApplyQuery,
    CatalogueRequest,
    MatterPage,
    MatterQuery,
)
from blacklist_service.members.second_person.problems import SecondOfficerNeeded
from blacklist_service.problems import FieldError, InvalidRequest, NotFound
from blacklist_service.web.bodies import BATCH_BODY_BYTES
from blacklist_service.web.documented import problems
from blacklist_service.web.paging import make_cursor, read_cursor
from blacklist_service.web.routing import Acting, GuardedRoute, needs
from blacklist_service.web.transactions import Reads, Writes
from blacklist_service.web.versions import FORM, version_in

router = APIRouter(prefix="/v1/matters", tags=["matters"], route_class=GuardedRoute)


class CatalogueRoute(GuardedRoute):
    most_bytes = BATCH_BODY_BYTES


measures = APIRouter(prefix="/v1/measures", tags=["matters"], route_class=CatalogueRoute)


@router.get(
    "",
    summary="The matters and their measures",
    description="Every matter, what a hit means for it, for whom, on what legal basis, and from when until when; of one "
    "article after another, the newest stands first. `on` leaves what stands on that day. ETag = version.",
    responses=problems(401, 403, 404, 422, 503),
    dependencies=[needs(None)],
)
async def list_matters(query: Annotated[MatterQuery, Query()], connection: Reads, response: HttpResponse) -> MatterPage:
    filters = [query.version, query.on and query.on.isoformat()]
    if query.cursor:
        version, first = _read_place(query.cursor, filters)
    else:
        version, first = query.version or await get_measures_version(connection), 0
    catalogue = await find_catalogue(connection, version)
    if catalogue is None:
        raise NotFound
    end = first + query.limit
    matters = _standing(catalogue.matters, query.on)
    response.headers["ETag"] = f'"{version}"'
    day = query.on or legal_date(now())
    response.headers["Cache-Control"] = "private, no-cache"  # nothing personal: it may be cached and revalidated
    return MatterPage.model_validate(
        {
            "version": version,
            "items": [
                {
                    "matter": matter.code,
                    "name": matter.name,
                    "name_en": matter.name_en,
                    "roles": matter.coverage(day).roles,
                    "kinds": matter.coverage(day).kinds,
                    "measures": [_shown(measure) for measure in measures],
                }
                for matter, measures in matters[first:end]
            ],
            "local_settings": [
                setting.model_dump()
                for setting in catalogue.local_settings
                if query.on is None or setting.is_in_force(query.on)
            ],
            "next": make_cursor([version, end], filters) if end < len(matters) else None,
        }
    )


def _standing(matters: Sequence[Matter], on: date | None) -> list[tuple[Matter, list[Measure]]]:
    """Each matter with the measures in force on that day; a matter without any is left out."""
    standing = [
        (matter, [measure for measure in matter.measures if on is None or measure.is_in_force(on)])
        for matter in matters
    ]
    return [(matter, measures) for matter, measures in standing if measures]


def _shown(measure: Measure) -> dict[str, object]:
    return measure.model_dump(by_alias=True) | {"certainty": measure.how_certain}


def _read_place(cursor: str, filters: Sequence[object]) -> tuple[int, int]:
    """Later pages show the version of the first one. Raise `InvalidRequest` as `read_cursor` does."""
    match read_cursor(cursor, filters):
        case [version, first] if type(version) is int and type(first) is int and 0 < version < 2**63 and first >= 0:
            return version, first
    raise InvalidRequest(errors=[FieldError("cursor", "cursor", "not a cursor of this service")])


@measures.put(
    "",
    summary="Put a catalogue in force",
    description="For every check that begins after the answer. Compared with what is in force, validated, recorded; the "
    "same again is the same version. One that removes a matter or a measure, or has one reach less far or less hard, needs "
    "`confirm`: without it, 409 shows the `difference` and its `digest`, as a dry run does. "
    "`If-Match` with the version it replaces is honoured, not required.",
    responses=problems(401, 403, 409, 412, 413, 415, 422, 503),
    dependencies=[needs(Scope.MEASURES_WRITE)],
)
async def put_measures(
    body: CatalogueRequest,
    query: Annotated[ApplyQuery, Query()],
    request: Request,
    connection: Writes,
    actor: Acting,
    response: HttpResponse,
    if_match: Annotated[str | None, Header(json_schema_extra={"pattern": FORM})] = None,
) -> AppliedResponse:
    if request.app.state.settings.second_officer and not query.dry_run:
        raise SecondOfficerNeeded
    applied = await apply_measures(
        connection,
        Catalogue.model_validate(body, from_attributes=True),
        actor=actor,
        secrecy=request.app.state.secrecy,
        expected_version=None if if_match is None else version_in(if_match),
        is_dry_run=query.dry_run,
        confirm=query.confirm,
    )
    shown = applied.shown.wire
    response.headers["ETag"] = f'"{applied.version}"'
    return AppliedResponse.model_validate(
        {name: shown[name] for name in ("added", "removed", "changed", "local_settings_changed", "weakened")}
        | {"measures_version": applied.version, "dry_run": query.dry_run}
        | {"difference": shown, "digest": applied.shown.digest}
    )
