"""What is sent: `{"type", "timestamp", "data"}` (Standard Webhooks), an event's bytes frozen when its delivery is made. Pure.

Nobody's name, number or listing: whoever is told reads the check, on record.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from blacklist_service.clock import wire_instant

EVENT_FIELDS = (
    *("sequence", "at", "type", "watch_id", "revision", "check_id", "reference", "matter", "before", "after"),
    *("list_version", "notices_version", "cause"),
)
"""As `GET /v1/watch-events` gives them."""
CHALLENGE_BYTES = 32


def event_body(event: Mapping[str, Any]) -> bytes:
    shown = {name: event[name] for name in EVENT_FIELDS} | {"at": wire_instant(event["at"])}
    return _body(event["type"], event["at"], shown)


def test_body(webhook_id: UUID, at: datetime) -> bytes:
    return _body("webhook.test", at, {"webhook_id": webhook_id})


def new_challenge() -> str:
    return secrets.token_urlsafe(CHALLENGE_BYTES)


def challenge_body(challenge: str, at: datetime) -> bytes:
    return _body("webhook.verification", at, {"challenge": challenge})


def echoes(body: bytes | None, challenge: str) -> bool:
    """Whether an answer's body is the echo that proves an endpoint to be its member's."""
    if body is None:
        return False
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    echo = said.get("challenge") if isinstance(said, dict) else None
    return isinstance(echo, str) and secrets.compare_digest(echo.encode(), challenge.encode())


def _body(kind: str, at: datetime, content: Mapping[str, Any]) -> bytes:
    return orjson.dumps({"type": kind, "timestamp": wire_instant(at), "data": content}, default=str)
