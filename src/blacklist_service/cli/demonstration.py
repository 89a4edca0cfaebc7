"""`demo`: a running service with sample members, keys and a synthetic list, and three questions to paste.

Nobody in the list is real: names are drawn from a fixed seed, and numbers are generated with valid check digits.
"""

import csv
import json
import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from random import Random
from secrets import randbelow

from blacklist_service.access.scopes import Role
from blacklist_service.cli.demo_life import PASSWORD, DemoLogin, furnish
from blacklist_service.cli.demo_past import COURT_CODE, case_of, has_none, make_past
from blacklist_service.cli.environment import Workplace, operator, run, stop
from blacklist_service.cli.importing import import_file
from blacklist_service.cli.serving import serve
from blacklist_service.clock import legal_date, now
from blacklist_service.listings.rules import ImportMode
from blacklist_service.members.operations import add_member, create_key
from blacklist_service.members.queries import find_credential
from blacklist_service.members.rules import LONGEST_KEY_DAYS, MemberKind, read_key
from blacklist_service.members.sample import load_sample
from blacklist_service.members.staff import totp
from blacklist_service.settings import Settings
from blacklist_service.subjects.identifiers import IdentifierQuality, IdentifierType, SubjectKind, read_identifier

MEMBERS = (
    ("GD-COURT", "昆明市官渡区人民法院", MemberKind.COURT, COURT_CODE),
    ("GD-HR", "官渡区人力资源和社会保障局", MemberKind.AGENCY, None),
    ("GD-EDU", "官渡区教育局", MemberKind.AGENCY, None),
    ("GD-LAND", "官渡区国土资源分局", MemberKind.AGENCY, None),
    ("GD-DRC", "官渡区发展和改革局", MemberKind.AGENCY, None),
    ("GD-FIN", "官渡区财政局", MemberKind.AGENCY, None),
    ("GD-SUPERVISION", "官渡区督查考评组", MemberKind.AUDITOR, None),
)
KEYS = (
    ("court", "GD-COURT", Role.COURT, None),
    ("agency", "GD-HR", Role.AGENCY, None),
    ("auditor", "GD-SUPERVISION", Role.AUDITOR, None),
)
PEOPLE = 240
ORGANISATIONS = 60
OLDER = 5
SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜"
GIVEN = "伟芳娜敏静强磊军洋勇艳杰娟涛明超秀霞平刚桂英文斌宇鑫晨睿喆翀"
PLACES = ("昆明", "官渡", "滇池", "金马", "碧鸡", "云南")
TRADES = ("建筑工程", "物流", "餐饮管理", "商贸", "矿业", "运输")
HEADER = (
    *(
        "操作",
        "被执行人姓名/名称",
        "类型",
        "证件类型",
        "身份证号码/组织机构代码",
        "性别",
        "案号",
        "执行法院",
        "法院代码",
    ),
    *("立案时间", "发布时间", "执行依据文号", "做出执行依据单位", "生效法律文书确定的义务", "被执行人的履行情况"),
    *("失信被执行人行为具体情形", "决定书文号", "决定日期", "期限届满日"),
)


def demonstrate(settings: Settings) -> int:
    """Prepare the demo and serve it; a second run finds everything as it was."""
    if has_none(settings):
        print("making half a year of history for the demo (half a minute, once)", flush=True)
        today = legal_date(now())
        make_past(settings, [*sample_list(today), *older_list(today)], _members_and_keys)
    return serve(settings, when_prepared=_prepare)


def code_of(data_dir: Path, login: str) -> str:
    """The current six-digit code of a login, from the demo's `demo.json`."""
    try:
        logins = json.loads((data_dir / "demo.json").read_text())["logins"].values()
    except FileNotFoundError:
        stop("there is no demo in this folder: run 'make demo' first")
    secret = next((one["totp_secret"] for one in logins if one["login"] == login), None)
    if secret is None:
        stop("no person of the demo has this login")
    return totp.code_at(totp.read_written(secret), totp.step_of(now()))


def sample_list(today: date) -> Iterator[tuple[str, ...]]:
    """A court's list of a few hundred synthetic listings: the header, then the rows."""
    yield HEADER
    random = Random(20180423)  # noqa: S311 - synthetic data must be the same each time
    for number in range(1, PEOPLE + ORGANISATIONS + 1):
        published = today - timedelta(days=random.randrange(10, 600))
        is_person = number <= PEOPLE
        name, identifier, sex = _person(random) if is_person else _organisation(random)
        case = f"({published.year})云0111执{number}号"
        yield (
            *("发布", name, "自然人" if is_person else "法人或其他组织"),
            *("居民身份证" if is_person else "统一社会信用代码", identifier, sex, case, MEMBERS[0][1], COURT_CODE),
            *((published - timedelta(days=90)).isoformat(), published.isoformat()),
            *(f"({published.year - 1})云0111民初{number}号", MEMBERS[0][1], f"支付货款{random.randrange(1, 99)}万元"),
            *("全部未履行", "违反财产报告制度", f"{case}之一", (published - timedelta(days=3)).isoformat()),
            (published + timedelta(days=730)).isoformat(),
        )


