"""The wire of the audit (design §7)."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from blacklist_service.checks.rules import Decision
from blacklist_service.ledger.entries import Action
from blacklist_service.subjects.identifiers import IdentifierType, SubjectKind
from blacklist_service.web.paging import LARGEST_PAGE, USUAL_PAGE
from blacklist_service.web.wire import Instant, Name, Number, Request, Response, text


class EntryFilters(BaseModel):
    """All that are given must hold. `from` is inclusive, `to` exclusive."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    from_: Instant | None = Field(None, alias="from")
    to: Instant | None = None
    agency: Annotated[str, *text(64)] | None = None
    operator: Annotated[str, *text(100)] | None = None
    matter: Annotated[str, *text(64)] | None = None
    decision: Decision | None = None
    action: Action | None = None
    reference: Annotated[str, *text(200)] | None = None
    list_version_from: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    list_version_to: Annotated[int, Field(ge=0, lt=2**63)] | None = None


class EntryQuery(EntryFilters):
    cursor: Annotated[str, *text(400)] | None = None
    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE)] = USUAL_PAGE


class SearchIdentifierRequest(Request):
    type: IdentifierType
    number: Number


class SearchSubjectRequest(Request):
    role: Annotated[str, *text(64)] | None = None
    kind: SubjectKind
    name: Name
    identifier: SearchIdentifierRequest | None = None


class EntrySearchRequest(EntryQuery):
    """The filters of the search, and whom the entries are about: in the body, for no number stands in a URL."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        json_schema_extra={
            "examples": [
                {
                    "action": "check",
                    "from": "2018-04-01T00:00:00Z",
                    "subject": {
                        "kind": "person",
                        "name": "张三",
                        "identifier": {"type": "resident_id", "number": "530111198503170015"},
                    },
                }
            ]
        },
    )

    subject: SearchSubjectRequest | None = None


class EntrySubjectResponse(Response):
    role: str | None
    name_masked: str
    identifier_masked: str | None


class EntryResponse(Response):
    entry_id: UUID
    at: datetime
    action: Action
    agency: str | None
    key_id: str | None
    operator: str | None
    matter: str | None
    reference: str | None
    check_id: UUID | None
    subjects: list[EntrySubjectResponse]
    decision: Decision | None
    listing_ids: list[UUID]
    list_version: int | None
    measures_version: int | None
    notices_version: int | None
    request_id: str | None
    source_ip: str | None
    leaf_index: int | None
    refused_as: str | None = Field(description="the problem code of a refusal")


class ProvedEntryResponse(EntryResponse):
    """An entry with the bytes that the log holds of it, and what proves that it does."""

    leaf: str = Field(description="base64 of the exact bytes")
    receipt: str | None = Field(description="a C2SP tlog-proof; null until the entry is sealed")


class EntryPage(Response):
    items: list[EntryResponse]
    next: str | None


COSIGNED = """blacklist.local/query-log/1f2e3d4c
2
AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=

— auditor.example/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
"""


class CosignaturesRequest(Request):
    """A checkpoint of this log with the cosignature/v1 lines of known witnesses."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"note": COSIGNED}]})

    note: Annotated[str, Field(max_length=16_384)]


class CosignedResponse(Response):
    size: int
    witnesses: list[str]


class LedgerKeyResponse(BaseModel):
    vkey: str
    since: datetime
    until_size: int | None = Field(
        description="the largest log that it vouched for alone; null of the key that signs now"
    )


class LedgerKeysResponse(BaseModel):
    keys: list[LedgerKeyResponse]
    verifier_sha256: str
