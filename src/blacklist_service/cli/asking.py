"""Calls a service over HTTP with an API key, and sends the key to the named address only, over TLS.

Redirects are not followed, because the request would carry the key to another host. Proxies from the environment are ignored;
only one that the operator names is used. Plain HTTP is allowed only on the same machine.
"""

import ipaddress
import urllib.parse
import urllib.request
from http.client import HTTPException
from urllib.error import HTTPError, URLError

NOT_REACHED = (OSError, HTTPException)
"""Raised if no answer came, or none that is valid HTTP. It includes `RefusedError`, an answer with an error status."""
DEFAULT_PORTS = {"https": 443, "http": 80}


class AddressRefusedError(ValueError):
    """An API key may not be sent to this address. The message says why."""


class RefusedError(OSError):
    """The service answered with a status other than success."""

    def __init__(self, status: int) -> None:
        super().__init__(f"it answers {status}")
        self.status = status


class ServiceAddress:
    """A service at an address, called with an API key."""

    def __init__(self, url: str, api_key: str, *, proxy: str = "", timeout_seconds: float, most_bytes: int) -> None:
        """`proxy`, if given, is used by CONNECT, so it sees neither the key nor the answer. Raise `AddressRefusedError`."""
        _require_safe(url)
        self.url = url.rstrip("/")
        self.api_key = api_key
        self._timeout_seconds = timeout_seconds
        self._most_bytes = most_bytes
        self._proxy = _judged_proxy(proxy) if proxy else ""
        self._opener = _opener()

    def get(self, target: str) -> bytes:
        return self._open(urllib.request.Request(self.url + target))  # noqa: S310 - judged above

    def post(self, target: str, body: bytes) -> bytes:
        headers = {"Content-Type": "application/json"}
        return self._open(urllib.request.Request(self.url + target, body, headers))  # noqa: S310 - judged above

    def _open(self, request: urllib.request.Request) -> bytes:
        request.add_unredirected_header("Authorization", f"Bearer {self.api_key}")
        if self._proxy and request.type == "https":
            request.set_proxy(self._proxy, "http")
        try:
            with self._opener.open(request, timeout=self._timeout_seconds) as response:
                content: bytes = response.read(self._most_bytes + 1)
        except HTTPError as error:
            error.close()
            raise RefusedError(error.code) from None
        if len(content) > self._most_bytes:
            raise URLError("the answer is longer than any valid one")
        return content


def _opener() -> urllib.request.OpenerDirector:
    """An opener built by hand: urllib's default one follows redirects, reads local files and uses proxies from the
    environment.
    """
    opener = urllib.request.OpenerDirector()
    opener.add_handler(urllib.request.HTTPHandler())
    opener.add_handler(urllib.request.HTTPSHandler())
    opener.add_handler(urllib.request.HTTPErrorProcessor())
    opener.add_handler(urllib.request.HTTPDefaultErrorHandler())
    return opener


def _judged_proxy(proxy: str) -> str:
    """The host and port of the proxy."""
    try:
        parts = urllib.parse.urlsplit(proxy)
        port = parts.port
    except ValueError:
        port = None
    if port is None or parts.scheme != "http" or proxy.rstrip("/") != f"http://{parts.netloc}" or "@" in parts.netloc:
        raise AddressRefusedError("a proxy must be given as http://HOST:PORT")
    return parts.netloc


def _require_safe(url: str) -> None:
    try:
        parts = urllib.parse.urlsplit(url)
        is_named = bool(parts.hostname) and (parts.port or DEFAULT_PORTS.get(parts.scheme)) is not None
    except ValueError:
        is_named = False
    if not is_named or parts.username is not None or parts.query or parts.fragment:
        raise AddressRefusedError("the address must be https://HOST, optionally with a port and a path")
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        raise AddressRefusedError("over http: the key could be read on its way: only https:, or http: on this machine")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
