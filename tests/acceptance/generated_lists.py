"""Court lists with planted defects, and what the papers say must come of each row and each question.

Written from design §5, §6, §8 and domain §1–§4 alone: nothing of the service is imported, so that an error of the
service is not repeated here. A scenario plants rows in file order, says the fate of each, and asks its probes.
"""

import csv
import io
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import openpyxl

TODAY = datetime.now(UTC).astimezone(timezone(timedelta(hours=8))).date()
COURT_CODE = "云0111"
COURT_NAME = "昆明市官渡区人民法院"

CREATED, CORRECTED, ENDED, UNCHANGED, REJECTED = "created", "corrected", "ended", "unchanged", "rejected"
"""Warnings that the contract names. A row carries exactly those it deserves; others may be added to any row."""
NAMED_WARNINGS = frozenset(
    {
        "identifier-checksum",
        "identifier-masked",
        "identifier-missing",
        "circumstance-unknown",
        "term-missing",
        "name-suspect",
        "case-number-legacy",
        "dates-unusual",
        "person-unidentified",
        "ground-unusual",
    }
)
C1, C2, C3, C4, C5, C6 = (
    [
        "有履行能力而拒不履行生效法律文书确定义务",
        "其他有履行能力而拒不履行生效法律文书确定义务",
        "有履行能力而拒不履行生效法律文书确定义务的",
        "C1",
    ],
    ["以伪造证据、暴力、威胁等方法妨碍、抗拒执行", "其他妨碍、抗拒执行", "C2"],
    ["以虚假诉讼、虚假仲裁或者以隐匿、转移财产等方法规避执行", "其他规避执行", "其它规避执行", "C3"],
    ["违反财产报告制度", "C4"],
    ["违反限制消费令", "违反限制高消费令", "C5"],
    ["无正当理由拒不履行执行和解协议", "被执行人无正当理由拒不履行执行和解协议", "C6"],
)


# --- numbers, by the standards


def resident_id(random_: random.Random, *, born: date | None = None, region: str | None = None) -> str:
    region = region or random_.choice(["530111", "530102", "362222", "372801", "330621", "110105", "650102"])
    born = born or date(1950, 1, 1) + timedelta(days=random_.randrange(365 * 48))
    return complete_resident_id(f"{region}{born:%Y%m%d}{random_.randrange(1, 990):03d}")


def complete_resident_id(body: str) -> str:
    total = sum(int(digit) * (2 ** (17 - place)) for place, digit in enumerate(body))
    return body + "10X98765432"[total % 11]


def break_check(number: str) -> str:
    """The same number with a check character that does not hold."""
    return number[:-1] + next(each for each in "123456789" if each != number[-1])


def organisation_code(random_: random.Random) -> str:
    body = f"{random_.randrange(10**8):08d}"
    rest = 11 - sum(int(digit) * weight for digit, weight in zip(body, (3, 7, 9, 10, 5, 8, 4, 2), strict=True)) % 11
    return body + ("X" if rest == 10 else "0" if rest == 11 else str(rest))


def uscc(random_: random.Random, code: str | None = None) -> str:
    body = "91530111" + (code or organisation_code(random_))
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    total = sum(alphabet.index(char) * pow(3, place, 31) for place, char in enumerate(body))
    return body + alphabet[(31 - total % 31) % 31]


def fullwidth(text: str) -> str:
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)


# --- what is planted


@dataclass
class Row:
    """One data row: cells by field name, its fate, its refusal or the contract's warnings that it must carry."""

    cells: dict[str, Any]
    fate: str
    code: str | None = None
    warnings: frozenset[str] = frozenset()
    may_warn: frozenset[str] = frozenset()
    """Named warnings of which the papers leave it open whether the row carries them."""
    why: str = ""
    again: str | None = UNCHANGED
    """Its fate when the same file is loaded again; None where the papers leave open how it changes nothing."""


@dataclass
class Probe:
    why: str
    matter: str
    subject: dict[str, Any]
    decision: str | None
    identity: str | None = None
    relation: str | None = None
    reason: str | None = None
    status: int = 200

    @property
    def body(self) -> dict[str, Any]:
        return {"matter": self.matter, "reference": "probe", "subjects": [self.subject]}


@dataclass
class CourtList:
    """A file to be, what must come of it, and the questions after it."""

    rows: list[Row] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)

    @property
    def counts(self) -> Counter[str]:
        return Counter(row.fate for row in self.rows)


SURNAMES = (
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方"
)
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英玉萍红鑫宇晨睿志斌国建文梅琴兰凯旭琪瑶航硕博雯倩"
BUSINESSES = ["物流", "商贸", "矿业", "建筑工程", "餐饮管理", "房地产开发", "农业科技", "运输"]


class People:
    """Names and numbers that no two scenarios of a list share."""

    def __init__(self, random_: random.Random) -> None:
        self.random = random_
        self._seen: set[str] = set()

    def name(self, marker: str = "") -> str:
        while True:
            given = "".join(self.random.choices(GIVEN, k=self.random.choice([1, 2, 2])))
            name = self.random.choice(SURNAMES) + marker + given
            if name not in self._seen:
                self._seen.add(name)
                return name

    def number(self, **values: Any) -> str:
        while True:
            number = resident_id(self.random, **values)
            if number[6:] not in self._seen:
                self._seen.add(number[6:])
                return number

    def company(self) -> str:
        while True:
            name = f"昆明{''.join(self.random.choices(GIVEN, k=3))}{self.random.choice(BUSINESSES)}有限公司"
            if name not in self._seen:
                self._seen.add(name)
                return name

    def business(self) -> tuple[str, str]:
        """A USCC and its organisation code."""
        code = organisation_code(self.random)
        return uscc(self.random, code), code


