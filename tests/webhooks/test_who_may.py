"""Who may open, see and approve a webhook, and what is never shown."""

import base64
from collections.abc import AsyncIterator

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from blacklist_service.access.duties import SCOPES_OF_DUTY, Duty
from blacklist_service.access.scopes import Role, Scope
from blacklist_service.database.connections import Connection
from blacklist_service.watches.rules import EventType
from blacklist_service.webhooks.targets import Targets
from tests.support import Service
from tests.webhooks.receiver import TARGETS, happen, open_hook, receiving, sender_to, settle_all, withdrawn

ASKED = {"url": "http://gw.guandu.example:8080/events?unit=7", "types": [EventType.DECISION_CHANGED.value]}


async def test_without_the_administrators_list_nobody_is_told_so(service: Service):
    refused = await service.post("/v1/webhooks", ASKED)
    assert (refused.status_code, refused.json()["code"]) == (409, "webhook-targets-empty")


async def test_an_address_that_is_not_listed_is_refused_by_a_word(service: Service):
    service.app.state.webhook_targets = TARGETS
    for url, word in (
        ("http://evil.example:8080/", "not-listed"),
        ("https://gw.guandu.example/", "not-listed"),
        ("http://u:p@gw.guandu.example:8080/", "url"),
        ("http://127.0.0.1:8080/", "not-listed"),
    ):
        refused = await service.post("/v1/webhooks", ASKED | {"url": url})
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, word)
        assert url not in refused.text


async def test_the_secret_is_shown_once_and_kept_sealed(service: Service, connection: Connection):
    service.app.state.webhook_targets = TARGETS
    first = await service.post("/v1/webhooks", ASKED, **{"Idempotency-Key": "hook-1"})
    again = await service.post("/v1/webhooks", ASKED, **{"Idempotency-Key": "hook-1"})
    made = first.json()
    assert again.json() == made | {"secret": None}
    secret = base64.b64decode(made["secret"].removeprefix("whsec_"), validate=True)
    assert len(secret) == 32
    dumped = await connection.fetch(
        "SELECT w::text AS row FROM webhooks w UNION ALL SELECT k::text FROM idempotency_keys k"
    )
    assert dumped
    for row in dumped:
        assert secret.hex() not in row["row"]
        assert made["secret"] not in row["row"]
    shown = (await service.get(f"/v1/webhooks/{made['webhook_id']}")).text
    assert "secret" not in shown.replace("last_secret_until", "")
    leaves = b"".join(bytes(row["leaf"]) for row in await connection.fetch("SELECT leaf FROM ledger_entries"))
    assert b"unit=7" not in leaves, "of a URL the log shows the host alone"


async def test_a_unit_sees_its_own_and_the_security_officer_all(service: Service):
    own, _ = await open_hook(service)
    others, _ = await open_hook(service, "edu.guandu.example", key="other agency")
    assert [one["webhook_id"] for one in (await service.get("/v1/webhooks")).json()["items"]] == [own]
    everything = (await service.get("/v1/webhooks", key="security", limit=1)).json()
    rest = (await service.get("/v1/webhooks", key="security", limit=1, cursor=everything["next"])).json()
    assert [one["webhook_id"] for one in everything["items"] + rest["items"]] == [others, own]
    assert (await service.get("/v1/webhooks", key="security", state="active")).json()["items"] == []
    for path in ("", "/deliveries"):
        assert (await service.get(f"/v1/webhooks/{others}{path}")).status_code == 404
    for act, body in (("rotation", {}), ("test", {}), ("replay", {"from": "dead"}), ("closure", {})):
        assert (await service.post(f"/v1/webhooks/{others}/{act}", body)).status_code == 404
    assert (await service.post(f"/v1/webhooks/{own}/approval", {})).status_code == 403
    assert (await service.post(f"/v1/webhooks/{own}/rotation", {}, key="security")).status_code == 403
    assert (await service.post(f"/v1/webhooks/{others}/closure", {}, key="security")).json()["state"] == "closed"
    refusals = await service.fetch("SELECT leaf FROM ledger_entries WHERE action = 'refused'")
    assert len(refusals) >= 6


async def test_what_was_listed_once_is_not_approved_once_it_is_listed_no_more(service: Service):
    service.app.state.webhook_targets = TARGETS
    made = (await service.post("/v1/webhooks", ASKED)).json()
    service.keys["security"] = await service.add_key("GD-HR", Role.SECURITY)
    service.app.state.webhook_targets = Targets.parse("https://*.guandu.example")
    refused = await service.post(f"/v1/webhooks/{made['webhook_id']}/approval", {}, key="security")
    assert (refused.status_code, refused.json()["code"]) == (422, "webhook-target-not-allowed")


async def test_nothing_is_sent_before_the_approval_and_five_are_enough(service: Service, connection: Connection):
    service.app.state.webhook_targets = TARGETS
    made = [await service.post("/v1/webhooks", ASKED) for _ in range(6)]
    assert [one.status_code for one in made] == [201] * 5 + [409]
    async with receiving() as receiver:
        await settle_all(sender_to(service, {"gw.guandu.example": receiver}), connection)
        assert receiver.requests == []


async def test_events_of_before_are_told_where_it_is_asked_for_and_only_of_the_types(
    service: Service, connection: Connection
):
    checks = [await connection.fetchval("SELECT gen_random_uuid()") for _ in range(3)]
    await happen(connection, *[withdrawn(check, list_version=number) for number, check in enumerate(checks)])
    assert (await service.post("/v1/webhooks", ASKED | {"after": 4})).status_code in {409, 422}
    await open_hook(service, types=["check.listing_withdrawn"], after=1)
    await open_hook(service, "edu.guandu.example", types=["watch.ended"], after=0)
    async with receiving() as receiver, receiving() as other:
        sender = sender_to(service, {"gw.guandu.example": receiver, "edu.guandu.example": other})
        await settle_all(sender, connection)
        assert [body["data"]["sequence"] for body in receiver.told] == [2, 3]
        assert other.told == []
    assert (await service.post("/v1/webhooks", ASKED | {"after": 4})).status_code == 422


async def test_the_public_key_is_everybodys_with_a_key(service: Service):
    for key in ("agency", "court", "auditor"):
        [shown] = (await service.get("/v1/webhooks/keys", key=key)).json()["items"]
        raw = base64.b64decode(shown["public_key"].removeprefix("whpk_"))
        Ed25519PublicKey.from_public_bytes(raw)
        assert shown["pem"].startswith("-----BEGIN PUBLIC KEY-----")
    assert (await service.client.get("/v1/webhooks/keys")).status_code == 401


def test_of_persons_the_security_officer_alone_approves():
    approving = {duty for duty, scopes in SCOPES_OF_DUTY.items() if Scope.WEBHOOKS_APPROVE in scopes}
    assert approving == {Duty.SECURITY}
    assert not any(Scope.WEBHOOKS_WRITE in scopes for scopes in SCOPES_OF_DUTY.values())
    assert {duty for duty, scopes in SCOPES_OF_DUTY.items() if Scope.WEBHOOKS_TEND in scopes} == {Duty.WINDOW}


@pytest.fixture
async def connection(service: Service) -> AsyncIterator[Connection]:
    async with service.workplace.connected() as connection:
        yield connection