def older_list(today: date) -> Iterator[tuple[str, ...]]:
    """A few listings without a term, which the demo's past deletes, suspends and disputes: rows without a header."""
    random = Random(20231018)  # noqa: S311 - synthetic data must be the same each time
    published = today - timedelta(days=240)
    for number in range(1, OLDER + 1):
        name, identifier, sex = _person(random)
        case = case_of(number)
        yield (
            *("发布", name, "自然人", "居民身份证", identifier, sex, case, MEMBERS[0][1], COURT_CODE),
            *((published - timedelta(days=90)).isoformat(), published.isoformat()),
            *(f"(2024)云0111民初{9000 + number}号", MEMBERS[0][1], f"支付货款{random.randrange(1, 99)}万元"),
            *("全部未履行", "有履行能力而拒不履行生效法律文书确定义务", f"{case}之一"),
            *((published - timedelta(days=3)).isoformat(), ""),
        )


def _person(random: Random) -> tuple[str, str, str]:
    name = random.choice(SURNAMES) + "".join(random.choice(GIVEN) for _ in range(random.randrange(1, 3)))
    born = date(1955, 1, 1) + timedelta(days=random.randrange(15_000))
    order = random.randrange(1, 1000)
    body = f"530111{born:%Y%m%d}{order:03d}"
    return name, _completed(SubjectKind.PERSON, IdentifierType.RESIDENT_ID, body), "男性" if order % 2 else "女性"


def _organisation(random: Random) -> tuple[str, str, str]:
    name = random.choice(PLACES) + "".join(random.choice(GIVEN) for _ in range(2)) + random.choice(TRADES) + "有限公司"
    code = f"91530111{random.randrange(10**8, 10**9)}"
    return name, _completed(SubjectKind.ORGANISATION, IdentifierType.USCC, code), ""


def _completed(kind: SubjectKind, type_: IdentifierType, body: str) -> str:
    """The number with its check character."""
    numbers = (body + character for character in "0123456789ABCDEFGHJKLMNPQRTUWXY")
    for number in numbers:
        identifier = read_identifier(kind, type_, number, today=legal_date(now()))
        if identifier is not None and identifier.quality is IdentifierQuality.VALID:
            return identifier.number
    raise ValueError("no check character fits")


def _prepare(workplace: Workplace) -> None:
    keys = run(_members_and_keys(workplace))
    folder = workplace.settings.data_dir
    rows = list(sample_list(legal_date(now())))
    path = folder / "sample-list.csv"
    if not path.exists():
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
    report = import_file(
        workplace, path, court_code=COURT_CODE, mode=ImportMode.UPSERT, is_dry_run=False, is_quiet=True
    )
    print(f"sample list: {report.counts.created} listings new, {report.counts.unchanged} unchanged")
    with path.open(encoding="utf-8", newline="") as file:
        listed = list(csv.reader(file))
    logins = run(furnish(workplace, listed))
    settings = workplace.settings
    url = f"http://{settings.host}:{settings.port}"
    demo = {"url": url, "keys": keys, "logins": {duty: asdict(login) for duty, login in logins.items()}}
    _keep_private(folder / "demo.json", json.dumps(demo, ensure_ascii=False, indent=2))
    _print_keys(keys)
    _print_logins(url, logins)
    _print_questions(settings, keys["agency"], listed[1])
    _print_watch(settings, keys)


async def _members_and_keys(workplace: Workplace) -> dict[str, str]:
    """The demo's own keys, kept in its folder (0600) so that a second run prints the same ones."""
    kept = workplace.settings.data_dir / "demo-keys.json"
    keys: dict[str, str] = json.loads(kept.read_text()) if kept.exists() else {}
    async with workplace.connected() as connection:
        for code, name, kind, court_code in MEMBERS:
            async with connection.transaction():
                await add_member(
                    connection,
                    code=code,
                    name=name,
                    kind=kind,
                    court_code=court_code,
                    actor=operator(),
                    secrecy=workplace.secrecy,
                )
        async with connection.transaction():
            await load_sample(connection, actor=operator(), secrecy=workplace.secrecy)
        for label, member, role, matters in KEYS:
            presented = read_key(keys.get(label, ""))
            credential = await find_credential(connection, presented.key_id) if presented else None
            if credential and credential.is_valid_at(now()):
                continue
            async with connection.transaction():
                key = await create_key(
                    connection,
                    member_code=member,
                    role=role,
                    matters=matters,
                    days=LONGEST_KEY_DAYS,
                    environment="test",
                    actor=operator(),
                    secrecy=workplace.secrecy,
                )
            keys[label] = key.text
    _keep_private(kept, json.dumps(keys))
    return keys


