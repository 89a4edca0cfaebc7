"""Retries: the same Idempotency-Key and body get the same stored answer, for 24 hours, within one member."""

import re

from starlette.requests import Request

from blacklist_service.problems import FieldError, InvalidRequest

HEADER = "idempotency-key"
FORM = re.compile(r"[\x21-\x7e]{1,128}")


def idempotency_key(request: Request) -> str | None:
    key = request.headers.get(HEADER)
    if key is not None and not FORM.fullmatch(key):
        raise InvalidRequest(errors=[FieldError("Idempotency-Key", "form", "1 to 128 visible ASCII characters")])
    return key


def item_key(key: str | None, place: int) -> str | None:
    """The key of a batch's item: each is answered, and replayed, by itself."""
    return key and f"{key}#{place}"
