"""The ledger: every answer is in it, no entry can be changed, and nobody's personal data is readable in it."""

import base64
import hashlib
import json
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import pytest

from blacklist_service.clock import instant_of
from tests.support import Service, question, resident_id, row, subject

LISTED = resident_id(15)


@pytest.mark.parametrize("statement", ["UPDATE {} SET at = at", "DELETE FROM {}", "TRUNCATE {}", "DROP TABLE {}"])
async def test_the_applications_role_cannot_change_what_was_written(service: Service, statement: str):
    tables = await service.fetch(
        """
        SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')
          AND (c.relname ~ '^ledger_(entries|subjects|secrets|leaves|checkpoints)' OR c.relname = 'listing_versions')
        """
    )
    assert len(tables) > 40  # the partitions too
    async with service.workplace.connected() as connection:
        for table in tables:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement.format(table["relname"]))


async def test_the_applications_role_owns_nothing(service: Service):
    owned = await service.fetch("SELECT relname FROM pg_class WHERE relowner = 'blacklist_app'::regrole")
    assert owned == []


async def test_partitions_reach_a_year_ahead(service: Service):
    [months] = await service.fetch("SELECT count(*) AS n FROM pg_inherits WHERE inhparent = 'ledger_entries'::regclass")
    assert months["n"] == 14


async def test_a_check_is_in_the_log_when_its_answer_leaves(service: Service):
    await service.load_rows(row(name="张三", identifier_number=LISTED))
    answer = await service.check(subject("张三", LISTED), operator="wang.li")
    [entry, *_] = (await service.get("/v1/audit/entries", key="auditor", action="check")).json()["items"]
    assert entry["check_id"] == entry["entry_id"] == answer["check_id"]
    assert (entry["agency"], entry["operator"], entry["matter"]) == ("GD-HR", "wang.li", answer["matter"])
    assert (entry["reference"], entry["decision"], entry["list_version"]) == ("GD-1", "block", 1)
    assert entry["listing_ids"] == [answer["subjects"][0]["matches"][0]["listing_id"]]
    assert entry["subjects"] == [
        {"role": "applicant", "name_masked": "张*", "identifier_masked": LISTED[:4] + "*" * 10 + LISTED[-4:]}
    ]
    assert entry["source_ip"] == "127.0.0.1"
    assert entry["leaf_index"] is None


