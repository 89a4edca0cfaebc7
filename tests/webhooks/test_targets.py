"""Addresses that the service must never call: sixty hostile targets, and not one connection."""

import asyncio
import ssl
from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from blacklist_service.webhooks import surroundings
from blacklist_service.webhooks.posting import Poster, Stream
from blacklist_service.webhooks.surroundings import OwnAddresses, hosts_of, is_of_this_machine
from blacklist_service.webhooks.targets import (
    Address,
    Destination,
    Surroundings,
    TargetFault,
    TargetRefused,
    Targets,
    TargetsInvalid,
    read_url,
)

LIST = Targets.parse(
    "https://*.guandu.example:443@10.20.0.0/16+fd20::/32+64:ff9b::/96, http://10.20.3.7:8080, https://hook.public.example,"
    " http://plain.guandu.example:8080@10.20.0.0/16, https://[fd20::7]:8443"
)
AROUND = Surroundings(
    lambda address, port: (str(address), port) == ("10.20.0.9", 443), frozenset({ip_address("10.20.0.5")})
)

CONTEXT = ssl.create_default_context()

NOT_READ = [
    "",
    "ftp://gw.guandu.example/",
    "HTTPS://gw.guandu.example/",
    "https:/gw.guandu.example/",
    "https://user@gw.guandu.example/",
    "https://user:word@gw.guandu.example/",
    "https://gw.guandu.example@127.0.0.1/",
    "https://gw.guandu.example\\@127.0.0.1/",
    "https://127.0.0.1\\.guandu.example/",
    "https://gw.guandu.example#@127.0.0.1/",
    "https://gw.guandu.example/#fragment",
    "https://gw.guandu.example:0/",
    "https://gw.guandu.example:443:80/",
    "https://gw.guandu.example:+443/",
    "https://gw.guandu.example:0443/",
    "https://gw.guandu.example:70000/",
    "https://gw.guandu.example./",
    "https://.guandu.example/",
    "https://gw..guandu.example/",
    "https://gw%2eguandu.example/",
    "https://gw.guandu.example%00.evil.example/",
    "https://gw.guandu.example\r\nHost: evil/",
    "https://gw.guandu.example/ HTTP/1.1",
    "https://官渡.guandu.example/",
    "https://gw。guandu.example/",
    "https://-gw.guandu.example/",
    "http://10.20.3.07:8080/",
    "http://0x0a140307:8080/",
    "http://169083655:8080/",
    "http://10.20.775:8080/",
    "http://10.20.3.7.:8080/",
    "https://[fd20::7%25eth0]:8443/",
    "https://[::ffff:10.20.3.7:8443/",
    "https://gw.guandu.example/" + "a" * 1000,
]
"""Each could be read as another host by somebody, or is no web address at all."""

NOT_LISTED = [
    "http://gw.guandu.example/",
    "http://gw.guandu.example:443/",
    "https://gw.guandu.example:8443/",
    "https://guandu.example/",
    "https://a.b.guandu.example/",
    "https://gw.guandu.example.evil.example/",
    "https://xguandu.example/",
    "https://evil.example/",
    "http://10.20.3.8:8080/",
    "https://10.20.3.7/",
    "http://127.0.0.1:8080/",
    "http://localhost:8080/",
    "https://[::1]/",
    "https://[::ffff:10.20.3.7]:8443/",
]