class Author:
    """Plants rows and probes in a list."""

    def __init__(self, seed: int, first_case: int = 7000) -> None:
        self.random = random.Random(seed)
        self.people = People(self.random)
        self.list = CourtList()
        self._case = first_case + seed * 1000

    # rows

    def case(self) -> str:
        self._case += 1
        return f"(2025)云0111执{self._case}号"

    def cells(self, **given: Any) -> dict[str, Any]:
        """A row that is right in every way, in one of the forms in which it may be written."""
        case = given.get("case_number") or self.case()
        decided = TODAY - timedelta(days=self.random.randrange(100, 500))
        usual: dict[str, Any] = {
            "action": self.random.choice(["发布", "publish", ""]),
            "kind": self.random.choice(["自然人", "person", "580", "0"]),
            "identifier_type": self.random.choice(["居民身份证", "resident_id", ""]),
            "identifier_number": "",
            "sex": self.random.choice(["男", "男性", "女", "女性", "male", "female", ""]),
            "case_number": case,
            "party_sequence": "",
            "court_name": self.random.choice([COURT_NAME, COURT_NAME, ""]),
            "court_code": COURT_CODE,
            "filed_on": self.day(decided - timedelta(days=60)),
            "published_on": self.day(decided + timedelta(days=3)),
            "basis_number": "（2024）云0111民初77号民事判决书",
            "basis_issuer": COURT_NAME,
            "obligation": self.random.choice(["支付货款14万元,并承担利息", '支付"若干"元\n及利息\t<b>', "无", "=1+1"]),
            "performance": self.random.choice(["全部未履行", "none"]),
            "circumstances": self.several(C4, C5),
            "decision_number": f"{case}之一",
            "decided_on": self.day(decided),
            "expires_on": self.day(decided + timedelta(days=3 * 365)),
        }
        if usual["court_name"]:
            usual["court_code"] = self.random.choice([COURT_CODE, ""])
        return usual | given

    def org_cells(self, **given: Any) -> dict[str, Any]:
        usual = {
            "kind": self.random.choice(["法人或其他组织", "organisation", "581", "1"]),
            "identifier_type": self.random.choice(["统一社会信用代码", "uscc", ""]),
            "sex": "",
        }
        return self.cells(**(usual | given))

    def several(self, *circumstances: list[str]) -> str:
        words = [self.random.choice(each) for each in circumstances]
        self.random.shuffle(words)
        return self.random.choice([",", "，"]).join(words)

    def day(self, day: date | int) -> str:
        """A date, in one of the forms of the lists."""
        day = TODAY + timedelta(days=day) if isinstance(day, int) else day
        form = self.random.choice(
            [
                "{:%Y-%m-%d}",
                "{:%Y%m%d}",
                "{0.year}年{0:%m}月{0:%d}日",
                "{:%Y-%m-%d} 00:00:00",
                "{0.year}年{0.month}月{0.day}日",
            ]
        )
        return form.format(day)

    def add(self, cells: dict[str, Any], fate: str, code: str | None = None, **values: Any) -> dict[str, Any]:
        for name in ("warnings", "may_warn"):
            values[name] = frozenset(values.get(name, ()))
        if fate == REJECTED:
            values["again"] = REJECTED
        self.list.rows.append(Row(cells, fate, code, **values))
        return cells

    # probes

    def ask(
        self,
        why: str,
        name: str,
        number: str | None,
        decision: str | None,
        identity: str | None = None,
        *,
        matter: str = "civil_service_recruitment",
        role: str = "applicant",
        kind: str = "person",
        type_: str = "resident_id",
        **expected: Any,
    ) -> None:
        identifier = None if number is None else {"type": type_, "number": number}
        subject = {"role": role, "kind": kind, "name": name, "identifier": identifier}
        if identity is not None and identity != "exact":
            expected.setdefault("reason", "identity_uncertain")
        self.list.probes.append(Probe(why, matter, subject, decision, identity, **expected))

    def ask_org(
        self, why: str, name: str, number: str | None, decision: str, identity: str | None = None, **values: Any
    ) -> None:
        values = {"matter": "government_procurement", "role": "bidder", "type_": "uscc"} | values
        self.ask(why, name, number, decision, identity, kind="organisation", **values)

    def ask_if_listed(self, why: str, name: str, number: str) -> None:
        """Every matter of a person who is listed and exactly known, and the people near to them."""
        matters = {
            ("civil_service_recruitment", "applicant"): ("block", "prohibition"),
            ("public_institution_recruitment", "applicant"): ("block", "prohibition"),
            ("government_procurement", "bidder"): ("block", "prohibition"),
            ("government_procurement", "consortium_member"): ("block", "prohibition"),
            ("private_school_enrolment", "guardian"): ("flag", "restriction"),
            ("real_estate_transfer", "transferor"): ("flag", "notice_missing"),
            ("real_estate_transfer", "transferee"): ("block", "prohibition"),
            ("exploration_right_transfer", "transferor"): ("flag", "notice_missing"),
            ("mining_right_transfer", "transferor"): ("flag", "notice_missing"),
            ("investment_project_approval", "applicant"): ("flag", "notice_missing"),
            ("investment_project_ratification", "applicant"): ("flag", "notice_missing"),
            ("investment_project_filing", "applicant"): ("flag", "notice_missing"),
        }
        for (matter, role), (decision, reason) in self.random.sample(sorted(matters.items()), 3):
            self.ask(why, name, number, decision, "exact", matter=matter, role=role, relation="debtor", reason=reason)
        self.ask(f"{why}: a namesake", name, self.people.number(), "clear")
        self.ask(f"{why}: another's name", self.people.name(), number, "flag", "name_differs", relation="debtor")
        self.ask(f"{why}: no number", name, None, "flag", "name_only")
        self.ask(f"{why}: a wrong number", name, break_check(number), None, status=422)

    def ask_if_clear(self, why: str, name: str, number: str) -> None:
        for matter, role in [
            ("civil_service_recruitment", "applicant"),
            ("private_school_enrolment", "guardian"),
            ("real_estate_transfer", "transferee"),
            ("government_procurement", "bidder"),
        ]:
            self.ask(why, name, number, "clear", matter=matter, role=role)
        self.ask(f"{why}: no number", name, None, "clear")


# --- scenarios: each plants one kind of thing

SCENARIOS: list[Callable[[Author], None]] = []


def scenario(act: Callable[[Author], None]) -> Callable[[Author], None]:
    SCENARIOS.append(act)
    return act


@scenario
def plain_people(by: Author) -> None:
    for _ in range(4):
        name, number = by.people.name(), by.people.number()
        by.add(by.cells(name=name, identifier_number=number), CREATED, why="plain")
        by.ask_if_listed("plain", name, number)
    stranger = by.people.name(), by.people.number()
    by.ask_if_clear("never listed", *stranger)


@scenario
def forms_of_a_number(by: Author) -> None:
    ending_in_x = next(number for number in iter(by.people.number, "") if number.endswith("X"))
    name = by.people.name()
    listed = by.random.choice([ending_in_x[:-1] + end for end in "xＸ×Хⅹ"[:4]])
    by.add(by.cells(name=name, identifier_number=listed), CREATED, why=f"a listed {listed[-1]!r}")
    for end in "Xx×ХＸ":
        by.ask(f"listed {listed[-1]!r}, asked {end!r}", name, ending_in_x[:-1] + end, "block", "exact")
    by.ask("asked in full width", name, fullwidth(ending_in_x), "block", "exact")
    by.ask(
        "asked with spaces", name, f" {ending_in_x[:6]} {ending_in_x[6:14]}\u200b{ending_in_x[14:]} ", "block", "exact"
    )

    name, number = by.people.name(), by.people.number()
    by.add(by.cells(name=name, identifier_number=fullwidth(number)), CREATED, why="listed in full width")
    by.ask("listed in full width", name, number, "block", "exact")
    name, number = by.people.name(), by.people.number()
    by.add(
        by.cells(name=name, identifier_number=f" {number[:6]}\u200b{number[6:]} \ufeff"),
        CREATED,
        why="spaces and zero-width in a number",
    )
    by.ask("listed with spaces", name, number, "block", "exact")

    for listed_short, asked_short in [(True, False), (False, True), (True, True)]:
        name, number = by.people.name(), by.people.number()
        short = number[:6] + number[8:17]
        by.add(by.cells(name=name, identifier_number=short if listed_short else number), CREATED, why="15 digits")
        by.ask(
            f"15 digits: listed {listed_short} asked {asked_short}",
            name,
            short if asked_short else number,
            "block",
            "exact",
        )
        by.ask("15 digits, another name", by.people.name(), number, "flag", "name_differs")
    by.ask("a masked number is no question", name, number[:10] + "****" + number[14:], None, status=422)
    by.ask("13 months", name, complete_resident_id("53011119851301001"), None, status=422)
    by.ask(
        "born tomorrow", name, complete_resident_id(f"530111{TODAY + timedelta(days=1):%Y%m%d}001"), None, status=422
    )
    by.ask("17 digits", name, number[:17], None, status=422)
    by.ask("no province", name, complete_resident_id("99011119850317001"), None, status=422)


