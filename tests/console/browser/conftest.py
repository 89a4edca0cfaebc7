"""A real Chromium at a real port. Without one the journeys are skipped, loudly; in CI that fails."""

import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.ledger.sealing import begin, seal_all
from tests.members.staff.people import PASSWORD, Person, forget_code
from tests.support import Service, listening

ROOT = Path(__file__).parents[3]
PICTURES = ROOT / ".pictures"
AXE = ROOT / ".venv" / "axe.min.js"
# The first is the same engine without a browser's own windows, which cost more than the pages in them.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
WCAG = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']"
TOLD = "found.violations.map(one => one.id + ': ' + one.nodes.map(node => node.target.join(' ')).join(', '))"
PLANTED = re.compile(r"5301112\d{11}|53011119\d{9}[\dX]")
ALLOWED = re.compile(r"the server responded with a status of (401|403|404|409|422|429|503)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if CHROMIUM is None:
        if os.environ.get("CI"):
            raise pytest.UsageError("CI needs Chromium: .ci/run installs it")
        for item in items:
            if "tests/console/browser" in str(item.path):
                item.add_marker(
                    pytest.mark.skip(reason="NO BROWSER: install chromium to have the console's journeys run")
                )


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        await browser.close()


@dataclass
class Seat:
    """Somebody before a screen: the page, and whatever went wrong on it."""

    service: Service
    context: BrowserContext
    page: Page
    url: str
    wrongs: list[str] = field(default_factory=list)

    async def open(self, path: str) -> None:
        await self.page.goto(f"{self.url}/console{path}")

    async def log_in(self, person: Person) -> None:
        await forget_code(self.service, person)
        await self.open("/login")
        await self.page.get_by_label("登录名").fill(person.login)
        await self.page.get_by_label("口令").fill(PASSWORD)
        await self.page.get_by_label("动态码").fill(person.code())
        await self.page.get_by_role("button", name="登录", exact=True).click()
        await self.page.get_by_role("heading", name="工作台", level=1).wait_for()

    async def press(self, name: str) -> None:
        await self.page.get_by_role("main").get_by_role("button", name=name, exact=True).click()

    async def picture(self, name: str, *, whole: bool = True) -> None:
        PICTURES.mkdir(exist_ok=True)
        await self.page.screenshot(path=PICTURES / f"{name}.png", full_page=whole)

    async def says(self, words: str) -> None:
        await self.page.get_by_text(words).first.wait_for(timeout=30_000)

    async def accessible(self) -> None:
        """No violation that axe finds (WCAG 2.2 AA); where it was not fetched, the rest of the journey counts."""
        if not AXE.exists():
            if os.environ.get("CI"):
                pytest.fail("CI needs axe-core: make axe")
            return
        # The page's own policy lets no script in: the check runs beside it, in a world of its own.
        session = await self.context.new_cdp_session(self.page)
        tree = await session.send("Page.getFrameTree")
        world = await session.send("Page.createIsolatedWorld", {"frameId": tree["frameTree"]["frame"]["id"]})
        place = {"contextId": world["executionContextId"]}
        await session.send("Runtime.evaluate", {"expression": AXE.read_text("utf-8"), **place})
        asked = f"axe.run({{runOnly: {WCAG}}}).then(found => JSON.stringify({TOLD}))"
        found = await session.send(
            "Runtime.evaluate", {"expression": asked, "awaitPromise": True, "returnByValue": True, **place}
        )
        assert found["result"]["value"] == "[]", (self.page.url, found["result"]["value"])


@pytest.fixture
async def hall(service: Service, chromium: Browser, dsn: str, tmp_path: Path) -> AsyncIterator[Any]:
    """A served console: `async with hall.seat() as seat`. Whatever any page does wrong fails the test that opened it."""
    place = await begin(dsn, tmp_path)
    async with listening(service) as port:
        yield Hall(service, chromium, f"http://127.0.0.1:{port}", place)


@dataclass
class Hall:
    service: Service
    chromium: Browser
    url: str
    place: Any

    async def seal(self) -> None:
        await seal_all(self.service.workplace.dsn, self.place)

    @asynccontextmanager
    async def seat(
        self, *, width: int = 1440, scripts: bool = True, name: str = "127.0.0.1", **options: Any
    ) -> AsyncIterator[Seat]:
        context = await self.chromium.new_context(
            viewport={"width": width, "height": 900}, locale="zh-CN", java_script_enabled=scripts, **options
        )
        page = await context.new_page()
        seat = Seat(self.service, context, page, self.url.replace("127.0.0.1", name))
        page.on("console", lambda m: _note(seat, m.type, m.text))
        page.on("pageerror", lambda e: seat.wrongs.append(f"script: {e}"))
        page.on("request", lambda r: _no_foreigner(seat, r.url))
        page.on("response", lambda r: _no_fault(seat, r.status, r.url))
        try:
            yield seat
            assert not PLANTED.search(page.url), "a number stands in the address"
            held = await context.storage_state()
            assert not PLANTED.search(str(held)), "a number is stored in the browser"
            assert seat.wrongs == []
        finally:
            await context.close()


def _note(seat: Seat, kind: str, text: str) -> None:
    if kind == "error" and not ALLOWED.search(text):
        seat.wrongs.append(f"console: {text}")


def _no_fault(seat: Seat, status: int, url: str) -> None:
    if status >= 500 and status != 503:
        seat.wrongs.append(f"{status} {url}")


def _no_foreigner(seat: Seat, url: str) -> None:
    if not url.startswith((seat.url, "data:", "blob:")):
        seat.wrongs.append(f"foreign: {url}")
    if PLANTED.search(url):
        seat.wrongs.append("a number in an address")
