"""A workbook whose reader hangs delays its own import, for a limited time, and nothing else."""

import asyncio
import os
import signal
import threading
import time
from pathlib import Path

import openpyxl
import pytest

from blacklist_service.listings.files import UnreadableFile, open_list_file, xlsx_file
from tests.attacks.imports import send, state_of, work_once
from tests.durability.serving import command_of
from tests.support import Service, row


def workbook(path: Path) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    one = row()
    sheet.append(list(one))
    for number in range(900):
        sheet.append(list((one | {"name": f"人{number}"}).values()))
    book.save(path)
    return path


def readers() -> list[int]:
    """Whichever thread began them."""
    tasks = Path("/proc/self/task").glob("*/children")
    children = [int(child) for task in tasks for child in task.read_text().split()]
    return [child for child in children if "xlsx_child" in command_of(child)]


def stop_the_reader() -> None:
    """As soon as there is one."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        for reader in readers():
            os.kill(reader, signal.SIGSTOP)
            return
        time.sleep(0.001)


def test_a_reader_that_is_silent_is_ended_by_the_clock_on_the_wall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(xlsx_file, "MESSAGE_SECONDS", 1.0)
    path = workbook(tmp_path / "list.xlsx")
    threading.Thread(target=stop_the_reader).start()
    began = time.monotonic()
    with pytest.raises((UnreadableFile, RuntimeError)), open_list_file(path) as file:
        list(file.rows())
    assert time.monotonic() - began < 5
    assert not readers()


async def test_the_loop_goes_on_while_a_file_is_read(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(xlsx_file, "MESSAGE_SECONDS", 2.0)
    import_id = await send(service, workbook(tmp_path / "list.xlsx").read_bytes())
    longest, is_over = 0.0, False

    async def watch() -> None:
        nonlocal longest
        while not is_over:
            slept = time.monotonic()
            await asyncio.sleep(0.01)
            longest = max(longest, time.monotonic() - slept)

    watching = asyncio.create_task(watch())
    threading.Thread(target=stop_the_reader).start()
    assert await work_once(service)
    is_over = True
    await watching
    assert (await state_of(service, import_id))["state"] == "failed"
    assert longest < 1.0
