"""`blacklist-client screen`: a roster in, its answers out; after a kill it resumes, and asks nothing twice."""

import asyncio
import csv
import json
import os
import resource
import stat
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from blacklist_client.journal import Journal, JournalError
from blacklist_client.results import ADDED, Report, Result, write_results
from blacklist_client.rosters import RosterError, read_roster
from blacklist_client.subjects.rosters import is_rounded
from tests.durability.serving import Served, report, running
from tests.support import Service, listening, resident_id, row

IS_SOAK = bool(os.environ.get("BLACKLIST_SOAK"))
ROWS = 50_000 if IS_SOAK else 1_200
MATTER = "civil_service_recruitment"
HEADER = ["报名序号", "姓名", "身份证号", "报考职位"]


def number_of(person: int) -> str:
    """Of one of any number of people who do not exist."""
    return resident_id(person % 1000, born=f"{1950 + person // 1000 % 50}0{1 + person // 50_000}15")


def people(count: int) -> list[list[Any]]:
    return [[f"GD-{n:06}", f"考生{n}", number_of(n), "科员"] for n in range(count)]


def write_workbook(file: Path, rows: Sequence[Sequence[Any]], *, before: Sequence[Sequence[Any]] = ()) -> Path:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("名册")
    for cells in (*before, HEADER, *rows):
        sheet.append(list(cells))
    book.save(file)
    return file


def write_csv(file: Path, rows: Sequence[Sequence[Any]], *, encoding: str = "utf-8") -> Path:
    with file.open("w", encoding=encoding, newline="") as opened:
        csv.writer(opened).writerows([HEADER, *rows])
    return file


