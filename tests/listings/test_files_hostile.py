"""Files that mean harm, or are broken: each is refused in bounded time and memory, and no refusal shows content."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blacklist_service.listings.files import UnreadableFile, open_list_file
from blacklist_service.listings.files.xlsx_file import DEATHS, XlsxFile

HEADER = "姓名,案号,身份证号码\n"
SHEET = "xl/worksheets/sheet1.xml"
BEFORE = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
AFTER = b"</sheetData></worksheet>"
TITLES = (
    b'<row r="1"><c r="A1" t="inlineStr"><is><t>name</t></is></c>'
    b'<c r="B1" t="inlineStr"><is><t>case_number</t></is></c></row>'
)


@pytest.fixture
def write(tmp_path: Path):
    def write_file(content: bytes) -> Path:
        (tmp_path / "list").write_bytes(content)
        return tmp_path / "list"

    return write_file


@pytest.fixture
def workbook(tmp_path: Path):
    """A workbook whose parts are replaced or added."""

    def make(parts: dict[str, bytes], prepare: Callable[[zipfile.ZipFile], None] = lambda _: None) -> Path:
        plain = tmp_path / "plain.xlsx"
        book = openpyxl.Workbook()
        book.worksheets[0].append(["姓名", "案号"])
        book.worksheets[0].append(["张三", "1"])
        book.save(plain)
        with zipfile.ZipFile(plain) as source, zipfile.ZipFile(tmp_path / "list", "w", zipfile.ZIP_DEFLATED) as target:
            contents = {name: source.read(name) for name in source.namelist()} | parts
            for name, content in contents.items():
                target.writestr(name, content)
            prepare(target)
        return tmp_path / "list"

    return make


def read(path: Path) -> int:
    with open_list_file(path) as file:
        return sum(1 for _ in file.rows())


def refusal_of(path: Path) -> str:
    with pytest.raises(UnreadableFile) as refusal:
        read(path)
    assert "张三" not in refusal.value.detail
    return refusal.value.detail


# --- text


@pytest.mark.parametrize("start", [b"", HEADER.encode(), b'{"name": "'], ids=["bare", "csv", "jsonl"])
def test_a_hundred_megabytes_without_a_line_end_are_refused_at_once(tmp_path, start):
    path = tmp_path / "list"
    with path.open("wb") as file:
        file.write(start)
        for _ in range(100):
            file.write(b"a" * (1 << 20))
    tracemalloc.start()
    began = time.monotonic()
    try:
        assert "longer than 1 MiB" in refusal_of(path)
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()
    assert time.monotonic() - began < 2


def test_a_quote_that_does_not_end_is_refused_with_the_line_where_it_began(write):
    rows = "李四,1,2\n" * 200_000
    assert "begins in line 3 " in refusal_of(write(f'{HEADER}李四,1,2\n"张三,1,2\n{rows}'.encode()))
    assert "begins in line 2 " in refusal_of(write(f'{HEADER}"张三,1,2\n'.encode()))


def test_a_record_of_many_lines_is_bounded_too(write):
    cell = '"' + "甲\n" * 40_000 + '",'
    assert "begins in line 2 " in refusal_of(write(f"{HEADER}{cell * 20}".encode()))


def test_text_after_a_closing_quote_is_refused(write):
    assert "must be doubled" in refusal_of(write(f'{HEADER}张三,"支付"若干"元",2\n'.encode()))


def test_a_nul_is_refused_with_its_line(write):
    assert refusal_of(write(HEADER.encode() + b"a,1,2\nb,\0,2\n")).startswith("Line 3: a NUL byte")


def test_utf_16_is_refused_by_name(write):
    assert "UTF-16" in refusal_of(write(HEADER.encode("utf-16")))


def test_two_encodings_in_one_file_are_refused_with_the_line(write):
    utf8, gb18030 = ("李四,1,2\n" * 50).encode(), ("张三,1,2\n" * 50).encode("gb18030")
    assert refusal_of(write(HEADER.encode() + utf8 + gb18030)).startswith("Line 52: ")
    assert refusal_of(write(HEADER.encode("gb18030") + gb18030 + "张三丰,1,2\n".encode() + b"\xff")).startswith("Line ")
    assert refusal_of(write(b"name,case_number\na,\xff\n")) == "Line 2: bytes that are neither UTF-8 nor GB18030."


def test_damaged_utf_8_is_never_taken_for_gb18030(write):
    """Cut in two, 三 leaves bytes that GB18030 would read as another name."""
    broken = "张三".encode()[:-1] + b"\n"
    assert "up to there" in refusal_of(write(("name,case_number\n" + "赵钱孙李,1\n" * 20).encode() + broken * 2))
    assert "up to there" in refusal_of(
        write(b"\xef\xbb\xbfname,case_number\n" + "联通".encode("gb18030") + b"\xb0\xa1")
    )


def test_an_encoding_is_found_across_the_seams_of_reading(write):
    content = HEADER + ("张三" * 500 + "\n") * 700
    for encoding in ("utf-8", "gb18030"):
        for shift in range(3):
            assert read(write((" " * shift + content).encode(encoding))) == 700


def test_too_many_columns_are_refused(write, workbook):
    wide = HEADER.strip() + "," * 498
    assert "500 columns" in refusal_of(write(f"{wide}\n".encode()))
    assert "500 cells" in refusal_of(write(f"{HEADER}张三,1{',' * 499}\n".encode()))
    stray = BEFORE + TITLES + b'<row r="2"><c r="ZZ2"><v>1</v></c></row>' + AFTER
    assert "500 columns" in refusal_of(workbook({SHEET: stray}))


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "no workbook"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"PK\x05\x06" + b"\0" * 18, "empty archive"),
        (b"PK\x03\x04", "damaged"),
        (b"<html><body></body></html>", "no header"),
    ],
)
def test_other_formats_are_refused_by_name(write, content, word):
    assert word in refusal_of(write(content))


def test_a_name_does_not_make_a_workbook(write):
    with pytest.raises(UnreadableFile, match="no workbook"):
        open_list_file(write(HEADER.encode()), name="名单.XLSX")
    assert open_list_file(write(HEADER.encode()), name="名单.jsonl").format == "csv"


# --- workbooks


def test_a_zip_bomb_is_refused_by_what_it_declares(workbook):
    assert "200 times" in refusal_of(workbook({"xl/media/image1.png": b"\0" * (50 << 20)}))


def test_a_workbook_that_is_large_when_unpacked_is_refused(workbook):
    block = os.urandom(1 << 12) * (1 << 8)  # packs well, and not suspiciously well

    def add(archive: zipfile.ZipFile) -> None:
        for number in range(3):
            info = zipfile.ZipInfo(f"xl/media/{number}")
            with archive.open(info, "w") as part:
                part.write(block)
        archive.filelist[-1].file_size = 600 << 20

    assert "512 MiB" in refusal_of(workbook({}, add))


def test_a_size_that_lies_is_found_out(workbook):
    def lie(archive: zipfile.ZipFile) -> None:
        archive.getinfo(SHEET).file_size = 100

    assert "damaged" in refusal_of(workbook({SHEET: BEFORE + TITLES * 1 + b" " * 100_000 + AFTER}, lie))


def test_too_many_parts_and_two_of_one_name_are_refused(workbook):
    assert "1000 parts" in refusal_of(workbook({f"x/{number}": b"" for number in range(1000)}))

    def double(archive: zipfile.ZipFile) -> None:
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr(SHEET, b"")

    assert "one name" in refusal_of(workbook({}, double))


@pytest.mark.parametrize(
    "prolog",
    [
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
        b"<!--" + b" " * 300_000 + b'--><!DOCTYPE x SYSTEM "file:///etc/passwd">',
    ],
    ids=["billion laughs", "far down"],
)
def test_a_document_type_is_refused_wherever_it_stands(workbook, prolog):
    assert "document type" in refusal_of(workbook({SHEET: prolog + BEFORE + TITLES + AFTER}))
    assert "document type" in refusal_of(workbook({"xl/sharedStrings.xml": prolog + b"<sst/>"}))


def test_xml_in_another_encoding_is_refused(workbook):
    assert "UTF-8" in refusal_of(workbook({SHEET: (BEFORE + TITLES + AFTER).decode().encode("utf-16")}))


def test_a_million_empty_rows_are_passed_quickly_and_in_little_memory(workbook):
    empty = b"".join(b'<row r="%d"><c r="A%d" s="1"/></row>' % (number, number) for number in range(2, 1_000_001))
    last = b'<row r="1000001"><c r="A1000001"><v>1</v></c></row>'
    path = workbook({SHEET: BEFORE + TITLES + empty + last + AFTER})
    script = (  # in a process of its own: memory is counted from the fork, and these tests hold much by now
        "import resource, sys, pathlib\n"
        "from blacklist_service.listings.files import open_list_file\n"
        "with open_list_file(pathlib.Path(sys.argv[1])) as file:\n"
        "    print(*[row.number for row in file.rows()])\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    began = time.monotonic()
    ended = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, timeout=60, check=True)
    assert time.monotonic() - began < 15
    rows, most_kib = ended.stdout.split()
    assert rows == b"1000001"
    assert int(most_kib) <= 1 << 20


def test_a_sheet_with_two_far_corners_kills_only_the_process_that_reads_it(workbook):
    """As a range it would be half a tebibyte."""
    corner = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    assert "more memory" in refusal_of(workbook({SHEET: BEFORE + TITLES + corner + AFTER}))


def test_a_workbook_that_takes_too_long_ends_with_the_signal_that_says_so(workbook):
    """Limited to one second instead of two minutes: the cells of this sheet's range are 23 million."""
    rows = b"".join(b'<row r="%d"><c r="NT%d"><v>1</v></c></row>' % (number, number) for number in range(2, 60_000))
    path = workbook({SHEET: BEFORE + TITLES + rows + AFTER})
    script = (
        "import sys, pathlib\n"
        "from blacklist_service.listings.files import xlsx_child\n"
        "xlsx_child.CPU_SECONDS = 1\n"
        "xlsx_child.main(pathlib.Path(sys.argv[1]))\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, timeout=30, check=False)
    assert ended.returncode == -signal.SIGXCPU
    assert "more time" in DEATHS[ended.returncode]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_workbook_is_refused(workbook, share):
    path = workbook({})
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert "damaged" in refusal_of(path)


def test_an_archive_that_is_no_workbook_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "list", "w") as archive:
        archive.writestr("a.txt", "x")
    assert "no XLSX" in refusal_of(tmp_path / "list")


