"""Time-based one-time passwords: RFC 6238 with SHA-1, six digits and steps of 30 seconds, which every app supports."""

import base64
import hmac
import secrets
from datetime import datetime
from urllib.parse import quote, urlencode

STEP_SECONDS = 30
DIGITS = 6
SECRET_BYTES = 20
NEIGHBOURS = (0, -1, 1)
"""A clock may be half a minute off, either way."""


def new_secret() -> bytes:
    return secrets.token_bytes(SECRET_BYTES)


def step_of(instant: datetime) -> int:
    return int(instant.timestamp()) // STEP_SECONDS


def code_at(secret: bytes, step: int) -> str:
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def matching_step(secret: bytes, typed: str, *, now: datetime, after: int) -> int | None:
    """Return the step whose code was typed; None if it is wrong, or of a step that was used: each code counts once."""
    code = typed.replace(" ", "")
    found = None
    for neighbour in NEIGHBOURS:
        step = step_of(now) + neighbour
        is_right = hmac.compare_digest(code_at(secret, step).encode(), code.encode("utf-8", "surrogatepass"))
        if is_right and step > after and found is None:
            found = step
    return found


def written(secret: bytes) -> str:
    """The secret as a person types it into an app."""
    return base64.b32encode(secret).decode().rstrip("=")


def read_written(text: str) -> bytes:
    """Parse a secret that `written` formatted; raise `ValueError` for anything else."""
    return base64.b32decode(text + "=" * (-len(text) % 8))


def uri_of(secret: bytes, *, login: str, issuer: str) -> str:
    """The content of an enrolment's QR code (Key URI format)."""
    words = urlencode({"secret": written(secret), "issuer": issuer}, quote_via=quote)
    return f"otpauth://totp/{quote(issuer)}:{quote(login)}?{words}"
