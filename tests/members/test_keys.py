"""API keys: their form, what they permit, and how they end."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blacklist_service.access.scopes import SCOPES_OF_ROLE, Role, Scope
from blacklist_service.database.connections import connect
from blacklist_service.members import lookups
from blacklist_service.members.operations import create_key, revoke_key
from blacklist_service.members.problems import KeyInvalid
from blacklist_service.members.queries import find_credentials
from blacklist_service.members.rules import MEMBER_KIND_OF_ROLE, _crc, make_key, read_key
from tests.support import TEST, Service, question, subject

ASKED = question(subject("张三"))


def test_a_key_reads_back_as_itself():
    key = make_key("live")
    presented = read_key(key.text)
    assert presented is not None
    assert (presented.key_id, presented.secret_sha256) == (key.key_id, key.secret_sha256)


@given(st.data())
def test_a_mistyped_key_is_known_without_the_database(data):
    text = make_key("test").text
    place = data.draw(st.integers(9, len(text) - 1))
    other = data.draw(st.sampled_from("0aZ_"))
    if other != text[place]:
        assert read_key(text[:place] + other + text[place + 1 :]) is None


@given(st.text())
def test_any_text_is_read_without_an_error(text):
    assert read_key(text) is None


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Basic abc", "Bearer sxd_live_x_y_z", "bearer " + make_key("live").text],
    ids=["none", "empty", "scheme", "blank", "basic", "form", "unknown"],
)
async def test_without_a_key_of_ours_nothing_opens(service: Service, header):
    headers = {} if header is None else {"Authorization": header}
    response = await service.client.post("/v1/checks", json=ASKED, headers=headers)
    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")


async def test_a_revoked_key_is_refused_by_the_very_next_check(service: Service):
    key = await service.add_key("GD-HR", Role.AGENCY)
    assert (await service.post("/v1/checks", ASKED, key=key)).status_code == 200
    await _revoke(service, key)
    assert (await service.post("/v1/checks", ASKED, key=key)).status_code == 401


async def test_a_revoked_key_is_refused_elsewhere_within_a_second(service: Service):
    key = await service.add_key("GD-HR", Role.AGENCY)
    assert (await service.get("/v1/matters", key=key)).status_code == 200
    await _revoke(service, key)
    await asyncio.sleep(0.6)
    assert (await service.get("/v1/matters", key=key)).status_code == 401


async def test_a_key_whose_days_are_over_is_refused(service: Service):
    key = await service.add_key("GD-HR", Role.AGENCY)
    owner = await connect(service.workplace.dsn, role=None)
    await owner.execute("UPDATE api_keys SET expires_at = now() WHERE id = $1", key.split("_")[2])
    await owner.close()
    assert (await service.post("/v1/checks", ASKED, key=key)).status_code == 401


async def test_a_wrong_secret_and_an_unknown_key_take_the_same_path(service: Service, monkeypatch):
    """Both cost one look into the database and one comparison; so neither tells which keys exist."""
    looked = []
    find = find_credentials

    async def counted(connection, key_ids):
        looked.append(key_ids)
        return await find(connection, key_ids)

    monkeypatch.setattr(lookups, "find_credentials", counted)
    await service.post("/v1/checks", ASKED)
    known_id = service.keys["agency"].split("_")[2]
    forged = _with_id(known_id)
    for _ in range(3):
        looked.clear()
        assert (await service.post("/v1/checks", ASKED, key=forged)).status_code == 401
        assert len(looked) == 1
        looked.clear()
        assert (await service.post("/v1/checks", ASKED, key=make_key("live").text)).status_code == 401
        assert len(looked) == 1


async def test_an_auditors_key_belongs_to_an_auditor(service: Service):
    async with service.workplace.connected() as connection:
        with pytest.raises(KeyInvalid):
            await create_key(
                connection,
                member_code="GD-HR",
                role=Role.AUDITOR,
                matters=None,
                days=1,
                environment="test",
                actor=TEST,
                secrecy=service.workplace.secrecy,
            )


async def test_making_and_revoking_keys_is_in_the_ledger_without_their_secrets(service: Service):
    key = await service.add_key("GD-HR", Role.AGENCY)
    await _revoke(service, key)
    rows = await service.fetch(
        "SELECT action, leaf FROM ledger_entries WHERE action LIKE 'key_%' ORDER BY at DESC LIMIT 2"
    )
    assert [one["action"] for one in rows] == ["key_revoked", "key_created"]
    for one in rows:
        assert key.split("_")[2].encode() in one["leaf"]
        assert key.split("_")[3].encode() not in one["leaf"]


def test_every_role_says_what_kind_of_member_may_hold_it():
    assert set(MEMBER_KIND_OF_ROLE) == set(SCOPES_OF_ROLE) == set(Role)


def test_the_three_officers_exclude_each_other_and_all_others():
    officers = [Role.AUDITOR, Role.SECURITY, Role.SYSTEM]
    for officer in officers:
        for other in Role:
            if other is not officer:
                shared = SCOPES_OF_ROLE[officer] & SCOPES_OF_ROLE[other]
                assert shared <= {Scope.CHECKS_READ}  # an auditor reads an answer again, and that is recorded


def _with_id(key_id: str) -> str:
    """A key of the right form and check, with the id of a real one and a secret of its own."""
    body = f"sxd_live_{key_id}_{make_key('live').text.split('_')[3]}"
    return f"{body}_{_crc(body)}"


async def _revoke(service: Service, key: str) -> None:
    async with service.workplace.connected() as connection, connection.transaction():
        await revoke_key(connection, key.split("_")[2], actor=TEST, secrecy=service.workplace.secrecy)
