"""Requests and responses of matters and measures."""

from datetime import date
from typing import Annotated

from pydantic import ConfigDict, Field

from blacklist_service.measures.brake import Loss
from blacklist_service.measures.rules import Catalogue, Certainty, MeasureClass, Source, SubjectRole
from blacklist_service.subjects.identifiers import SubjectKind
from blacklist_service.subjects.relations import Relation
from blacklist_service.web.paging import PageQuery
from blacklist_service.web.wire import LegalDate, Parameters, Response


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
    text: str = Field(description="where the legal text was read")
    certainty: Certainty = Field(description="`to_confirm`: from knowledge, a court has to confirm it")
    note: str


class MatterResponse(Response):
    matter: str
    name: str
    name_en: str
    roles: list[SubjectRole] = Field(
        description="those that any of its measures in force today covers: a subject in another is refused, "
        "`subject-not-covered`"
    )
    kinds: list[SubjectKind] = Field(description="likewise")
    measures: list[MeasureResponse]


class LocalSettingResponse(Response):
    matter: str
    name: str
    value: int | str | list[str]
    unit: str
    basis: str
    valid_from: date
    valid_to: date | None


class MatterPage(Response):
    version: int
    items: list[MatterResponse]
    local_settings: list[LocalSettingResponse]
    next: str | None = None


class WeakeningResponse(Response):
    matter: str
    measure: str
    loss: Loss
    measure_class: MeasureClass = Field(alias="class", description="that it had")
    since: date
    until: date | None


class DifferenceResponse(Response):
    """What a catalogue changes in the version it replaces."""

    replaces: int
    sha256: str = Field(description="of the new catalogue")
    added: list[str]
    removed: list[str]
    changed: list[str]
    local_settings_changed: bool
    weakened: list[WeakeningResponse]


class AppliedResponse(Response):
    """What is in force now, and what that changed; matters by their codes."""

    measures_version: int
    added: list[str]
    removed: list[str]
    changed: list[str]
    local_settings_changed: bool
    dry_run: bool
    weakened: list[WeakeningResponse] = Field(description="what is taken away: of each measure, from when until when")
    difference: DifferenceResponse = Field(description="all of the above as it is to be confirmed")
    digest: str = Field(
        description="SHA-256 of `difference` (RFC 8785): send it as `confirm` where `weakened` is not empty"
    )


class MatterFilters(Parameters):
    version: Annotated[int, Field(ge=1, lt=2**63)] | None = Field(
        None, description="that of an old answer; default: in force now"
    )
    on: LegalDate | None = Field(None, description="only what stands on that day; default: every article with its days")


class MatterQuery(PageQuery, MatterFilters):
    pass


class ApplyQuery(Parameters):
    dry_run: bool = Field(False, description="only say what would change")
    confirm: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")] | None = Field(
        None, description="the digest of the difference, where something is removed or weakened"
    )


class CatalogueRequest(Catalogue):
    """A whole catalogue, in the form of `measures/data/catalogue.toml` as JSON."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "matters": [
                        {
                            "code": "civil_service_recruitment",
                            "name": "公务员录用、调任",
                            "name_en": "Civil-service recruitment and transfer",
                            "measures": [
                                {
                                    "id": "M01",
                                    "class": "prohibition",
                                    "agency": "组织部/公务员局、人社局",
                                    "relations": ["debtor"],
                                    "kinds": ["person"],
                                    "basis": "公务员法第二十六条",
                                    "edition": "中办发〔2016〕64号",
                                    "valid_from": "2016-09-25",
                                    "source": "found",
                                }
                            ],
                        }
                    ]
                }
            ]
        }
    )
