"""The console's budgets on a running demo: `make demo`, then `python benchmarks/console.py [.demo/demo.json]`.

Each page of each duty is opened in turn: how long the server takes, how large it is, how many requests it makes. Then
checks are asked at an even rate, in turns alone and while twenty people click, and their 99th percentiles compared: on a
machine that does other things too, the ratio of neighbouring turns is the figure. Figures as JSON.
"""

import argparse
import asyncio
import json
import random
import re
import statistics
import sys
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx

from blacklist_service.clock import now
from blacklist_service.members.staff import totp

PAGES = {
    "window": ("/", "/checks/new", "/checks/pending", "/checks", "/notices", "/me"),
    "auditor": ("/", "/entries", "/as-of", "/exports", "/verify"),
    "supervisor": ("/", "/scorecard", "/scorecard/unit/GD-HR", "/scorecard/unit/GD-HR/checks", "/late-removals"),
    "system": ("/", "/staff", "/staff/new", "/state"),
    "security": ("/", "/grants?standing=", "/members", "/members/GD-HR", "/measures", "/policy"),
}
BUDGETS = {"page": 50, "scorecard": 500, "login": 250}
"""Milliseconds at the server, 95th percentile."""
OWN_SITE = {"Sec-Fetch-Site": "same-origin"}
ASSET = re.compile(r'(?:href|src)="(/console/static/[^"]+)"')
BODY = {
    "matter": "civil_service_recruitment",
    "reference": "BENCH-1",
    "subjects": [{"role": "applicant", "kind": "person", "name": "田野", "identifier": None}],
}


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("demo", nargs="?", type=Path, default=Path(".demo/demo.json"))
    parser.add_argument("--times", type=int, default=20, help="how often each page is opened")
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--pause", type=float, default=5.0, help="seconds between two clicks of a person")
    parser.add_argument("--rate", type=float, default=50.0, help="checks a second")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each turn")
    parser.add_argument("--turns", type=int, default=4)
    asked = parser.parse_args()
    demo = json.loads(asked.demo.read_text())
    desks = {duty: httpx.AsyncClient(base_url=demo["url"], headers=OWN_SITE, timeout=30) for duty in PAGES}
    logins = [await log_in(desk, demo["logins"][duty]) for duty, desk in desks.items()]
    pages = [await measure(desk, duty, path, asked.times) for duty, desk in desks.items() for path in PAGES[duty]]
    print(
        json.dumps(
            {
                "login_ms_largest": round(max(logins), 1),
                "pages": pages,
                "over_budget": [one["page"] for one in pages if one["p95_ms"] > one["budget_ms"]],
                "html_kb_largest": max(one["html_kb"] for one in pages),
                "requests_a_page_most": max(one["requests"] for one in pages),
                "assets": await assets(desks["window"]),
                "checks": await beside_people(demo, desks, asked),
            },
            ensure_ascii=False,
            indent=1,
        )
    )


async def log_in(desk: httpx.AsyncClient, login: dict[str, str]) -> float:
    """Milliseconds; a code counts once, so a second run within half a minute waits for the next code."""
    secret = totp.read_written(login["totp_secret"])
    for _ in range(3):
        form = {"login": login["login"], "password": login["password"], "kept": "", "to": ""}
        form["code"] = totp.code_at(secret, totp.step_of(now()))
        started = time.perf_counter()
        answer = await desk.post("/console/login", data=form)
        taken = 1000 * (time.perf_counter() - started)
        if answer.status_code == 303:
            # A browser sends a Secure cookie to loopback; this client does not.
            desk.headers["Cookie"] = answer.headers["set-cookie"].partition(";")[0]
            return taken
        await asyncio.sleep(totp.STEP_SECONDS - time.time() % totp.STEP_SECONDS + 0.5)
    raise SystemExit(f"{login['login']} cannot log in: {answer.status_code}")


async def measure(desk: httpx.AsyncClient, duty: str, path: str, times: int) -> dict[str, Any]:
    taken, answer = [], await desk.get(f"/console{path}")
    for _ in range(times):
        started = time.perf_counter()
        answer = await desk.get(f"/console{path}")
        taken.append(1000 * (time.perf_counter() - started))
    assert answer.status_code == 200, (duty, path, answer.status_code)
    # A browser requests the icon once, not for each page.
    parts = {one for one in ASSET.findall(answer.text) if "icon" not in one}
    return {
        "page": f"{duty} {path}",
        "p50_ms": round(statistics.median(taken), 1),
        "p95_ms": round(statistics.quantiles(taken, n=20)[-1], 1),
        "budget_ms": BUDGETS["scorecard" if duty == "supervisor" else "page"],
        "html_kb": round(len(answer.content) / 1024, 1),
        "requests": 1 + len(parts),
    }


