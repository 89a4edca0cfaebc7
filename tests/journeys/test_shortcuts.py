"""The two simplest fates are settled in SQL, with the same result as the resolution in Python."""

from typing import Any

from blacklist_service.listings.operations import importing
from blacklist_service.listings.operations.shortcuts import FreshListings
from tests.journeys.test_imports_over_http import as_csv, load
from tests.support import Service, day, resident_id, row

FULL = "530111196611027540"


def one(number: int, **values: Any) -> dict[str, str]:
    return row(**{"name": f"人{number}", "case_number": f"(2025)云0111执{number}号"} | values)


async def test_they_say_what_the_resolution_says_of_copies_and_of_second_listings(service: Service, monkeypatch):
    held = [
        one(1, identifier_number="5301111966****7540"),
        one(2, identifier_number=None, identifier_type=None),
        one(3, identifier_number=FULL),
        one(4, identifier_number=FULL, decision_number="一"),
        one(5, identifier_number=FULL, 失信ID="1"),
        one(6, identifier_number=FULL),
        one(7, identifier_number="5301111966****7540"),
        one(8, identifier_number=FULL, published_on=day(-900), expires_on=day(-9)),
    ]
    await load(service, as_csv(*held))
    rows = [
        one(1, identifier_number=FULL),
        one(2, identifier_number=FULL),
        one(3, identifier_number="5301111966****7540"),
        one(4, identifier_number=FULL, decision_number="二", circumstances="违反限制消费令"),
        one(5, identifier_number=FULL, 失信ID="2"),
        one(6, identifier_number=resident_id(6)),
        held[6],
        one(8, identifier_number=FULL, expires_on=day(900)),
        one(9, identifier_number=FULL),
        one(1, name="另一人", identifier_number=resident_id(9)),
    ]
    shortcut = await fates(service, as_csv(*rows))

    async def nothing(*_args: Any, **_options: Any) -> FreshListings:
        return FreshListings(0, "")

    monkeypatch.setattr(importing, "settle_known", nothing)
    monkeypatch.setattr(importing, "make_fresh", nothing)
    assert await fates(service, as_csv(*rows)) == shortcut
    assert [(fate, code) for _, fate, code, *_ in shortcut] == [
        ("corrected", None),
        ("corrected", None),
        ("rejected", "possible-duplicate"),
        ("created", None),
        ("created", None),
        ("created", None),
        ("unchanged", None),
        ("unchanged", None),
        ("created", None),
        ("created", None),
    ]


async def fates(service: Service, content: bytes) -> list[Any]:
    loaded = await load(service, content, dry_run="true")
    found = await service.fetch(
        "SELECT row, fate, code, warnings, others FROM import_fates WHERE import_id = $1 ORDER BY row",
        loaded["import_id"],
    )
    return [tuple(one) for one in found]
