"""What every operation documents in OpenAPI: its problems and its Idempotency-Key."""

from typing import Any

from pydantic import BaseModel, Field

from blacklist_service import problems as refusals
from blacklist_service.web.refusals import MEDIA_TYPE, URN
from blacklist_service.web.versions import FORM


class FieldErrorResponse(BaseModel):
    pointer: str
    code: str
    message: str


class ProblemResponse(BaseModel):
    """RFC 9457 problem details. No refusal repeats the caller's values."""

    type: str = Field(examples=[URN + "invalid-request"])
    title: str
    status: int
    detail: str
    code: str
    request_id: str | None
    errors: list[FieldErrorResponse] | None = None


TITLES = {
    401: refusals.Unauthenticated.title(),
    403: "The key may not do this, or not with this.",
    404: refusals.NotFound.title(),
    409: refusals.Conflict.title(),
    410: refusals.Gone.title(),
    412: refusals.VersionMismatch.title(),
    413: refusals.PayloadTooLarge.title(),
    415: refusals.UnsupportedMediaType.title(),
    422: refusals.InvalidRequest.title(),
    428: refusals.PreconditionRequired.title(),
    429: refusals.TooManyRequests.title(),
    503: refusals.Undetermined.title(),
}

CODES = {
    401: refusals.Unauthenticated.code,
    403: refusals.ScopeMissing.code,
    404: refusals.NotFound.code,
    409: refusals.Conflict.code,
    410: refusals.Gone.code,
    412: refusals.VersionMismatch.code,
    413: refusals.PayloadTooLarge.code,
    415: refusals.UnsupportedMediaType.code,
    422: refusals.InvalidRequest.code,
    428: refusals.PreconditionRequired.code,
    429: refusals.TooManyRequests.code,
    503: refusals.Undetermined.code,
}

IDEMPOTENCY_HEADER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]{1,128}$"},
    "description": "The same key and body get the same stored answer, for 24 hours.",
}
IDEMPOTENCY = {"parameters": [IDEMPOTENCY_HEADER]}

FILE_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "contentMediaType": "application/octet-stream"}},
                }
            }
        },
    }
}
"""A body that is one file, in the field `file` of a form."""

IF_MATCH_HEADER = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "pattern": FORM, "examples": ['"3"']},
    "description": 'The version that the act changes, such as "3". Absent: 428; another one: 412.',
}
VERSIONED_ACT = {"parameters": [IF_MATCH_HEADER, IDEMPOTENCY_HEADER]}

HEADERS = {
    401: {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}}},
    429: {"Retry-After": {"required": True, "schema": {"type": "integer"}}},
    503: {"Retry-After": {"required": True, "schema": {"type": "integer"}}},
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The refusals an operation may give, for its `responses`; an operation that needs a key may also answer 429."""
    given = {*statuses, 429} if 401 in statuses else set(statuses)
    return {status: _response(status) for status in sorted(given)}


def _response(status: int) -> dict[str, Any]:
    headers = {"headers": HEADERS[status]} if status in HEADERS else {}
    return {"description": TITLES[status], "content": {MEDIA_TYPE: _content(status)}} | headers


def _content(status: int) -> dict[str, Any]:
    example = {
        "type": URN + CODES[status],
        "title": TITLES[status],
        "status": status,
        "detail": TITLES[status],
        "code": CODES[status],
        "request_id": "5a82273299a549de87ace85d0e758db9",
    }
    return {"schema": {"$ref": "#/components/schemas/ProblemResponse"}, "example": example}
