"""What is the service's own on this machine and network, found anew now and then: no webhook may speak to it."""

import asyncio
import socket
import time
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from urllib.parse import parse_qs, unquote, urlsplit

from blacklist_service.webhooks.targets import Address, Surroundings

FRESH_SECONDS = 30.0
WILDCARDS = frozenset({"", "0.0.0.0", "::", "*"})  # noqa: S104 - compared with, not bound to


class OwnAddresses:
    """Where the service listens, and where its database is."""

    def __init__(self, *, host: str, port: int, dsn: str) -> None:
        self._host, self._port = host, port
        self._database_hosts = hosts_of(dsn)
        self._found: Surroundings | None = None
        self._until = 0.0

    async def look(self) -> Surroundings:
        if self._found is None or time.monotonic() >= self._until:
            database = [await _resolve(host) for host in self._database_hosts]
            listening = set() if self._host in WILDCARDS else await _resolve(self._host)
            self._found = Surroundings(self._is_own(frozenset(listening)), frozenset().union(*database))
            self._until = time.monotonic() + FRESH_SECONDS
        return self._found

    def _is_own(self, listening: frozenset[Address]) -> Callable[[Address, int], bool]:
        def is_own_socket(address: Address, port: int) -> bool:
            if port != self._port:
                return False
            return is_of_this_machine(address) if self._host in WILDCARDS else address in listening

        return is_own_socket


def is_of_this_machine(address: Address) -> bool:
    """Whether a socket can be bound to it: only to one's own."""
    family = socket.AF_INET6 if isinstance(address, IPv6Address) else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return True


def hosts_of(dsn: str) -> list[str]:
    """The hosts that a URL of PostgreSQL's form names, several with commas; not the folder of a socket."""
    parts = urlsplit(dsn)
    named = parts.netloc.rpartition("@")[2].split(",")
    named += [
        host for one in ("host", "hostaddr") for said in parse_qs(parts.query).get(one, []) for host in said.split(",")
    ]
    hosts = [one[1:].partition("]")[0] if one.startswith("[") else one.partition(":")[0] for one in map(unquote, named)]
    return [host for host in hosts if host and not host.startswith("/")]


async def _resolve(host: str) -> set[Address]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return set()
    return {ip_address(str(one[4][0]).partition("%")[0]) for one in found}
