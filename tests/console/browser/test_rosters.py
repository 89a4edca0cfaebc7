"""An officer hands in a roster, watches the bar, leaves, comes back and fetches the result."""

import asyncio
import contextlib
import io
from pathlib import Path

import openpyxl

from blacklist_service.access.duties import Duty
from blacklist_service.rosters.tasks import screen_rosters
from blacklist_service.settings import Settings
from tests.console.browser.conftest import Hall
from tests.members.staff.people import add_person
from tests.rosters.handing import screener, workbook, working
from tests.support import Service, resident_id, row

LISTED = resident_id(601)
ROWS = 250


async def test_a_roster_from_its_upload_to_its_result(hall: Hall, service: Service, tmp_path: Path):
    await service.load_rows(row(name="李明", identifier_number=LISTED))
    people = [(f"GD-{n:04d}", "王芳", resident_id(), "人社局") for n in range(ROWS - 2)]
    rows = [("GD-A", "李明", LISTED, "=1+1"), *people, ("GD-Z", "赵六", "530111198503170016", "教育局")]
    file = tmp_path / "报考人员.xlsx"
    file.write_bytes(workbook(*rows))
    person = await add_person(service, "wang.li", Duty.WINDOW)
    async with hall.seat() as seat:
        await seat.log_in(person)
        await seat.page.get_by_role("link", name="名册核查").first.click()
        await seat.says("一周内没有核查过名册")
        await seat.page.get_by_label("办理事项").select_option("civil_service_recruitment")
        await seat.page.get_by_label("名册文件").set_input_files(file)
        await seat.picture("roster-form")
        await seat.accessible()
        await seat.press("上传并核查")
        await seat.says("等待读取")
        async with working(service) as connection:
            worker = screener(service)
            await worker.rehearse(connection)
            await worker.do_some(connection)
            await worker.do_some(connection)
        await seat.says(f"已核查 100/{ROWS} 行")
        await seat.picture("roster-running")
        await seat.accessible()
        await seat.open("/")
        address = await _finish(hall, seat, service, tmp_path)
        await seat.picture("roster-done")
        await seat.accessible()
        await _look_narrow(hall, service, person, address)


async def _finish(hall: Hall, seat, service: Service, tmp_path: Path) -> str:
    working_on = asyncio.create_task(
        screen_rosters(service.workplace.dsn, service.workplace.secrecy, Settings(data_dir=tmp_path))
    )
    try:
        await seat.open("/rosters")
        await seat.page.get_by_role("row", name="报考人员").get_by_role("link").click()
        await seat.page.get_by_role("link", name="下载结果").wait_for(timeout=60_000)
    finally:
        working_on.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working_on
    async with seat.page.expect_download() as coming:
        await seat.page.get_by_role("link", name="下载结果").click()
    download = await coming.value
    content = Path(await download.path()).read_bytes()
    found = list(openpyxl.load_workbook(io.BytesIO(content))["结果"].iter_rows(values_only=True))
    assert len(found) == ROWS + 1
    assert (found[1][3], found[1][4], found[-1][4]) == ("=1+1", "停止办理", "未受理")
    return str(seat.page.url).removeprefix(f"{hall.url}/console")


async def _look_narrow(hall: Hall, service: Service, person, address: str) -> None:
    """At 320 px, in English: everything is there, and nothing runs out of the page."""
    async with hall.seat(width=320) as seat:
        await seat.log_in(person)
        await seat.page.get_by_role("button", name="English").click()
        for path, name in (("/rosters", "roster-form-narrow-en"), (address, "roster-done-narrow-en")):
            await seat.open(path)
            await seat.page.get_by_role("heading", level=1).wait_for()
            await seat.picture(name)
            await seat.accessible()
            wide = await seat.page.locator("html").evaluate("one => one.scrollWidth")
            assert wide <= 320, path
