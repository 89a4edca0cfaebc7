"""Where the service is, from the environment: BLACKLIST_URL, _KEY, _CA_FILE, _CLIENT_CERT, _VKEY, _PLAIN_HTTP."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from blacklist_client.transport import Address


@dataclass(frozen=True, slots=True)
class Configuration:
    address: Address
    vkey: str | None


def from_environment(environment: Mapping[str, str] | None = None) -> Configuration:
    """Raise `ValueError` if the address or the key is missing or invalid.

    `BLACKLIST_KEY` and `BLACKLIST_VKEY` may each be `@` and the name of a file with the value.
    """
    given = os.environ if environment is None else environment
    url, key = given.get("BLACKLIST_URL"), _content(given.get("BLACKLIST_KEY"))
    if not url or not key:
        raise ValueError("BLACKLIST_URL and BLACKLIST_KEY say where the service is, and with which key to ask it")
    address = Address(
        url,
        key,
        ca_file=_path(given.get("BLACKLIST_CA_FILE")),
        client_cert=_path(given.get("BLACKLIST_CLIENT_CERT")),
        plain_http=given.get("BLACKLIST_PLAIN_HTTP") == "1",
    )
    return Configuration(address, _content(given.get("BLACKLIST_VKEY")))


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _content(text: str | None) -> str | None:
    if text is None or not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text("utf-8").strip()
    except OSError as error:
        raise ValueError(f"{text[1:]} cannot be read: {error.strerror}") from None
