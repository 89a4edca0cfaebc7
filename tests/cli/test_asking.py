"""A key goes to the address that was named, and nowhere else."""

import http.server
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from typer.testing import CliRunner

from blacklist_service.cli.asking import AddressRefusedError, RefusedError, ServiceAddress
from blacklist_service.cli.commands import app
from blacklist_service.cli.following import Unreachable, Upstream
from blacklist_service.ledger.notes import VerifierKey
from blacklist_service.listings.following.applying import FollowingRefusedError

KEY = "blk_test_secret"


@dataclass
class Place:
    """A server that remembers what it was asked, and answers, or leads elsewhere."""

    leads_to: str = ""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
def places() -> Iterator[tuple[Place, Place]]:
    here, there = Place(), Place()
    servers = []
    for place in (here, there):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(place))
        place.port = server.server_port
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        servers.append(server)
    yield here, there
    for server in servers:
        server.shutdown()
        server.server_close()


def _handler(place: Place) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            place.asked.append((self.path, self.headers["Authorization"]))
            self.send_response(302 if place.leads_to else 200)
            if place.leads_to:
                self.send_header("Location", place.leads_to + self.path)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_request(self, code: object = "-", size: object = "-") -> None:
            """Says nothing."""

    return Handler


def service(url: str, *, proxy: str = "", most_bytes: int = 100) -> ServiceAddress:
    return ServiceAddress(url, KEY, proxy=proxy, timeout_seconds=10, most_bytes=most_bytes)


def test_no_redirect_is_followed(places: tuple[Place, Place]):
    here, there = places
    here.leads_to = there.url
    with pytest.raises(RefusedError) as refused:
        service(here.url).get("/v1/changes")
    assert (refused.value.status, there.asked) == (302, [])
    assert here.asked == [("/v1/changes", f"Bearer {KEY}")]
    upstream = Upstream(service(here.url), (VerifierKey("example/log", bytes(32)),), X25519PrivateKey.generate())
    with pytest.raises(FollowingRefusedError, match="redirects to another one"):
        upstream.page(0)


def test_no_proxy_of_the_environment_is_asked(places: tuple[Place, Place], monkeypatch: pytest.MonkeyPatch):
    here, there = places
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, there.url)
    monkeypatch.setenv("no_proxy", "")
    assert service(here.url).get("/v1/changes") == b"ok"
    assert there.asked == []


def test_a_proxy_that_is_named_sees_no_key():
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.settimeout(10)
        seen: list[bytes] = []

        def refuse() -> None:
            connection, _ = proxy.accept()
            with connection:
                seen.append(connection.recv(4096))
                connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=refuse)
        thread.start()
        asked = service("https://list.example", proxy=f"http://127.0.0.1:{proxy.getsockname()[1]}")
        upstream = Upstream(asked, (VerifierKey("example/log", bytes(32)),), X25519PrivateKey.generate())
        with pytest.raises(Unreachable):
            upstream.page(0)
        thread.join()
    assert seen[0].startswith(b"CONNECT list.example:443 ")
    assert KEY.encode() not in seen[0]


def test_an_answer_that_is_too_long_is_none(places: tuple[Place, Place]):
    here, _ = places
    assert service(here.url, most_bytes=2).get("/") == b"ok"
    with pytest.raises(OSError, match="longer"):
        service(here.url, most_bytes=1).get("/")


@pytest.mark.parametrize(
    "url",
    [
        *("http://list.example", "http://10.0.0.5:8000", "http://127.0.0.1.list.example", "http://[2001:db8::1]/"),
        *("file:///etc/passwd", "ftp://127.0.0.1/", "list.example", "https://", "", "https://host:port/"),
        *("https://somebody:secret@list.example", "https://list.example/?a=b", "https://list.example/#a"),
    ],
)
def test_other_addresses_are_refused(url: str):
    with pytest.raises(AddressRefusedError):
        service(url)


@pytest.mark.parametrize(
    "url", ["https://list.example", "https://list.example:8443/a/", "http://[::1]:80", "http://localhost"]
)
def test_safe_addresses_are_taken(url: str):
    service(url)


@pytest.mark.parametrize(
    "proxy", ["proxy.example:3128", "https://proxy.example:1", "http://proxy.example", "http://a:b@c:1"]
)
def test_other_proxies_are_refused(proxy: str):
    with pytest.raises(AddressRefusedError):
        service("https://list.example", proxy=proxy)


def test_neither_follower_nor_witness_sends_its_key_in_clear(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BLACKLIST_DATA_DIR", str(tmp_path))
    vkey = tmp_path / "vkey"
    vkey.write_text(VerifierKey("example/log", bytes(32)).text + "\n")
    follow = ["follow", "http://list.example", "--vkey", str(vkey), "--key", KEY, "--every", "0"]
    witness = ["audit", "witness", "follow", "--url", "http://list.example", "--vkey-file", str(vkey), "--name", "w"]
    witness += ["--key-file", str(tmp_path / "key"), "--state", str(tmp_path / "state")]
    for words in (follow, witness):
        done = CliRunner().invoke(app, words)
        assert (done.exit_code, "read on its way" in done.stderr) == (2, True), done.output
        assert KEY not in done.output