async def assets(desk: httpx.AsyncClient) -> dict[str, float]:
    """Kilobytes as they are sent, before any compression."""
    page = await desk.get("/console/")
    found = {}
    for path in sorted(set(ASSET.findall(page.text))):
        kind = path.rpartition(".")[2]
        found[kind] = round(len((await desk.get(path)).content) / 1024, 1)
    return found


async def beside_people(demo: Any, desks: dict[str, httpx.AsyncClient], asked: Any) -> dict[str, Any]:
    """Checks alone and with people clicking, turn by turn; the ratio of each pair, and their median. People click in a
    separate process, like their browsers: this event loop times nothing but checks.
    """
    headers = {"Authorization": f"Bearer {demo['keys']['agency']}"}
    alone, beside, clicks, refused = [], [], 0, 0
    people = await People.arrive(demo["url"], desks, asked)
    async with httpx.AsyncClient(base_url=demo["url"], headers=headers, timeout=10) as asker:
        await check(asker, asked.rate, 2)
        for turn in range(2 * asked.turns):
            # The order alternates, so that whatever slows the machine down favours neither.
            with_people = (turn % 4) in (1, 2)
            if with_people:
                await people.begin()
            taken, turned_away = await check(asker, asked.rate, asked.seconds)
            (beside if with_people else alone).append(taken)
            refused += turned_away
            if with_people:
                clicks += await people.pause()
    await people.leave()
    ratios = [round(busy / quiet, 3) for busy, quiet in zip(beside, alone, strict=True)]
    return {
        "rate": asked.rate,
        "people": asked.people,
        "clicks": clicks,
        "undetermined": refused,
        "p99_ms_alone": [round(one, 1) for one in alone],
        "p99_ms_beside": [round(one, 1) for one in beside],
        "ratios": ratios,
        "median_ratio": statistics.median(ratios),
    }


class People:
    """A process that clicks: a line on its input starts or pauses it, and it reports how many pages it opened."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def arrive(cls, url: str, desks: dict[str, httpx.AsyncClient], asked: Any) -> "People":
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(sys.executable, __file__, "--clicking", stdin=pipe, stdout=pipe)
        people = cls(process)
        cookies = {duty: desk.headers["Cookie"] for duty, desk in desks.items()}
        await people._say({"url": url, "cookies": cookies, "people": asked.people, "pause": asked.pause})
        return people

    async def begin(self) -> None:
        await self._say("begin")

    async def pause(self) -> int:
        await self._say("pause")
        assert self._process.stdout is not None
        return int(await self._process.stdout.readline())

    async def leave(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()

    async def _say(self, what: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what).encode() + b"\n")
        await self._process.stdin.drain()


async def click_when_told() -> None:
    loop = asyncio.get_running_loop()
    told = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(told), sys.stdin)
    asked = json.loads(await told.readline())
    desks = [
        (duty, httpx.AsyncClient(base_url=asked["url"], headers={**OWN_SITE, "Cookie": cookie}, timeout=30))
        for duty, cookie in asked["cookies"].items()
    ]
    while await told.readline():
        clicking = [asyncio.create_task(click(*one, asked["pause"])) for one in first(asked["people"], desks)]
        await told.readline()
        for person in clicking:
            person.cancel()
        ended = await asyncio.gather(*clicking, return_exceptions=True)
        print(sum(one for one in ended if isinstance(one, int)), flush=True)


async def check(asker: httpx.AsyncClient, rate: float, seconds: float) -> tuple[float, int]:
    """The 99th percentile, in milliseconds, of checks that are asked at an even rate, however long others take; and how many
    were not answered in time (503): their time counts too.
    """
    taken: list[float] = []
    refused = 0

    async def ask() -> None:
        nonlocal refused
        started = time.perf_counter()
        answer = await asker.post("/v1/checks", json=BODY)
        assert answer.status_code in {200, 503}, answer.text
        refused += answer.status_code == 503
        taken.append(1000 * (time.perf_counter() - started))

    asks, begun = [], time.perf_counter()
    for n in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, begun + n / rate - time.perf_counter()))
        asks.append(asyncio.create_task(ask()))
    await asyncio.gather(*asks)
    return statistics.quantiles(taken, n=100)[-1], refused


async def click(duty: str, desk: httpx.AsyncClient, pause: float) -> int:
    """Until cancelled, open a page every few seconds; return how many."""
    opened = 0
    try:
        await asyncio.sleep(random.uniform(0, pause))
        for path in cycle(PAGES[duty]):
            await desk.get(f"/console{path}")
            opened += 1
            await asyncio.sleep(pause)
    except asyncio.CancelledError:
        pass
    return opened


def first(count: int, desks: list[tuple[str, httpx.AsyncClient]]) -> Iterator[tuple[str, httpx.AsyncClient]]:
    for _, desk in zip(range(count), cycle(desks), strict=False):
        yield desk


if __name__ == "__main__":
    asyncio.run(click_when_told() if sys.argv[1:] == ["--clicking"] else main())
