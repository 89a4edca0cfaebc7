"""kill -9 of the worker in the middle of a roster: the next one goes on, and no row is asked twice or left out."""

import asyncio
import os
import sys

from blacklist_service.access.duties import Duty
from tests.console.desk import Desk
from tests.members.staff.people import add_person
from tests.rosters.handing import checks_of, handed, result_of, state_of, work, workbook
from tests.support import Service, resident_id, row

KILLS, ROWS = (20, 20_000) if os.environ.get("BLACKLIST_SOAK") else (2, 1500)
PATIENCE_SECONDS = 60.0


async def settled_beyond(service: Service, roster_id: str, rows: int) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await state_of(service, roster_id))["settled"] <= rows:
            await asyncio.sleep(0.02)


async def test_a_killed_worker_asks_nothing_twice_and_leaves_nothing_out(service: Service):
    await service.load_rows(row(identifier_number=resident_id(701)))
    desk = Desk(service)
    await desk.log_in(await add_person(service, "wang.li", Duty.WINDOW))
    roster_id = await handed(desk, workbook(*[(f"R{n:05d}", "王芳", resident_id(), "") for n in range(ROWS)]))
    settled = [0]
    for _ in range(KILLS):
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.rosters.killed", service.workplace.dsn), stdout=asyncio.subprocess.DEVNULL
        )
        try:
            await settled_beyond(service, roster_id, settled[-1])
        finally:
            worker.kill()
            await worker.wait()
        settled.append((await state_of(service, roster_id))["settled"])
    assert settled == sorted(set(settled)), "each of them got further"
    assert settled[-1] < ROWS, "killed in the middle"
    await work(service)
    found, totals = await result_of(desk, roster_id)
    asked = await checks_of(service, roster_id)
    assert [cells[0] for cells in found[1:]] == [f"R{n:05d}" for n in range(ROWS)]
    assert sorted(one["reference"] for one in asked) == [f"R{n:05d}" for n in range(ROWS)]
    assert {str(one["id"]) for one in asked} == {cells[8] for cells in found[1:]}
    assert totals["合计"] == totals["未命中"] == ROWS