@scenario
def forms_of_a_name(by: Author) -> None:
    def one(listed: str, *asked: str, differs: Iterable[str] = ()) -> None:
        number = by.people.number()
        by.add(by.cells(name=listed, identifier_number=number), CREATED, why=f"name {listed!r}")
        for name in asked:
            by.ask(f"listed {listed!r}, asked {name!r}", name, number, "block", "exact")
        for name in differs:
            by.ask(f"listed {listed!r}, asked {name!r}", name, number, "flag", "name_differs")

    given = by.people.name()
    one(
        f"阿{given}{by.random.choice('•・･‧⋅∙●·')}买提",
        f"阿{given}·买提",
        f"阿{given}・买提",
        f"阿{given}.买提",
        f"阿{given}．买提",
        f"·阿{given}•买提·",
        differs=[f"阿{given}"],
    )
    one(f"古{given}.丽娜", f"古{given}·丽娜", f"古{given}∙丽娜")
    whole = by.people.name()
    surname, rest = whole[0], whole[1:]
    one(f" {surname}　{rest} ", whole, f"{surname}\u200b {rest}")
    one("John Smith", "JOHN SMITH", "ＪＯＨＮ　ＳＭＩＴＨ", "johnsmith", differs=["JON SMITH"])
    one(f"{given}䶮㼆", f"{given}䶮㼆", differs=[f"{given}龑㼆"])
    one(f"{given}\U00020bb7", f"{given}\U00020bb7", differs=[f"{given}吉"])
    one(f"{given}\ufa15", f"{given}\u51de")
    one(f"{given}喆", f"{given}喆", differs=[f"{given}哲"])


@scenario
def suspect_names(by: Author) -> None:
    for marker in ("\ue000", "?", "＊", "(莹加王旁)", "？"):
        name, number = by.people.name(), by.people.number()
        listed = name[0] + marker + name[1:]
        cells = by.cells(name=listed, identifier_number=number)
        by.add(cells, CREATED, warnings=["name-suspect"], why=f"suspect {marker!r}")
        by.ask(f"suspect {marker!r}", name[0] + "䶮" + name[1:], number, "block", "exact", relation="debtor")
        by.ask(f"suspect {marker!r}, a namesake", listed, by.people.number(), "clear")
    # FE59 of GB18030 is a private-use character to Python's codec, and 龴 (U+9FB4) since 2022
    name, number = by.people.name("\ue81e"), by.people.number()
    by.add(by.cells(name=name, identifier_number=number), CREATED, may_warn=["name-suspect"], why="FE59")
    by.ask("FE59", name.replace("\ue81e", "龴"), number, "block", "exact")


@scenario
def dates_in_force(by: Author) -> None:
    def one(why: str, is_in_force: bool, **cells: Any) -> None:
        name, number = by.people.name(), by.people.number()
        warnings, may_warn = cells.pop("warnings", ()), cells.pop("may_warn", ["term-missing", "dates-unusual"])
        by.add(
            by.cells(name=name, identifier_number=number, **cells),
            CREATED,
            warnings=warnings,
            may_warn=may_warn,
            why=why,
        )
        if is_in_force:
            by.ask_if_listed(why, name, number)
        else:
            by.ask_if_clear(why, name, number)

    old = {"decided_on": by.day(-900), "filed_on": by.day(-950), "published_on": by.day(-890)}
    one("term ended yesterday", False, **old, expires_on=by.day(-1))
    one("term ends today", True, **old, expires_on=by.day(0))
    one("published today", True, published_on=by.day(0))
    one("published tomorrow", False, published_on=by.day(1))
    one("published in a month", False, published_on=by.day(30))
    grace = {"published_on": "", "decided_on": by.day(-40), "filed_on": by.day(-80), "expires_on": ""}
    one("last day of grace", False, **grace, grace_until=by.day(0))
    one("in grace", False, **grace, grace_until=by.day(45))
    one("grace ended yesterday", True, **grace, grace_until=by.day(-1))
    one("no publication and no grace", True, **grace)
    one(
        "a vendor's null for publication",
        True,
        **(grace | {"published_on": by.random.choice(["1900-01-01", "0001-01-01"])}),
    )
    one("circumstance 1 has no term", True, circumstances=by.several(C1), expires_on="", may_warn=[])
    one(
        "no term though it needs one",
        True,
        circumstances=by.several(C5),
        expires_on="",
        warnings=["term-missing"],
        may_warn=[],
    )
    one("expires before it was published", False, expires_on=by.day(-700), warnings=["dates-unusual"])
    one(
        "decided long after publication",
        True,
        decided_on=by.day(-10),
        published_on=by.day(-90),
        filed_on=by.day(-200),
        warnings=["dates-unusual"],
    )
    one("a term of twelve years", True, expires_on=by.day(12 * 365), warnings=["dates-unusual"])


@scenario
def circumstances(by: Author) -> None:
    for words in (by.several(C1, C2, C3, C4, C5, C6), by.several(C6), by.several(C3), "C2,C3"):
        name, number = by.people.name(), by.people.number()
        by.add(
            by.cells(name=name, identifier_number=number, circumstances=words), CREATED, why=f"circumstances {words}"
        )
    for words in ("某种没见过的情形", f"{by.several(C4)},心情不好"):
        name, number = by.people.name(), by.people.number()
        by.add(
            by.cells(name=name, identifier_number=number, circumstances=words),
            CREATED,
            warnings=["circumstance-unknown"],
            why=words,
        )
        by.ask("an unknown circumstance stays in force", name, number, "block", "exact")


@scenario
def masks(by: Author) -> None:
    for shown in (10, 11, 6):
        name, number = by.people.name(), by.people.number(region="530111")
        masked = number[:6] + "*" * 12 if shown == 6 else number[:shown] + "****" + number[14:]
        by.add(
            by.cells(name=name, identifier_number=masked),
            CREATED,
            warnings=["identifier-masked"],
            why=f"mask of {len(masked)}",
        )
        why = f"{masked[6:]} listed"
        by.ask(f"{why}, fitting", name, number, "flag", "masked", relation="debtor")
        by.ask(
            f"{why}, fitting, a school",
            name,
            number,
            "flag",
            "masked",
            matter="private_school_enrolment",
            role="guardian",
        )
        by.ask(f"{why}, fitting, 15 digits", name, number[:6] + number[8:17], "flag", "masked")
        by.ask(f"{why}, fitting, another name", by.people.name(), number, "clear")
        by.ask(f"{why}, another region", name, by.people.number(region="362222"), "clear")
        by.ask(f"{why}, no number", name, None, "flag", "name_only")
        if masked[6] != "*":
            other = complete_resident_id(f"{number[:6]}{int(number[6:10]) + 4}{number[10:17]}")
            by.ask(f"{why}, another year", name, other, "clear")
    name, number = by.people.name(), by.people.number()
    by.add(
        by.cells(name=name, identifier_number=number[:4] + "*" * 10 + number[14:]),
        CREATED,
        warnings=["identifier-masked"],
        why="unknown mask",
    )
    by.ask("unknown mask, the number", name, number, "flag", "name_only")
    by.ask("unknown mask, any number", name, by.people.number(), "flag", "name_only")
    by.ask("unknown mask, another name", by.people.name(), number, "clear")


@scenario
def numbers_of_no_use(by: Author) -> None:
    name, number = by.people.name(), by.people.number()
    by.add(
        by.cells(name=name, identifier_number=break_check(number)),
        CREATED,
        warnings=["identifier-checksum"],
        why="check fails",
    )
    by.ask("check fails, any number", name, by.people.number(), "flag", "name_only")
    by.ask("check fails, asked with it", name, break_check(number), None, status=422)
    by.ask("check fails, no number", name, None, "flag", "name_only")
    name = by.people.name()
    by.add(
        by.cells(name=name, identifier_number="", identifier_type=""),
        CREATED,
        warnings=["identifier-missing"],
        why="no number",
    )
    by.ask("only a name, any number", name, by.people.number(), "flag", "name_only")
    by.ask(
        "only a name, a school",
        name,
        by.people.number(),
        "flag",
        "name_only",
        matter="private_school_enrolment",
        role="guardian",
    )
    by.ask("only a name, another", by.people.name(), by.people.number(), "clear")


