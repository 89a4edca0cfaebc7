"""Request bodies: `{"type", "timestamp", "data"}` (Standard Webhooks); an event's bytes are fixed when its delivery is made.

They contain no name, number or listing: the receiver reads the check, which is recorded.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from blacklist_service.clock import wire_instant
from blacklist_service.watches.schemas import EventResponse

CHALLENGE_BYTES = 32


def event_body(event: Mapping[str, Any]) -> bytes:
    """The `data` is the same as in `GET /v1/watch-events`."""
    shown = EventResponse.model_validate(event).model_dump_json().encode()
    return _body(event["type"], event["at"], orjson.Fragment(shown))


def test_body(webhook_id: UUID, at: datetime) -> bytes:
    return _body("webhook.test", at, {"webhook_id": str(webhook_id)})


def new_challenge() -> str:
    return secrets.token_urlsafe(CHALLENGE_BYTES)


def challenge_body(challenge: str, at: datetime) -> bytes:
    return _body("webhook.verification", at, {"challenge": challenge})


def echoes(body: bytes | None, challenge: str) -> bool:
    """Whether a response body is the echo that proves an endpoint to be its member's."""
    if body is None:
        return False
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    echo = said.get("challenge") if isinstance(said, dict) else None
    return isinstance(echo, str) and secrets.compare_digest(echo.encode(), challenge.encode())


def _body(kind: str, at: datetime, content: Any) -> bytes:
    return orjson.dumps({"type": kind, "timestamp": wire_instant(at), "data": content})
