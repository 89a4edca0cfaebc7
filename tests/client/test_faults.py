"""Calls through a network that cuts, delays, invents and repeats, while the list changes: no answer is wrong or stale,
none leaves two rows, and the service is not asked much more than it was called.
"""

import asyncio
import itertools
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from blacklist_client import Answer, AsyncBlacklist, Decision, Hold, Question, person
from blacklist_client.errors import CircuitOpen, Unreachable
from blacklist_client.patience import Circuit, RetryBudget
from tests.client.cutting import CuttingProxy, cutting
from tests.durability.serving import report
from tests.support import Service, day, listening, resident_id, row

IS_SOAK = bool(os.environ.get("BLACKLIST_SOAK"))
CALLS = 10_000 if IS_SOAK else 400
AT_ONCE = 8
SHARE_OF_FAULTS = 0.12
MATTER = "civil_service_recruitment"


@dataclass
class Listing:
    """One person who is put on hold and back on the list again and again; what may be answered at any time."""

    number: str
    is_listed: bool = True
    changes: int = 0
    under_way: bool = False
    seen: list[bool] = field(default_factory=list)

    def permitted(self, since: int) -> set[bool]:
        """What held at some time since so many changes had been acknowledged."""
        now = {self.is_listed} | ({not self.is_listed} if self.under_way else set())
        return now if self.changes == since else {True, False}


async def toggle(service: Service, listing: Listing, *, stop: asyncio.Event) -> None:
    [found] = await service.fetch("SELECT id, version FROM listings")
    version = found["version"]
    for word in itertools.cycle(["suspension", "resumption"]):
        if stop.is_set():
            return
        body = {"decided_on": day(0), "reason": "test"} | ({"ground": "other"} if word == "suspension" else {})
        listing.under_way = True
        done = await service.post(
            f"/v1/listings/{found['id']}/{word}", body, key="court", **{"If-Match": f'"{version}"'}
        )
        assert done.status_code == 200, done.text
        version = done.json()["version"]
        listing.is_listed = word == "resumption"
        listing.under_way = False
        listing.changes += 1
        await asyncio.sleep(0.1)


async def longest_lag(stop: asyncio.Event) -> float:
    """How late this loop, in which the service runs too, was at the worst: no fault of the client's."""
    longest = 0.0
    while not stop.is_set():
        began = time.monotonic()
        await asyncio.sleep(0.01)
        longest = max(longest, time.monotonic() - began - 0.01)
    return longest


async def test_no_fault_of_the_network_makes_an_answer_wrong(service: Service) -> None:
    listing = Listing(resident_id())
    await service.load_rows(row(name="张三", identifier_number=listing.number))
    calls, took = itertools.count(), []
    answers: dict[str, Answer] = {}
    holds: list[Hold] = []

    async def ask_on(office: AsyncBlacklist) -> None:
        while (number := next(calls)) < CALLS:
            since, may_be = listing.changes, listing.permitted(listing.changes)
            question = Question(
                matter=MATTER, reference=f"GD-{number}", subjects=[person("张三", resident_id=listing.number)]
            )
            began = time.monotonic()
            found = await office.check_question(question)
            took.append(time.monotonic() - began)
            if isinstance(found, Hold):
                holds.append(found)
            else:
                assert (found.decision is Decision.BLOCK) in may_be | listing.permitted(since), number
                answers[question.reference] = found

    async with (
        listening(service) as port,
        cutting(CuttingProxy(port, SHARE_OF_FAULTS)) as proxy,
        AsyncBlacklist(f"http://127.0.0.1:{proxy.port}", service.keys["agency"]) as office,
    ):
        stop = asyncio.Event()
        changing = asyncio.create_task(toggle(service, listing, stop=stop))
        lagging = asyncio.create_task(longest_lag(stop))
        await asyncio.gather(*(ask_on(office) for _ in range(AT_ONCE)))
        stop.set()
        await changing
        lag = await lagging

    rows = await service.fetch(
        "SELECT reference, count(*) AS n, min(check_id::text) AS id FROM ledger_entries"
        " WHERE action = 'check' GROUP BY reference"
    )
    assert {row["reference"] for row in rows if row["n"] != 1} == set()
    recorded = {row["reference"]: row["id"] for row in rows}
    assert all(recorded[reference] == str(found.check_id) for reference, found in answers.items())
    assert listing.changes > 2
    assert proxy.requests <= CALLS * 1.1 + RetryBudget.FREE
    assert len(answers) > CALLS / 2
    assert max(took) < 3.05 + lag
    report(
        f"{CALLS} calls, {proxy.requests} requests, {len(answers)} answers, {len(holds)} holds; "
        f"{listing.changes} changes; longest {max(took):.2f} s, loop late by {lag:.2f} s; {dict(proxy.met)}"
    )