def _keep_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def _print_keys(keys: dict[str, str]) -> None:
    print("\nAPI keys of this demo:")
    for label, member, role, _ in KEYS:
        print(f"  {label:<8} {keys[label]}   ({member}, role {role.value})")


def _print_logins(url: str, logins: Mapping[str, DemoLogin]) -> None:
    print(f"\nThe console is at {url}/ ; one login for each duty, all with the password {PASSWORD}")
    for duty, login in logins.items():
        print(f"  {duty:<10} {login.login:<10} second factor {login.totp_secret}")
    print(f"  The current code, without an authenticator app: {_command()} demo-code LOGIN")


def _command() -> str:
    """How to call this service from the current shell: by the script beside the Python that runs it, unless its environment
    is activated.
    """
    beside = Path(sys.executable).with_name("blacklist-service")
    return os.path.relpath(beside) if beside.exists() else beside.name


def _print_questions(settings: Settings, key: str, listed: list[str]) -> None:
    name, number = listed[1], listed[4]
    namesake = number[:6] + "19880808" + "123"
    asked = (
        ("block: a listed applicant for the civil service", "civil_service_recruitment", "applicant", number),
        ("flag:  the same person sells a flat; no court notice stops it", "real_estate_transfer", "transferor", number),
        (
            "clear: a namesake with another number",
            "civil_service_recruitment",
            "applicant",
            _completed(SubjectKind.PERSON, IdentifierType.RESIDENT_ID, namesake),
        ),
    )
    for title, matter, role, identifier in asked:
        subject = {
            "role": role,
            "kind": "person",
            "name": name,
            "identifier": {"type": "resident_id", "number": identifier},
        }
        body = json.dumps({"matter": matter, "reference": "DEMO-001", "subjects": [subject]}, ensure_ascii=False)
        print(f"\n# {title}\n{_curl(settings, key, '/v1/checks', body)}")


def _print_watch(settings: Settings, keys: Mapping[str, str]) -> None:
    """Print three lines: a watched question, the act that changes its answer, and the event that the unit receives."""
    number = _completed(SubjectKind.PERSON, IdentifierType.RESIDENT_ID, f"53011119900101{randbelow(1000):03}")
    today, case = legal_date(now()), f"(2026)云0111执{randbelow(10**6) + 1000}号"
    person = {"kind": "person", "name": "白云", "identifier": {"type": "resident_id", "number": number}}
    asked = {
        "matter": "civil_service_recruitment",
        "reference": "DEMO-002",
        "subjects": [{"role": "applicant"} | person],
        "watch": {"until": (today + timedelta(days=90)).isoformat()},
    }
    listed = {
        "case_number": case,
        "court": {"code": COURT_CODE, "name": MEMBERS[0][1]},
        "debtor": person,
        "circumstances": ["C4"],
        "decision": {"document_number": f"{case}之一", "decided_on": today.isoformat()},
        "published_on": today.isoformat(),
        "expires_on": (today + timedelta(days=730)).isoformat(),
    }
    client = Path(sys.executable).with_name("blacklist-client")
    environment = f"BLACKLIST_URL=http://{settings.host}:{settings.port} BLACKLIST_KEY={keys['agency']}"
    lines = (
        _curl(settings, keys["agency"], "/v1/checks", json.dumps(asked, ensure_ascii=False)),
        _curl(settings, keys["court"], "/v1/listings", json.dumps(listed, ensure_ascii=False)),
        f"{environment} {client if client.exists() else client.name} listen --answers",
    )
    print(
        "\n# a watch: clear today; then the court lists the person, and the unit is notified\n" + "\n".join(lines),
        flush=True,
    )


def _curl(settings: Settings, key: str, path: str, body: str) -> str:
    headers = f"-H 'Authorization: Bearer {key}' -H 'Content-Type: application/json'"
    return f"curl -s http://{settings.host}:{settings.port}{path} {headers} -d {shlex.quote(body)}"
