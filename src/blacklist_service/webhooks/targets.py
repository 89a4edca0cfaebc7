"""The addresses to which the service may connect: the administrator's list, and what no list can allow. Pure.

`BLACKLIST_WEBHOOK_TARGETS` is comma-separated: `https://*.guandu.example:443@10.20.0.0/16,http://10.20.3.7:8080`. A name is
exact, or `*.` and a suffix, where the star matches one label (RFC 6125 §6.4.3). After `@` come the networks in which every
address of the name must be, joined by `+`; without them every address must be public. An IP address is listed as itself.
Plain http, and private networks, are only allowed as listed.

A member's URL is parsed strictly: an address only in the spelling that `ipaddress` returns, no userinfo, no fragment, nothing
that another parser could take for another host. The addresses are judged again at each try, once resolved, and after
unwrapping addresses that carry another address inside (RFC 4291 §2.5.5, 6052, 3056, 4380).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

LONGEST_URL = 1000
PORTS = {"https": 443, "http": 80}

URL = re.compile(r"(https?)://([^/?#@\\]+)((?:/[^?#\\]*)?(?:\?[^#\\]*)?)")
VISIBLE = re.compile(r"[\x21-\x7e]+")
AUTHORITY = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]]+)(?::([0-9]{1,5}))?")
LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
AS_A_NUMBER = re.compile(r"(?:0[xX][0-9a-fA-F]*|[0-9]+)")
"""A last label that inet_aton(3), and so getaddrinfo, parses as part of an address: 127.1, 0x7f.1, 2130706433."""


class TargetFault(StrEnum):
    """Why a target is refused; the only information about it that reaches a log, the ledger or a caller."""

    URL = "url"
    NOT_LISTED = "not-listed"
    UNRESOLVED = "unresolved"
    LOOPBACK = "loopback"
    UNSPECIFIED = "unspecified"
    LINK_LOCAL = "link-local"
    MULTICAST = "multicast"
    RESERVED = "reserved"
    METADATA = "metadata"
    OWN_UNKNOWN = "own-unknown"
    OWN_SOCKET = "own-socket"
    DATABASE = "database"
    PRIVATE = "private"
    ELSEWHERE = "elsewhere"


class TargetRefused(Exception):  # noqa: N818 - a refusal
    """The service does not connect to this address."""

    def __init__(self, fault: TargetFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


class TargetsInvalid(ValueError):  # noqa: N818 - said of the list
    """The administrator's list cannot be parsed."""


NEVER: tuple[tuple[TargetFault, tuple[Network, ...]], ...] = tuple(
    (fault, tuple(ip_network(text) for text in texts))
    for fault, texts in (
        (TargetFault.LOOPBACK, ("127.0.0.0/8", "::1/128")),
        (TargetFault.UNSPECIFIED, ("0.0.0.0/8", "::/128")),
        (TargetFault.LINK_LOCAL, ("169.254.0.0/16", "fe80::/10")),
        (TargetFault.MULTICAST, ("224.0.0.0/4", "ff00::/8")),
        # Class E with broadcast; discard-only; segment routing; addresses that IANA has not assigned are outside PUBLIC.
        (TargetFault.RESERVED, ("240.0.0.0/4", "100::/64", "5f00::/16")),
        # Where clouds serve a machine's credentials, besides 169.254.169.254: Alibaba, Azure, Oracle, Amazon.
        (TargetFault.METADATA, ("100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32", "fd00:ec2::254/128")),
    )
)
"""Refused whatever the list says (RFC 6890, IANA's special-purpose registries)."""

SPECIAL: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24"),
        *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "192.88.99.0/24", "192.31.196.0/24"),
        *("192.52.193.0/24", "192.175.48.0/24"),
        *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "2620:4f:8000::/48"),
    )
)
"""Not part of the public Internet: allowed only as listed."""
PUBLIC_V6 = IPv6Network("2000::/3")
"""All assigned global unicast addresses (RFC 4291 §2.4)."""

NAT64 = IPv6Network("64:ff9b::/96")
NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")
COMPATIBLE = IPv6Network("::/96")
ISATAP = 0x00005EFE
LOW_32 = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The service's own addresses at the time of judging."""

    is_own_socket: Callable[[Address, int], bool] = lambda _address, _port: False
    database: frozenset[Address] = frozenset()


