"""Parses PostgreSQL connection URLs: where the database is, and how to connect.

asyncpg supports only some of libpq's parameters and passes the others on as settings of the session, which the server then
refuses. Here each libpq parameter is applied, found to be in effect already, or refused by name; none is ignored silently.
"""

import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

CONNECT_SECONDS = 10.0
LEAST_CONNECT_SECONDS = 2.0
"""libpq's own minimum."""

READ_BY_THE_DRIVER = frozenset(
    {
        *("host", "port", "dbname", "user", "password", "passfile", "service", "target_session_attrs"),
        *("sslmode", "sslcert", "sslkey", "sslpassword", "sslrootcert", "sslcrl", "sslnegotiation"),
        *("ssl_min_protocol_version", "ssl_max_protocol_version", "krbsrvname", "gsslib"),
    }
)
SO_ALREADY: Mapping[str, frozenset[str]] = {
    "client_encoding": frozenset({"auto", "utf8", "utf-8", "unicode"}),
    "channel_binding": frozenset({"disable", "prefer"}),
    "gssencmode": frozenset({"disable", "prefer"}),
    "gssdelegation": frozenset({"0"}),
    "load_balance_hosts": frozenset({"disable"}),
    "sslcompression": frozenset({"0"}),
    "sslcertmode": frozenset({"allow"}),
    "sslsni": frozenset({"1"}),
    "replication": frozenset({"0", "false", "off", "no"}),
    "min_protocol_version": frozenset({"3.0"}),
    "max_protocol_version": frozenset({"3.0", "latest"}),
}
"""What the driver always does. Another value of these could not be honoured."""
NOT_TO_BE_HAD = frozenset({"require_auth", "requirepeer", "sslcrldir", "sslkeylogfile", "servicefile"})
FILES = frozenset({"passfile", "sslcert", "sslkey", "sslrootcert", "sslcrl"})
OUR_OWN = frozenset({"application_name", "fallback_application_name"})
"""Refused: the service names each connection after its purpose."""
KEEPALIVES: Mapping[str, int] = {
    "keepalives_idle": socket.TCP_KEEPIDLE,
    "keepalives_interval": socket.TCP_KEEPINTVL,
    "keepalives_count": socket.TCP_KEEPCNT,
}
USUAL_KEEPALIVES: Mapping[str, int] = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3}
"""A machine that vanished is noticed after 11 s instead of two hours, so that connections do not wait for answers that never
come.
"""
UNACKNOWLEDGED_MS = 10_000
OPTION = re.compile(r"(?:-c\s*|--)([A-Za-z_][\w.]*)\s*=\s*((?:[^\s\\]|\\.)*)(?:\s+|$)")


class AddressError(Exception):
    """The database URL cannot be used; the message is one sentence, without the URL's password."""


@dataclass(frozen=True, slots=True)
class Address:
    dsn: str
    """Parameters that asyncpg understands, passed on unchanged."""
    tools_dsn: str
    """The same address for PostgreSQL's own programs, without a password, which belongs into their environment."""
    user: str | None
    password: str | None
    timeout_seconds: float
    settings: Mapping[str, str]
    """Settings of the session, from `options`."""
    socket_options: tuple[tuple[int, int, int], ...]
    """Options of a TCP connection: level, option, value."""


@lru_cache(maxsize=16)
def read_address(url: str) -> Address:
    """Raise `AddressError` for anything that cannot be applied."""
    try:
        parts = urlsplit(url)
        given = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True)) if parts.query else {}
    except ValueError as error:
        raise AddressError(f"the database URL cannot be parsed: {error}") from None
    if parts.scheme not in {"postgresql", "postgres"}:
        raise AddressError("the database URL must begin with postgresql://")
    given = {{"database": "dbname"}.get(name, name): value for name, value in given.items()}
    _require_ports(parts.netloc, given.get("port", ""))
    timeout, socket_options = _timeout(given), _socket_options(given)
    settings = _session_settings(given)
    for name in OUR_OWN:
        given.pop(name, None)
    _require_possible(given)
    parts = _settle_host(parts, given)
    query = {name: given.pop(name) for name in list(given) if name in READ_BY_THE_DRIVER}
    settings |= given  # a name unknown to libpq may be a setting of the server
    user, password = _credentials(parts.netloc, query)
    return Address(
        dsn=urlunsplit(parts._replace(query=urlencode(query, quote_via=quote))),
        tools_dsn=_without_password(parts, query),
        user=user,
        password=password,
        timeout_seconds=timeout,
        settings=settings,
        socket_options=socket_options,
    )


