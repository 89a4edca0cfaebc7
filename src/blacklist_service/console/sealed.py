"""Data that travels through a browser and must neither be read nor changed there: sealed to one session, for half an hour."""

import base64
import time
from typing import Any

import orjson

from blacklist_service.secrecy import Cipher, SecretKeyError

SECONDS = 30 * 60


def seal(cipher: Cipher, value: Any, *, purpose: str) -> str:
    """Seal text for a URL or a hidden field. `purpose` says for which session and use it can be opened."""
    content = orjson.dumps([int(time.time()), value])
    return base64.urlsafe_b64encode(cipher.seal(content, purpose.encode())).decode().rstrip("=")


def unseal(cipher: Cipher, text: str, *, purpose: str) -> Any:
    """None for anything that was not sealed for this, or was sealed too long ago."""
    try:
        sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        made, value = orjson.loads(cipher.open(sealed, purpose.encode()))
    except (ValueError, SecretKeyError):
        return None
    return value if time.time() - made < SECONDS else None