class Screen:
    """The command, as an office runs it: a process of its own."""

    def __init__(self, port: int, key: str, roster: Path, out: Path, *words: str, **environment: str) -> None:
        program = [sys.executable, "-c", "import sys; from blacklist_client.cli import main; sys.exit(main())"]
        self.words = [*program, "screen", str(roster), "--matter", MATTER, "--out", str(out), *words]
        self.out = out
        self.journal = out.with_name(f"{out.name}.journal")
        self.environment = {
            "PATH": os.environ["PATH"],
            "BLACKLIST_URL": f"http://127.0.0.1:{port}",
            "BLACKLIST_KEY": key,
        } | environment
        self.said = ""

    async def start(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(*self.words, env=self.environment, stderr=asyncio.subprocess.PIPE)

    async def run(self) -> int:
        process = await self.start()
        assert process.stderr is not None
        self.said = (await process.stderr.read()).decode()
        return await process.wait()

    async def kill_once_it_has(self, lines: int) -> None:
        process = await self.start()
        deadline = time.monotonic() + 60
        while not self.journal.exists() or self.journal.read_bytes().count(b"\n") < lines:
            assert process.returncode is None, "it ended before it could be killed"
            assert time.monotonic() < deadline
            await asyncio.sleep(0.005)
        process.kill()
        await process.wait()

    def rows(self) -> list[dict[str, Any]]:
        sheet = openpyxl.load_workbook(self.out)["结果"]
        header, *rows = sheet.iter_rows(values_only=True)
        return [dict(zip(map(str, header), cells, strict=True)) for cells in rows]


async def checks_by_reference(service: Service | Served) -> Mapping[str, int]:
    rows = await service.fetch("SELECT reference, count(*) AS n FROM ledger_entries WHERE action = 'check' GROUP BY 1")
    return {row["reference"]: row["n"] for row in rows}


async def test_every_row_comes_out_with_what_became_of_it(service: Service, tmp_path: Path) -> None:
    listed = resident_id()
    await service.load_rows(row(name="张三", identifier_number=listed))
    roster = write_workbook(
        tmp_path / "roster.xlsx",
        [
            ["GD-1", "张三", listed, "科员"],
            ["GD-2", "李四", resident_id(), "+1+1"],
            ["GD-3", "王五", 530111198503170015.0, "科员"],
            [None, None, None, None],
            ["GD-4", "张三", None, "科员"],
            ["GD-5", "赵六", "530111198503170016", "科员"],
            [None, "钱七", resident_id(), "科员"],
        ],
        before=[["2026年度公务员报名名册"], []],
    )
    async with listening(service) as port:
        screen = Screen(port, service.keys["agency"], roster, tmp_path / "result.xlsx")
        assert await screen.run() == 1

    found = screen.rows()
    assert [one["结论"] for one in found] == ["停止办理", "未命中", "未受理", None, "人工审核", "未受理", "未受理"]
    assert list(found[0]) == [*HEADER, *ADDED]
    assert "公务员法" in found[0]["依据"]
    assert found[0]["案号"].startswith("(2025)云0111执")
    assert found[0]["法院"] == "昆明市官渡区人民法院"
    assert "科学计数" in found[2]["提示"]
    assert "可能为同名" in found[4]["提示"]
    assert "仅按姓名" in found[4]["提示"]
    assert "校验位" in found[5]["提示"]
    assert len({one["核验编号"] for one in found if one["核验编号"]}) == 3
    assert "row 6:" in screen.said  # as the file counts, the title and the blank line too
    assert listed not in screen.said

    book = openpyxl.load_workbook(screen.out)
    assert not [cell for sheet in book for cells in sheet.iter_rows() for cell in cells if cell.data_type == "f"]
    assert found[1]["报考职位"] == "+1+1"
    totals = {title: value for title, value, *_ in book["合计"].iter_rows(values_only=True)}
    assert (totals["停止办理"], totals["未命中"], totals["未受理"], totals["合计"]) == (1, 1, 3, 6)
    assert stat.S_IMODE(screen.out.stat().st_mode) == 0o600
    assert not screen.journal.exists()
    assert await checks_by_reference(service) == {"GD-1": 1, "GD-2": 1, "GD-4": 1}


async def test_a_csv_of_a_chinese_spreadsheet_to_a_csv(service: Service, tmp_path: Path) -> None:
    await service.load_rows(row())
    roster = write_csv(tmp_path / "roster.csv", [["GD-1", "李四", resident_id(), "@risk"]], encoding="gb18030")
    async with listening(service) as port:
        screen = Screen(port, service.keys["agency"], roster, tmp_path / "result.csv")
        assert await screen.run() == 0

    header, cells = list(csv.reader((tmp_path / "result.csv").read_text("utf-8-sig").splitlines()))
    assert header == [*HEADER, *ADDED]
    assert cells[3:5] == ["'@risk", "未命中"]
    assert "未命中,1" in (tmp_path / "result.totals.csv").read_text("utf-8-sig")


@pytest.mark.timeout(600 if IS_SOAK else 120)
async def test_killed_it_goes_on_and_asks_nothing_twice(tmp_path: Path) -> None:
    async with running(Served(tmp_path, log_level="error")) as served:
        await served.publish(number_of(7))
        roster = write_csv(tmp_path / "roster.csv", people(ROWS))
        screen = Screen(served.port, served.keys["agency"], roster, tmp_path / "result.xlsx")
        for share in (0.2, 0.6) if IS_SOAK else (0.4,):
            await screen.kill_once_it_has(int(share * ROWS))
        assert stat.S_IMODE(screen.journal.stat().st_mode) == 0o600
        assert not [line for line in screen.journal.read_text().splitlines() if "考生" in line or number_of(7) in line]

        assert await screen.run() == 0, screen.said

        asked = await checks_by_reference(served)
        assert asked == {f"GD-{n:06}": 1 for n in range(ROWS)}
        found = screen.rows()
        assert [one["结论"] for one in found].count("停止办理") == 0  # another name: a human looks
        assert found[7]["结论"] == "人工审核"
        assert len({one["核验编号"] for one in found}) == ROWS


@pytest.mark.skipif(not IS_SOAK, reason="NOT TRIED: 50,000 rows, by BLACKLIST_SOAK=1")
async def test_fifty_thousand_rows_in_time_and_in_memory(tmp_path: Path) -> None:
    async with running(Served(tmp_path, log_level="error")) as served:
        await served.publish(number_of(7))
        roster = write_workbook(tmp_path / "roster.xlsx", people(50_000))
        screen = Screen(served.port, served.keys["agency"], roster, tmp_path / "result.xlsx")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.monotonic()
        assert await screen.run() == 0, screen.said
        took = time.monotonic() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime
    report(f"50,000 rows: {took:.1f} s ({cpu:.1f} s of its own), largest child {after.ru_maxrss / 1024:.0f} MB")
    assert after.ru_maxrss <= 200 * 1024
    assert took <= 30


async def test_a_journal_of_the_version_before_goes_on_in_slices_of_its_own(service: Service, tmp_path: Path) -> None:
    await service.load_rows(row(identifier_number=number_of(7)))
    roster = write_csv(tmp_path / "roster.csv", people(450))
    async with listening(service) as port:
        screen = Screen(port, service.keys["agency"], roster, tmp_path / "result.xlsx")
        await screen.kill_once_it_has(1)
        heading = json.loads(screen.journal.read_text("utf-8").splitlines()[0])
        del heading["slice_rows"]
        screen.journal.write_text(json.dumps(heading | {"v": 1, "screening_id": "before"}) + "\n", "utf-8")
        assert await screen.run() == 0, screen.said
    parts = await service.fetch("SELECT rows FROM screened_parts WHERE screening = 'before' ORDER BY rows")
    assert [one["rows"] for one in parts] == [50, 200, 200]


async def test_without_a_service_nothing_is_taken_for_clear(service: Service, tmp_path: Path) -> None:
    await service.load_rows(row())
    roster = write_csv(tmp_path / "roster.csv", [*people(3), ["", "无号", "", ""]])
    async with listening(service) as port:
        key = service.keys["agency"]
    screen = Screen(port, key, roster, tmp_path / "result.xlsx", "--patience", "0.5")
    assert await screen.run() == 3
    assert [one["结论"] for one in screen.rows()] == ["未答复"] * 3 + ["未受理"]
    assert screen.journal.exists()

    async with listening(service) as port:
        again = Screen(port, key, roster, tmp_path / "result.xlsx")
        assert await again.run() == 1
    assert [one["结论"] for one in again.rows()] == ["未命中"] * 3 + ["未受理"]


async def test_a_key_that_is_refused_ends_it(service: Service, tmp_path: Path) -> None:
    roster = write_csv(tmp_path / "roster.csv", people(3))
    async with listening(service) as port:
        screen = Screen(port, "sxd_test_none", roster, tmp_path / "result.xlsx")
        assert await screen.run() == 2
    assert "unauthenticated" in screen.said
    assert not screen.out.exists()


# Without a service


@pytest.mark.parametrize(
    ("cell", "is_so"),
    [
        (5.30111e17, True),
        ("5.30111E+17", True),
        ("530111198503170000", True),
        (530111850317001.0, False),  # fifteen digits: a number of before 1999, whole
        ("530111198503170015", False),
        ("530111196501010000", False),  # its check digit holds
        (1.5, True),
        ("", False),
        (None, False),
    ],
)
def test_what_a_spreadsheet_has_rounded_is_no_number(cell: Any, is_so: bool) -> None:
    assert is_rounded(cell, of_persons=True) is is_so


def test_columns_are_those_named_or_the_usual_ones(tmp_path: Path) -> None:
    file = tmp_path / "roster.csv"
    file.write_text("序 号,单位名称（全称）,统一社会信用代码*,甲,乙\n1,某公司,91530111080734599W,x,y\n", "utf-8")

    usual = read_roster(file, reference=None, name=None, number=None)
    named = read_roster(file, reference="甲", name="乙", number=None)

    assert (usual.columns.reference, usual.columns.name, usual.columns.number) == (0, 1, 2)
    assert usual.is_of_organisations
    assert (named.columns.reference, named.columns.name) == (3, 4)
    for wrong in ({"reference": "丙", "number": None}, {"reference": None, "number": "丁"}):
        with pytest.raises(RosterError):
            read_roster(file, name=None, **wrong)


def test_a_journal_is_of_one_screening(tmp_path: Path) -> None:
    file = tmp_path / "journal"
    first = Journal.open(file, sha256="a", asking={"matter": "m"})
    first.settle({2: Result("未命中", check_id="1")})
    with pytest.raises(JournalError):
        Journal.open(file, sha256="a", asking={"matter": "m"})
    first.close()
    with file.open("ab") as cut:
        cut.write(b'{"row": 3, "resu')

    again = Journal.open(file, sha256="a", asking={"matter": "m"})
    assert again.settled == {2: Result("未命中", check_id="1")}
    assert again.heading.key(0) == first.heading.key(0)
    again.settle({3: Result("未命中")})
    again.close()
    assert [json.loads(line).get("row") for line in file.read_text().splitlines()] == [None, 2, 3]
    with pytest.raises(JournalError):
        Journal.open(file, sha256="b", asking={"matter": "m"})


def test_a_result_file_takes_its_place_whole(tmp_path: Path) -> None:
    file = tmp_path / "result.xlsx"
    file.write_bytes(b"the last one")

    def rows() -> Any:
        yield ["1"], Result("未命中")
        raise RuntimeError

    first = Journal.open(tmp_path / "journal", sha256="a", asking={})
    with pytest.raises(RuntimeError):
        write_results(file, ["编号"], rows(), Report("r.csv", "a", MATTER, first.heading.began_at))
    first.close()
    assert file.read_bytes() == b"the last one"