RESOLVED = [
    ("gw.guandu.example", ["127.0.0.1"], TargetFault.LOOPBACK),
    ("gw.guandu.example", ["127.8.8.8"], TargetFault.LOOPBACK),
    ("gw.guandu.example", ["::1"], TargetFault.LOOPBACK),
    ("gw.guandu.example", ["::ffff:127.0.0.1"], TargetFault.LOOPBACK),
    ("gw.guandu.example", ["0.0.0.0"], TargetFault.UNSPECIFIED),
    ("gw.guandu.example", ["0.1.2.3"], TargetFault.UNSPECIFIED),
    ("gw.guandu.example", ["::"], TargetFault.UNSPECIFIED),
    ("gw.guandu.example", ["169.254.169.254"], TargetFault.LINK_LOCAL),
    ("gw.guandu.example", ["fe80::1"], TargetFault.LINK_LOCAL),
    ("gw.guandu.example", ["fe80::1%eth0"], TargetFault.LINK_LOCAL),
    ("gw.guandu.example", ["64:ff9b::a9fe:a9fe"], TargetFault.LINK_LOCAL),
    ("gw.guandu.example", ["64:ff9b::7f00:1"], TargetFault.LOOPBACK),
    ("gw.guandu.example", ["64:ff9b:1:7f00:0:100::"], TargetFault.LOOPBACK),
    ("gw.guandu.example", ["2002:7f00:1::1"], TargetFault.LOOPBACK),
    ("gw.guandu.example", ["2002:a9fe:a9fe::"], TargetFault.LINK_LOCAL),
    ("gw.guandu.example", ["2001:0:a00:1::80ff:fffe"], TargetFault.LOOPBACK),
    ("gw.guandu.example", ["fd20::5efe:7f00:1"], TargetFault.LOOPBACK),
    ("gw.guandu.example", ["::7f00:1"], TargetFault.LOOPBACK),
    ("gw.guandu.example", ["224.0.0.1"], TargetFault.MULTICAST),
    ("gw.guandu.example", ["ff02::1"], TargetFault.MULTICAST),
    ("gw.guandu.example", ["240.0.0.1"], TargetFault.RESERVED),
    ("gw.guandu.example", ["255.255.255.255"], TargetFault.RESERVED),
    ("gw.guandu.example", ["100.100.100.200"], TargetFault.METADATA),
    ("gw.guandu.example", ["168.63.129.16"], TargetFault.METADATA),
    ("gw.guandu.example", ["fd00:ec2::254"], TargetFault.METADATA),
    ("gw.guandu.example", ["10.20.0.5"], TargetFault.DATABASE),
    ("gw.guandu.example", ["64:ff9b::a14:5"], TargetFault.DATABASE),
    ("gw.guandu.example", ["10.20.0.9"], TargetFault.OWN_SOCKET),
    ("gw.guandu.example", ["10.21.0.1"], TargetFault.PRIVATE),
    ("gw.guandu.example", ["fd21::1"], TargetFault.PRIVATE),
    ("gw.guandu.example", ["8.8.8.8"], TargetFault.ELSEWHERE),
    ("gw.guandu.example", ["10.20.1.1", "10.21.0.1"], TargetFault.PRIVATE),
    ("gw.guandu.example", ["10.20.1.1", "127.0.0.1"], TargetFault.LOOPBACK),
    ("gw.guandu.example", [], TargetFault.UNRESOLVED),
    ("hook.public.example", ["10.20.1.1"], TargetFault.PRIVATE),
    ("hook.public.example", ["192.168.1.1"], TargetFault.PRIVATE),
    ("hook.public.example", ["172.31.255.255"], TargetFault.PRIVATE),
    ("hook.public.example", ["100.64.0.1"], TargetFault.PRIVATE),
    ("hook.public.example", ["198.18.0.1"], TargetFault.PRIVATE),
    ("hook.public.example", ["192.0.2.1"], TargetFault.PRIVATE),
    ("hook.public.example", ["fc00::1"], TargetFault.PRIVATE),
    ("hook.public.example", ["fec0::1"], TargetFault.PRIVATE),
    ("hook.public.example", ["2001:db8::1"], TargetFault.PRIVATE),
    ("hook.public.example", ["64:ff9b::a14:101"], TargetFault.PRIVATE),
    ("hook.public.example", ["2002:a14:101::1"], TargetFault.PRIVATE),
    ("hook.public.example", ["8.8.8.8", "10.0.0.1"], TargetFault.PRIVATE),
]
"""A listed name, and what its name server answers."""