@scenario
def other_documents(by: Author) -> None:
    documents = {
        "passport": ("护照", f"E{by.random.randrange(10**7, 10**8)}"),
        "hk_macao_permit": ("hk_macao_permit", f"H{by.random.randrange(10**7, 10**8)}"),
        "taiwan_permit": ("taiwan_permit", f"{by.random.randrange(10**7, 10**8)}"),
        "hmt_residence_permit": (
            "hmt_residence_permit",
            complete_resident_id(f"8100001990{by.random.randrange(1, 13):02d}01{by.random.randrange(999):03d}"),
        ),
        "military_id": ("military_id", f"军字第{by.random.randrange(10**6, 10**7)}号"),
    }
    for type_, (word, number) in documents.items():
        name = by.people.name()
        by.add(
            by.cells(name=name, identifier_type=by.random.choice([word, type_]), identifier_number=number),
            CREATED,
            why=type_,
        )
        by.ask(f"{type_}: exact", name, number, "block", "exact", type_=type_)
        by.ask(f"{type_}: another's name", by.people.name(), number, "flag", "name_differs", type_=type_)


@scenario
def organisations(by: Author) -> None:
    name, (credit, code) = by.people.company(), by.people.business()
    by.add(by.org_cells(name=name, identifier_number=credit), CREATED, why="by credit code")
    by.ask_org("by credit code", name, credit, "block", "exact", relation="debtor", reason="prohibition")
    by.ask_org("by credit code, small letters", name, credit.lower(), "block", "exact")
    for asked in (code, f"{code[:8]}-{code[8]}"):
        by.ask_org(
            "credit code listed, organisation code asked", name, asked, "block", "exact", type_="organisation_code"
        )
    by.ask_org("another's code", by.people.company(), credit, "flag", "name_differs")
    by.ask_org(
        "another's organisation code", by.people.company(), code, "flag", "name_differs", type_="organisation_code"
    )
    by.ask_org("有限责任公司 is another", name.replace("有限公司", "有限责任公司"), credit, "flag", "name_differs")
    by.ask_org("another company of the name", name, by.people.business()[0], "clear")
    by.ask_org("no code", name, None, "flag", "name_only")
    by.ask_org(
        "an approval",
        name,
        credit,
        "flag",
        "exact",
        matter="investment_project_approval",
        role="applicant",
        reason="notice_missing",
    )
    by.ask_org(
        "a flat", name, credit, "block", "exact", matter="real_estate_transfer", role="transferee", reason="prohibition"
    )

    name, (credit, code) = by.people.company(), by.people.business()
    written = by.random.choice([code, f"{code[:8]}-{code[8]}", fullwidth(f"{code[:8]}-{code[8]}")])
    by.add(
        by.org_cells(
            name=name,
            identifier_type=by.random.choice(["组织机构代码", "organisation_code", ""]),
            identifier_number=written,
        ),
        CREATED,
        why="by organisation code",
    )
    by.ask_org("organisation code listed, credit code asked", name, credit, "block", "exact")
    by.ask_org("organisation code listed and asked", name, code, "block", "exact", type_="organisation_code")
    by.ask_org("organisation code listed, another name", by.people.company(), credit, "flag", "name_differs")

    name, (credit, _) = by.people.company(), by.people.business()
    wrong = break_check(credit)
    by.add(
        by.org_cells(name=name, identifier_number=wrong),
        CREATED,
        warnings=["identifier-checksum"],
        why="credit code fails its check",
    )
    by.ask_org("a credit code that fails, as listed", name, wrong, "block", "exact")

    name, number = by.people.company(), f"5301{by.random.randrange(10**10, 10**11)}"
    by.add(
        by.org_cells(name=name, identifier_type="", identifier_number=number),
        CREATED,
        may_warn=["identifier-checksum"],
        why="registration number",
    )
    by.ask_org("registration number", name, number, "block", "exact", type_="business_registration_number")
    name, number = by.people.company(), f"5301{by.random.randrange(10**8, 10**9)}"
    by.add(
        by.org_cells(name=name, identifier_type="", identifier_number=number),
        CREATED,
        may_warn=["identifier-checksum"],
        why="13-digit registration number",
    )
    by.ask_org("registration number of 13", name, number, "block", "exact", type_="business_registration_number")

    name = by.people.company()
    by.add(
        by.org_cells(name=name, identifier_type="", identifier_number=f"滇企总字第00{by.random.randrange(9999)}号"),
        CREATED,
        may_warn=["identifier-checksum", "identifier-missing"],
        why="Chinese text as number",
    )
    by.ask_org("Chinese text as number, no code asked", name, None, "flag", "name_only")
    name = by.people.company()
    by.add(
        by.org_cells(name=name, identifier_type="", identifier_number=""),
        CREATED,
        warnings=["identifier-missing"],
        why="a company without a number",
    )
    by.ask_org("a company without a number", name, by.people.business()[0], "flag", "name_only")

    name, (credit, _) = by.people.company(), by.people.business()
    by.add(
        by.org_cells(name=name.replace("昆明", "（昆明）"), identifier_number=credit),
        CREATED,
        may_warn=["name-suspect"],
        why="brackets in a company's name",
    )
    by.ask_org("brackets of another width", name.replace("昆明", "(昆明)"), credit, "block", "exact")
    name, (credit, _) = by.people.company(), by.people.business()
    by.add(
        by.org_cells(name=f"{name}（法定代表人：无）", identifier_number=credit),
        CREATED,
        may_warn=["name-suspect"],
        why="an annotated company",
    )
    by.ask_org("an annotated company", name, credit, "block", "exact")

    name, (credit, _), chief = by.people.company(), by.people.business(), by.people.name()
    by.add(
        by.org_cells(name=name, identifier_number=credit, legal_representative=chief),
        CREATED,
        warnings=["person-unidentified"],
        why="a representative by name",
    )
    by.ask_if_clear("a representative known by name alone", chief, by.people.number())
    name, (credit, _) = by.people.company(), by.people.business()
    by.add(by.org_cells(name=name, identifier_number=credit, legal_representative="无"), CREATED, why="无 is nobody")
    by.ask_if_clear("nobody", "无", by.people.number())

    name, (credit, _) = by.people.company(), by.people.business()
    by.add(by.org_cells(name=name, identifier_number=credit, kind=""), CREATED, why="kind inferred from a credit code")
    by.ask_org("kind inferred", name, credit, "block", "exact")


@scenario
def case_numbers(by: Author) -> None:
    case = by.case()
    year, rest = case[1:5], case[6:]
    forms = [
        f"（{year}）{rest}",
        f"〔{year}〕{rest}",
        f"［{year}］{rest}",
        f"【{year}】 {rest}",
        f"({year})云0111执0{rest[6:]}",
        f" ({year}) {rest} ",
    ]
    name, number = by.people.name(), by.people.number()
    first = by.add(by.cells(name=name, identifier_number=number, case_number=case), CREATED, why="a case number")
    for form in forms:
        by.add(first | {"case_number": form}, UNCHANGED, why=f"the same, written {form!r}")
    for legacy in ("(2015)官执字第00{}号", "(2014)官执民字第00{}号", "2013官执字第{}号"):
        name, number = by.people.name(), by.people.number()
        by.add(
            by.cells(name=name, identifier_number=number, case_number=legacy.format(by.random.randrange(100, 9999))),
            CREATED,
            warnings=["case-number-legacy"],
            why=legacy,
        )
        by.ask("legacy case number", name, number, "block", "exact")
    for resumed in (case.replace("执", "执恢"), case + "之一"):
        name, number = by.people.name(), by.people.number()
        by.add(by.cells(name=name, identifier_number=number, case_number=resumed), CREATED, why=resumed)