def test_closing_ends_the_process(workbook):
    with open_list_file(workbook({})) as file:
        assert isinstance(file, XlsxFile)
        assert file._child is not None
        process = file._child._process
    assert process.returncode is not None


def test_leaving_off_in_the_middle_ends_the_process(workbook):
    file = open_list_file(workbook({}))
    assert isinstance(file, XlsxFile)
    assert file._child is not None
    process = file._child._process
    rows = file.rows()
    next(rows)
    del rows
    assert process.returncode is not None


# --- anything


def survives(path: Path) -> None:
    with contextlib.suppress(UnreadableFile):
        read(path)


BYTES = st.binary(max_size=400)
CSV_LIKE = st.lists(
    st.sampled_from(["姓名", "案号", ",", ";", "\t", "\n", "\r", '"', "=", "'", "张", " ", "\x07", "9"])
)
JSON_LIKE = st.lists(
    st.sampled_from(
        ['{"name":', '"张"', "{", "}", "[", "]", ":", ",", "1e999", "-0", '"\\ud800"', "\n", '"qysler"', "null"]
    )
)
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FUZZ
@given(content=BYTES)
def test_any_bytes_are_rows_or_a_refusal(write, content):
    if not content.startswith(b"PK"):
        survives(write(content))


@FUZZ
@given(content=BYTES, encoding=st.sampled_from(["utf-8", "gb18030"]))
def test_any_bytes_after_a_header_are_rows_or_a_refusal(write, content, encoding):
    survives(write(HEADER.encode(encoding) + content))
    survives(write(b'{"name": "a"}\n' + content))


@FUZZ
@given(csv_like=CSV_LIKE, json_like=JSON_LIKE)
def test_anything_like_a_list_is_rows_or_a_refusal(write, csv_like, json_like):
    survives(write((HEADER + "".join(csv_like)).encode()))
    survives(write(('{"name": ' + "".join(json_like)).encode()))


@settings(FUZZ, max_examples=12)
@given(at=st.integers(0, 5000), byte=st.integers(0, 255))
def test_a_workbook_with_any_byte_changed_is_rows_or_a_refusal(workbook, at, byte):
    path = workbook({})
    content = bytearray(path.read_bytes())
    content[at % len(content)] = byte
    path.write_bytes(b"PK\x03\x04" + bytes(content[4:]))
    survives(path)
