"""Rows that nobody sends in good faith, and the files they come in. The same seed gives the same rows."""

import csv
import io
import json
import random
from collections.abc import Callable
from typing import Any

from tests.support import COURT_CODE, day, resident_id

FIELDS = (
    *("action", "name", "kind", "identifier_type", "identifier_number", "sex", "legal_representative", "case_number"),
    *("party_sequence", "court_name", "court_code", "filed_on", "published_on", "basis_number", "basis_issuer"),
    *("obligation", "performance", "performed_part", "unperformed_part", "circumstances", "decision_number"),
    *("decided_on", "expires_on", "grace_until", "ground", "备注", "qysler"),
)
WORDS = (
    *(
        "",
        " ",
        "\u3000",
        "0",
        "-1",
        "1e308",
        "NaN",
        "null",
        "无",
        "#N/A",
        "=1+1",
        "'",
        '"',
        "\\N",
        "\\.",
        "{}",
        "[]",
        "%s",
    ),
    *(
        "\u202e",
        "\u200b",
        "\ufeff",
        "\x7f",
        "\x85",
        "\t",
        "\n",
        "\r\n",
        "e\u0301",
        "𠮷",
        "👨‍👩‍👧‍👦",
        "ﬃ",
        "㍐",
        "İ",
        "ß",
        "Ⅻ",
    ),
    *(
        "删除",
        "撤销",
        "更正",
        "暂时屏蔽",
        "恢复",
        "发布",
        "person",
        "organisation",
        "自然人",
        "法人",
        "resident_id",
        "uscc",
    ),
    *("2025-01-05", "20250230", "0000-00-00", "9999-12-31", "45000", "2025年13月1日", "长期"),
    *("530111198503170015", "5301**********0015", "5.30111E+17", "91530111080734599W", "X" * 18, "１２３"),
    *("(2025)云0111执1号", "（2025）云0111执1号之一", "(2025)云0111执9999999999号"),
)


def hostile_file(seed: int, count: int) -> bytes:
    """A CSV, or JSON Lines, of so many rows."""
    chance = random.Random(seed)
    return _json_lines(chance, count) if seed % 3 == 2 else _csv(chance, count)


def _csv(chance: random.Random, count: int) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, FIELDS)
    writer.writeheader()
    for _ in range(count):
        writer.writerow(_row(chance))
    return text.getvalue().encode(chance.choice(("utf-8", "utf-8-sig", "gb18030")))


def _json_lines(chance: random.Random, count: int) -> bytes:
    lines = []
    for _ in range(count):
        values: dict[str, Any] = dict(_row(chance))
        for name in chance.sample(FIELDS, 2):
            values[name] = chance.choice((None, True, 10**50, 1.5, [], {}, [["a"]], {"$date": "x"}, "x" * 70_000))
        lines.append(json.dumps(values, ensure_ascii=chance.random() < 0.5))
    return "\n".join(lines).encode()


def _row(chance: random.Random) -> dict[str, str]:
    """Right in most of its cells, so that it comes as far as it can."""
    number = chance.randrange(1, 10**6)
    usual = {
        "name": "张三",
        "identifier_number": resident_id(number),
        "case_number": f"(2025)云0111执{number % 50}号",
        "court_code": COURT_CODE,
        "published_on": day(-30),
        "expires_on": day(700),
        "circumstances": "违反财产报告制度",
    }
    for name in chance.sample(FIELDS, chance.randrange(1, 5)):
        usual[name] = chance.choice(MAKERS)(chance)
    return usual


def _long(chance: random.Random) -> str:
    return chance.choice("9零甲A\u0301=") * chance.choice((63, 65, 199, 201, 501, 3000, 20_001, 65_537, 100_000))


def _random(chance: random.Random) -> str:
    ranges = (range(0x20, 0x7F), range(0x4E00, 0x9FA5), range(0x1F300, 0x1F600), range(0x80, 0x250))
    return "".join(map(chr, chance.choices(chance.choice(ranges), k=chance.choice((1, 20, 3000)))))


def _digits(chance: random.Random) -> str:
    return chance.choice(("", "0000000", "00000001")) + "".join(
        chance.choices("0123456789", k=chance.choice((1, 20, 5000)))
    )


def _word(chance: random.Random) -> str:
    return "".join(chance.choices(WORDS, k=chance.choice((1, 1, 2, 30))))


MAKERS: tuple[Callable[[random.Random], str], ...] = (_long, _random, _digits, _word, _word)