@scenario
def courts(by: Author) -> None:
    for alias in ("官渡区人民法院", "官渡法院", "昆明市官渡区法院", "云南省昆明市官渡区人民法院"):
        name, number = by.people.name(), by.people.number()
        by.add(
            by.cells(name=name, identifier_number=number, court_code="", court_name=alias),
            CREATED,
            why=f"court {alias}",
        )
        by.ask(f"court {alias}", name, number, "block", "exact")
    name, number = by.people.name(), by.people.number()
    by.add(
        by.cells(name=name, identifier_number=number, court_code="", court_name=""),
        CREATED,
        why="no court: the importer's",
    )
    by.ask("no court", name, number, "block", "exact")
    for code, court in (
        ("京0105", "北京市朝阳区人民法院"),
        ("云0102", "昆明市五华区人民法院"),
        ("云01", "昆明市中级人民法院"),
    ):
        name, number = by.people.name(), by.people.number()
        by.add(
            by.cells(name=name, identifier_number=number, court_code=code, court_name=court), REJECTED, "court-mismatch"
        )
        by.ask_if_clear("another court's", name, number)


@scenario
def refusals(by: Author) -> None:
    def one(code: str, **cells: Any) -> None:
        name, number = by.people.name(), by.people.number()
        cells = {"name": name, "identifier_number": number} | cells
        by.add(by.cells(**cells), REJECTED, code, why=str(cells))
        if cells["name"].strip():
            by.ask_if_clear(f"refused: {code}", name, number)

    one("name-missing", name=by.random.choice(["", " ", "　"]))
    one("name-missing", name="", case_number=" ")
    one("case-number-missing", case_number=" ")
    young = TODAY.replace(year=TODAY.year - 12, day=1)
    one("minor", identifier_number=by.people.number(born=young))
    one(
        "minor",
        identifier_number=by.people.number(born=TODAY - timedelta(days=18 * 365 + 4 - 30)),
        decided_on=by.day(-1),
    )
    one(
        "minor",
        identifier_number=by.people.number(born=TODAY - timedelta(days=20 * 365)),
        decided_on=by.day(-3 * 365),
        published_on=by.day(-100),
    )
    one("minor", identifier_number=by.people.number(born=young), decided_on="")
    one("minor", identifier_number=by.people.number(born=young), decided_on="", published_on="")
    for text in ("2025-13-45", "2025年2月30日", "昨天", "20250231", "2025-02-29"):
        one("date-invalid", **{by.random.choice(["published_on", "decided_on", "expires_on", "filed_on"]): text})
    one("date-invalid", grace_until="待定")
    one(
        "identifier-damaged",
        identifier_number=by.random.choice(["5.30111E+17", "5.30111E+017", "5.30111198503E+17", "5.3e17"]),
    )
    damaged = next(n for n in iter(by.people.number, "") if complete_resident_id(n[:15] + "00")[-1] != "0")
    one("identifier-damaged", identifier_number=damaged[:15] + "000")
    one("kind-unknown", kind=by.random.choice(["外星人", "猫"]))
    one("unknown-listing", action=by.random.choice(["删除", "delete"]), ground="performed")
    one("unknown-listing", action=by.random.choice(["撤销", "withdraw"]))
    one("unknown-listing", action=by.random.choice(["更正", "correct"]))
    name, number = by.people.name(), by.people.number()
    good = by.add(by.cells(name=name, identifier_number=number), CREATED, why="to be deleted without a ground")
    by.add(good | {"action": "删除", "ground": ""}, REJECTED, "ground-missing")
    by.ask_if_listed("a deletion without a ground", name, number)
    # what must not be refused
    ends_in_zeros = next(
        n
        for n in (
            complete_resident_id(f"530111{1950 + k // 300}{1 + k % 12:02d}{1 + k % 28:02d}{j}00")
            for k in range(9000)
            for j in "123456789"
        )
        if n.endswith("000")
    )
    name = by.people.name()
    by.add(by.cells(name=name, identifier_number=ends_in_zeros), CREATED, why="ends in 000 and holds")
    by.ask("ends in 000 and holds", name, ends_in_zeros, "block", "exact")
    name, number = by.people.name(), by.people.number(born=TODAY - timedelta(days=19 * 365))
    by.add(
        by.cells(
            name=name, identifier_number=number, decided_on=by.day(-30), filed_on=by.day(-60), published_on=by.day(-20)
        ),
        CREATED,
        why="of age",
    )
    by.ask("of age on the decision", name, number, "block", "exact")
    name, number = by.people.name(), by.people.number(born=young)
    masked = number[:10] + "****" + number[14:]
    by.add(
        by.cells(name=name, identifier_number=masked),
        CREATED,
        warnings=["identifier-masked"],
        why="a masked number never refuses",
    )
    by.ask("a masked minor", name, number, "flag", "masked")


@scenario
def copies(by: Author) -> None:
    name, number = by.people.name(), by.people.number()
    first = by.cells(
        name=name,
        identifier_number=number,
        circumstances="违反财产报告制度,违反限制消费令",
        sex="男",
        performance="全部未履行",
        kind="自然人",
        identifier_type="居民身份证",
    )
    by.add(first, CREATED, why="the first copy")
    by.add(dict(first), UNCHANGED, why="the same row")
    by.add(
        first
        | {
            "circumstances": "C5，C4",
            "sex": "male",
            "performance": "none",
            "kind": "person",
            "identifier_type": "resident_id",
            "action": "publish",
            "identifier_number": fullwidth(number),
            "court_name": "官渡法院",
            "court_code": "",
        },
        UNCHANGED,
        why="the same in other words",
    )
    by.add(
        first | {"name": f" {name} ", "party_sequence": "1"},
        UNCHANGED,
        why="a trimmed name, the sequence that is implied",
    )
    by.add(first | {"circumstances": "违反财产报告制度"}, REJECTED, "conflicting-duplicate", why="other circumstances")
    by.add(first | {"expires_on": by.day(1500)}, REJECTED, "conflicting-duplicate", why="another term")
    by.add(dict(first), UNCHANGED, why="the first again, after a conflict")
    by.ask_if_listed("copies", name, number)

    case, number = by.case(), by.people.number()
    name = by.people.name()
    one = by.add(
        by.cells(name=name, identifier_number=number, case_number=case, party_sequence="1"),
        CREATED,
        why="first in the case",
    )
    by.add(one | {"party_sequence": "2"}, CREATED, why="another sequence is another listing")
    for sequence in ("", "2", "3"):
        other, his = by.people.name(), by.people.number()
        by.add(
            by.cells(name=other, identifier_number=his, case_number=case, party_sequence=sequence),
            CREATED,
            why="several debtors of one case",
        )
        by.ask_if_listed("several debtors", other, his)
    # one person in two cases
    by.add(by.cells(name=name, identifier_number=number), CREATED, why="another case of the same person")
    by.ask("listed thrice", name, number, "block", "exact")