MAY = [
    ("https://gw.guandu.example/events?unit=1", ["10.20.1.1"]),
    ("https://GW.guandu.example:443", ["10.20.255.254", "fd20::9"]),
    ("https://gw.guandu.example/", ["64:ff9b::a14:101"]),
    ("http://plain.guandu.example:8080/", ["10.20.1.1"]),
    ("https://hook.public.example/", ["8.8.8.8", "2400:3200::1"]),
    ("http://10.20.3.7:8080/x", ["10.20.3.7"]),
    ("https://[fd20:0::7]:8443/", ["fd20::7"]),
]


@pytest.mark.parametrize("url", NOT_READ)
def test_what_could_be_read_as_another_host_is_no_url(url: str):
    with pytest.raises(TargetRefused) as refused:
        LIST.admit(url)
    assert refused.value.fault is TargetFault.URL


@pytest.mark.parametrize("url", NOT_LISTED)
def test_what_is_not_listed_is_refused(url: str):
    with pytest.raises(TargetRefused) as refused:
        LIST.admit(url)
    assert refused.value.fault is TargetFault.NOT_LISTED


@pytest.mark.parametrize(("host", "addresses", "fault"), RESOLVED)
def test_a_listed_name_switches_no_rule_off(host: str, addresses: list[str], fault: TargetFault):
    with pytest.raises(TargetRefused) as refused:
        LIST.judge(read_url(f"https://{host}/"), [ip_address(one) for one in addresses], AROUND)
    assert refused.value.fault is fault


@pytest.mark.parametrize(("url", "addresses"), MAY)
def test_what_is_listed_is_spoken_to(url: str, addresses: list[str]):
    LIST.judge(LIST.admit(url), [ip_address(one) for one in addresses], AROUND)


@pytest.mark.parametrize(
    "text",
    [
        *("guandu.example", "ftp://a.example", "https://", "https://*", "https://*.example", "https://a.*.example"),
        *("https://a.example/path", "https://a@b.example", "https://a.example:99999", "https://a.example@10.0.0.1/8"),
        *("https://a.example@0.0.0.0/0", "https://a.example@::/0", "http://10.0.0.1@10.0.0.0/8", "http://127.0.0.1:80"),
        *("http://169.254.169.254", "https://[::1]", "http://[::ffff:127.0.0.1]", "https://*.10.0.0.1", "http://127.1"),
    ],
)
def test_a_list_that_cannot_be_meant_is_not_read(text: str):
    with pytest.raises(TargetsInvalid):
        Targets.parse(text)


def test_an_empty_list_admits_nobody():
    assert not Targets.parse("")
    assert not Targets.parse(" , ")
    with pytest.raises(TargetRefused):
        Targets.parse("").admit("https://gw.guandu.example/")


async def test_no_hostile_target_is_ever_dialled():
    """Also one whose name is listed and whose address changes between two looks: the one that was judged is dialled."""
    dialled: list[str] = []

    async def dial(address: Address, destination: Destination, context: ssl.SSLContext | None) -> Stream:
        dialled.append(str(address))
        raise ConnectionRefusedError

    hostile = [(url, ["10.20.1.1"]) for url in NOT_READ + NOT_LISTED]
    hostile += [(f"https://{host}/", addresses) for host, addresses, _ in RESOLVED]
    assert len(hostile) >= 60
    for url, addresses in hostile:
        answer = await poster_of(addresses, dial).post(url, {}, b"{}")
        assert answer.outcome.fault in {fault.value for fault in TargetFault}, url
    assert dialled == []
    for url, addresses in MAY:
        assert (await poster_of(addresses, dial).post(url, {}, b"{}")).outcome.fault == "refused"
    assert dialled == [str(ip_address(one)) for _, addresses in MAY for one in addresses]


async def test_a_name_that_moves_is_judged_at_each_try():
    answers = iter([["10.20.1.1"], ["127.0.0.1"], ["10.20.1.2"]])
    dialled: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[Address]:
        return [ip_address(one) for one in next(answers)]

    async def dial(address: Address, destination: Destination, context: ssl.SSLContext | None) -> Stream:
        dialled.append(str(address))
        raise ConnectionRefusedError

    poster = Poster(LIST, context=ssl.create_default_context(), look=look, resolve=resolve, dial=dial)
    faults = [(await poster.post("https://gw.guandu.example/", {}, b"{}")).outcome.fault for _ in range(3)]
    assert faults == ["refused", "loopback", "refused"]
    assert dialled == ["10.20.1.1", "10.20.1.2"]


