"""Texts are bounded where they enter, the same for a file's row and a publication; a row never stops anything (H1, M4)."""

import random
from typing import Any

import pytest

from blacklist_service.listings.columns import Field
from blacklist_service.listings.files import RawRow
from blacklist_service.listings.lengths import LONGEST, MOST_BYTES
from blacklist_service.listings.operations import parsing
from tests.attacks.imports import OTHER_COURT, add_other_court, as_csv, load
from tests.durability.serving import publication
from tests.support import Service, resident_id, row

CJK = "".join(map(chr, random.Random(1).choices(range(0x4E00, 0x9FA5), k=3000)))
POISON = {
    "case number": {"case_number": CJK},
    "twenty nines": {"party_sequence": "00000001" + "9" * 20},
    "five thousand nines": {"party_sequence": "00000001" + "9" * 5000},
    "ten threes": {"party_sequence": "0000000" + "3" * 10},
    "name": {"name": CJK},
    "court": {"court_code": "", "court_name": CJK * 20},
    "decision": {"decision_number": CJK},
    "number": {"identifier_number": "9" * 100_000},
    "day": {"published_on": "\u2003" * 10_000 + "2025-01-05"},
    "word": {"circumstances": CJK * 40},
    "note": {"备考": CJK * 40},
    "all of it": dict.fromkeys(("obligation", "performed_part", "unperformed_part"), CJK * 13),
}
TAKEN_AS_ONE = {"twenty nines", "ten threes"}
"""A sequence that is no number is told, and taken for a missing one."""


@pytest.mark.parametrize("poison", POISON)
async def test_a_row_that_is_too_long_is_refused_and_nothing_else(service: Service, poison: str):
    await add_other_court(service)
    bad = row() | POISON[poison]
    state = await load(service, as_csv(row(), bad, row()))
    is_taken = poison in TAKEN_AS_ONE
    assert (state["state"], state["rows"]["created"], state["rows"]["rejected"]) == (
        "done",
        2 + is_taken,
        int(not is_taken),
    )
    reports = await service.get(f"/v1/imports/{state['import_id']}/rows", key="court", status="rejected")
    code = "date-invalid" if poison == "day" else "text-too-long"
    assert [(one["row"], one["code"]) for one in reports.json()["items"]] == ([] if is_taken else [(3, code)])
    other = await load(service, as_csv(row(court_code=OTHER_COURT)), key="other court")
    assert other["state"] == "done"


PLACES: dict[str, tuple[str, ...]] = {
    "name": ("debtor", "name"),
    "case_number": ("case_number",),
    "decision_number": ("decision", "document_number"),
    "identifier_number": ("debtor", "identifier", "number"),
    "basis_number": ("basis", "document_number"),
    "basis_issuer": ("basis", "issuer"),
}


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("over", [0, 1])
async def test_a_file_and_a_publication_take_the_same(service: Service, name: str, over: int):
    text = ("甲" if name != "identifier_number" else "A") * (LONGEST[name] + over)
    state = await load(service, as_csv(row() | {"identifier_type": "passport", name: text}))
    assert state["rows"]["created"] == 1 - over
    body: dict[str, Any] = publication(resident_id(), 7)
    body["debtor"]["identifier"]["type"] = "passport"
    place = body
    for step in PLACES[name][:-1]:
        place = place.setdefault(step, {})
    place[PLACES[name][-1]] = text
    response = await service.post("/v1/listings", body, key="court")
    assert response.status_code == (422 if over else 201), response.text


async def test_what_is_told_beside_is_kept_whole(service: Service):
    obligation = "偿" * (60_000 // 3)
    state = await load(service, as_csv(row(obligation=obligation)))
    assert state["rows"]["created"] == 1
    [listing] = (await service.get("/v1/listings", key="court")).json()["items"]
    whole = (await service.get(f"/v1/listings/{listing['listing_id']}", key="court")).json()
    assert whole["obligation"] == obligation
    body = publication(resident_id(), 8, obligation=obligation)
    assert (await service.post("/v1/listings", body, key="court")).status_code == 201
    too_much = publication(resident_id(), 9, obligation=obligation, performed_part=obligation)
    assert (await service.post("/v1/listings", too_much, key="court")).status_code == 413
    state = await load(service, as_csv(row(obligation=obligation, performed_part=obligation)))
    assert state["rows"]["rejected"] == 1
    assert len(obligation.encode()) * 2 > MOST_BYTES


def test_batches_end_by_their_size():
    """850 KB a row, as in a file that took 5 GB: a few at a time."""
    rows = (RawRow(number, {Field.OBLIGATION: "偿" * 283_000}, {}) for number in range(2, 40))
    assert max(map(len, parsing._batches(rows))) <= 4
    small = (RawRow(number, {Field.NAME: "张三"}, {}) for number in range(2, 5002))
    assert list(map(len, parsing._batches(small))) == [2000, 2000, 1000]