GROUNDS_OF_ANY = [
    "performed",
    "履行完毕",
    "settlement_performed",
    "creditor_request",
    "no_assets_found",
    "stayed",
    "not_to_enforce",
    "不予执行",
    "terminated",
    "终结执行",
]


@scenario
def endings(by: Author) -> None:
    endless = {"circumstances": by.several(C1), "expires_on": ""}
    for ground in by.random.sample(GROUNDS_OF_ANY, 4):
        name, number = by.people.name(), by.people.number()
        first = by.add(by.cells(name=name, identifier_number=number, **endless), CREATED, why="to be deleted")
        gone = first | {
            "action": by.random.choice(["删除", "delete", " DELETE "]),
            "ground": ground,
            "decided_on": by.day(-5),
        }
        by.add(gone, ENDED, why=f"deleted: {ground}")
        by.add(dict(gone), UNCHANGED, why="deleted twice")
        by.add(first, UNCHANGED, why="the row that was deleted, published again")
        by.ask_if_clear(f"deleted: {ground}", name, number)
    for ground in by.random.sample(GROUNDS_OF_ANY, 2):
        name, number = by.people.name(), by.people.number()
        first = by.add(by.cells(name=name, identifier_number=number), CREATED, why="with a term")
        by.add(
            first | {"action": "删除", "ground": ground, "decided_on": by.day(-5)},
            ENDED,
            warnings=["ground-unusual"],
            why=f"10(1) with a term: {ground}",
        )
        by.ask_if_clear("deleted with a ground that is unusual", name, number)
    for ground in ("early_by_decision", "提前删除"):
        name, number = by.people.name(), by.people.number()
        first = by.add(by.cells(name=name, identifier_number=number), CREATED, why="with a term")
        by.add(
            first | {"action": "删除", "ground": ground, "decided_on": by.day(-5)}, ENDED, why=f"by decision: {ground}"
        )
        by.ask_if_clear("deleted early", name, number)
    name, number = by.people.name(), by.people.number()
    first = by.add(by.cells(name=name, identifier_number=number), CREATED, why="to be withdrawn")
    by.add(first | {"action": by.random.choice(["撤销", "withdraw"]), "decided_on": by.day(-5)}, ENDED, why="withdrawn")
    by.ask_if_clear("withdrawn", name, number)
    name, number = by.people.name(), by.people.number()
    first = by.add(by.cells(name=name, identifier_number=number, **endless), CREATED, why="deleted, then withdrawn")
    by.add(
        first | {"action": "删除", "ground": "performed", "decided_on": by.day(-5)}, ENDED, why="deleted", again=None
    )
    by.add(first | {"action": "撤销", "decided_on": by.day(-4)}, ENDED, why="withdrawn after deletion")
    by.ask_if_clear("deleted, then withdrawn", name, number)
    # in grace, or past its term
    for why, cells in (
        ("in grace", {"published_on": "", "grace_until": by.day(30)}),
        (
            "past its term",
            {
                "decided_on": by.day(-900),
                "filed_on": by.day(-950),
                "published_on": by.day(-890),
                "expires_on": by.day(-5),
            },
        ),
    ):
        name, number = by.people.name(), by.people.number()
        first = by.add(by.cells(name=name, identifier_number=number, **cells), CREATED, why=why)
        by.add(
            first
            | {
                "action": "删除",
                "ground": "term_expired" if "term" in why else "early_by_decision",
                "decided_on": by.day(-1),
            },
            ENDED,
            may_warn=["ground-unusual"],
            why=f"deleted {why}",
        )
        by.ask_if_clear(f"deleted {why}", name, number)
    # other columns of an ending row are ignored, whatever is in them
    name, number = by.people.name(), by.people.number()
    first = by.add(
        by.cells(name=name, identifier_number=number), CREATED, why="to be withdrawn by a row full of rubbish"
    )
    by.add(
        first
        | {
            "action": "撤销",
            "decided_on": by.day(-3),
            "published_on": "2025-13-45",
            "circumstances": "某种",
            "expires_on": "",
            "performance": "??",
            "sex": "?",
        },
        ENDED,
        why="an ending row's other columns are ignored",
    )
    by.ask_if_clear("ended by a row full of rubbish", name, number)


@scenario
def endings_without_number(by: Author) -> None:
    for why in ("none", "masked", "check fails"):
        name, mine = by.people.name(), by.people.number()
        given = {"none": "", "masked": mine[:10] + "****" + mine[14:], "check fails": break_check(mine)}[why]
        first = by.add(by.cells(name=name, identifier_number=mine), CREATED, why="to be withdrawn")
        by.add(
            first | {"action": "撤销", "identifier_number": given, "identifier_type": "", "decided_on": by.day(-2)},
            ENDED,
            may_warn=["identifier-masked", "identifier-missing", "identifier-checksum"],
            why=f"found by its name, number: {why}",
        )
        by.ask(f"withdrawn by name, number: {why}", name, mine, "clear")
    case, name = by.case(), by.people.name()
    one, two = by.people.number(), by.people.number()
    by.add(by.cells(name=name, identifier_number=one, case_number=case), CREATED, why="two of one name")
    second = by.add(by.cells(name=name, identifier_number=two, case_number=case), CREATED, why="two of one name")
    by.add(
        second | {"action": "撤销", "identifier_number": "", "identifier_type": ""},
        REJECTED,
        "ambiguous-listing",
        why="two of one name, no number",
    )
    by.ask("ambiguous: stays", name, one, "block", "exact")
    by.ask("ambiguous: the other stays", name, two, "block", "exact")
    case, name = by.case(), by.people.name()
    one, two = by.people.number(), by.people.number()
    by.add(
        by.cells(name=name, identifier_number=one, case_number=case, party_sequence="1"),
        CREATED,
        why="two of one name, numbered",
    )
    second = by.add(
        by.cells(name=name, identifier_number=two, case_number=case, party_sequence="2"),
        CREATED,
        why="two of one name, numbered",
    )
    by.add(
        second | {"action": "撤销", "identifier_number": "", "identifier_type": ""},
        ENDED,
        may_warn=["identifier-missing"],
        why="the second by its sequence",
    )
    by.ask("the first stays", name, one, "block", "exact")
    by.ask("the second is gone", name, two, "clear")
    # a minor who was listed under a masked number can be taken off with the full one
    name, number = by.people.name(), by.people.number(born=date(TODAY.year - 14, 5, 6))
    first = by.add(
        by.cells(name=name, identifier_number=number[:10] + "****" + number[14:]),
        CREATED,
        warnings=["identifier-masked"],
        why="a masked minor",
    )
    by.add(
        first | {"action": "撤销", "identifier_number": number, "decided_on": by.day(-1)},
        ENDED,
        why="a minor is taken off",
    )
    by.ask_if_clear("a minor taken off", name, number)


