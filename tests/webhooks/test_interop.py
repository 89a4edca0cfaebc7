"""Signatures made here are accepted by the official verifier and by openssl; anything altered is not."""

import base64
import os
import random
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from blacklist_service.secrecy import Secrecy
from blacklist_service.webhooks.signing import SigningKey, new_secret, secret_text, signed_headers

KEY = SigningKey.of(Secrecy(bytes(range(32))))
BODY = '{"type":"watch.decision_changed","timestamp":"2026-11-27T08:00:00Z","data":{"reference":"报名-1"}}'.encode()
MUTATIONS = 1000
BY_OPENSSL = 1000 if os.environ.get("BLACKLIST_SOAK") else 20


def test_the_official_verifier_accepts_the_new_secret_and_the_last_one():
    new, last = new_secret(), new_secret()
    headers = dict(signed_headers("evt_GD-HR_8841", BODY, at=datetime.now(UTC), secrets=[new, last], key=KEY))
    for secret in (new, last):
        assert Webhook(secret_text(secret)).verify(BODY, headers)["data"] == {"reference": "报名-1"}
    with pytest.raises(WebhookVerificationError):
        Webhook(secret_text(new_secret())).verify(BODY, headers)


def test_an_old_try_is_refused_by_its_timestamp():
    secret = new_secret()
    old = datetime.now(UTC) - timedelta(minutes=6)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret_text(secret)).verify(BODY, dict(signed_headers("e", BODY, at=old, secrets=[secret], key=KEY)))


def test_of_a_thousand_mutations_none_is_accepted(tmp_path: Path):
    chance = random.Random(20261127)
    openssl = OpenSSL(tmp_path) if shutil.which("openssl") else None
    for number in range(MUTATIONS):
        secret = new_secret()
        message_id = f"evt_GD-HR_{chance.randrange(10**6)}"
        headers = dict(signed_headers(message_id, BODY, at=datetime.now(UTC), secrets=[secret], key=KEY))
        is_openssls = openssl is not None and number % (MUTATIONS // BY_OPENSSL) == 0
        assert verify_all(secret, headers, BODY, openssl if is_openssls else None) == {"v1", "v1a"}
        changed_headers, changed_body = mutated(chance, headers, BODY)
        assert (changed_headers, changed_body) != (headers, BODY)
        assert verify_all(secret, changed_headers, changed_body, openssl if is_openssls else None) == set()


def test_the_public_key_is_written_as_the_specification_and_as_openssl_want_it():
    assert KEY.public_text == "whpk_" + base64.b64encode(KEY.public).decode()
    assert KEY.public_pem.startswith("-----BEGIN PUBLIC KEY-----")
    assert SigningKey.of(Secrecy(bytes(range(32)))).public == KEY.public
    assert SigningKey.of(Secrecy(bytes(range(1, 33)))).public != KEY.public


def verify_all(secret: bytes, headers: dict[str, str], body: bytes, openssl: "OpenSSL | None") -> set[str]:
    """By which signatures anybody accepts it; whoever looks twice has to agree."""
    accepted = set()
    try:
        Webhook(secret_text(secret)).verify(body, headers)
        accepted.add("v1")
    except (WebhookVerificationError, ValueError):
        pass
    signatures = dict(one.split(",", 1) for one in headers["webhook-signature"].split(" "))
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    signature = base64.b64decode(signatures["v1a"])
    try:
        Ed25519PublicKey.from_public_bytes(KEY.public).verify(signature, content)
        accepted.add("v1a")
    except InvalidSignature:
        pass
    if openssl is not None:
        assert openssl.verifies(content, signature) == ("v1a" in accepted)
        assert (openssl.hmac(secret, content) == base64.b64decode(signatures["v1"])) == ("v1" in accepted)
    return accepted


def mutated(chance: random.Random, headers: dict[str, str], body: bytes) -> tuple[dict[str, str], bytes]:
    """One thing changed that both signatures are over, or all of the signatures."""
    headers = dict(headers)
    match chance.randrange(5):
        case 0:
            body = flipped(chance, body)
        case 1:
            place = chance.randrange(len(body))
            body = body[:place] + chance.choice([b"", b" ", b"0"]) + body[place + 1 :]
            body = body if body != BODY else body + b"\n"
        case 2:
            headers["webhook-id"] += str(chance.randrange(10))
        case 3:
            later = int(headers["webhook-timestamp"]) + chance.choice([-1, 1]) * chance.randrange(1, 200)
            headers["webhook-timestamp"] = str(later)
        case _:
            parts = [one.split(",", 1) for one in headers["webhook-signature"].split(" ")]
            changed = [(name, base64.b64encode(flipped(chance, base64.b64decode(one))).decode()) for name, one in parts]
            headers["webhook-signature"] = " ".join(f"{name},{one}" for name, one in changed)
    return headers, body


def flipped(chance: random.Random, content: bytes) -> bytes:
    """One bit of it; of a text, so that it stays one."""
    place = chance.choice([place for place, byte in enumerate(content) if byte < 0x80] or range(len(content)))
    return content[:place] + bytes([content[place] ^ 1 << chance.randrange(7)]) + content[place + 1 :]


class OpenSSL:
    """The recipe of docs/integrators.md."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "key.pem").write_text(KEY.public_pem, "ascii")

    def verifies(self, content: bytes, signature: bytes) -> bool:
        (self._folder / "content").write_bytes(content)
        (self._folder / "signature").write_bytes(signature)
        command = "openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in content -sigfile signature"
        return subprocess.run(command.split(), cwd=self._folder, capture_output=True, check=False).returncode == 0

    def hmac(self, secret: bytes, content: bytes) -> bytes:
        command = f"openssl dgst -sha256 -mac HMAC -macopt hexkey:{secret.hex()} -binary"
        return subprocess.run(command.split(), input=content, capture_output=True, check=True).stdout
