"""Reading request bodies: within limits, and as strict JSON."""

from typing import Any, TypeVar

import jiter
from pydantic import BaseModel, ValidationError
from starlette.types import Message, Receive

from blacklist_service.problems import FieldError, InvalidRequest, PayloadTooLarge, UnsupportedMediaType

Model = TypeVar("Model", bound=BaseModel)

KIBIBYTE = 1024
CHECK_BODY_BYTES = 64 * KIBIBYTE
BATCH_BODY_BYTES = 2048 * KIBIBYTE
MOST_ERRORS = 20
JSON = "application/json"


async def read_body(content_type: str, content_length: str, receive: Receive, most_bytes: int) -> bytes:
    """Raise `PayloadTooLarge` as soon as that is known, without taking in the rest."""
    if content_type != JSON and content_type.split(";", 1)[0].strip().lower() != JSON:
        raise UnsupportedMediaType("send application/json")
    if content_length.isdigit() and int(content_length) > most_bytes:
        raise PayloadTooLarge(f"at most {most_bytes} bytes are taken here")
    message = await _next(receive)
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        if len(body) > most_bytes:
            break
        message = await _next(receive)
        body += message.get("body", b"")
    if len(body) > most_bytes:
        raise PayloadTooLarge(f"at most {most_bytes} bytes are taken here")
    return body


async def _next(receive: Receive) -> Message:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise InvalidRequest("the body was not sent to its end")
    return message


def parse_json(body: bytes) -> Any:
    """Strict JSON: no duplicate keys, no NaN or infinity, no lone surrogates, depth at most 200 (design §8)."""
    try:
        return jiter.from_json(body, allow_inf_nan=False, catch_duplicate_keys=True)
    except ValueError:
        # jiter's message may quote a key, and a key may be a person's number.
        raise InvalidRequest(
            errors=[FieldError("", "json", "not strict JSON: well-formed, no duplicate keys, NaN or lone surrogates")]
        ) from None


def parse_body(model: type[Model], body: bytes) -> Model:
    parse_json(body)
    return validate(model, body)


def validate(model: type[Model], body: bytes) -> Model:
    """Validate JSON that `parse_json` has accepted; types are taken as written, of every part of every model."""
    try:
        return model.model_validate_json(body, strict=True)
    except ValidationError as error:
        raise InvalidRequest(errors=[field_error(e) for e in error.errors(**_NO_INPUT)[:MOST_ERRORS]]) from None


_NO_INPUT: dict[str, Any] = {"include_url": False, "include_context": False, "include_input": False}


def field_error(error: Any) -> FieldError:
    """Name the place and the fault. An unknown field is pointed at by its parent: its name is the caller's value."""
    place = error["loc"][:-1] if error["type"] == "extra_forbidden" else error["loc"]
    pointer = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in place)
    return FieldError(pointer, error["type"].replace("_", "-"), error["msg"])