@dataclass(frozen=True, slots=True)
class Target:
    """One entry of the list. `networks` is empty if only public addresses, or the literal itself, are allowed."""

    scheme: str
    host: str
    port: int
    networks: tuple[Network, ...] = ()
    literal: Address | None = None

    def names(self, destination: "Destination") -> bool:
        if (self.scheme, self.port) != (destination.scheme, destination.port):
            return False
        if self.literal is not None or destination.literal is not None:
            return self.literal == destination.literal
        if self.host.startswith("*."):
            label, _, suffix = destination.host.partition(".")
            return bool(label) and suffix == self.host[2:]
        return self.host == destination.host

    def fits(self, address: Address) -> bool:
        """Whether the list allows `address`, which must be unwrapped and not in `NEVER`."""
        if self.literal is not None:
            return address == unwrapped(self.literal)[-1]
        if self.networks:
            return any(address in network for network in self.networks if network.version == address.version)
        return is_public(address)


@dataclass(frozen=True, slots=True)
class Destination:
    """A member's URL, parsed. `path` is what follows the host, at least `/`."""

    scheme: str
    host: str
    port: int
    path: str
    literal: Address | None = None

    @property
    def authority(self) -> str:
        """The value of the Host header (RFC 9110 §7.2)."""
        host = f"[{self.host}]" if isinstance(self.literal, IPv6Address) else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Targets:
    """The administrator's list; empty by default, and then there are no webhooks."""

    entries: tuple[Target, ...] = field(default=())

    @classmethod
    def parse(cls, text: str) -> "Targets":
        """Raise `TargetsInvalid` for a list that cannot be parsed."""
        return cls(tuple(_read_target(part.strip()) for part in text.split(",") if part.strip()))

    def __bool__(self) -> bool:
        return bool(self.entries)

    def admit(self, url: str) -> Destination:
        """Parse a URL and find its host in the list; raise `TargetRefused`. Its resolved addresses are judged at each
        connection.

        A URL with an IP address is judged at once, because it will not change.
        """
        destination = read_url(url)
        if not self._entries_of(destination):
            raise TargetRefused(TargetFault.NOT_LISTED)
        if destination.literal is not None:
            self.judge(destination, [destination.literal], Surroundings())
        return destination

    def judge(self, destination: Destination, addresses: Sequence[Address], around: Surroundings) -> None:
        """Raise `TargetRefused` unless one entry allows every one of the resolved addresses."""
        entries = self._entries_of(destination)
        if not entries:
            raise TargetRefused(TargetFault.NOT_LISTED)
        if not addresses:
            raise TargetRefused(TargetFault.UNRESOLVED)
        for address in addresses:
            _require_speakable(address, destination.port, around)
        cores = [unwrapped(address)[-1] for address in addresses]
        if not any(all(entry.fits(core) for core in cores) for entry in entries):
            is_private = not all(is_public(core) for core in cores)
            raise TargetRefused(TargetFault.PRIVATE if is_private else TargetFault.ELSEWHERE)

    def _entries_of(self, destination: Destination) -> list[Target]:
        return [entry for entry in self.entries if entry.names(destination)]


def read_url(url: str) -> Destination:
    """Raise `TargetRefused` unless it is a plain http or https URL that can be parsed in only one way."""
    if len(url) > LONGEST_URL or not VISIBLE.fullmatch(url) or not (parts := URL.fullmatch(url)):
        raise TargetRefused(TargetFault.URL)
    scheme, authority, path = parts.groups()
    if path and not path.startswith("/"):
        path = "/" + path
    read = _read_authority(authority, scheme)
    if read is None:
        raise TargetRefused(TargetFault.URL)
    host, port, literal = read
    return Destination(scheme, host, port, path or "/", literal)


def unwrapped(address: Address) -> list[Address]:
    """The address and, innermost last, those it carries: a connection may come out at any of them."""
    found = [address]
    if isinstance(address, IPv6Address) and (inner := _inner(address)):
        found += inner
    return found


def is_public(address: Address) -> bool:
    if any(address in network for network in SPECIAL if network.version == address.version):
        return False
    return isinstance(address, IPv4Address) or address in PUBLIC_V6