async def test_a_leaf_commits_to_the_exact_answer_and_names_nobody(service: Service):
    response = await service.post("/v1/checks", question(subject("张三", LISTED), reference="卷宗 12"))
    check_id = response.json()["check_id"]
    stored = (await service.get(f"/v1/checks/{check_id}")).json()
    leaf_bytes, salt = base64.b64decode(stored["leaf"]), base64.b64decode(stored["leaf_salt"])
    leaf = json.loads(leaf_bytes)
    assert base64.b64decode(stored["answer"]) == response.content
    assert leaf["answer"] == hashlib.sha256(salt + response.content).hexdigest()
    assert leaf["request"] == hashlib.sha256(salt + response.request.content).hexdigest()
    assert (leaf["id"], leaf["agency"], leaf["decision"]) == (check_id, "GD-HR", "clear")
    assert leaf_bytes == json.dumps(leaf, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    for private in ("张", LISTED, "卷宗"):
        assert private not in leaf_bytes.decode()


async def test_identifiers_stand_nowhere_in_the_database_in_clear(service: Service):
    await service.load_rows(row(name="张三", identifier_number=LISTED, note=f"电话 {LISTED}"))
    await service.check(subject("张三", LISTED))
    tables = await service.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    for table in tables:
        for found in await service.fetch(f"SELECT t::text AS text FROM {table['tablename']} t"):
            assert LISTED not in found["text"]
            assert LISTED.encode().hex() not in found["text"]


async def test_another_agency_does_not_learn_that_a_check_exists(service: Service):
    answer = await service.check(subject("张三", LISTED))
    other = await service.get(f"/v1/checks/{answer['check_id']}", key="other agency")
    nothing = await service.get("/v1/checks/01980000-0000-7000-8000-000000000000", key="other agency")
    assert other.status_code == nothing.status_code == 404
    assert other.json()["title"] == nothing.json()["title"]
    refusals = (await service.get("/v1/audit/entries", key="auditor", action="refused")).json()["items"]
    assert [refusal["agency"] for refusal in refusals] == ["GD-EDU", "GD-EDU"]  # alike, or the time would tell


async def test_reading_the_log_is_in_the_log(service: Service):
    answer = await service.check(subject("张三", LISTED))
    await service.get(f"/v1/checks/{answer['check_id']}", key="auditor")
    await service.get("/v1/audit/entries", key="auditor", agency="GD-HR")
    entries = (await service.get("/v1/audit/entries", key="auditor", action="audit_read")).json()["items"]
    assert [entry["check_id"] for entry in entries] == [None, answer["check_id"]]
    assert entries[0]["agency"] == "GD-AUDIT"


async def test_the_log_pages_newest_first_without_gap_or_repeat(service: Service):
    asked = [(await service.check(subject("张三"), reference=f"卷{n}"))["check_id"] for n in range(7)]
    seen, cursor = [], None
    while True:
        page = (
            await service.get(
                "/v1/audit/entries", key="auditor", action="check", limit=3, **({"cursor": cursor} if cursor else {})
            )
        ).json()
        seen += [entry["entry_id"] for entry in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == asked[::-1]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"agency": "GD-HR"}, 2),
        ({"agency": "GD-EDU"}, 1),
        ({"operator": "wang.li"}, 1),
        ({"matter": "government_procurement"}, 1),
        ({"reference": "R-2"}, 1),
        ({"decision": "clear"}, 3),
        ({"decision": "block"}, 0),
        ({"from": "2020-01-01T00:00:00Z"}, 3),
        ({"to": "2020-01-01T00:00:00Z"}, 0),
        ({"list_version_from": 1}, 0),
        ({"list_version_to": 0}, 3),
    ],
)
async def test_each_filter_narrows_the_log(service: Service, filters, found):
    await service.check(subject("张三"), operator="wang.li")
    await service.check(subject("张三"), reference="R-2", matter="government_procurement")
    await service.post("/v1/checks", question(subject("李四")), key="other agency")
    page = (await service.get("/v1/audit/entries", key="auditor", action="check", **filters)).json()
    assert len(page["items"]) == found


@pytest.mark.parametrize("filters", [{"foo": "1"}, {"decision": "maybe"}, {"from": "yesterday"}, {"cursor": "x"}])
async def test_a_filter_that_is_not_known_is_refused_and_not_ignored(service: Service, filters):
    assert (await service.get("/v1/audit/entries", key="auditor", **filters)).status_code == 422


async def test_a_cursor_continues_only_the_search_it_was_begun_with(service: Service):
    for _ in range(3):
        await service.check(subject("张三"))
    page = (await service.get("/v1/audit/entries", key="auditor", limit=1)).json()
    other = await service.get("/v1/audit/entries", key="auditor", limit=1, agency="GD-HR", cursor=page["next"])
    assert other.status_code == 422


@pytest.mark.parametrize("key", ["agency", "court"])
async def test_only_auditors_read_the_log(service: Service, key):
    assert (await service.get("/v1/audit/entries", key=key)).status_code == 403


async def test_an_imports_chunk_is_an_entry(service: Service):
    await service.load_rows(row(), row())
    [entry] = await service.fetch("SELECT leaf, list_version FROM ledger_entries WHERE action = 'import'")
    leaf = json.loads(entry["leaf"])
    assert (leaf["facts"]["changes"], leaf["facts"]["rows"], entry["list_version"]) == (2, {"created": 2}, 2)
    changes = await service.fetch("SELECT list_version, listing_id FROM listing_versions ORDER BY list_version")
    digest = hashlib.sha256("".join(f"{c['list_version']} {c['listing_id']}\n" for c in changes).encode()).hexdigest()
    assert leaf["facts"]["sha256"] == digest


async def test_every_entry_waits_to_be_sealed(service: Service):
    await service.check(subject("张三"))
    unqueued = await service.fetch(
        "SELECT id FROM ledger_entries WHERE id NOT IN (SELECT unnest(entries) FROM ledger_pending)"
    )
    assert unqueued == []


async def test_an_id_carries_its_instant(service: Service):
    answer = await service.check(subject("张三"))
    carried = instant_of(UUID(answer["check_id"]))
    assert carried == datetime.fromisoformat(answer["checked_at"]).astimezone(UTC)
