"""Evidence against somebody who may alter tables; and export bundles that were forged so that they verify themselves."""

import asyncio
import hashlib
import json
from datetime import timedelta
from pathlib import Path

import pytest

from blacklist_service.audit import verify_bundle
from blacklist_service.audit.verify_bundle import Doubt
from blacklist_service.database.connections import connect
from blacklist_service.database.embedded.attachment import attached_or_started
from blacklist_service.database.sessions import SEALER_ROLE
from blacklist_service.ledger.completeness import count_lost, requeue_lost
from blacklist_service.ledger.log import KeyRange, key_ranges
from tests.cli.test_commands import Operator
from tests.support import Service, resident_id, subject

CHANGES = {
    "operator": "UPDATE ledger_entries SET operator = 'somebody else' WHERE action = 'check'",
    "reference": "UPDATE ledger_entries SET reference = 'another file' WHERE action = 'check'",
    "source_ip": "UPDATE ledger_entries SET source_ip = '10.9.9.9' WHERE action = 'check'",
    "request_id": "UPDATE ledger_entries SET request_id = 'x' WHERE action = 'check'",
    "listing_ids": "UPDATE ledger_entries SET listing_ids = ARRAY[gen_random_uuid()] WHERE action = 'check'",
    "decision": "UPDATE ledger_entries SET decision = 'block' WHERE action = 'check'",
    "agency": "UPDATE ledger_entries SET agency = 'GD-EDU' WHERE action = 'check'",
    "a name's mask": "UPDATE ledger_subjects SET name_masked = '王*' WHERE name_masked LIKE '张%'",
    "a number's mask": "UPDATE ledger_subjects SET identifier_masked = '1101**********0000'",
    "subjects": "DELETE FROM ledger_subjects",
    "sealed part": "UPDATE ledger_secrets SET private = private || '\\x00'::bytea WHERE answer IS NOT NULL",
    "sealed part was removed": "DELETE FROM ledger_secrets WHERE answer IS NOT NULL",
}


@pytest.mark.parametrize("what", CHANGES)
async def test_a_row_that_says_otherwise_than_its_leaf_is_not_shown(service: Service, what: str):
    await service.check(subject("张三", resident_id()), operator="王科员")
    assert (await service.get("/v1/audit/entries", key="auditor", action="check")).status_code == 200
    owner = await connect(service.workplace.dsn, role=None)
    await owner.execute(CHANGES[what])
    await owner.close()
    shown = await service.get("/v1/audit/entries", key="auditor", action="check")
    assert (shown.status_code, shown.json()["code"]) == (500, "ledger-altered"), shown.text
    assert what in shown.json()["detail"]


async def test_an_erased_month_is_shown_as_what_is_left_of_it(service: Service):
    await service.check(subject("张三", resident_id()))
    owner = await connect(service.workplace.dsn, role=None)
    await owner.execute("TRUNCATE ledger_secrets, ledger_subjects")
    await owner.execute("UPDATE ledger_entries SET reference = NULL, listing_ids = '{}'")
    await owner.close()
    assert (await service.get("/v1/audit/entries", key="auditor", action="check")).status_code == 200


def test_a_key_that_was_followed_by_another_vouches_for_no_larger_log(tmp_path: Path):
    operator = Operator(tmp_path)
    anchor = operator.data_dir / "checkpoint"
    export = ("audit", "export", "--out", str(tmp_path / "x.zip"))
    for words in (("members", "add", "A", "--name", "a", "--kind", "agency"), export):
        assert operator.types(*words).returncode == 0
    before = anchor.read_text()
    assert operator.types("keys", "rotate-signing").returncode == 0
    assert operator.types(*export).returncode == 0
    after = anchor.read_text()
    with attached_or_started(operator.data_dir) as dsn:
        newest, oldest = asyncio.run(_ranges(dsn))
    assert (newest.until_size, oldest.until_size) == (None, int(before.split("\n")[1]))
    told = json.dumps({"keys": [{"vkey": one.vkey, "until_size": one.until_size} for one in (newest, oldest)]})
    ranges, lines = verify_bundle._parse_keys(told), verify_bundle._parse_keys(f"{newest.vkey}\n{oldest.vkey}\n")
    old_alone = after.replace(after.split("\n\n")[1].splitlines()[0] + "\n", "")
    for note in (before, after):
        assert verify_bundle._verify_note(note, ranges) == verify_bundle._verify_note(note, lines)
    verify_bundle._verify_note(old_alone, lines)
    with pytest.raises(Doubt, match="retired"):
        verify_bundle._verify_note(old_alone, ranges)


async def _ranges(dsn: str) -> list[KeyRange]:
    connection = await connect(dsn)
    try:
        return await key_ranges(connection)
    finally:
        await connection.close()


async def test_the_verifier_is_got_from_the_service_and_pinned(service: Service):
    got = await service.get("/v1/ledger/verifier", key="auditor")
    assert got.text == Path(verify_bundle.__file__).read_text("utf-8")
    keys = await service.get("/v1/ledger/keys", key="auditor")
    if keys.status_code == 404:  # this service's log was not begun
        return
    assert keys.json()["verifier_sha256"] == hashlib.sha256(got.content).hexdigest()


async def test_an_entry_that_was_taken_from_the_queue_is_put_back_and_sealed(service: Service):
    await service.check(subject("张三", resident_id()))
    owner = await connect(service.workplace.dsn, role=None)
    await owner.execute("DELETE FROM ledger_pending")
    assert await count_lost(owner, since=timedelta(minutes=1)) > 0
    sealer = await connect(service.workplace.dsn, role=SEALER_ROLE)
    lost, since = await requeue_lost(sealer, since=None)
    assert lost > 0
    assert await count_lost(owner, since=timedelta(minutes=1)) == 0
    assert (await requeue_lost(sealer, since=since))[0] == 0
    await sealer.close()
    await owner.close()


async def test_a_service_whose_entries_were_lost_for_good_is_not_ready(
    service: Service, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("blacklist_service.readiness.HEALED_AFTER", timedelta())
    await service.check(subject("张三", resident_id()))
    owner = await connect(service.workplace.dsn, role=None)
    await owner.execute("DELETE FROM ledger_pending")
    await owner.close()
    refused = await service.client.get("/readyz")
    assert (refused.status_code, "neither sealed nor waiting" in refused.json()["detail"]) == (503, True)
