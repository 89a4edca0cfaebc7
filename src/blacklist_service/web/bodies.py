"""Reading request bodies: within limits, and as strict JSON."""

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from email.message import Message
from typing import Any, NamedTuple, TypeVar

import jiter
from pydantic import BaseModel, ValidationError
from starlette.types import Message as ASGIMessage
from starlette.types import Receive

from blacklist_service.problems import FieldError, InvalidRequest, PayloadTooLarge, UnsupportedMediaType

Model = TypeVar("Model", bound=BaseModel)

KIBIBYTE = 1024
CHECK_BODY_BYTES = 64 * KIBIBYTE
BATCH_BODY_BYTES = 2048 * KIBIBYTE
MOST_ERRORS = 20
JSON = "application/json"
UTF_8 = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
BYTE_ORDER_MARKS = (BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE)


class Sent(NamedTuple):
    """What a head says about its body: the values of the headers, empty if absent."""

    content_type: str
    content_length: str
    content_encoding: str


async def read_body(sent: Sent, receive: Receive, most_bytes: int) -> bytes:
    """Raise `PayloadTooLarge` as soon as the size is known, without reading the rest; `UnsupportedMediaType` unless the body
    is uncompressed JSON in UTF-8.
    """
    if sent.content_type != JSON:
        _require_json(sent.content_type)
    if sent.content_encoding:
        require_as_it_stands(sent.content_encoding)
    if sent.content_length.isdigit() and int(sent.content_length) > most_bytes:
        raise PayloadTooLarge(f"at most {most_bytes} bytes are taken here")
    message = await _next(receive)
    first: bytes = message.get("body", b"")
    if not message.get("more_body"):
        _limit(len(first), most_bytes)
        return first
    body = bytearray(first)
    while message.get("more_body"):
        _limit(len(body), most_bytes)
        message = await _next(receive)
        body += message.get("body", b"")
    _limit(len(body), most_bytes)
    return bytes(body)


def require_as_it_stands(content_encoding: str) -> None:
    """Refuse a compressed body: a few bytes could decompress to any size."""
    if content_encoding.strip().lower() not in {"", "identity"}:
        raise UnsupportedMediaType("send the body as it is, not compressed", headers={"Accept-Encoding": "identity"})


def _require_json(content_type: str) -> None:
    message = Message()
    message["content-type"] = content_type
    if message.get_content_type() != JSON or not content_type.strip():
        raise UnsupportedMediaType("send application/json")
    if (charset := message.get_param("charset")) is not None and str(charset).lower() not in UTF_8:
        raise UnsupportedMediaType("send JSON in UTF-8")


def _limit(size: int, most_bytes: int) -> None:
    if size > most_bytes:
        raise PayloadTooLarge(f"at most {most_bytes} bytes are taken here")


async def _next(receive: Receive) -> ASGIMessage:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise InvalidRequest("the body was not sent to its end")
    return message


def parse_json(body: bytes) -> Any:
    """Strict JSON: no duplicate keys, no NaN or infinity, no lone surrogates, depth at most 200 (design §8)."""
    try:
        return jiter.from_json(body, allow_inf_nan=False, catch_duplicate_keys=True)
    except ValueError:
        if body.startswith(BYTE_ORDER_MARKS):  # RFC 8259 §8.1: no byte order mark
            raise UnsupportedMediaType("send JSON in UTF-8, without a byte order mark") from None
        # jiter's message may quote a key, and a key may be a person's number.
        raise InvalidRequest(
            errors=[FieldError("", "json", "not strict JSON: well-formed, no duplicate keys, NaN or lone surrogates")]
        ) from None


def parse_body(model: type[Model], body: bytes) -> Model:
    parse_json(body)
    return validate(model, body)


def validate(model: type[Model], body: bytes) -> Model:
    """Validate JSON that `parse_json` has accepted. Types are strict in every part of every model."""
    try:
        return model.model_validate_json(body, strict=True)
    except ValidationError as error:
        raise InvalidRequest(errors=[field_error(e) for e in error.errors(**_NO_INPUT)[:MOST_ERRORS]]) from None


_NO_INPUT: dict[str, Any] = {"include_url": False, "include_context": False, "include_input": False}


def field_error(error: Any) -> FieldError:
    """Name the location and the fault. An unknown field is located by its parent, because its name is the caller's text."""
    place = error["loc"][:-1] if error["type"] == "extra_forbidden" else error["loc"]
    pointer = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in place)
    return FieldError(pointer, error["type"].replace("_", "-"), error["msg"])
