"""The court list with planted defects: every probe must be answered right."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support import Service

SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples"
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples lie beside the project, not in it")


@pytest.mark.parametrize("name", ["court-list.csv", "court-list.xlsx"])
async def test_every_probe_is_answered_right_and_is_in_the_log(service: Service, name: str):
    expected = json.loads((SAMPLES / "expected.json").read_text("utf-8"))
    report = await service.load(SAMPLES / name)
    await service.load(SAMPLES / "official-list.jsonl")

    refused = {str(row.row): row.code for row in report.rows if row.is_refused}
    assert refused == expected["rejected"]
    warned = {(str(row.row), row.code) for row in report.rows if not row.is_refused}
    assert warned >= set(expected["warned"].items())
    assert {code for row, code in warned if row not in expected["warned"]} <= {"person-unidentified"}

    wrong = [probe["why"] for probe in expected["probes"] if not await _is_right(service, probe)]
    assert wrong == []

    answered = sum(probe["status"] == 200 for probe in expected["probes"])
    [logged] = await service.fetch("SELECT count(*) AS n FROM ledger_entries WHERE action = 'check'")
    assert logged["n"] == answered


@pytest.mark.parametrize("name", ["court-list.csv", "official-list.jsonl"])
async def test_the_same_file_again_changes_nothing(service: Service, name: str):
    first = await service.load(SAMPLES / name)
    again = await service.load(SAMPLES / name)
    assert (again.counts.created, again.counts.corrected, again.counts.ended) == (0, 0, 0)
    assert again.counts.rejected == first.counts.rejected
    assert again.list_version == first.list_version


async def test_a_dry_run_says_the_same_and_changes_nothing(service: Service):
    dry = await service.load(SAMPLES / "court-list.csv", is_dry_run=True)
    assert await service.fetch("SELECT 1 FROM listings") == []
    wet = await service.load(SAMPLES / "court-list.csv")
    assert (dry.counts, dry.rows) == (wet.counts, wet.rows)


async def _is_right(service: Service, probe: dict[str, Any]) -> bool:
    body = {"matter": probe["matter"], "reference": "probe", "subjects": [probe["subject"]]}
    response = await service.post("/v1/checks", body)
    if response.status_code != probe["status"]:
        return False
    if probe["status"] != 200:
        return bool(response.json()["code"] == "invalid-identifier")
    answer = response.json()
    if answer["decision"] != probe["decision"]:
        return False
    matches = answer["subjects"][0]["matches"]
    judged = [name for name in ("identity", "relation", "reason") if probe[name] is not None]
    return not judged or all(matches[0][name] == probe[name] for name in judged)