@scenario
def corrections(by: Author) -> None:
    wrong, right, number = by.people.name(), by.people.name(), by.people.number()
    first = by.add(by.cells(name=wrong, identifier_number=number), CREATED, why="a wrong name")
    by.add(
        first | {"action": by.random.choice(["更正", "correct"]), "name": right}, CORRECTED, why="the name corrected"
    )
    by.add(dict(first), UNCHANGED, why="content that was held before a correction")
    by.ask("corrected name", right, number, "block", "exact")
    by.ask("the wrong name of before", wrong, number, "flag", "name_differs")
    by.ask("the wrong name of before, no number", wrong, None, "clear")

    name, old, new = by.people.name(), by.people.number(), by.people.number()
    first = by.add(by.cells(name=name, identifier_number=old), CREATED, why="a wrong number")
    by.add(first | {"action": "更正", "identifier_number": new}, CORRECTED, why="the number corrected")
    by.ask("corrected number", name, new, "block", "exact")
    by.ask("the wrong number of before", name, old, "clear")
    by.add(dict(first), UNCHANGED, why="its key of before stays an alias")

    # an ending row finds a listing by a key that it had before
    name, old, new = by.people.name(), by.people.number(), by.people.number()
    first = by.add(by.cells(name=name, identifier_number=old), CREATED, why="a wrong number, later withdrawn")
    by.add(
        first | {"action": "更正", "identifier_number": new}, CORRECTED, why="corrected, later withdrawn", again=None
    )
    by.add(first | {"action": "撤销", "name": by.people.name(), "decided_on": by.day(-3)}, ENDED, why="by its old key")
    by.ask_if_clear("withdrawn by the key of before", name, new)

    # a listing that had only a name, or a masked number, gets its number
    for why, masked, warning in (("none", False, "identifier-missing"), ("masked", True, "identifier-masked")):
        name, number = by.people.name(), by.people.number()
        given = number[:10] + "****" + number[14:] if masked else ""
        first = by.cells(name=name, identifier_number=given, identifier_type="")
        by.add(first, CREATED, warnings=[warning], why=f"no number yet: {why}")
        by.add(first | {"action": "更正", "identifier_number": number}, CORRECTED, why=f"the number is found: {why}")
        by.ask_if_listed(f"a number that was found: {why}", name, number)

    name, number = by.people.name(), by.people.number()
    first = by.add(
        by.cells(name=name, identifier_number=number, circumstances=by.several(C4)),
        CREATED,
        why="a term to be corrected",
    )
    by.add(
        first
        | {
            "action": "更正",
            "decided_on": by.day(-400),
            "published_on": by.day(-390),
            "filed_on": by.day(-500),
            "expires_on": by.day(-1),
        },
        CORRECTED,
        may_warn=["dates-unusual"],
        why="the term corrected",
    )
    by.ask_if_clear("a term corrected into the past", name, number)


@scenario
def several_rounds(by: Author) -> None:
    """Rows of one listing take effect in file order."""
    name, number, other = by.people.name(), by.people.number(), by.people.name()
    first = by.add(
        by.cells(name=name, identifier_number=number, circumstances=by.several(C1), expires_on=""),
        CREATED,
        why="round 1",
    )
    by.add(first | {"action": "更正", "name": other}, CORRECTED, why="round 2", again=None)
    by.add(
        first | {"action": "删除", "name": other, "ground": "performed", "decided_on": by.day(-2)}, ENDED, why="round 3"
    )
    by.ask_if_clear("three rounds", other, number)


def write_list(author: Author, *, only: Iterable[Callable[[Author], None]] | None = None) -> CourtList:
    """The scenarios' rows, mixed with one another, each scenario's own in their order."""
    piles: list[list[Row]] = []
    for act in only or SCENARIOS:
        start = len(author.list.rows)
        act(author)
        piles.append(author.list.rows[start:])
    author.list.rows = []
    while piles:
        pile = author.random.choices(piles, weights=[len(each) for each in piles])[0]
        author.list.rows.append(pile.pop(0))
        piles = [each for each in piles if each]
    return author.list


# --- the official site's lines


def official_list(author: Author) -> CourtList:
    """JSON Lines as the public site gives them: masked, annotated, of two code systems."""
    by = author

    def line(**given: Any) -> dict[str, Any]:
        case = by.case().replace("(", "（").replace(")", "）").replace("执", "执00")
        return {
            "iname": by.people.name(),
            "sexy": by.random.choice(["男", "女性", ""]),
            "age": 40,
            "cardNum": "",
            "businessEntity": by.random.choice(["", "无"]),
            "courtName": by.random.choice([COURT_NAME, "官渡区人民法院"]),
            "areaName": "云南",
            "partyTypeName": by.random.choice(["580", "0"]),
            "gistId": "（2024）云0111民初100号",
            "regDate": by.day(-400),
            "gistUnit": COURT_NAME,
            "duty": '支付\t款项"若干"元<b>',
            "performance": "全部未履行",
            "disruptTypeName": by.several(C1),
            "publishDate": by.day(-300),
            "caseCode": case,
            "id": by.random.randrange(10**9),
        } | given

    for form in range(3):
        for _ in range(2):
            name, number = by.people.name(), by.people.number(region="530111")
            masked = [number[:10] + "****" + number[14:], number[:11] + "****" + number[14:], number[:6] + "*" * 12][
                form
            ]
            by.add(line(iname=name, cardNum=masked), CREATED, warnings=["identifier-masked"], why="official, masked")
            by.ask("official, masked, fitting", name, number, "flag", "masked")
            by.ask("official, masked, another region", name, by.people.number(region="362222"), "clear")
            by.ask("official, masked, no number", name, None, "flag", "name_only")

    def person(number: str, name: str, title: str = "法定代表人") -> dict[str, str]:
        return {"cardNum": number, "corporationtypename": title, "iname": name}

    company, (credit, code), chief, number = (
        by.people.company(),
        by.people.business(),
        by.people.name(),
        by.people.number(),
    )
    org = {"partyTypeName": by.random.choice(["581", "1"]), "sexy": "", "age": 0}
    by.add(
        line(**org, iname=company, cardNum=credit, businessEntity="无", qysler=[person(number, chief)]),
        CREATED,
        why="a representative with a full number",
    )
    by.ask_org("official company", company, credit, "block", "exact")
    school = {"matter": "private_school_enrolment", "role": "guardian"}
    by.ask(
        "a representative's child's school",
        chief,
        number,
        "flag",
        "exact",
        **school,
        relation="legal_representative",
        reason="restriction",
    )
    by.ask(
        "a representative buys",
        chief,
        number,
        "flag",
        "exact",
        matter="real_estate_transfer",
        role="transferee",
        relation="legal_representative",
        reason="restriction",
    )
    by.ask("a representative sells", chief, number, "clear", matter="real_estate_transfer", role="transferor")
    by.ask("a representative is not listed", chief, number, "clear")
    by.ask("a representative bids", chief, number, "clear", matter="government_procurement", role="bidder")
    by.ask(
        "a representative's number, another name",
        by.people.name(),
        number,
        "flag",
        "name_differs",
        **school,
        relation="legal_representative",
    )
    by.ask("a representative without number", chief, None, "clear", **school)
    by.ask("a representative's namesake", chief, by.people.number(), "clear", **school)

    company, (credit, code), chief, number = (
        by.people.company(),
        by.people.business(),
        by.people.name(),
        by.people.number(),
    )
    masked = by.random.choice([number[:10] + "****" + number[14:], number[:11] + "****" + number[14:]])
    by.add(
        line(**org, iname=company, cardNum=f"{code[:8]}-{code[8]}", businessEntity="", qysler=[person(masked, chief)]),
        CREATED,
        may_warn=["identifier-masked"],
        why="a masked representative",
    )
    by.ask_org("official company by organisation code", company, credit, "block", "exact")
    by.ask("a masked representative", chief, number, "flag", "masked", **school, relation="legal_representative")
    by.ask(
        "a masked representative buys",
        chief,
        number,
        "flag",
        "masked",
        matter="real_estate_transfer",
        role="transferee",
        relation="legal_representative",
    )
    by.ask("a masked representative is not listed", chief, number, "clear")
    by.ask("a masked representative, other number", chief, by.people.number(region="362299"), "clear", **school)
    by.ask("a masked representative, no number", chief, None, "clear", **school)

    company, (credit, _), chief = by.people.company(), by.people.business(), by.people.name()
    by.add(
        line(**org, iname=company, cardNum=credit, businessEntity="", qysler=[person("", chief)]),
        CREATED,
        warnings=["person-unidentified"],
        why="a representative without a number",
    )
    by.ask("a nameless number", chief, by.people.number(), "clear", **school)
    for title, relation in (
        ("主要负责人", "principal"),
        ("影响债务履行的直接责任人员", "directly_responsible"),
        ("实际控制人", "actual_controller"),
    ):
        company, (credit, _), chief, number = (
            by.people.company(),
            by.people.business(),
            by.people.name(),
            by.people.number(),
        )
        people = [person(number, chief, title)]
        by.add(line(**org, iname=company, cardNum=credit, businessEntity="", qysler=people), CREATED, why=title)
        by.ask(
            f"{title} and a school", chief, number, "flag", "exact", **school, relation=relation, reason="restriction"
        )
        by.ask(f"{title} is not listed", chief, number, "clear")
    # two at once
    company, (credit, _) = by.people.company(), by.people.business()
    two = [(by.people.name(), by.people.number()) for _ in range(2)]
    by.add(
        line(
            **org,
            iname=company,
            cardNum=credit,
            businessEntity="",
            qysler=[person(number, name) for name, number in two],
        ),
        CREATED,
        why="two representatives",
    )
    for name, number in two:
        by.ask("two representatives", name, number, "flag", "exact", **school, relation="legal_representative")
    name, number = by.people.name(), by.people.number()
    by.add(
        line(iname=name, cardNum=number, disruptTypeName=by.several(C3, C5)),
        CREATED,
        warnings=["term-missing"],
        why="official, full, no term",
    )
    by.ask_if_listed("official, full", name, number)
    by.add(line(iname="", cardNum=by.people.number()), REJECTED, "name-missing")
    by.add(line(cardNum=by.people.number(), publishDate="2025-13-01"), REJECTED, "date-invalid")
    by.add(line(cardNum=by.people.number(), caseCode=""), REJECTED, "case-number-missing")
    name = by.people.name()
    by.add(
        line(
            iname=name,
            cardNum=by.people.number(),
            regDate="0001-01-01",
            publishDate=by.day(-5),
            gistId=["（2024）云0111民初1号", "（2024）云01民终2号"],
        ),
        CREATED,
        why="a list of bases",
    )
    return by.list


