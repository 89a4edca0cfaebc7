"""A log that an officer ended, and the one that follows it, as agencies, auditors and witnesses see them."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from blacklist_client import Unverified, verify_receipt
from blacklist_service.cli.witnessing import WitnessRefusedError
from blacklist_service.console import proofs
from blacklist_service.database.connections import connect
from blacklist_service.ledger.anchoring import SealingRefusedError
from blacklist_service.ledger.log import find_log
from blacklist_service.ledger.new_log import begin_new_log
from blacklist_service.ledger.notes import Checkpoint, Note
from blacklist_service.ledger.signing import SealingPlace, pair, sign_checkpoint
from blacklist_service.ledger.successions import Succession
from blacklist_service.ledger.witnesses import add_witness
from tests.conftest import SECRECY
from tests.ledger.test_published_log import FromService, files_of, grow, place, read, witness_of
from tests.support import TEST, Service, resident_id, subject

__all__ = ["place"]

LOST_ROOT = hashlib.sha256(b"of entries that were lost").digest()


async def lost_checkpoint(service: Service, place: SealingPlace, size: int, root: bytes = LOST_ROOT) -> Note:
    """What the log signed after the moment that the database was restored to."""
    async with service.workplace.connected() as connection:
        log = await find_log(connection)
    assert log is not None
    return sign_checkpoint(Checkpoint(log.origin, size, root), pair(log.origin, place.load_keys()))


async def end_log(service: Service, place: SealingPlace, lost: Note, reason: str = "误删") -> Succession:
    owner = await connect(service.workplace.dsn, role=None)
    try:
        return await begin_new_log(owner, place, seen=[lost], reason=reason, actor=TEST, secrecy=SECRECY)
    finally:
        await owner.close()


async def receipt_of(service: Service, check_id: str) -> dict[str, Any]:
    found = (await service.get(f"/v1/checks/{check_id}")).json()
    receipt = (await service.get(f"/v1/checks/{check_id}/receipt")).text
    return {"receipt": receipt, "answer": found["answer"], "leaf": found["leaf"], "salt": found["leaf_salt"]}


async def test_a_receipt_is_given_anew_and_the_old_one_holds_by_its_name(
    service: Service, place: SealingPlace, tmp_path: Path
):
    answer = await service.check(subject("张三", resident_id(15)))
    await grow(service, place, 3)
    old_vkey, before = (await read(service, "vkey")).decode(), await receipt_of(service, answer["check_id"])
    made = await end_log(service, place, await lost_checkpoint(service, place, 500))
    await grow(service, place, 2)
    vkey, after = (await read(service, "vkey")).decode(), await receipt_of(service, answer["check_id"])
    assert vkey == f"{made.key.text}\n{old_vkey}"

    assert verify_receipt(**after, vkey=vkey).log == made.origin
    assert verify_receipt(**before, vkey=vkey).log == verify_receipt(**before, vkey=old_vkey).log == made.kept.origin
    with pytest.raises(Unverified, match="another log"):
        verify_receipt(**after, vkey=old_vkey)

    keys = (await read(service, "keys")).decode()
    [ended] = json.loads(keys)["ended"]
    assert (ended["log"], ended["followed_by"], ended["kept_size"]) == (
        made.kept.origin,
        made.origin,
        made.kept.size,
    )
    assert [one["until_size"] for one in json.loads(keys)["keys"]] == [None, None]
    told = proofs.verify_receipt(before["receipt"], before["leaf"], keys)
    assert (told["is_proved"], told["ended"]) == (True, ended)
    anew = proofs.verify_receipt(after["receipt"], after["leaf"], keys)
    assert (anew["is_proved"], anew["ended"]) == (True, None)


async def test_a_witness_stops_says_why_and_goes_on_when_its_body_names_the_new_log(
    service: Service, place: SealingPlace, tmp_path: Path
):
    await grow(service, place, 100)
    witness = await witness_of(service, tmp_path)
    assert witness.follow(FromService(await files_of(service))) is not None
    lost = await lost_checkpoint(service, place, 400)
    witness.state.write_text(lost.content)  # it followed to the end of what was lost
    made = await end_log(service, place, lost)
    await grow(service, place, 300)
    fetch = FromService(await files_of(service) | {"keys": await read(service, "keys")})

    with pytest.raises(WitnessRefusedError, match=f"400 entries were signed, the first {made.kept.size} are kept"):
        witness.follow(fetch)
    with pytest.raises(WitnessRefusedError, match="no act"):
        witness.onto("another.example/log", fetch)
    assert witness.state.read_text() == lost.content

    moved = witness.onto(made.origin, fetch)
    [kept] = tmp_path.glob("witness.state.given-up-400.*")
    assert kept.read_text() == lost.content
    note = moved.follow(fetch)  # what it cosigned was not heard yet
    assert note is not None
    async with service.workplace.connected() as connection, connection.transaction():
        assert await add_witness(connection, moved.key.text, actor=TEST, secrecy=SECRECY)
    done = await service.post("/v1/ledger/cosignatures", {"note": note.content}, key="auditor")
    assert done.json()["size"] == Checkpoint.parse(note.text).size
    again = witness.onto(made.origin, fetch)  # the unit that runs it may name it for ever
    assert again.keys == moved.keys
    await grow(service, place, 2)
    assert again.follow(FromService(await files_of(service))) is not None


@pytest.mark.parametrize(("size", "root"), [(400, b"\1" * 32), (401, LOST_ROOT), (50, b"\1" * 32)])
async def test_a_witness_moves_for_no_act_that_does_not_give_up_what_it_saw(
    service: Service, place: SealingPlace, tmp_path: Path, size: int, root: bytes
):
    await grow(service, place, 100)
    witness = await witness_of(service, tmp_path)
    witness.state.write_text((await lost_checkpoint(service, place, size, root)).content)
    made = await end_log(service, place, await lost_checkpoint(service, place, 400))
    fetch = FromService(await files_of(service) | {"keys": await read(service, "keys")})
    with pytest.raises(WitnessRefusedError, match="fork"):
        witness.onto(made.origin, fetch)
    assert Checkpoint.parse(Note.parse(witness.state.read_text()).text).size == size


async def test_receipts_are_under_the_new_log_though_witnesses_cosigned_the_old(
    service: Service, place: SealingPlace, tmp_path: Path
):
    answer = await service.check(subject("张三", resident_id(15)))
    await grow(service, place, 3)
    witness = await witness_of(service, tmp_path)
    cosigned = witness.follow(FromService(await files_of(service)))
    assert cosigned is not None
    async with service.workplace.connected() as connection, connection.transaction():
        assert await add_witness(connection, witness.key.text, actor=TEST, secrecy=SECRECY)
    await service.post("/v1/ledger/cosignatures", {"note": cosigned.content}, key="auditor")
    made = await end_log(service, place, await lost_checkpoint(service, place, 500))
    receipt = (await receipt_of(service, answer["check_id"]))["receipt"]
    assert f"\n\n{made.origin}\n" in receipt
    assert (await service.get("/v1/ledger/checkpoint/cosigned", key="auditor")).status_code == 404


async def test_the_entry_says_who_acted_and_why_to_whoever_may_ask(service: Service, place: SealingPlace):
    await grow(service, place, 3)
    made = await end_log(service, place, await lost_checkpoint(service, place, 500))
    found = (await service.get(f"/v1/audit/entries/{made.entry_id}", key="auditor")).json()
    leaf = json.loads(base64.b64decode(found["leaf"]))
    assert leaf["facts"] == {
        "vkey": made.key.text,
        "follows": {"log": made.kept.origin, "size": made.kept.size, "root": made.kept.root.hex()},
        "given_up": {"log": made.kept.origin, "size": 500, "root": LOST_ROOT.hex()},
        "reason": "误删",
    }
    assert (found["action"], found["operator"]) == ("log_begun", TEST.operator)


@pytest.mark.parametrize("reason", ["", " ", "两\n行", "误删 530111198503170015 的记录", "长" * 501])
async def test_a_reason_is_one_line_without_a_persons_number(service: Service, place: SealingPlace, reason: str):
    with pytest.raises(SealingRefusedError, match="a reason"):
        await end_log(service, place, await lost_checkpoint(service, place, 500), reason)
