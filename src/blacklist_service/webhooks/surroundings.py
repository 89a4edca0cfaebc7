"""The service's own addresses on this machine and network, refreshed regularly: no webhook may connect to them."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from ipaddress import IPv6Address, ip_address
from typing import TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

import structlog

from blacklist_service.webhooks.targets import Address, Surroundings, TargetFault, TargetRefused

FRESH_SECONDS = 30.0
RESOLVE_SECONDS = 1.0
"""Less than the time for a connection: if the name server does not answer, its last answer is used."""
WILDCARDS = frozenset({"", "0.0.0.0", "::", "*"})  # noqa: S104 - compared with, not bound to

Resolve: TypeAlias = Callable[[str], Awaitable[frozenset[Address]]]
"""Resolves a host or an address; raises `OSError` if there is none, or if the resolver does not answer."""

log = structlog.get_logger()


class OwnAddresses:
    """Where the service listens, and where its database is."""

    def __init__(self, *, host: str, port: int, dsn: str, resolve: Resolve | None = None) -> None:
        self._host, self._port = host, port
        self._database_hosts = hosts_of(dsn)
        self._resolve = resolve or _ask_the_system
        self._known: dict[str, frozenset[Address]] = {}
        self._found: Surroundings | None = None
        self._until = 0.0

    async def look(self) -> Surroundings:
        """Raise `TargetRefused` while an address of one of them is still unknown: any target might be it."""
        if self._found is None or time.monotonic() >= self._until:
            listening_hosts = [] if self._host in WILDCARDS else [self._host]
            hosts = [*listening_hosts, *self._database_hosts]
            found = dict(zip(hosts, await asyncio.gather(*map(self._addresses_of, hosts)), strict=True))
            listening, database = (
                frozenset[Address]().union(*(found[host] for host in some))
                for some in (listening_hosts, self._database_hosts)
            )
            self._found = Surroundings(self._is_own(listening), database)
            self._until = time.monotonic() + FRESH_SECONDS
        return self._found

    async def _addresses_of(self, host: str) -> frozenset[Address]:
        """The current addresses; if they cannot be resolved, the last known ones."""
        try:
            async with asyncio.timeout(RESOLVE_SECONDS):
                found = await self._resolve(host)
        except (OSError, UnicodeError, ValueError):
            found = frozenset()
        if found:
            self._known[host] = found
        elif host not in self._known:
            log.warning("own_address_unknown")
            raise TargetRefused(TargetFault.OWN_UNKNOWN)
        return self._known[host]

    def _is_own(self, listening: frozenset[Address]) -> Callable[[Address, int], bool]:
        def is_own_socket(address: Address, port: int) -> bool:
            if port != self._port:
                return False
            return is_of_this_machine(address) if self._host in WILDCARDS else address in listening

        return is_own_socket


def is_of_this_machine(address: Address) -> bool:
    """Whether a socket can be bound to it, which is only possible for an own address."""
    family = socket.AF_INET6 if isinstance(address, IPv6Address) else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return True


def hosts_of(dsn: str) -> list[str]:
    """The hosts in a PostgreSQL URL, several separated by commas; not the directory of a socket."""
    parts = urlsplit(dsn)
    named = parts.netloc.rpartition("@")[2].split(",")
    named += [
        host for one in ("host", "hostaddr") for said in parse_qs(parts.query).get(one, []) for host in said.split(",")
    ]
    hosts = [one[1:].partition("]")[0] if one.startswith("[") else one.partition(":")[0] for one in map(unquote, named)]
    return [host for host in hosts if host and not host.startswith("/")]


async def _ask_the_system(host: str) -> frozenset[Address]:
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return frozenset(ip_address(str(one[4][0]).partition("%")[0]) for one in found)
