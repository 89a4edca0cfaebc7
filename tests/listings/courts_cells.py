"""Cells as courts write them, for hypothesis: a debtor's number in every disguise that tables were seen with, and none."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.subjects.numbers import credit_code, organisation_codes, resident_numbers

WORDS = [
    "身份证",
    "身份证号：",
    "证件号码:",
    "公民身份号码 ",
    "（旧证）",
    "(已核实)",
    " 男",
    "汉族",
    "，云南",
    "见判决书",
    "ID",
    "No.",
    "原",
]
NOTHING = [
    "无",
    "待补充",
    "未采集",
    "不知道",
    "保密",
    "不详",
    "见附件",
    "见附件2",
    "无身份证号",
    "-",
    "/",
    "？",
    "…",
    "UNKNOWN",
    "n/a",
    "N/A",
    "NULL",
    "none",
    "nil",
    "TRUE",
    "False",
    "#N/A",
    "unknown",
    "pending",
    "неизвестно",
    "не_указано",
    "belirsiz",
    "không_có",
    "0",
    "1",
    "2",
    "00000000",
]
NOTHING += ["", " ", "no data", "0" * 18, "0" * 17 + "X", "1" * 18]
FILLERS = "*＊xX×#＃某●○_?■※~"
LIKE: dict[str, str] = {"0": "OoО〇零○", "1": "Il|", "5": "Ss", "8": "B", "2": "Z"}
PERSONS_TYPES = [
    "",
    "",
    "居民身份证",
    "身份证",
    "护照",
    "军官证",
    "台胞证",
    "港澳居民来往内地通行证",
    "其他",
    "户口簿",
    "营业执照",
]
COMPANIES_TYPES = [
    "",
    "",
    "统一社会信用代码",
    "营业执照",
    "注册号",
    "组织机构代码",
    "其他",
    "事业单位法人证书",
    "居民身份证",
]
WITHOUT_A_TYPE = ["", "居民身份证", "户口簿"]
COMPANIES_WITHOUT_A_TYPE = ["", "统一社会信用代码"]


@dataclass(frozen=True)
class Case:
    """A debtor with the number that is the debtor's, and what a court's table says of it."""

    is_person: bool
    number: str
    cell: Any
    type_word: str
    kind_word: str


def spaced(number: str, gap: str) -> str:
    return gap.join((number[:6], number[6:14], number[14:]))


def full_width(text: str) -> str:
    return "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in text)


@st.composite
def like(draw: st.DrawFn, number: str) -> str:
    """Some digits typed as letters."""
    return "".join(draw(st.sampled_from(LIKE[one])) if one in LIKE and draw(st.booleans()) else one for one in number)


@st.composite
def masked(draw: st.DrawFn, number: str) -> str:
    filler, start = draw(st.sampled_from(FILLERS)), draw(st.integers(0, 12))
    end = draw(st.integers(start + 2, len(number)))
    length = draw(st.one_of(st.just(end - start), st.integers(2, 12)))
    return number[:start] + filler * length + number[end:]


@st.composite
def in_words(draw: st.DrawFn, text: str) -> str:
    before, after = (draw(st.lists(st.sampled_from(WORDS), max_size=2)) for _ in range(2))
    return (
        "".join(before)
        + draw(st.sampled_from(["{}", "{}", "（{}）", "[{}]", "「{}」", "{}、"])).format(text)
        + "".join(after)
    )


def disguised(number: str, other: str) -> st.SearchStrategy[str]:
    """The whole number is there, in whatever company."""
    plain = st.sampled_from(
        [
            number,
            number.lower(),
            full_width(number),
            f'="{number}"',
            f'=T("{number}")',
            f"'{number}",
            f"{number}.0" if number.isdigit() else number,
            *(spaced(number, gap) for gap in (" ", "\u3000", "-", "－", ".", "\u200b", "\n")),
        ]
    )
    two = st.sampled_from(["、", "/", "；", " ", ","]).flatmap(
        lambda gap: st.sampled_from([f"{number}{gap}{other}", f"{other}{gap}{number}"])
    )
    return st.one_of(plain, plain.flatmap(in_words), like(number), like(number).flatmap(in_words), two)


@st.composite
def persons(draw: st.DrawFn) -> Case:
    number, other = draw(resident_numbers), draw(resident_numbers)
    kind = draw(st.sampled_from(["自然人", "自然人", "person", "580"]))
    cell: Any
    sort = draw(st.sampled_from(["whole", "whole", "whole", "masked", "mistyped", "old", "part", "nothing", "text"]))
    if sort == "whole":
        words = draw(st.sampled_from(PERSONS_TYPES))
        return Case(
            True, number, draw(disguised(number, other)), words, draw(st.sampled_from([kind, "法人或其他组织"]))
        )
    word = draw(st.sampled_from(WITHOUT_A_TYPE))
    if sort == "masked":
        cell = draw(masked(number).flatmap(lambda text: st.one_of(st.just(text), in_words(text))))
    elif sort == "mistyped":
        place = draw(st.integers(0, 16))
        cell = number[:place] + str((int(number[place]) + draw(st.integers(1, 9))) % 10) + number[place + 1 :]
        cell = draw(st.one_of(st.just(cell), in_words(cell)))
    elif sort == "old":
        old = number[:6] + number[8:17]
        cell = draw(st.one_of(st.just(old), in_words(old), like(old)))
    elif sort == "part":
        cell = draw(
            st.sampled_from([number[6:14], number[-4:], f"尾号{number[-4:]}", number[:17], number[:6], number + "1"])
        )
    elif sort == "nothing":
        cell = draw(st.one_of(st.sampled_from(NOTHING), st.booleans(), st.integers(0, 99)))
    else:
        cell = draw(st.text("0123456789XABHMP*-（）身份证号无某", max_size=24))
    return Case(True, number, cell, word, kind)


@st.composite
def companies(draw: st.DrawFn) -> Case:
    def code() -> str:
        region = draw(st.sampled_from(["530111", "110105", "310115", "440300", "659001"]))
        return credit_code(draw(st.sampled_from(["91", "92", "93", "52"])) + region + draw(organisation_codes))

    number, other = code(), code()
    kind = draw(st.sampled_from(["法人或其他组织", "organisation", "581"]))
    cell: Any
    sort = draw(st.sampled_from(["whole", "whole", "whole", "code", "registered", "mistyped", "masked", "nothing"]))
    if sort == "whole":
        words = draw(st.sampled_from(COMPANIES_TYPES))
        cell = draw(st.one_of(disguised(number, other), st.just(f"{number}(1-1)")))
        return Case(False, number, cell, words, draw(st.sampled_from([kind, "自然人"])))
    word = draw(st.sampled_from(COMPANIES_WITHOUT_A_TYPE))
    inner = number[8:17]
    if sort == "code":
        cell = draw(st.sampled_from([inner, f"{inner[:8]}-{inner[8]}", f"组织机构代码{inner[:8]}-{inner[8]}"]))
        word = draw(st.sampled_from(["", "组织机构代码"]))
    elif sort == "registered":
        cell = draw(
            st.sampled_from(["530103620128086", "5301036201280", "注册号530103620128086", "企合滇总字第000123号"])
        )
        word = draw(st.sampled_from(["", "注册号", "营业执照"]))
    elif sort == "mistyped":
        place = draw(st.integers(2, 7))
        cell = number[:place] + str((int(number[place]) + draw(st.integers(1, 9))) % 10) + number[place + 1 :]
    elif sort == "masked":
        cell = draw(masked(number))
    else:
        cell = draw(st.one_of(st.sampled_from(NOTHING), st.booleans(), st.integers(0, 99)))
    return Case(False, number, cell, word, kind)


cases = st.one_of(persons(), persons(), companies())
