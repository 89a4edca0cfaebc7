"""`/v1/matters`: what may be asked, and on what legal basis."""

from datetime import date

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response as HttpResponse

from blacklist_service.measures.queries import get_catalogue, get_measures_version
from blacklist_service.measures.rules import MeasureClass, Source, SubjectRole
from blacklist_service.subjects.relations import Relation
from blacklist_service.web.documented import problems
from blacklist_service.web.routing import GuardedRoute, needs
from blacklist_service.web.transactions import Reads
from blacklist_service.web.wire import Response

router = APIRouter(prefix="/v1/matters", tags=["matters"], route_class=GuardedRoute)


class MeasureResponse(Response):
    id: str
    measure_class: MeasureClass = Field(alias="class")
    agency: str
    relations: list[Relation]
    roles: list[SubjectRole] = Field(description="empty = any role")
    kinds: list[str] = Field(description="empty = persons and organisations")
    basis: str
    edition: str
    valid_from: date
    valid_to: date | None
    source: Source
    note: str


class MatterResponse(Response):
    matter: str
    name: str
    name_en: str
    measures: list[MeasureResponse]


class MatterPage(Response):
    items: list[MatterResponse]
    next: str | None = None


@router.get(
    "",
    summary="The matters and their measures",
    description="Every matter, what a hit means for it, for whom, on what legal basis, and since when. ETag = version.",
    responses=problems(401, 403, 503),
    dependencies=[needs(None)],
)
async def list_matters(connection: Reads, response: HttpResponse) -> MatterPage:
    version = await get_measures_version(connection)
    catalogue = await get_catalogue(connection, version)
    response.headers["ETag"] = f'"{version}"'
    return MatterPage.model_validate(
        {
            "items": [
                {
                    "matter": matter.code,
                    "name": matter.name,
                    "name_en": matter.name_en,
                    "measures": [measure.model_dump(by_alias=True) for measure in matter.measures],
                }
                for matter in catalogue.matters
            ]
        }
    )
