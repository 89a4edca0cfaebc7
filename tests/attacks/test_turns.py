"""Every key has a limited share of connections, transactions and look-ups."""

import asyncio

import pytest

from blacklist_service.problems import TooManyRequests
from blacklist_service.web.turns import Turns


async def test_so_many_are_inside_and_the_others_are_let_in_by_turns():
    turns = Turns(2, each=2, waiting=10, seconds=5)
    order: list[str] = []
    gate = asyncio.Event()

    async def one(holder: str) -> None:
        async with turns.turn(holder):
            order.append(holder)
            await gate.wait()

    tasks = [asyncio.create_task(one(holder)) for holder in "aaaaaabbc"]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert order == ["a", "a"]
    gate.set()
    await asyncio.gather(*tasks)
    assert order == list("aaabcabaa")


async def test_one_holder_never_has_more_than_its_part():
    turns = Turns(6, each=3, waiting=2, seconds=5)
    gate = asyncio.Event()
    inside = 0

    async def one(holder: str) -> None:
        nonlocal inside
        async with turns.turn(holder):
            inside += 1
            await gate.wait()

    tasks = [asyncio.create_task(one("a")) for _ in range(5)]
    await asyncio.sleep(0.01)
    assert inside == 3
    with pytest.raises(TooManyRequests) as refused:
        await one("a")
    assert refused.value.headers["Retry-After"] == "1"
    tasks.append(asyncio.create_task(one("b")))
    await asyncio.sleep(0.01)
    assert inside == 4
    gate.set()
    await asyncio.gather(*tasks)


async def test_what_is_larger_counts_as_several_and_is_not_passed_by_for_ever():
    turns = Turns(4, each=2, waiting=10, seconds=5)
    order: list[str] = []
    gates = {name: asyncio.Event() for name in ("a1", "a2", "b1", "c2", "d1", "e1")}

    async def one(name: str) -> None:
        async with turns.turn(name[0], int(name[1])):
            order.append(name)
            await gates[name].wait()

    tasks = [asyncio.create_task(one(name)) for name in ("a1", "a2", "b1", "c2", "d1")]
    await asyncio.sleep(0.01)
    assert order == ["a1", "b1", "c2"]  # two more of a's would be three, and no place is left
    gates["b1"].set()
    await asyncio.sleep(0.01)
    assert order == ["a1", "b1", "c2", "d1"]  # a may not have more than its part yet
    gates["a1"].set()
    await asyncio.sleep(0.01)
    assert order == ["a1", "b1", "c2", "d1"]  # one place is free, two are needed
    late = asyncio.create_task(one("e1"))
    await asyncio.sleep(0.01)
    assert order == ["a1", "b1", "c2", "d1"]  # nor is it given to whoever comes now
    gates["d1"].set()
    await asyncio.sleep(0.01)
    assert order == ["a1", "b1", "c2", "d1", "a2"]
    for gate in gates.values():
        gate.set()
    await asyncio.gather(*tasks, late)
    assert order[-1] == "e1"


async def test_who_gives_up_takes_no_place_with_it():
    turns = Turns(1, each=1, waiting=5, seconds=0.05)
    async with turns.turn("a"):
        with pytest.raises(TooManyRequests):
            async with turns.turn("b"):
                pass
        waiting = asyncio.create_task(turns.turn("b").__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    granted = asyncio.create_task(turns.turn("c").__aenter__())
    await asyncio.sleep(0)
    assert granted.done()


async def test_who_is_cancelled_at_the_moment_it_is_let_in_leaves_again():
    turns = Turns(1, each=1, waiting=5, seconds=5)
    first = turns.turn("a")
    await first.__aenter__()
    waiting = asyncio.create_task(turns.turn("b").__aenter__())
    await asyncio.sleep(0)
    await first.__aexit__(None, None, None)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(1), turns.turn("c"):
        pass