async def test_an_answer_lost_on_the_way_is_found_again_and_a_late_one_is_not_believed(service: Service) -> None:
    number = resident_id()
    await service.load_rows(row(name="张三", identifier_number=number))
    question = Question(matter=MATTER, reference="GD-1", subjects=[person("张三", resident_id=number)])
    async with (
        listening(service) as port,
        cutting(CuttingProxy(port, 1.0, faults=("cut after",))) as proxy,
        AsyncBlacklist(f"http://127.0.0.1:{proxy.port}", service.keys["agency"]) as office,
    ):
        held = await office.check_question(question)
        assert isinstance(held, Hold)
        assert isinstance(held.error, Unreachable)
        proxy.share = 0.0

        soon = await office.ask_again(held)
        [listed] = await service.fetch("SELECT id, version FROM listings")
        ended = {"ground": "performed", "decided_on": day(0)}
        done = await service.post(f"/v1/listings/{listed['id']}/deletion", ended, key="court", **{"If-Match": '"1"'})
        assert done.status_code == 200, done.text
        later_by(office, 61.0)
        late = await office.ask_again(held)

    assert isinstance(soon, Answer)
    assert isinstance(late, Answer)
    assert [soon.decision, late.decision] == [Decision.BLOCK, Decision.CLEAR]
    rows = await service.fetch("SELECT check_id FROM ledger_entries WHERE action = 'check' ORDER BY at")
    assert [row["check_id"] for row in rows] == [soon.check_id, late.check_id]


def later_by(office: AsyncBlacklist, seconds: float) -> None:
    office._state.clock = lambda: time.monotonic() + seconds


async def test_a_service_that_is_down_is_left_alone_and_found_again(service: Service) -> None:
    await service.load_rows(row())
    question = Question(matter=MATTER, reference="GD-1", subjects=[person("李四", resident_id=resident_id())])
    async with (
        listening(service) as port,
        cutting(CuttingProxy(port, 1.0, faults=("cut before",))) as proxy,
        AsyncBlacklist(f"http://127.0.0.1:{proxy.port}", service.keys["agency"]) as office,
    ):
        for _ in range(Circuit.FAILURES):
            assert isinstance(await office.check_question(question), Hold)
        asked = proxy.requests
        held = [await office.check_question(question) for _ in range(20)]
        assert proxy.requests == asked
        assert all(isinstance(one, Hold) and isinstance(one.error, CircuitOpen) for one in held)

        later_by(office, Circuit.FIRST_SECONDS + 0.1)
        assert isinstance(await office.check_question(question), Hold)
        assert proxy.requests == asked + 1  # one probe, without another try
        later_by(office, 2 * Circuit.FIRST_SECONDS)
        assert isinstance(await office.check_question(question), Hold)
        assert proxy.requests == asked + 1  # the second time it is left alone for longer
        proxy.share = 0.0
        later_by(office, 60.0)
        assert isinstance(await office.check_question(question), Answer)
        assert isinstance(await office.check_question(question), Answer)


# Patience, by itself


def test_retries_are_a_tenth_of_the_calls() -> None:
    budget = RetryBudget()
    assert [budget.take(0.0) for _ in range(3)] == [True, True, False]
    for now in seconds(20.0, 30.0, calls=100):
        budget.note_call(now)
    assert sum(budget.take(30.0) for _ in range(50)) == 10
    assert sum(budget.take(45.0) for _ in range(50)) == RetryBudget.FREE


def seconds(first: float, last: float, *, calls: int) -> Iterator[float]:
    return (first + (last - first) * place / calls for place in range(calls))


def test_an_open_circuit_lets_one_through_at_a_time() -> None:
    circuit = Circuit()
    for _ in range(Circuit.FAILURES):
        circuit.failed(0.0, was_probe=circuit.admit(0.0))
    waits, now = [], 0.0
    for _ in range(7):
        with pytest.raises(CircuitOpen) as refused:
            circuit.admit(now)
        assert refused.value.after_seconds is not None
        waits.append(refused.value.after_seconds)
        now += refused.value.after_seconds
        assert circuit.admit(now)
        with pytest.raises(CircuitOpen):
            circuit.admit(now)
        circuit.failed(now, was_probe=True)
    assert waits == [1, 2, 4, 8, 16, 30, 30]
    assert circuit.admit(now + 30)
    circuit.succeeded()
    assert not circuit.admit(now + 30)