async def test_the_systems_own_way_to_dial_never_reaches_a_listener_on_loopback():
    reached = 0

    async def meet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal reached
        reached += 1
        writer.close()

    async with await asyncio.start_server(meet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        listed = Targets.parse(f"http://*.guandu.example:{port}@127.0.0.0/8+10.0.0.0/8")

        async def resolve(host: str, port: int) -> Sequence[Address]:
            return [ip_address("127.0.0.1")]

        poster = Poster(listed, context=ssl.create_default_context(), look=look, resolve=resolve)
        answer = await poster.post(f"http://gw.guandu.example:{port}/", {}, b"{}")
    assert (answer.outcome.fault, reached) == ("loopback", 0)


def test_the_database_is_found_in_its_url():
    assert hosts_of("postgresql://u:p%40w@db1.example:5432,[fd20::5]:5433/x?host=db3.example&sslmode=require") == [
        *("db1.example", "fd20::5", "db3.example")
    ]
    assert hosts_of("postgresql://u@/x?host=/run/postgresql") == []
    assert is_of_this_machine(ip_address("127.0.0.1"))
    assert not is_of_this_machine(ip_address("8.8.8.8"))


class Names:
    """A name server that knows some addresses, or is silent, or not there."""

    def __init__(self, **known: str) -> None:
        self.known = known
        self.is_there = True
        self.is_silent = False

    async def resolve(self, host: str) -> frozenset[Address]:
        if self.is_silent:
            await asyncio.sleep(60)
        if not self.is_there or host not in self.known:
            raise OSError("name or service not known")
        return frozenset({ip_address(self.known[host])})


@pytest.fixture
def always_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(surroundings, "RESOLVE_SECONDS", 0.1)


@pytest.mark.usefixtures("always_stale")
async def test_the_database_is_refused_also_while_nobody_knows_its_address():
    names = Names(db="10.20.0.5", here="10.20.0.9")
    own = OwnAddresses(host="here", port=443, dsn="postgresql://u@db/x", resolve=names.resolve)
    for trouble in ("none", "not there", "silent", "moved"):
        names.is_there, names.is_silent = trouble != "not there", trouble == "silent"
        moved = names.known["db"] = "10.20.0.6" if trouble == "moved" else "10.20.0.5"
        around = await own.look()
        assert around.database == {ip_address(moved)}, trouble
        assert around.is_own_socket(ip_address("10.20.0.9"), 443), trouble


@pytest.mark.usefixtures("always_stale")
async def test_nobody_is_dialled_before_the_databases_address_was_ever_known():
    names = Names(here="10.20.0.9")
    own = OwnAddresses(host="here", port=443, dsn="postgresql://u@db/x", resolve=names.resolve)
    dialled: list[str] = []

    async def dial(address: Address, destination: Destination, context: ssl.SSLContext | None) -> Stream:
        dialled.append(str(address))
        raise ConnectionRefusedError

    async def resolve(host: str, port: int) -> Sequence[Address]:
        return [ip_address("10.20.0.5")]

    poster = Poster(LIST, context=CONTEXT, look=own.look, resolve=resolve, dial=dial)
    url = "https://gw.guandu.example/"
    assert (await poster.post(url, {}, b"{}")).outcome.fault == "own-unknown"
    names.known["db"] = "10.20.0.5"
    assert (await poster.post(url, {}, b"{}")).outcome.fault == "database"
    names.known["db"] = "10.20.0.7"
    assert (await poster.post(url, {}, b"{}")).outcome.fault == "refused"
    assert dialled == ["10.20.0.5"]


def poster_of(addresses: Sequence[str], dial) -> Poster:
    async def resolve(host: str, port: int) -> Sequence[Address]:
        return [ip_address(one) for one in addresses]

    return Poster(LIST, context=CONTEXT, look=look, resolve=resolve, dial=dial)


async def look() -> Surroundings:
    return AROUND
