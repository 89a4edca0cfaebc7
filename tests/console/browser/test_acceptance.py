"""The console when something is wrong: a hung database, a lost session, a locked account, a receipt of another log."""

import subprocess
import sys
import time
from pathlib import Path

from blacklist_service.access.duties import Duty
from tests.console.browser.conftest import Hall
from tests.console.browser.test_journeys import ask, listed
from tests.members.staff.people import PASSWORD, add_person, forget_code
from tests.support import Service


async def test_while_the_ledger_hangs_nothing_is_told_and_afterwards_one_entry_stands(hall: Hall, service: Service):
    number, person = await listed(service), await add_person(service, "wang.li", Duty.WINDOW)
    async with hall.seat() as seat, service.workplace.connected() as other:
        await seat.log_in(person)
        await seat.open("/checks/new")
        await other.execute("RESET ROLE")
        async with other.transaction():
            await other.execute("LOCK TABLE ledger_entries IN EXCLUSIVE MODE")
            begun = time.monotonic()
            await ask(seat, "赵六", number)
            await seat.says("无法判定，不得视为通过")
            assert time.monotonic() - begun < 15  # 1 s where the machine has nothing else to do
            assert await seat.page.get_by_text("公务员录用、调任").count() == 1
            await seat.picture("window-undetermined")
            await seat.accessible()
            assert await seat.page.get_by_role("button", name="打印").count() == 0
        await seat.page.get_by_role("button", name="重试").click(timeout=30_000)
        await seat.says("停止办理")
    [entries] = await service.fetch("SELECT count(*) AS n FROM ledger_entries WHERE action = 'check'")
    assert entries["n"] == 1


def verified(folder: Path) -> "subprocess.CompletedProcess[str]":
    """The command line, which knows nothing of this service but the key."""
    words = ("audit", "verify-receipt", folder / "receipt", folder / "leaf", "--vkey", folder / "vkey")
    return subprocess.run(
        [sys.executable, "-m", "blacklist_service", *words], capture_output=True, text=True, check=False
    )


async def test_a_receipt_verifies_away_from_here(hall: Hall, service: Service, tmp_path: Path):
    number, person = await listed(service), await add_person(service, "wang.li", Duty.WINDOW)
    async with hall.seat() as seat:
        await seat.log_in(person)
        await ask(seat, "赵六", number)
        await seat.says("停止办理")
        check = seat.page.url.rpartition("/")[2]
        await hall.seal()
        await seat.open(f"/checks/{check}/receipt")
        for name, word in (("receipt", "下载回执文件"), ("leaf", "下载条目文件")):
            async with seat.page.expect_download() as download:
                await seat.page.get_by_role("link", name=word).click()
            await (await download.value).save_as(tmp_path / name)
    auditor = await add_person(service, "zhao.min", Duty.AUDITOR)
    async with hall.seat() as seat:
        await seat.log_in(auditor)
        await seat.open("/verify")
        await seat.page.locator("#file").set_input_files(tmp_path / "receipt")
        await seat.page.get_by_label("条目").fill((tmp_path / "leaf").read_text("utf-8"))
        await seat.press("验证")
        await seat.says("号条目，日志规模")
        await seat.picture("auditor-verified")
        await seat.accessible()
    vkey = (await service.client.get("/v1/ledger/vkey", headers=service.bearer("auditor"))).text
    (tmp_path / "vkey").write_text(vkey, "utf-8")
    assert verified(tmp_path).stdout.startswith("verified: entry ")
    leaf = (tmp_path / "leaf").read_bytes()
    (tmp_path / "leaf").write_bytes(leaf[:-2] + bytes([leaf[-2] ^ 1]) + leaf[-1:])
    assert verified(tmp_path).returncode == 1


async def test_after_sixteen_idle_minutes_the_typing_is_back_and_nothing_was_sent(hall: Hall, service: Service):
    person = await add_person(service, "wang.li", Duty.WINDOW)
    async with hall.seat() as seat:
        await seat.log_in(person)
        page = seat.page
        await seat.open("/checks/new")
        await page.get_by_label("办理事项").select_option("civil_service_recruitment")
        await page.get_by_label("业务编号").fill("GD-2026-77")
        await page.get_by_label("姓名/名称").fill("赵六")
        await service.fetch("UPDATE staff_sessions SET seen_at = now() - interval '16 minutes'")
        service.app.state.console.__init__(service.app.state)
        await seat.press("核查")
        await seat.says("您填写的内容已保留")
        await seat.picture("login-over")
        await seat.accessible()
        await forget_code(service, person)
        await page.get_by_label("登录名").fill(person.login)
        await page.get_by_label("口令").fill(PASSWORD)
        await page.get_by_label("动态码").fill(person.code())
        await seat.press("登录")
        await seat.says("GD-2026-77")
        await seat.says("公务员录用、调任")
        await seat.picture("kept")
        await seat.accessible()
        assert not await service.fetch("SELECT FROM ledger_entries WHERE action = 'check'")
        await seat.open("/checks")
        await page.get_by_role("button", name="退出").click()
        await page.get_by_label("登录名").wait_for()
        await page.go_back()
        await page.get_by_label("登录名").wait_for()
        assert await page.get_by_text("本单位核查记录").count() == 0


async def test_the_sixth_try_is_locked_though_it_is_right(hall: Hall, service: Service):
    person = await add_person(service, "wang.li", Duty.WINDOW)
    async with hall.seat() as seat:
        page = seat.page
        for n in range(6):
            await forget_code(service, person)
            await seat.open("/login")
            await page.get_by_label("登录名").fill(person.login)
            await page.get_by_label("口令").fill(PASSWORD if n == 5 else "wrong")
            await page.get_by_label("动态码").fill(person.code())
            await seat.press("登录")
            await seat.says("登录名、口令或动态码不正确")
        await seat.picture("login-refused")
        await seat.accessible()
    assert await service.fetch("SELECT FROM ledger_entries WHERE action = 'staff_locked'")
