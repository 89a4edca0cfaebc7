"""Receipts, certificates and webhooks are verified, by the vectors that others are given too; a running service's receipts
in test_approval_system.
"""

import json
from typing import Any
from uuid import UUID

import pytest

from blacklist_client import (
    Unverified,
    Webhook,
    verify_certificate,
    verify_receipt,
)
from blacklist_service.access.principals import Actor
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.notes import VerifierKey, public_of
from blacklist_service.listings import certificates
from tests.client import vectors

MATTER = "civil_service_recruitment"


@pytest.mark.parametrize("name", vectors.made())
def test_vectors_are_what_the_service_does(name: str) -> None:
    assert (vectors.FOLDER / name).read_text("utf-8") == vectors.written(vectors.made()[name]), "run 'make client'"


def vector(name: str) -> Any:
    return json.loads((vectors.FOLDER / name).read_text("utf-8"))


def test_a_receipt_proves_exactly_its_answer() -> None:
    given = vector("receipts.json")
    valid: dict[str, Any] = given["valid"]

    found = verify_receipt(**valid, vkey=given["vkey"], witnesses=[given["witness"]], newer_than=given["size"])

    assert (found.index, found.size, found.decision, found.witnesses) == (5, 9, "clear", ("witness",))
    stored: dict[str, Any] = dict(found.as_json())
    assert verify_receipt(**stored, vkey=given["vkey"]).check_id == found.check_id
    for wrong in given["invalid"]:
        changed = {"vkey": given["vkey"]} | valid | {name: one for name, one in wrong.items() if name != "why"}
        with pytest.raises(Unverified):
            verify_receipt(**changed)


def test_a_log_that_shrank_and_a_witness_that_is_missing() -> None:
    given = vector("receipts.json")
    key = VerifierKey.parse(given["witness"])
    stranger = VerifierKey("stranger", key.public, key.algorithm).text

    with pytest.raises(Unverified, match="smaller"):
        verify_receipt(**given["valid"], vkey=given["vkey"], newer_than=given["size"] + 1)
    with pytest.raises(Unverified, match="stranger"):
        verify_receipt(**given["valid"], vkey=given["vkey"], witnesses=[stranger])


def test_any_byte_of_a_receipt_matters() -> None:
    given = vector("receipts.json")
    proof: str = given["valid"]["receipt"]
    spared = proof.index("— witness")  # nobody asked for this witness
    for place in range(spared):
        for other in ("A", "0", "\n"):
            changed = proof[:place] + other + proof[place + 1 :]
            if changed != proof:
                with pytest.raises(Unverified):
                    verify_receipt(**given["valid"] | {"receipt": changed}, vkey=given["vkey"])


def test_webhooks_are_verified_by_either_signature() -> None:
    given = vector("signatures.json")
    [valid] = given["valid"]
    body = valid["body"].encode()
    by_secret, by_key = Webhook(given["secret"]), Webhook(given["public_key"])
    v1, v1a = valid["headers"]["webhook-signature"].split(" ")

    for webhook, alone in ((by_secret, v1), (by_key, v1a)):
        headers = {"Webhook-Id": "evt_GD-HR_1"} | valid["headers"] | {"webhook-signature": alone}
        found = webhook.verify(body, headers, now=given["now"])
        assert (found.id, found.type, found.data) == ("evt_GD-HR_1", "watch.decision_changed", {"sequence": 1})
    for webhook in (by_secret, by_key):
        for wrong in given["invalid"]:
            with pytest.raises(Unverified):
                webhook.verify(wrong["body"].encode(), wrong["headers"], now=given["now"])
        with pytest.raises(Unverified):
            webhook.verify(body, valid["headers"])  # long ago
    for place in range(len(body)):
        changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        with pytest.raises(Unverified):
            by_secret.verify(changed, valid["headers"], now=given["now"])
    with pytest.raises(ValueError, match="public key"):
        Webhook()


def test_a_certificate_proves_its_statement() -> None:
    statement = {"number": "GD-2026-1", "ended": "deleted", "debtor_name": "张三", "court": "官渡法院"}
    shown = dict.fromkeys(("debtor_identifier_masked", "case_number", "published_on", "ended_on", "issued_on"), "…")
    facts = {"certificate": certificates.digest_of(statement | shown), "number": "GD-2026-1"}
    leaf, proof = vectors.sealed(Entry(Action.REMOVAL_CERTIFIED, Actor("GD-COURT", "key"), facts=facts), UUID(int=1))
    page = certificates.render(statement | shown, leaf, proof)
    vkey = vector("receipts.json")["vkey"]

    assert verify_certificate(page, vkey).statement == statement | shown
    assert verify_certificate(page.replace("\n", "\r\n"), vkey).number == "GD-2026-1"
    other = certificates.render(statement | shown | {"debtor_name": "李四"}, leaf, proof)
    stranger = VerifierKey("log.example", public_of(vectors.WITNESS)).text
    for wrong, key in (
        (other, vkey),
        (page, stranger),
        ("<html></html>", vkey),
        (page.replace("index 5", "index 6"), vkey),
    ):
        with pytest.raises(Unverified):
            verify_certificate(wrong, key)
