"""Every page with every duty, generated from the pages themselves: open to its duties, 403 and an entry for all others."""

import re
from uuid import uuid4

import pytest

from blacklist_service.access.duties import Duty
from blacklist_service.console import app  # noqa: F401 - registers the pages
from blacklist_service.console.assets import content_of
from blacklist_service.console.routing import PAGES, ConsolePage
from tests.console.desk import Desk
from tests.members.staff.people import add_person
from tests.support import Service

STREAMS = {"/notices/stream"}
GUARDED = [page for page in PAGES if page.duties]


def address_of(page: ConsolePage) -> str:
    return "/console" + re.sub(r"\{\w+\}", str(uuid4()), page.path)


async def status_of(desk: Desk, page: ConsolePage) -> int:
    if page.method == "GET":
        return (await desk.send("GET", address_of(page))).status_code
    token = re.search(r'name="token" value="([0-9a-f]+)"', (await desk.open("/console/me")).text)
    assert token
    return (await desk.send("POST", address_of(page), {"token": token[1]})).status_code


@pytest.mark.parametrize("duty", list(Duty))
async def test_a_duty_sees_its_pages_and_no_others(service: Service, duty: Duty):
    desk = Desk(service)
    await desk.log_in(await add_person(service, "someone", duty))
    wrong = []
    for page in GUARDED:
        if page.path in STREAMS:
            continue
        status = await status_of(desk, page)
        if (status != 403) is not (duty in (page.duties or ())) or status >= 500:
            wrong.append((page.method, page.path, status))
    assert wrong == []
    [refused] = await service.fetch(
        "SELECT count(*) AS n FROM ledger_entries"
        " WHERE action = 'refused' AND convert_from(leaf, 'UTF8')::jsonb->'facts'->>'code' = 'duty-missing'"
    )
    assert refused["n"] == sum(duty not in (page.duties or ()) for page in GUARDED if page.path not in STREAMS)


async def test_nobody_sees_a_page_without_logging_in(service: Service):
    desk = Desk(service)
    for page in PAGES:
        if page.duties is None or page.duties:
            response = await desk.send(page.method, address_of(page), {} if page.method == "POST" else None)
            assert "登录名" in response.text, page.path


async def test_every_page_carries_the_headers_that_keep_others_out(service: Service):
    desk = Desk(service)
    await desk.log_in(await add_person(service, "wang.li", Duty.WINDOW))
    for page in PAGES:
        if page.method == "GET" and page.path not in STREAMS:
            headers = (await desk.send("GET", address_of(page))).headers
            assert "trusted-types 'none'" in headers["content-security-policy"], page.path
            assert headers["cache-control"] == "no-store"
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"


def test_pages_are_small():
    assert len(content_of("console.css")) <= 20 * 1024
    assert len(content_of("console.js")) <= 16 * 1024