def _inner(address: IPv6Address) -> list[Address]:
    number = int(address)
    if (tunnel := address.teredo) is not None:
        return list(tunnel)
    if address in NAT64_LOCAL:
        # RFC 6052 §2.2 for a prefix of 48 bits: two octets, the octet u that is zero, two octets; some use the last 32.
        split = (number >> 64 & 0xFFFF) << 16 | number >> 40 & 0xFFFF
        return [IPv4Address(split), IPv4Address(number & LOW_32)]
    if (carried := address.ipv4_mapped or address.sixtofour) is not None:
        return [carried]
    is_isatap = number >> 32 & 0xFCFF_FFFF == ISATAP
    if address in NAT64 or is_isatap or (address in COMPATIBLE and number > 1):
        return [IPv4Address(number & LOW_32)]
    return []


def _require_speakable(address: Address, port: int, around: Surroundings) -> None:
    if getattr(address, "scope_id", None):
        raise TargetRefused(TargetFault.LINK_LOCAL)
    for layer in unwrapped(address):
        for fault, networks in NEVER:
            if any(layer in network for network in networks if network.version == layer.version):
                raise TargetRefused(fault)
        if layer in around.database:
            raise TargetRefused(TargetFault.DATABASE)
        if around.is_own_socket(layer, port):
            raise TargetRefused(TargetFault.OWN_SOCKET)


def _read_target(text: str) -> Target:
    shown = f"{text!r} is no target such as https://*.guandu.example:443@10.20.0.0/16 or http://10.20.3.7:8080"
    parts = re.fullmatch(r"(https?)://([^/?#@\\]+)(?:@([^@]+))?", text)
    if parts is None:
        raise TargetsInvalid(shown)
    scheme, authority, within = parts.groups()
    star, _, rest = authority.rpartition("*.")
    if star or (authority.startswith("*.") and "." not in rest.partition(":")[0]):
        raise TargetsInvalid(f"{shown}: a star stands for the first label, before two others at least")
    read = _read_authority(rest, scheme)
    if read is None:
        raise TargetsInvalid(shown)
    host, port, literal = read
    if literal is not None:
        return _literal_target(shown, scheme, host, port, literal, within, is_starred=authority.startswith("*."))
    try:
        networks = tuple(ip_network(part) for part in within.split("+")) if within else ()
    except ValueError:
        raise TargetsInvalid(f"{shown}: the networks are not such as 10.20.0.0/16") from None
    if any(network.prefixlen == 0 for network in networks):
        raise TargetsInvalid(f"{shown}: a network of every address is no network")
    return Target(scheme, f"*.{host}" if authority.startswith("*.") else host, port, networks)


def _literal_target(
    shown: str, scheme: str, host: str, port: int, literal: Address, within: str | None, *, is_starred: bool
) -> Target:
    if within or is_starred:
        raise TargetsInvalid(f"{shown}: an address is listed as itself")
    try:
        _require_speakable(literal, port, Surroundings())
    except TargetRefused as refused:
        raise TargetsInvalid(f"{text_of(literal)} is never spoken to ({refused.fault})") from None
    return Target(scheme, host, port, (), literal)


def text_of(address: Address) -> str:
    return f"[{address}]" if isinstance(address, IPv6Address) else str(address)


def _read_authority(authority: str, scheme: str) -> tuple[str, int, Address | None] | None:
    """Host, port and, if the host is one, its address; None unless written in the one canonical form."""
    parts = AUTHORITY.fullmatch(authority)
    if parts is None:
        return None
    port_text = parts[2]
    port = int(port_text) if port_text else PORTS[scheme]
    if not 0 < port < 65536 or (port_text and port_text != str(port)):
        return None
    try:
        host, literal = _read_host(parts[1].lower())
    except ValueError:
        return None
    return host, port, literal


def _read_host(host: str) -> tuple[str, Address | None]:
    """Raise `ValueError` unless it is a name, or an address in its usual form."""
    if host.startswith("["):
        literal = IPv6Address(host[1:-1])
        return str(literal), literal
    labels = host.split(".")
    if len(host) > 253 or not all(LABEL.fullmatch(label) for label in labels):
        raise ValueError("no name")
    return host, ip_address(host) if AS_A_NUMBER.fullmatch(labels[-1]) else None