# --- files

CHINESE_HEADERS: dict[str, list[str]] = {
    "action": ["操作"],
    "name": ["被执行人姓名/名称", "被执行人", "姓名", "名称", "被执行人姓名／名称"],
    "kind": ["类型"],
    "identifier_type": ["证件类型"],
    "identifier_number": ["身份证号码/组织机构代码", "身份证号码", "证件号码", "统一社会信用代码", " 证件 号码 "],
    "sex": ["性别"],
    "legal_representative": ["法定代表人或者负责人姓名", "法定代表人"],
    "case_number": ["案号", "案　号"],
    "party_sequence": ["被执行人序号"],
    "court_name": ["执行法院"],
    "court_code": ["法院代码"],
    "filed_on": ["立案时间", "立案日期"],
    "published_on": ["发布时间", "发布日期"],
    "basis_number": ["执行依据文号"],
    "basis_issuer": ["做出执行依据单位", "作出执行依据单位"],
    "obligation": ["生效法律文书确定的义务"],
    "performance": ["被执行人的履行情况"],
    "performed_part": ["已履行部分"],
    "unperformed_part": ["未履行部分"],
    "circumstances": ["失信被执行人行为具体情形", "失信情形"],
    "decision_number": ["决定书文号"],
    "decided_on": ["决定日期"],
    "expires_on": ["期限届满日"],
    "grace_until": ["宽限期至"],
    "ground": ["删除事由"],
}
OFFICIAL_NAMES = {
    "name": "iname",
    "kind": "partyTypeName",
    "identifier_number": "cardNum",
    "sex": "sexy",
    "case_number": "caseCode",
    "court_name": "courtName",
    "filed_on": "regDate",
    "published_on": "publishDate",
    "circumstances": "disruptTypeName",
}


def headers(style: str, random_: random.Random) -> dict[str, str]:
    """The column of each field, in an order of this file's own."""
    fields = list(CHINESE_HEADERS)
    random_.shuffle(fields)
    if style == "chinese":
        return {name: random_.choice(CHINESE_HEADERS[name]) for name in fields}
    if style == "english":
        return {name: random_.choice([name, name.upper(), fullwidth(name), f" {name} "]) for name in fields}
    return {name: OFFICIAL_NAMES.get(name) or random_.choice([name, *CHINESE_HEADERS[name]]) for name in fields}


def _table(
    court_list: CourtList, style: str, random_: random.Random
) -> tuple[list[str], list[tuple[Row | None, list[str]]]]:
    columns = headers(style, random_)
    header = [*columns.values(), "备注"]
    rows: list[tuple[Row | None, list[str]]] = []
    for row in court_list.rows:
        if random_.random() < 0.04:
            rows.append((None, [""] * len(header)))
        rows.append((row, [str(row.cells.get(name, "")) for name in columns] + [random_.choice(["", "甲"])]))
    return header, rows


def save_csv(court_list: CourtList, path: Path, *, style: str, encoding: str, random_: random.Random) -> dict[int, Row]:
    """Write the list; each row by the number that the service must give it."""
    header, rows = _table(court_list, style, random_)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=random_.choice(["\n", "\r\n"]))
    writer.writerow(header)
    writer.writerows(cells for _, cells in rows)
    path.write_bytes(text.getvalue().encode(encoding))
    return {number: row for number, (row, _) in enumerate(rows, 2) if row is not None}


def save_xlsx(court_list: CourtList, path: Path, *, style: str, random_: random.Random) -> dict[int, Row]:
    """As a workbook, with numbers and dates as Excel's own where they survive it."""
    header, rows = _table(court_list, style, random_)
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(header)
    for down, (_, cells) in enumerate(rows, 2):
        for right, text in enumerate(cells, 1):
            value: Any = text
            if (
                text.isascii()
                and text.isdigit()
                and len(text) in {1, 13, 15}
                and not text.startswith("0")
                and random_.random() < 0.7
            ):
                value = int(text)
            elif len(text) == 10 and text[4::3] == "--" and random_.random() < 0.7:
                try:
                    value = datetime.fromisoformat(text)
                except ValueError:
                    value = text
                else:
                    value = text if value.year < 1901 else value
            elif text.startswith("="):
                value = f" {text}"
            sheet.cell(down, right).value = None if value == "" else value
    book.save(path)
    return {number: row for number, (row, _) in enumerate(rows, 2) if row is not None}


def save_jsonl(
    court_list: CourtList, path: Path, *, style: str, random_: random.Random, encoding: str = "utf-8"
) -> dict[int, Row]:
    """As lines of objects under the field's names, or those that the rows have of themselves."""
    lines: list[str] = []
    numbered: dict[int, Row] = {}
    for row in court_list.rows:
        if random_.random() < 0.05:
            lines.append("")
        columns = headers(style, random_)
        cells = row.cells if style == "as_is" else {columns[name]: value for name, value in row.cells.items()}
        lines.append(json.dumps(cells, ensure_ascii=random_.random() < 0.3))
        numbered[len(lines)] = row
    path.write_bytes(("\n".join(lines) + "\n").encode(encoding))
    return numbered
