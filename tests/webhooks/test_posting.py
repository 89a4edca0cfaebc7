"""One POST: to an address that was judged, verified by its name, in limited time and memory, whatever answers."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from blacklist_service.webhooks import posting
from blacklist_service.webhooks.posting import MOST_BYTES, Poster, Stream, TryResult, trusting
from blacklist_service.webhooks.targets import Address, Destination, Surroundings, Targets

LIST = Targets.parse(
    "http://gw.guandu.example:80@10.20.0.0/16,https://gw.guandu.example@10.20.0.0/16,https://evil.guandu.example@10.20.0.0/16"
)
URL = "http://gw.guandu.example/events?unit=7"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.mark.parametrize(
    ("said", "status", "fault"),
    [
        (OK, 200, None),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, None),
        (b"HTTP/1.1 202 Accepted\r\ncontent-length: 100\r\n\r\ncut", 202, None),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, None),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK, 200, None),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"1000\r\n" + b"x" * 4096 + b"\r\n" * 9, 200, None),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n" + b"x" * 200_000, 200, None),
        (b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n", 302, "redirect"),
        (b"HTTP/1.1 308 P\r\nlocation: /again\r\ncontent-length: 0\r\n\r\n", 308, "redirect"),
        (b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n", 410, "gone"),
        (b"HTTP/1.1 500 x\r\ncontent-length: 0\r\n\r\n", 500, "status"),
        (b"", None, "protocol"),
        (b"HTTP/1.1 20", None, "protocol"),
        (b"\x16\x03\x01\x02\x00garbage\r\n\r\n", None, "protocol"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000 + b"\r\n\r\n", None, "protocol"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 2000 + OK, None, "protocol"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok", None, "protocol"),
    ],
)
async def test_whatever_answers_has_an_outcome_of_one_word(said: bytes, status: int | None, fault: str | None):
    answer = await answered_by(saying(said))
    assert (answer.outcome.status, answer.outcome.fault) == (status, fault)
    assert answer.echo is None


async def test_what_is_sent_is_one_whole_request():
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"{}"))
        writer.write(OK)

    await answered_by(listen, headers={"webhook-id": "evt_GD-HR_1"})
    assert heard[0].decode().split("\r\n") == [
        *("POST /events?unit=7 HTTP/1.1", "host: gw.guandu.example", "user-agent: blacklist-service"),
        *(
            "content-type: application/json",
            "content-length: 2",
            "connection: close",
            "webhook-id: evt_GD-HR_1",
            "",
            "{}",
        ),
    ]


async def test_an_echo_is_kept_of_a_whole_200_alone():
    for said, echo in (
        (OK, b"ok"),
        (b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nok", None),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok", None),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (MOST_BYTES + 1), None),
    ):
        assert (await answered_by(saying(said), is_echo_wanted=True)).echo == echo


async def test_a_receiver_says_in_seconds_when_to_come_back():
    for said, wait in (
        ("90", timedelta(seconds=90)),
        ("Fri, 31 Dec 1999 23:59:59 GMT", None),
        ("-1", None),
        ("9" * 40, None),
    ):
        head = f"HTTP/1.1 503 x\r\nretry-after: {said}\r\ncontent-length: 0\r\n\r\n"
        assert (await answered_by(saying(head.encode()))).outcome.retry_after == wait


async def test_one_that_drips_has_no_more_than_its_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(posting, "WHOLE_SECONDS", 0.5)

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            writer.write(b"H")
            await asyncio.sleep(0.05)

    answer = await answered_by(drip)
    assert (answer.outcome.status, answer.outcome.fault) == (None, "timeout")
    assert answer.outcome.seconds < 5


@pytest.mark.parametrize(("status", "fault"), [(200, None), (204, None), (500, "status"), (410, "gone")])
async def test_the_status_counts_once_the_head_has_come(
    monkeypatch: pytest.MonkeyPatch, status: int, fault: str | None
):
    """Whatever it does with the rest: a receiver that took an event is not told it again for the manner of its answer."""
    monkeypatch.setattr(posting, "WHOLE_SECONDS", 3.0)
    monkeypatch.setattr(posting, "REST_SECONDS", 0.2)

    async def dribble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(f"HTTP/1.1 {status} x\r\ncontent-length: {0 if status == 204 else 9999}\r\n\r\n".encode())
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    for is_echo_wanted in (False, True):
        answer = await answered_by(dribble, is_echo_wanted=is_echo_wanted)
        assert (answer.outcome.status, answer.outcome.fault, answer.echo) == (status, fault, None)
        assert answer.outcome.seconds < 3.0


async def test_one_that_is_not_there_hides_no_other_address(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(posting, "CONNECT_SECONDS", 0.6)
    dialled: list[str] = []

    async def dial(address: Address, destination: Destination, context: ssl.SSLContext | None) -> Stream:
        dialled.append(str(address))
        await asyncio.sleep(60)
        raise AssertionError

    async def resolve(host: str, port: int) -> Sequence[Address]:
        return [ip_address(f"10.20.0.{number}") for number in range(1, 9)]

    poster = Poster(LIST, context=ssl.create_default_context(), look=look, resolve=resolve, dial=dial)
    answer = await poster.post(URL, {}, b"{}")
    assert answer.outcome.fault == "timeout-connect"
    assert dialled[:2] == ["10.20.0.1", "10.20.0.2"]
    assert len(dialled) <= 3


async def test_the_certificate_is_verified_by_the_name_and_the_authority(tmp_path: Path):
    authority, context = certified(tmp_path, "gw.guandu.example")
    for url, trusted, fault in (
        ("https://gw.guandu.example/", authority, None),
        ("https://evil.guandu.example/", authority, "tls"),
        ("https://gw.guandu.example/", None, "tls"),
    ):
        answer = await answered_by(saying(OK), url=url, served=context, trusted=trusting(trusted))
        assert answer.outcome.fault == fault, url


async def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    assert (await answered_by(saying(OK))).outcome.status == 200


async def answered_by(
    talk: Talk,
    *,
    url: str = URL,
    headers: dict[str, str] | None = None,
    served: ssl.SSLContext | None = None,
    trusted: ssl.SSLContext | None = None,
    is_echo_wanted: bool = False,
) -> TryResult:
    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
            await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(meet, "127.0.0.1", 0, ssl=served) as server:
        port = server.sockets[0].getsockname()[1]

        async def resolve(host: str, port: int) -> Sequence[Address]:
            return [ip_address("10.20.0.1")]

        async def dial(address: Address, destination: Destination, context: ssl.SSLContext | None) -> Stream:
            name = None if context is None else destination.host
            return await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)

        poster = Poster(LIST, context=trusted or UNUSED, look=look, resolve=resolve, dial=dial)
        return await poster.post(url, headers or {}, b"{}", is_echo_wanted=is_echo_wanted)


def saying(said: bytes) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(said)

    return talk


async def look() -> Surroundings:
    return Surroundings()


def certified(folder: Path, name: str) -> tuple[Path, ssl.SSLContext]:
    """An authority's certificate in a file, and a server's context with a certificate by it."""
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Guandu test authority")])
    began = datetime.now(UTC) - timedelta(days=1)

    def certificate(subject: x509.Name, public_key: ec.EllipticCurvePublicKey, *, is_authority: bool) -> bytes:
        builder = x509.CertificateBuilder(issuer, subject, public_key, x509.random_serial_number(), began, began + YEAR)
        builder = builder.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        if not is_authority:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        return builder.sign(authority_key, hashes.SHA256()).public_bytes(Encoding.PEM)

    ca_file, file = folder / "authority.pem", folder / "server.pem"
    ca_file.write_bytes(certificate(issuer, authority_key.public_key(), is_authority=True))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    file.write_bytes(private + certificate(subject, key.public_key(), is_authority=False))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return ca_file, context


YEAR = timedelta(days=365)
UNUSED = ssl.create_default_context()