def with_login(url: str, user: str) -> str:
    """The same address for another login that needs no password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}@{parts.netloc.rpartition('@')[2]}"))


def with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _require_ports(netloc: str, ports: str) -> None:
    named = [host.rpartition(":")[2] for host in netloc.rpartition("@")[2].split(",") if re.search(r":[^\]]*$", host)]
    for port in (*named, *filter(None, ports.split(","))):
        if not port.isascii() or not port.isdigit() or not 0 < int(port) < 1 << 16:
            raise AddressError(f"the database URL names {port!r} as a port")


def _timeout(given: dict[str, str]) -> float:
    seconds = _integer(given, "connect_timeout", 0)
    return max(float(seconds), LEAST_CONNECT_SECONDS) if seconds > 0 else CONNECT_SECONDS


def _socket_options(given: dict[str, str]) -> tuple[tuple[int, int, int], ...]:
    is_kept = _integer(given, "keepalives", 1) != 0
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, int(is_kept))]
    for name, number in KEEPALIVES.items():
        value = _integer(given, name, 0) or USUAL_KEEPALIVES[name]
        if is_kept:
            options.append((socket.IPPROTO_TCP, number, value))
    unacknowledged = _integer(given, "tcp_user_timeout", 0) or UNACKNOWLEDGED_MS
    return (*options, (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, unacknowledged))


def _integer(given: dict[str, str], name: str, default: int) -> int:
    value = given.pop(name, None)
    if value is None:
        return default
    try:
        return int(value)
    except ValueError:
        raise AddressError(f"the database URL has {name}={value}, which is not an integer") from None


def _session_settings(given: dict[str, str]) -> dict[str, str]:
    """`options=-c name=value`, as the server's command line takes them."""
    options = given.pop("options", "").strip()
    settings, offset = {}, 0
    while offset < len(options):
        found = OPTION.match(options, offset)
        if found is None:
            raise AddressError(f"the database URL has options that are not '-c name=value': {options[offset:]}")
        settings[found[1]] = re.sub(r"\\(.)", r"\1", found[2])
        offset = found.end()
    return settings


def _require_possible(given: dict[str, str]) -> None:
    for name in NOT_TO_BE_HAD & given.keys():
        raise AddressError(f"the database URL has the parameter {name}, which this service does not support: remove it")
    for name in SO_ALREADY.keys() & given.keys():
        value = given.pop(name)
        if value.lower() not in SO_ALREADY[name]:
            raise AddressError(
                f"the database URL has {name}={value}, which this service does not support (it supports"
                f" {', '.join(sorted(SO_ALREADY[name]))})"
            )


def _settle_host(parts: SplitResult, given: dict[str, str]) -> SplitResult:
    if "hostaddr" in given:
        if given.get("sslmode") == "verify-full":
            raise AddressError("the database URL has hostaddr with sslmode=verify-full: name the host alone")
        given["host"] = given.pop("hostaddr")
        login, at, host = parts.netloc.rpartition("@")
        if ":" in host.rpartition("]")[2]:
            given.setdefault("port", host.rpartition(":")[2])
        parts = parts._replace(netloc=login + at)  # otherwise the driver would try that host first
    if given.get("sslrootcert") == "system":
        trusted = ssl.get_default_verify_paths().cafile
        if trusted is None:
            raise AddressError("the database URL has sslrootcert=system, and this system has no such file")
        given |= {"sslrootcert": trusted, "sslmode": "verify-full"}
    for name in FILES & given.keys():
        try:
            with open(given[name], "rb"):  # noqa: PTH123 - only whether it can be read
                pass
        except OSError as error:
            raise AddressError(
                f"the database URL names {given[name]} as {name}, and it cannot be read: {error.strerror}"
            ) from None
    return parts


def _credentials(netloc: str, query: Mapping[str, str]) -> tuple[str | None, str | None]:
    user, _, password = netloc.rpartition("@")[0].partition(":")
    return unquote(user) or query.get("user"), unquote(password) or query.get("password")


def _without_password(parts: SplitResult, query: Mapping[str, str]) -> str:
    login, at, host = parts.netloc.rpartition("@")
    kept = {name: value for name, value in query.items() if name != "password"}
    netloc = login.partition(":")[0] + at + host
    return urlunsplit(parts._replace(netloc=netloc, query=urlencode(kept, quote_via=quote)))
