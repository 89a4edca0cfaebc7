"""Watches affected by a single act are told before those that a file affected, even if the file came first."""

from collections import Counter as Tally
from typing import Any

from blacklist_service.watches.rules import FEW
from tests.journeys.test_imports_over_http import as_csv, load
from tests.journeys.test_life_of_a_listing import LISTED, publish
from tests.support import Service, resident_id, row, subject
from tests.watches.following import events, follow, watched

MANY = [resident_id(100 + n) for n in range(FEW + 1)]


async def test_a_publication_is_told_before_the_file_that_was_loaded_before_it(service: Service):
    await keep_all_open(service)
    await load_the_file(service)
    await publish(service)
    await follow(service)
    told = await events(service)
    assert [one["reference"] for one in told].index("alone") == 0
    assert (told[0]["after"], len(told)) == ("block", len(MANY) + 1)
    assert told[0]["at"] != told[1]["at"]  # in a transaction of its own: no part of the file keeps it back


async def test_of_a_small_file_each_is_told_as_of_a_single_act(service: Service):
    """What a clerk sends in a few rows is waited for as what is typed into a window is."""
    await keep_all_open(service)
    file = as_csv(row(identifier_number=LISTED, name="张三"))
    await load_the_file(service)
    await load(service, file)
    await follow(service)
    assert (await events(service))[0]["reference"] == "alone"


async def test_many_single_acts_are_recorded_by_few_at_once(service: Service):
    """So that an endpoint's line knows them from a file's."""
    await keep_all_open(service)
    for number in MANY:
        await load(service, as_csv(row(identifier_number=number, name="张三")))
    await follow(service)
    together = Tally(one["at"] for one in await events(service))
    assert (max(together.values()), together.total()) == (FEW, len(MANY))


async def keep_all_open(service: Service) -> None:
    for place, number in enumerate(MANY):
        await watched(service, subject("张三", number), reference=f"of the file, {place}")
    await watched(service, subject("张三", LISTED), reference="alone")
    await follow(service)


async def load_the_file(service: Service) -> None:
    rows: list[Any] = [row(identifier_number=number, name="张三") for number in MANY]
    assert (await load(service, as_csv(*rows)))["rows"]["created"] == len(MANY)
